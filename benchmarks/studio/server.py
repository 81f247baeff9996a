"""A studio in a process of its own, photographs for it, and rows of the table."""

from __future__ import annotations

import http.client
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import psutil
from PIL import Image

from impasto.pictures import resize
from impasto.samples.photos import load_photo

SIZE = 512
"""Long side of photographs and paintings in pixels."""


class Row(NamedTuple):
    """A row of the table: a quantity, its measured value, the goal, and whether it was met."""

    quantity: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Studio:
    """A studio in a process of its own.

    Attributes:
        process: the server.
        port: its port.
        token: its token.
    """

    process: psutil.Process
    port: int
    token: str

    @property
    def origin(self) -> str:
        """Address of the page without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request that the studio accepts."""
        return {"Authorization": f"Bearer {self.token}", "Origin": self.origin}

    def processor_seconds(self) -> float:
        """Return the processor time of the server and of all processes that it started."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    def wait_until_idle(self) -> None:
        """Wait until two seconds have passed in which the server and its processes did nothing."""
        before = -1.0
        while (now := self.processor_seconds()) > before + 0.05:
            before = now
            time.sleep(2)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request, bytes as a picture and anything else as JSON, and return the JSON answer."""
        kind = "image/jpeg" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(method, path, data, {**self.headers, "Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {text.decode()}")
        return json.loads(text) if text else None

    def queue(self, settings: dict[str, Any]) -> str:
        """Queue a painting of a new photograph, and return its id."""
        photo = self.call("POST", "/api/pictures?name=photo.jpg", photo_file(SIZE))["id"]
        request = {"photo": photo, "styles": [{"style": "swirls"}], "settings": settings}
        return str(self.call("POST", "/api/jobs", request)["id"])

    def events(self) -> Iterator[tuple[str, Any]]:
        """Follow the events from now on, yielding kind and data of each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("GET", "/api/events", headers=self.headers)
        answer = connection.getresponse()
        kind = ""
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


@contextmanager
def serving() -> Iterator[Studio]:
    """Serve a studio with an empty state folder while this context lasts."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--port", "0", "--state", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            found = re.search(r":(\d+)/\?token=(\S+)", process.stdout.readline())
            if found is None:
                raise RuntimeError("the studio did not start")
            yield Studio(psutil.Process(process.pid), int(found[1]), found[2])
        finally:
            process.terminate()
            process.wait(60)


def photo_file(side: int) -> bytes:
    """Return scikit-image's coffee as a JPEG file with a long side of ``side`` pixels."""
    pixels = load_photo("coffee")
    height, width = pixels.shape[:2]
    size = (side * height // width, side)
    image = Image.fromarray((resize(pixels, *size).clip(0, 1) * 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def spread(values: list[float]) -> str:
    """Return median, and lowest and highest value."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
