"""A real HTTP server on this computer's loopback, which can be told to behave badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_WAIT = 20.0
"""No answer holds a test up for longer, whatever happens."""


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    path: str
    headers: Message

    @property
    def range(self) -> str | None:
        return self.headers["Range"]


@dataclass
class FileServer:
    """Files by path, and how to answer the requests to come.

    Attributes:
        url: of the server, without a slash at the end.
        files: contents by path, as in ``/tiny.h5``.
        answers: taken one by one for each request; ``whole_or_range`` once they are used up.
        requests: those that came.
        bodies: how many bytes of body went out for each, as far as the server knows.
        etag: of all files.
        closing: set when the test is over, for answers that wait.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    etag: str = '"one"'
    closing: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LONGEST_WAIT
    files: FileServer

    def do_GET(self) -> None:
        self.files.requests.append(Request(self.path, self.headers))
        self.files.bodies.append(0)
        self.number = len(self.files.bodies) - 1
        answer = self.files.answers.pop(0) if self.files.answers else whole_or_range
        body = self.files.files.get(self.path)
        self.close_connection = True
        if body is None and answer is whole_or_range:
            answer = status(404)
        answer(self, body or b"")

    def head(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def body(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        self.files.bodies[self.number] += len(data)

    def log_message(self, *_: object) -> None:
        """Silence."""


Answer = Callable[[Handler, bytes], None]


def whole_or_range(handler: Handler, body: bytes, send: int | None = None) -> None:
    """As a good server does; ``send`` bytes at most, whatever was announced."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    condition = handler.headers["If-Range"]
    if asked and condition in (None, handler.files.etag):
        start = int(asked[1])
        if start >= len(body):
            return handler.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
        place = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.head(206, Content_Length=len(body) - start, Content_Range=place, ETag=handler.files.etag)
        return handler.body(body[start:][:send])
    handler.head(200, Content_Length=len(body), ETag=handler.files.etag)
    return handler.body(body[:send])


def cut_after(count: int) -> Answer:
    """The connection breaks after so many bytes of body."""
    return lambda handler, body: whole_or_range(handler, body, send=count)


def without_ranges(handler: Handler, body: bytes) -> None:
    """Always the whole file, as a simple server does."""
    handler.head(200, Content_Length=len(body))
    handler.body(body)


def without_length(handler: Handler, body: bytes) -> None:
    """The end of the connection is the end of the file."""
    handler.head(200)
    handler.body(body)


def instead(other: bytes) -> Answer:
    """Another content."""
    return lambda handler, _: whole_or_range(handler, other)


def status(code: int) -> Answer:
    return lambda handler, _: handler.head(code, Content_Length=0)


def redirect(url: str) -> Answer:
    return lambda handler, _: handler.head(302, Location=url, Content_Length=0)


def hang_up(handler: Handler, _: bytes) -> None:
    """No answer at all, at once."""


def silence(handler: Handler, _: bytes) -> None:
    """No answer at all, and the connection stays open."""
    handler.files.closing.wait(LONGEST_WAIT)


def stuck_after(count: int) -> Answer:
    """The connection stays open after so many bytes, and nothing more comes."""

    def answer(handler: Handler, body: bytes) -> None:
        whole_or_range(handler, body, send=count)
        handler.files.closing.wait(LONGEST_WAIT)

    return answer


def drip(handler: Handler, body: bytes) -> None:
    """A byte now and then."""
    handler.head(200, Content_Length=len(body))
    for place in range(len(body)):
        if handler.files.closing.wait(0.02):
            return
        try:
            handler.body(body[place : place + 1])
        except OSError:
            return  # the other side has had enough


def other_range(handler: Handler, body: bytes) -> None:
    """Some part, but not the one asked for."""
    handler.head(206, Content_Length=len(body) - 1, Content_Range=f"bytes 1-{len(body) - 1}/{len(body)}")
    handler.body(body[1:])


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server that is there while this lasts."""
    files = FileServer()
    handler = type("BoundHandler", (Handler,), {"files": files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    files.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield files
    finally:
        files.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(LONGEST_WAIT)
