"""The default folder of checkpoints, and the list of resumable runs."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs

from impasto.errors import CheckpointError
from impasto.files import reason, shortened, shown, user_folder
from impasto.runs.checkpoints.slot import Slot

STATE_VARIABLE = "IMPASTO_STATE"
"""Environment variable with the path of another state folder."""

SUFFIX = ".checkpoint"

_REMINDER = ".place"
"""Suffix of the files that name checkpoints outside the folder."""

_ADVICE = f"name a file with checkpoint=FILE, or a folder in the environment variable {STATE_VARIABLE}"

_MOST_BYTES = 200
"""Longest stem of a run's name in bytes, before a number and suffixes."""


def runs_folder() -> Path:
    """Return the folder of runs in the user's state folder.

    Raises:
        CheckpointError: the user has no home folder.
    """
    state = user_folder(STATE_VARIABLE, platformdirs.user_state_path)
    if state is None:
        raise CheckpointError(f"There is no folder for checkpoints, because this user has no home folder: {_ADVICE}.")
    return state / "runs"


def in_runs_folder(slot: Slot) -> bool:
    """Return whether a run's checkpoint is in the user's state folder."""
    with suppress(CheckpointError):
        return slot.path.parent == runs_folder()
    return False


def stored_slots() -> list[Slot]:
    """List the runs in the folder and those elsewhere that it names, newest first.

    Raises:
        CheckpointError: the user has no home folder, or the folder cannot be read.
    """
    folder = runs_folder()
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"The folder {shown(folder)} cannot be read ({reason(error)}): {_ADVICE}.") from None
    names = {path.name.removesuffix(".previous") for path in files}
    slots = [Slot(folder / name) for name in names if name.endswith(SUFFIX)]
    slots += _elsewhere(path for path in files if path.suffix == _REMINDER)
    return sorted((slot for slot in slots if slot.exists), key=written, reverse=True)


def remember(slot: Slot) -> None:
    """List a run outside the folder; without a writable folder the run is merely not listed.

    Args:
        slot: place of its checkpoints.
    """
    with suppress(OSError, CheckpointError):
        runs_folder().mkdir(parents=True, exist_ok=True)
        _reminder(slot).write_bytes(os.fsencode(slot.path))


def forget(slot: Slot) -> None:
    """Undo :func:`remember` if the run has no checkpoint any more."""
    with suppress(OSError, CheckpointError):
        if not slot.exists:
            _reminder(slot).unlink(missing_ok=True)


def _reminder(slot: Slot) -> Path:
    return runs_folder() / f"{hashlib.sha256(os.fsencode(slot.path)).hexdigest()[:16]}{_REMINDER}"


def _elsewhere(reminders: Iterable[Path]) -> list[Slot]:
    slots = []
    for reminder in reminders:
        with suppress(OSError, ValueError):
            slots.append(Slot(os.fsdecode(reminder.read_bytes())))
    return slots


def written(slot: Slot) -> float:
    """Return the time of a run's newest checkpoint, in seconds since 1970."""
    for path in (slot.path, slot.previous):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def new_slot(stem: str) -> Slot:
    """Find and lock a place for a new run.

    Args:
        stem: stem of the file's name; it is shortened if it is long, and numbered if it is taken.

    Raises:
        CheckpointError: the user has no home folder, or the folder is not writable or not readable.
    """
    folder = runs_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"The folder {shown(folder)} cannot be made ({reason(error)}): {_ADVICE}.") from None
    try:
        return next(slot for slot in _names(folder, shortened(stem, _MOST_BYTES)) if _take(slot))
    except OSError as error:
        raise CheckpointError(f"The folder {shown(folder)} cannot be used ({reason(error)}): {_ADVICE}.") from None


def _take(slot: Slot) -> bool:
    """Lock a place if it is free; return whether it was."""
    if slot.exists or slot.in_use:
        return False
    slot.acquire()
    if slot.exists:  # taken by another process in the meantime
        slot.release()
        return False
    return True


def _names(folder: Path, stem: str) -> Iterator[Slot]:
    for number in itertools.count(1):
        yield Slot(folder / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}")


def newest_slot(but: Collection[Path] = ()) -> Slot:
    """Return the newest run that no process is painting.

    Args:
        but: paths of checkpoints to skip.

    Raises:
        CheckpointError: there is none.
    """
    try:
        slots = stored_slots()
    except CheckpointError as error:
        raise CheckpointError(f"There is nothing to resume unless you name the checkpoint's file. {error}") from None
    for slot in slots:
        if slot.path not in but and not slot.in_use:
            return slot
    raise CheckpointError(f"There is nothing to resume in {shown(runs_folder())}: name a checkpoint's file.")
