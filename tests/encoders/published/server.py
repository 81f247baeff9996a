"""An HTTP server on the loopback interface, with answers that simulate faults."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_WAIT = 20.0
"""Seconds after which any waiting answer ends, so that a faulty test cannot hang."""


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    path: str
    headers: Message

    @property
    def range(self) -> str | None:
        return self.headers["Range"]


@dataclass
class FileServer:
    """Files by path, and the answers to requests.

    Attributes:
        url: address of the server, without a trailing slash.
        files: contents by path, as in ``/tiny.h5``.
        answers: answers to the next requests, each used once; ``whole_or_range`` follows them.
        requests: requests received.
        bodies: number of body bytes sent for each request.
        closing: event that is set when the test is over, so that waiting answers end.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
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
        """Log nothing."""


Answer = Callable[[Handler, bytes], None]


def whole_or_range(handler: Handler, body: bytes, send: int | None = None) -> None:
    """Send the file or the requested range, and at most ``send`` bytes of the announced body."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    if asked:
        start = int(asked[1])
        if start >= len(body):
            return handler.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
        place = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.head(206, Content_Length=len(body) - start, Content_Range=place)
        return handler.body(body[start:][:send])
    handler.head(200, Content_Length=len(body))
    return handler.body(body[:send])


def cut_after(count: int) -> Answer:
    """Return an answer that breaks the connection after ``count`` bytes of body."""
    return lambda handler, body: whole_or_range(handler, body, send=count)


def without_ranges(handler: Handler, body: bytes) -> None:
    """Send the whole file whatever the range, like a simple server."""
    handler.head(200, Content_Length=len(body))
    handler.body(body)


def without_length(handler: Handler, body: bytes) -> None:
    """Send the whole file without announcing its length."""
    handler.head(200)
    handler.body(body)


def other_content(other: bytes) -> Answer:
    """Return an answer with another content."""
    return lambda handler, _: whole_or_range(handler, other)


def status(code: int) -> Answer:
    return lambda handler, _: handler.head(code, Content_Length=0)


def redirect(url: str) -> Answer:
    return lambda handler, _: handler.head(302, Location=url, Content_Length=0)


def hang_up(handler: Handler, _: bytes) -> None:
    """Close the connection without an answer."""


def silence(handler: Handler, _: bytes) -> None:
    """Keep the connection open without an answer."""
    handler.files.closing.wait(LONGEST_WAIT)


def stuck_after(count: int) -> Answer:
    """Return an answer that stalls after ``count`` bytes of body, with the connection open."""

    def answer(handler: Handler, body: bytes) -> None:
        whole_or_range(handler, body, send=count)
        handler.files.closing.wait(LONGEST_WAIT)

    return answer


@contextmanager
def serving() -> Iterator[FileServer]:
    """Run a server while the context lasts."""
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
