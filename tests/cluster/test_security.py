"""A cluster with token authentication, joined with the token, without it, and from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from impasto.batches.manifest.entries import write_manifest
from impasto.batches.manifest.outcomes import summarize

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.xdist_group("ray"),  # joining takes too long with two clusters at a time
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of Ray
    pytest.mark.skipif(sys.platform != "linux", reason="starts processes of Ray as on Linux"),
]


@pytest.fixture
def secured(tmp_path):
    """Return the environment of a cluster with token authentication and a server for other machines, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef0123456789abcdef"}
    # Another cluster's variables are left out, such as its address, and its check that loses a busy machine in a second.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= token | {"RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0", "--num-cpus=1"]
    options = [f"--ray-client-server-port={port}", "--include-dashboard=false", "--object-store-memory=80000000"]
    # Any free ports, because another cluster on this machine may have Ray's usual ones.
    options += ["--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # not tmp_path, as names of sockets are short
    with (tmp_path / "ray.log").open("w") as log:
        head = subprocess.Popen([*command, *options, f"--temp-dir={folder}"], env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 180
    while not is_open(port):
        assert head.poll() is None, (tmp_path / "ray.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield environment, f"ray://127.0.0.1:{port}"
    head.terminate()
    head.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


def is_open(port):
    """Return whether a server listens to a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_cluster_with_tokens_demands_them(secured, plan):
    environment, address = secured
    entries = plan(3, iterations=2)
    write_manifest("plan.jsonl", entries)

    def run(address, **changes):
        command = [sys.executable, "-m", "impasto", "batch", "run", "plan.jsonl", "--cluster", address, "--json"]
        return subprocess.run(command, env=environment | changes, capture_output=True, text=True)

    refused = run(address, RAY_AUTH_TOKEN="f" * 32)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: The cluster ray://")
    assert refused.stderr.count("\n") == 1
    assert "f" * 32 not in refused.stderr
    painted = run(address)
    assert (painted.returncode, painted.stderr) == (0, "")  # without a warning
    assert json.loads(painted.stdout.splitlines()[-1])["painted"] == 3
    assert summarize(entries).counts["done"] == 3


def test_terminated_driver_stops_the_tasks(secured, plan):
    environment, address = secured
    entries = plan(2, iterations=100_000)
    write_manifest("plan.jsonl", entries)
    command = [sys.executable, "-m", "impasto", "batch", "run", "plan.jsonl", "--cluster", address, "--json"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if json.loads(line)["event"] == "iteration":
            child.send_signal(signal.SIGTERM)
            break
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 143
    assert json.loads(out.splitlines()[-1])["stopped"] == 2
    assert summarize(entries).counts["left"] == 2
