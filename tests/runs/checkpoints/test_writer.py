"""When checkpoints are written, and what happens where they cannot be."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import impasto
from impasto import CheckpointWriter
from impasto.errors import SettingsError
from impasto.painting.events import Finished, Iteration
from impasto.runs.checkpoints import writer as module
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import CheckpointWarning


@pytest.fixture
def small(tiny_encoder):
    return {"encoder": str(tiny_encoder), "size": 64, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 8, "max_octaves": 1}}  # fmt: skip


def painted(painter, keeper=None):
    """Paint to the end, with checkpoints if there is a writer."""
    for event in painter:
        if keeper is not None:
            keeper.see(event)
    assert isinstance(event, Finished)
    return event.painting


@pytest.fixture
def clock(monkeypatch):
    """Return the writer's clock, which stands still but where it is moved."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now, time=lambda: clock.now))
    return clock


def moments(painter, keeper, clock, *, iteration=10.0, writing=0.0):
    """Seconds since the beginning of each checkpoint that is written while iterations take so long."""
    began, found = clock.now, []
    original = Slot.write

    def write(slot, fill):
        found.append(clock.now - began)
        original(slot, fill)
        clock.now += writing

    with pytest.MonkeyPatch.context() as patch, keeper:
        patch.setattr(Slot, "write", write)
        for event in painter:
            keeper.see(event)
            if isinstance(event, Iteration):
                clock.now += iteration
    return found


def test_writes_every_thirty_seconds_but_not_last(photo, style, small, clock, tmp_path):
    painter = impasto.make_painter(photo, style, **small)
    assert moments(painter, CheckpointWriter(tmp_path / "a"), clock) == [30, 60]
    painter = impasto.make_painter(photo, style, **small)
    assert moments(painter, CheckpointWriter(tmp_path / "a", least_seconds=0), clock) == [10, 20, 30, 40, 50, 60, 70]


def test_writing_takes_at_most_a_twentieth(photo, style, small, clock, tmp_path):
    # Written at 30, done at 33, next due at 33 + 60.
    painter = impasto.make_painter(photo, style, **small)
    assert moments(painter, CheckpointWriter(tmp_path / "a"), clock, writing=3) == [30]
    small["optimization"]["iterations"] = 20
    painter = impasto.make_painter(photo, style, **small)
    assert moments(painter, CheckpointWriter(tmp_path / "a"), clock, writing=3) == [30, 93, 156]


def test_short_run_gets_no_checkpoint(photo, style, small, clock, tmp_path):
    painter = impasto.make_painter(photo, style, **small)
    keeper = CheckpointWriter(tmp_path / "a", least_expected=3600)
    assert moments(painter, keeper, clock) == []
    assert list(tmp_path.iterdir()) == []
    assert 0 < painter.expected_seconds < 3600


def test_place_is_chosen_at_first_write(photo, style, small, clock, tmp_path):
    asked = []

    def place():
        asked.append(clock.now)
        return Slot(tmp_path / "a")

    keeper = CheckpointWriter(place, least_seconds=40)
    assert keeper.slot is None
    assert moments(impasto.make_painter(photo, style, **small), keeper, clock) == [40]
    assert asked == [1040]
    assert keeper.slot.path == tmp_path / "a"
    keeper.remove()
    assert not keeper.slot.exists


def test_same_step_is_written_once(photo, style, small, tmp_path):
    painter = impasto.make_painter(photo, style, **small)
    for event in painter:
        if isinstance(event, Iteration):
            painter.stop()
    with CheckpointWriter(tmp_path / "a") as keeper:
        assert keeper.write(painter.snapshot())
        assert keeper.write(painter.snapshot())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.impasto-lock"]


def test_full_disk_warns_once_and_loses_nothing(photo, style, small, monkeypatch, tmp_path):
    whole = impasto.paint(photo, style, **small)
    painter, fsync, calls, told = impasto.make_painter(photo, style, **small), os.fsync, [], []

    def full(handle):
        calls.append(1)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr("os.fsync", full)
    with CheckpointWriter(tmp_path / "a", least_seconds=0, times_writing=0, warn=told.append) as keeper:
        painting = painted(painter, keeper)
    assert len(calls) > 6
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert "\n" not in told[0]
    assert np.array_equal(painting.array, whole.array)
    resumed = impasto.resume_painter(tmp_path / "a", photo, style)
    assert resumed.snapshot().state.iteration == 2
    assert np.array_equal(painted(resumed).array, whole.array)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind there")
