"""Two generations, replaced in one step, and one process at a time."""

from __future__ import annotations

import errno
import os
import threading

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given, strategies as st

from impasto.errors import CheckpointError
from impasto.runs.checkpoints.container import write_container
from impasto.runs.checkpoints.slot import Slot

SIZE = 40_000


def put(slot, number):
    slot.write(lambda file: write_container(file, {"number": number}, {"a": np.full(SIZE, number, np.uint8)}))


def number_in(slot, note=lambda _: None):
    file, header = slot.open(note)
    file.close()
    return header.description["number"]


def names(slot):
    return sorted(path.name for path in slot.path.parent.iterdir())


@pytest.fixture
def slot(tmp_path):
    return Slot(tmp_path / "a.checkpoint")


def test_slot_keeps_two_generations(slot):
    assert not slot.exists
    for number in range(3):
        put(slot, number)
        assert number_in(slot) == number
    assert names(slot) == ["a.checkpoint", "a.checkpoint.previous"]
    assert slot.remove() > 2 * SIZE
    assert names(slot) == []
    assert slot.remove() == 0


def test_damaged_checkpoint_falls_back_with_note(slot):
    put(slot, 1)
    put(slot, 2)
    data = bytearray(slot.path.read_bytes())
    data[-SIZE // 2] ^= 1
    slot.path.write_bytes(data)
    notes = []
    assert number_in(slot, notes.append) == 1
    assert len(notes) == 1
    assert "a.checkpoint: its content does not match its hash" in notes[0]
    slot.previous.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"no intact checkpoint .*its hash; .*previous: it is not a checkpoint"):
        slot.open()


def test_crash_between_renames_leaves_previous_checkpoint(slot):
    put(slot, 1)
    slot.path.replace(slot.previous)
    notes = []
    assert slot.exists
    assert number_in(slot, notes.append) == 1
    assert notes == []
    put(slot, 2)
    assert number_in(slot) == 2


class Full:
    """A disk with room for so many bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, block):
        self._file.write(block[: self._room])
        self._room -= len(block)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@given(room=st.integers(0, SIZE))
def test_full_disk_at_any_byte_loses_nothing(tmp_path_factory, room):
    slot = Slot(tmp_path_factory.mktemp("full") / "a.checkpoint")
    put(slot, 1)
    put(slot, 2)
    before = slot.path.read_bytes(), slot.previous.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        slot.write(lambda file: write_container(Full(file, room), {}, {"a": np.zeros(SIZE, np.uint8)}))
    assert (slot.path.read_bytes(), slot.previous.read_bytes()) == before
    assert names(slot) == ["a.checkpoint", "a.checkpoint.previous"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failing_file_operation_loses_nothing(slot, step, monkeypatch):
    put(slot, 1)

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync" if step == "fsync" else "pathlib.Path.replace", fail)
        with pytest.raises(OSError, match="Input/output"):
            put(slot, 2)
    assert number_in(slot) == 1


def test_lock_admits_one_process(slot):
    other = Slot(slot.path)
    slot.acquire()
    slot.acquire()
    refused = []

    def ask():
        try:
            other.acquire()
        except CheckpointError as error:
            refused.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert len(refused) == 1
    assert "in use by another process" in refused[0]
    assert other.in_use
    assert not slot.in_use
    slot.release()
    assert not other.in_use
    assert names(slot) == []


def test_another_thread_may_release_lock(slot):
    thread = threading.Thread(target=slot.acquire)
    thread.start()
    thread.join()
    assert Slot(slot.path).in_use
    slot.release()
    Slot(slot.path).acquire()


def test_lock_file_stays_with_checkpoint_partial_file_goes(slot):
    put(slot, 1)
    slot.partial.write_bytes(b"half")
    slot.acquire()
    assert not slot.partial.exists()
    slot.release()
    slot.release()
    assert slot.lock.exists()
    assert not slot.in_use


def test_file_as_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="not writable"):
        Slot(tmp_path / "file" / "a.checkpoint").acquire()


def test_unrelated_files_stay(tmp_path):
    names = ["poetry.lock", "poetry.partial"]
    for name in names:
        (tmp_path / name).write_text("mine")
    slot = Slot(tmp_path / "poetry")
    slot.acquire()
    put(slot, 1)
    slot.remove()
    slot.release()
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert {(tmp_path / name).read_text() for name in names} == {"mine"}


def test_probing_the_lock_blocks_nobody(slot):
    other = FileLock(slot.lock, thread_local=False)
    other.acquire()
    timer = threading.Timer(0.1, other.release)
    timer.start()
    slot.acquire()
    slot.release()
    timer.join()
