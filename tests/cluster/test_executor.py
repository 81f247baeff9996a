"""Painting on a Ray cluster whose machines, workers and driver are lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from impasto.batches.events import Advanced, Begun, Ended
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.entries import write_manifest
from impasto.batches.manifest.outcomes import select_pending, summarize
from impasto.batches.processes import ProcessExecutor
from impasto.errors import EncoderError
from impasto.settings.making import change_settings

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.xdist_group("ray"),  # joining takes too long with two clusters at a time
    pytest.mark.filterwarnings("ignore"),  # of Ray
    pytest.mark.skipif(sys.platform != "linux", reason="kills processes of Ray as on Linux"),
]


@pytest.fixture
def batch(raylets):
    """Return a function that makes the batch of what is left of a plan."""
    from impasto.cluster.executor import RayExecutor

    notes = []

    def make(entries):
        made = ManifestBatch(select_pending(entries), RayExecutor("auto", notes.append))
        made.notes = notes
        return made

    return make


def workers_of(node):
    """Return the processes that paint on a raylet."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children(recursive=True) if "ray::paint" in " ".join(child.cmdline())]


def states(events):
    return Counter(event.state for event in events if isinstance(event, Ended))


def test_every_painting_survives_lost_machine_and_worker(cluster, raylets, batch, plan):
    entries = plan(5, iterations=120)
    Path(entries[2].content).write_bytes(b"changed since")
    paintings, events, killed, removed = batch(entries), [], [], False
    for event in paintings:
        events.append(event)
        if isinstance(event, Begun) and not removed:
            cluster.remove_node(raylets[0], allow_graceful=False)
            removed = True
        elif isinstance(event, Begun) and states(events)["painted"] and not killed:
            for worker in workers_of(raylets[1]):
                worker.send_signal(signal.SIGKILL)
                killed.append(worker.pid)
    assert removed
    assert killed
    assert states(events) == {"painted": 4, "failed": 1}
    assert summarize(entries).counts == {"done": 4, "failed": 1, "left": 0}
    begun = Counter(event.number for event in events if isinstance(event, Begun))
    assert begun[2] <= 2  # a failed picture is not painted again; a lost machine may have had it in hand
    assert sum(begun.values()) <= 5 + 2  # one repetition for each slot that was lost
    assert [note for note in paintings.notes if "RAY_AUTH_MODE=token" in note]
    whole = Path(entries[0].output).read_bytes()
    Path(entries[0].output).unlink()
    assert states(ManifestBatch(entries[:1], ProcessExecutor(1))) == {"painted": 1}
    assert Path(entries[0].output).read_bytes() == whole


@pytest.mark.slow
def test_stopped_batch_writes_nothing_unfinished(batch, plan):
    entries = plan(4, iterations=100_000)
    paintings, events = batch(entries), []
    for event in paintings:
        events.append(event)
        if isinstance(event, Advanced):
            paintings.stop()
    assert states(events) == {"stopped": 4}
    assert summarize(entries).counts["left"] == 4


@pytest.mark.slow
def test_wrong_settings_are_refused_before_painting(batch, plan, tmp_path):
    entries = plan(1)
    (tmp_path / "text.safetensors").write_text("no weights")
    settings = change_settings(entries[0].settings, encoder=str(tmp_path / "text.safetensors"), memory="500M")
    with pytest.raises(EncoderError):
        list(batch([replace(entries[0], settings=settings)]))


@pytest.mark.slow
def test_forty_paintings_survive_losses_and_a_killed_driver(cluster, raylets, plan, tmp_path):
    entries = plan(40, iterations=120)
    write_manifest("plan.jsonl", entries)
    command = [sys.executable, "-m", "impasto", "batch", "run", "plan.jsonl", "--cluster", "auto", "--json"]

    def wait_for(count):
        deadline = time.monotonic() + 300
        while sum(Path(entry.output).exists() for entry in entries) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with (tmp_path / "first").open("w") as log:
        driver = subprocess.Popen(command, stdout=log)
        wait_for(5)
        cluster.remove_node(raylets[0], allow_graceful=False)
        wait_for(10)
        for worker in workers_of(raylets[1]):
            worker.send_signal(signal.SIGKILL)
        wait_for(15)
        driver.kill()
        driver.wait()
    finished = {entry.output: Path(entry.output).stat().st_mtime_ns for entry in entries if Path(entry.output).exists()}
    with (tmp_path / "second").open("w") as log:
        assert subprocess.run(command, stdout=log).returncode == 0
    assert summarize(entries).counts == {"done": 40, "failed": 0, "left": 0}
    for output, modified in finished.items():
        assert Path(output).stat().st_mtime_ns == modified
    text = (tmp_path / "first").read_text() + (tmp_path / "second").read_text()
    # One repetition for each slot that was lost: raylet, worker, and the driver with both.
    assert text.count('"event": "started"') <= 40 + 4
