"""The folder for runs that the user gave no place."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from impasto.errors import CheckpointError
from impasto.runs.checkpoints import folder
from impasto.runs.checkpoints.container import write_container
from impasto.runs.checkpoints.slot import Slot


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def put(slot, age=0):
    slot.write(lambda file: write_container(file, {}, {}))
    os.utime(slot.path, (1e9 - age, 1e9 - age))


def test_runs_folder_follows_environment_variable(state, monkeypatch):
    assert folder.runs_folder() == state / "runs"
    monkeypatch.delenv("IMPASTO_STATE")
    assert folder.runs_folder() == platformdirs.user_state_path("impasto") / "runs"


def test_new_runs_get_distinct_names():
    first = folder.new_slot("photo")
    assert first.path.name == "photo.checkpoint"
    second = folder.new_slot("photo")  # the first is locked, though nothing was written yet
    assert second.path.name == "photo-2.checkpoint"
    put(first)
    first.release()
    second.release()
    assert folder.new_slot("photo").path.name == "photo-2.checkpoint"


@pytest.mark.parametrize("letter", ["a", "é", "絵", "🎨"])
def test_long_names_are_shortened(letter):
    first, second = (folder.new_slot(letter * 255) for _ in range(2))
    put(first)
    put(first)
    assert first.previous.exists()
    assert {letter} == set(first.path.name.removesuffix(folder.SUFFIX))
    assert second.path.name == f"{first.path.name.removesuffix(folder.SUFFIX)}-2{folder.SUFFIX}"
    first.release()
    second.release()


def test_unreadable_folder_is_one_sentence(state, monkeypatch):
    def refuses(self):
        raise PermissionError(13, "Permission denied", str(self.path))

    monkeypatch.setattr(Slot, "exists", property(refuses))
    with pytest.raises(CheckpointError, match=r"cannot be used \(.*ermission denied"):
        folder.new_slot("photo")


def test_runs_anywhere_are_listed_newest_first(tmp_path, state):
    assert folder.stored_slots() == []
    with pytest.raises(CheckpointError, match="nothing to resume"):
        folder.newest_slot()
    old, new, elsewhere = folder.new_slot("old"), folder.new_slot("new"), Slot(tmp_path / "elsewhere")
    put(old, 20)
    put(new)
    put(elsewhere, 10)
    folder.remember(elsewhere)
    (state / "runs" / "other.txt").touch()
    assert [slot.path for slot in folder.stored_slots()] == [new.path, elsewhere.path, old.path]
    new.path.replace(new.previous)  # as between two renames
    assert folder.stored_slots()[0].path == new.path
    folder.forget(elsewhere)
    assert len(folder.stored_slots()) == 3
    elsewhere.remove()
    assert len(folder.stored_slots()) == 2
    folder.forget(elsewhere)
    assert not list((state / "runs").glob("*.place"))
    for slot in (old, new):
        slot.release()
    assert folder.newest_slot().path == new.path
    new.acquire()
    assert folder.newest_slot().path == old.path
    new.release()


def test_folder_that_cannot_be_made_is_one_sentence(state):
    state.write_text("a file")
    with pytest.raises(CheckpointError, match="cannot be made"):
        folder.new_slot("photo")
    folder.remember(Slot("a"))
    with pytest.raises(CheckpointError, match=r"cannot be read \(Not a directory\): name a file"):
        folder.stored_slots()


@pytest.mark.parametrize("error", [RuntimeError("no home"), KeyError("uid not found: 12345")])
def test_unknown_home_is_one_sentence(error, monkeypatch):
    def unknown(name):
        raise error

    monkeypatch.delenv("IMPASTO_STATE")
    monkeypatch.setattr(platformdirs, "user_state_path", unknown)
    for refused in (folder.runs_folder, folder.stored_slots, folder.newest_slot, lambda: folder.new_slot("photo")):
        with pytest.raises(CheckpointError, match=r"no folder for checkpoints.*checkpoint=FILE.*IMPASTO_STATE\.$"):
            refused()
    folder.remember(Slot("a"))
    folder.forget(Slot("a"))
    assert not folder.in_runs_folder(Slot("a"))


def test_unexpanded_home_is_no_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO_STATE")
    monkeypatch.setattr(platformdirs, "user_state_path", lambda name: Path("~/.local/state") / name)
    with pytest.raises(CheckpointError, match="no folder for checkpoints"):
        folder.runs_folder()
