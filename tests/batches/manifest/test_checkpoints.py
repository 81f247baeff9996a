"""Checkpoints of long paintings."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import fsspec
import pytest

from impasto.batches import worker
from impasto.batches.events import Advanced, Ended, Remarked
from impasto.batches.manifest import checkpoints
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.entries import write_manifest
from impasto.batches.manifest.planning import plan_entries
from impasto.batches.manifest.storage import list_url, read_url, remove_url
from impasto.errors import PictureError
from impasto.painting.machine import Machine
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.settings.making import change_settings


@pytest.fixture
def interrupted(album, settings, inline, monkeypatch):
    """Return an entry whose painting was stopped in the middle, and its bytes when painted in one go."""
    monkeypatch.setattr(checkpoints, "LONG_RUN", 0.0)
    long = change_settings(settings, optimization={"iterations": 8}, threads=1)
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], long, "out").entries
    (album / "out").mkdir()
    assert states(ManifestBatch([entry], inline())) == ["painted"]
    whole = Path(entry.output).read_bytes()
    assert not list((album / "out" / ".impasto").iterdir())
    Path(entry.output).unlink()
    executor = inline()
    send = executor.send

    def stop_after_progress(event):
        send(event)
        if isinstance(event, Advanced):
            executor.stop()

    executor.send = stop_after_progress
    assert states(ManifestBatch([entry], executor)) == ["stopped"]
    assert list((album / "out" / ".impasto").glob(f"{entry.key}-*.checkpoint"))
    return entry, whole


def states(events):
    return [event.state for event in events if isinstance(event, Ended)]


def test_interrupted_painting_continues_to_the_same_bytes(interrupted, album, inline):
    entry, whole = interrupted
    events = list(ManifestBatch([entry], inline()))
    assert any(isinstance(event, Remarked) and "continues from a checkpoint" in event.text for event in events)
    assert states(events) == ["painted"]
    assert Path(entry.output).read_bytes() == whole
    assert not list((album / "out" / ".impasto").iterdir())


@pytest.mark.parametrize("trouble", ["another kind of machine", "damage"])
def test_unusable_checkpoints_are_left_aside(trouble, interrupted, album, inline, monkeypatch):
    entry, whole = interrupted
    if trouble == "damage":
        for path in (album / "out" / ".impasto").glob("*.checkpoint"):
            path.write_bytes(path.read_bytes()[:-100])
    else:
        monkeypatch.setattr(Machine, "kind", property(lambda machine: "cpu of another kind"))
    events = list(ManifestBatch([entry], inline()))
    assert not any(isinstance(event, Remarked) and "continues" in event.text for event in events)
    assert states(events) == ["painted"]
    if trouble == "damage":
        assert Path(entry.output).read_bytes() == whole


class Lost(BaseException):
    """The end of a worker, which writes nothing more."""


@pytest.fixture
def lost(album, settings, inline, monkeypatch):
    """Return an entry at a URL whose worker was lost in the middle, and its bytes when painted in one go."""
    monkeypatch.setattr(checkpoints, "LONG_RUN", 0.0)
    monkeypatch.setattr(checkpoints, "CheckpointWriter", partial(CheckpointWriter, least_seconds=0, times_writing=0))
    monkeypatch.setattr(worker, "PROGRESS_INTERVAL", 0.0)
    files = fsspec.filesystem("memory")
    files.store.clear()
    long = change_settings(settings, optimization={"iterations": 8}, threads=1)
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], long, "memory://gallery").entries
    assert states(ManifestBatch([entry], inline())) == ["painted"]
    assert [name.rpartition(".")[2] for name in list_url("memory://gallery/.impasto")] == ["json"]
    whole = read_url(entry.output)
    files.store.clear()
    executor = inline()
    send = executor.send

    def end_after_progress(event):
        send(event)
        if isinstance(event, Advanced) and event.share > 0.5:
            raise Lost

    executor.send = end_after_progress
    with pytest.raises(Lost):
        list(ManifestBatch([entry], executor))
    yield entry, whole
    files.store.clear()


def test_lost_worker_is_continued_from_url(lost, inline):
    entry, whole = lost
    (stored,) = list_url("memory://gallery/.impasto")
    assert stored.startswith(f"memory://gallery/.impasto/{entry.key}-")
    assert stored.endswith(".checkpoint")
    events = list(ManifestBatch([entry], inline()))
    (remark,) = [event.text for event in events if isinstance(event, Remarked) and "checkpoint" in event.text]
    share = int(remark.removeprefix("Painting continues from a checkpoint, ").removesuffix("% done."))
    assert 40 <= share < 100
    assert states(events) == ["painted"]
    assert read_url(entry.output) == whole
    assert [name.rpartition(".")[2] for name in list_url("memory://gallery/.impasto")] == ["json"]


@pytest.mark.parametrize("trouble", ["damage", "no access", "lost meanwhile"])
def test_unusable_checkpoint_at_url_is_left_aside(trouble, lost, inline, monkeypatch):
    entry, whole = lost
    (stored,) = list_url("memory://gallery/.impasto")
    if trouble == "damage":
        fsspec.filesystem("memory").pipe(stored, read_url(stored)[:-100])
    elif trouble == "lost meanwhile":
        remove_url(stored)
        remove_url(stored)
    else:

        def refuse(url, path):
            raise PictureError("It cannot be read.")

        monkeypatch.setattr(checkpoints, "download", refuse)
    events = list(ManifestBatch([entry], inline()))
    remarks = [event.text for event in events if isinstance(event, Remarked) and "checkpoint" in event.text]
    assert ("begins anew" in "".join(remarks)) == (trouble == "no access")
    assert not [text for text in remarks if "continues" in text]
    assert states(events) == ["painted"]
    assert read_url(entry.output) == whole
    assert [name.rpartition(".")[2] for name in list_url("memory://gallery/.impasto")] == ["json"]


@pytest.mark.parametrize("step", ["upload", "remove_url"])
def test_failing_store_does_not_stop_painting(step, lost, inline, monkeypatch):
    entry, whole = lost

    def fail(*arguments):
        raise PictureError("The store is lost.")

    monkeypatch.setattr(checkpoints, step, fail)
    events = list(ManifestBatch([entry], inline()))
    assert states(events) == ["painted"]
    assert len([event for event in events if isinstance(event, Remarked) and "The store is lost." in event.text]) == 1
    assert read_url(entry.output) == whole


WORKER = """
from functools import partial
from impasto.batches.manifest import checkpoints
from impasto.runs.checkpoints.writer import CheckpointWriter
checkpoints.LONG_RUN = 0.0
checkpoints.CheckpointWriter = partial(CheckpointWriter, least_seconds=0, times_writing=0)
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.entries import read_manifest
from tests.batches.manifest.conftest import InlineExecutor
list(ManifestBatch(read_manifest("plan.jsonl"), InlineExecutor()))
"""
"""Program that paints a plan, and writes a checkpoint after every step."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_killed_worker_is_continued_from_s3(s3, album, settings, inline, monkeypatch):
    long = change_settings(settings, optimization={"iterations": 40}, threads=1)
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], long, "s3://gallery/out").entries
    assert states(ManifestBatch([entry], inline())) == ["painted"]
    whole = read_url(entry.output)
    fsspec.filesystem("s3").rm("s3://gallery/out", recursive=True)
    write_manifest("plan.jsonl", [entry])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=":")
    child = subprocess.Popen([sys.executable, "-c", WORKER])
    deadline = time.monotonic() + 120
    while not [url for url in list_url("s3://gallery/out/.impasto") if url.endswith(".checkpoint")]:
        assert child.poll() is None
        assert time.monotonic() < deadline
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert list_url("s3://gallery/out") == []
    events = list(ManifestBatch([entry], inline()))
    assert any(isinstance(event, Remarked) and "continues from a checkpoint" in event.text for event in events)
    assert states(events) == ["painted"]
    assert read_url(entry.output) == whole
    assert [url.rpartition(".")[2] for url in list_url("s3://gallery/out/.impasto")] == ["json"]
