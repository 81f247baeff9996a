"""Checkpoints of long paintings."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.batches.events import Advanced, Ended, Remarked
from impasto.batches.manifest import checkpoints
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.planning import plan_entries
from impasto.painting.machine import Machine
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
