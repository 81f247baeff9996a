"""A small client of the studio that can also send malformed requests."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Talks to a studio on this machine."""

    port: int
    token: str
    folder: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def own(self) -> dict[str, str]:
        """Headers of a request that the studio accepts."""
        return {"Authorization": f"Bearer {self.token}", "Origin": f"http://{self.host}"}

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Send a request with exactly these headers, but for Host and Content-Length."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Call the API, check the status, and return the JSON answer."""
        headers, data = dict(self.own), None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        answer = self.send(method, path, headers, data)
        assert answer.status == status, answer.body
        return answer.json if answer.body else None

    def upload(self, data: bytes, query: str = "", kind: str = "application/octet-stream", status: int = 201) -> Any:
        """Upload a picture."""
        answer = self.send("POST", f"/api/pictures{query}", {**self.own, "Content-Type": kind}, data)
        assert answer.status == status, answer.body
        return answer.json

    def wait(self, job: str, *states: str, seconds: float = 120) -> Any:
        """Wait until a job has one of the states, and return it."""
        deadline = time.monotonic() + seconds
        while (found := self.call("GET", f"/api/jobs/{job}"))["state"] not in states:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def raw(self, data: bytes) -> int:
        """Send bytes over a connection of their own, and return the status; 400 if it is closed without an answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            answer = b""
            try:
                connection.sendall(data)
                while b"\r\n" not in answer and (block := connection.recv(4096)):
                    answer += block
            except ConnectionError:
                pass
        return int(answer.split()[1]) if answer else 400

    def events(self, after: int | None = None, headers: dict[str, str] | None = None) -> EventStream:
        """Open the stream of events."""
        return EventStream(self, after, headers or {})


class EventStream:
    """An open stream of events."""

    def __init__(self, client: Client, after: int | None, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
        query = "" if after is None else f"?after={after}"
        self._connection.request("GET", f"/api/events{query}", headers={**client.own, **headers})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def next(self) -> tuple[int, str, Any]:
        """Return id, kind and data of the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])

    def until(self, kind: str, **values: Any) -> list[tuple[int, str, Any]]:
        """Return all events up to one of a kind whose data have values."""
        seen = []
        while True:
            seen.append(self.next())
            _, name, data = seen[-1]
            if name == kind and all(data.get(key) == value for key, value in values.items()):
                return seen

    def close(self) -> None:
        self._answer.close()
        self._connection.close()
