"""A folder of small pictures, and an executor that paints in this process."""

from __future__ import annotations

import socket

import pytest
import requests

from impasto import make_settings
from impasto.batches.worker import paint_task
from impasto.runs.listener import StopSwitch
from tests.helpers import write_album


class InlineExecutor:
    """Paints each task within ``receive``, so that workers see this process's memory and patches."""

    worker_count = 1

    def __init__(self):
        self.stop_switch, self.tasks, self.events = StopSwitch(), [], []

    def prepare(self, task_count, common):
        pass

    def submit(self, task):
        self.tasks.append(task)

    def send(self, event):
        self.events.append(event)

    def receive(self):
        self.events = []
        self.events.append(paint_task(self.tasks.pop(), self, 1))
        return self.events

    def release_idle(self):
        pass

    def stop(self):
        self.stop_switch.request()

    def shut_down(self):
        pass


@pytest.fixture
def inline():
    """Return the class of an executor that paints in this process."""
    return InlineExecutor


@pytest.fixture
def settings(tiny_encoder):
    """Return settings that paint 40 px in a moment."""
    return make_settings(encoder=str(tiny_encoder), size=40, optimization={"iterations": 1}, precision="float32")


@pytest.fixture
def album(tmp_path, monkeypatch):
    """Change to a folder with three photographs in ``photos`` and a style, and return it."""
    monkeypatch.chdir(tmp_path)
    return write_album(tmp_path, "style")


@pytest.fixture
def s3(monkeypatch):
    """Return a server of S3 on loopback with the bucket ``gallery``."""
    server_module = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # a fixed one, as the server comes back
    server = server_module.ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "*",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    requests.post(f"http://127.0.0.1:{port}/moto-api/reset", timeout=30)  # all servers of a process share their data
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("gallery")
    yield server
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()
