"""A studio that serves, and small pictures for it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.studio.server import StudioServer
from tests.helpers import smooth_picture
from tests.studio.client import Client


def png(height: int = 72, width: int = 96, seed: int = 1) -> bytes:
    """Return a small picture as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray((smooth_picture(height, width, seed) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def mask_png(height: int = 72, width: int = 96) -> bytes:
    """Return a mask that is white in the left half, as a PNG file."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


TINY = {
    "encoder": "builtin-slim",
    "size": 96,
    "optimization": {"iterations": 2, "smallest_octave": 48},
}
"""Settings of a painting of a second."""

LONG = {**TINY, "optimization": {"iterations": 400, "smallest_octave": 48}}
"""Settings of a painting that a test stops."""


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    """Serve a studio on a thread while this context lasts."""
    server = StudioServer(folder, 0)
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,))
    thread.start()
    try:
        assert started.wait(30)
        port = int(server.url.split(":")[2].split("/")[0])
        yield Client(port, server.url.partition("token=")[2], folder)
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[Client]:
    """Return a client of a studio that serves."""
    with serving(tmp_path_factory.mktemp("studio")) as client:
        yield client


@pytest.fixture(scope="module")
def photo_id(client) -> str:
    """Return the id of an uploaded photograph."""
    return client.upload(png(), "?name=lake.png")["id"]