def test_file_size_limit_keeps_older_checkpoints(photo, style, small, tmp_path):
    """L-BFGS's pairs make each checkpoint larger than the one before, until a limit that the kernel keeps."""
    import resource

    whole = impasto.paint(photo, style, **small)
    painter = impasto.make_painter(photo, style, **small)
    image = 64 * 48 * 3 * 4
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (15 * image, before[1]))
    try:
        with (
            pytest.warns(CheckpointWarning, match=r"could not be written \(File too large\)") as warned,
            CheckpointWriter(tmp_path / "a", least_seconds=0, times_writing=0) as keeper,
        ):
            painting = painted(painter, keeper)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(warned) == 1
    assert np.array_equal(painting.array, whole.array)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.impasto-lock", "a.previous"]
    resumed = impasto.resume_painter(tmp_path / "a", photo, style)
    assert 2 <= resumed.snapshot().state.iteration < 7
    assert np.array_equal(painted(resumed).array, whole.array)


def test_locked_place_warns_once_and_painting_continues(photo, style, small, tmp_path):
    other = Slot(tmp_path / "a")
    other.acquire()
    painter, told = impasto.make_painter(photo, style, **small), []
    with CheckpointWriter(tmp_path / "a", least_seconds=0, times_writing=0, warn=told.append) as keeper:
        assert painted(painter, keeper).complete
    assert len(told) == 1
    assert "in use by another process" in told[0]
    other.release()


def test_file_as_folder_warns_once(photo, style, small, tmp_path):
    (tmp_path / "file").touch()
    painter = impasto.make_painter(photo, style, **small)
    keeper = CheckpointWriter(tmp_path / "file" / "a", least_seconds=0, times_writing=0)
    with warnings.catch_warnings(record=True) as caught, keeper:
        warnings.simplefilter("always")
        assert painted(painter, keeper).complete
    assert [warning.category for warning in caught] == [CheckpointWarning]


def test_failing_place_warns_once_and_painting_continues(photo, style, small):
    def place():
        raise OSError(36, "File name too long")

    told = []
    painter = impasto.make_painter(photo, style, **small)
    with CheckpointWriter(place, least_seconds=0, times_writing=0, warn=told.append) as keeper:
        assert painted(painter, keeper).complete
    assert len(told) == 1
    assert "could not be written (File name too long). Painting continues with no checkpoint yet" in told[0]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("no home"), KeyError("uid not found"), ValueError("embedded null byte"), SettingsError("No ~x.")],
    ids=lambda error: type(error).__name__,
)
def test_unusable_place_warns_once_and_painting_continues(error, photo, style, small):
    def place():
        raise error

    told = []
    painter = impasto.make_painter(photo, style, **small)
    with CheckpointWriter(place, least_seconds=0, times_writing=0, warn=told.append) as keeper:
        assert painted(painter, keeper).complete
    assert len(told) == 1
    assert told[0].startswith("There is no place for checkpoints (")
    assert told[0].endswith("). Painting continues without checkpoints.")


def test_folder_that_turns_unreadable_warns_once(photo, style, small, monkeypatch, tmp_path):
    """Neither looking for the older checkpoint nor removing it may end the painting."""

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    told = []
    painter = impasto.make_painter(photo, style, **small)
    with CheckpointWriter(tmp_path / "a", least_seconds=0, times_writing=0, warn=told.append) as keeper:
        for event in painter:
            keeper.see(event)
            if isinstance(event, Iteration) and event.iteration == 2:
                for name in ("exists", "open", "stat", "unlink"):
                    monkeypatch.setattr(Path, name, refuse)
        assert event.painting.complete
        keeper.remove()
        monkeypatch.undo()
    assert len(told) == 2
    assert (
        f"{tmp_path / 'a'} could not be written (Permission denied). Painting continues with no checkpoint" in told[0]
    )
    assert (
        told[1] == f"The checkpoint {tmp_path / 'a'} is of no more use, but could not be removed (Permission denied)."
    )


def test_error_of_attachment_is_not_swallowed(photo, style, small, tmp_path):
    def attach():
        raise RuntimeError("a bug")

    painter = impasto.make_painter(photo, style, **small)
    keeper = CheckpointWriter(tmp_path / "a", least_seconds=0, times_writing=0, attach=attach)
    with keeper, pytest.raises(RuntimeError, match="a bug"):
        painted(painter, keeper)


def test_attachments_are_restored(photo, style, small, tmp_path):
    from impasto.runs.checkpoints.resuming import StoredRun

    painter = impasto.make_painter(photo, style, **small)
    pixels = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    for event in painter:
        if isinstance(event, Iteration):
            painter.stop()
    with CheckpointWriter(tmp_path / "a", attach=lambda: ({"x": [1]}, {"p": pixels})) as keeper:
        keeper.write(painter.snapshot())
    run = StoredRun(Slot(tmp_path / "a"))
    assert run.description.attached == {"x": [1]}
    assert np.array_equal(run.arrays()["p"], pixels)
    assert list(run.arrays()) == ["p"]
    run.close()
    run.slot.release()
