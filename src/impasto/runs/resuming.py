"""Find an interrupted run, and make the job that finishes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from impasto.errors import CheckpointError
from impasto.pictures.checking import is_interrupted
from impasto.runs.checkpointing import CheckpointPolicy, read_attachment, stored_outputs
from impasto.runs.checkpoints.folder import SUFFIX, forget, newest_slot, runs_folder
from impasto.runs.checkpoints.resuming import StoredRun, resumed_settings, stored_path
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.job import Job


def open_run(name: str | None, note: Callable[[str], None], stack: ExitStack) -> StoredRun:
    """Open an interrupted run and lock it.

    Args:
        name: path of the checkpoint, or its name in the user's state folder; None for the newest run.
        note: receives a sentence on each damaged checkpoint.
        stack: closes the run and releases the lock.

    Raises:
        CheckpointError: the run does not exist, is damaged or is in use.
    """
    return _open_newest(note, stack) if name is None else _open(named_slot(name), note, stack)


def resuming_job(run: StoredRun, output: str | None, *, force: bool) -> Job:
    """Return the job that finishes an interrupted run.

    Args:
        run: open and locked.
        output: another path for the picture; None for the stored one.
        force: replace existing files.

    Raises:
        CheckpointError: a source is missing, or the run has no stored output and none is given.
    """
    state, attachment = run.state, read_attachment(run.description.attached)
    content = stored_path(state.content, "photograph") if state.content else None
    styles = tuple(stored_path(style, "style") for style in state.styles)
    outputs = stored_outputs(attachment, output, force)
    picture = attachment.outputs.get("picture")
    if picture and is_interrupted(Path(picture)):  # the history was written together with it
        outputs = replace(outputs, replace_history=True)
    policy = CheckpointPolicy(file=run.slot.path, interval=attachment.every)
    return Job(content, styles, resumed_settings(state), outputs, checkpoints=policy, stored=run)


def named_slot(name: str) -> Slot:
    """Return a run by its checkpoint's path, or by its name in the user's state folder, with or without suffix."""
    places = [Slot(name)]
    if Path(name).name == name:
        with suppress(CheckpointError):  # without the folder, the name can only be a path
            places += [Slot(runs_folder() / name), Slot(runs_folder() / f"{name}{SUFFIX}")]
    return next((slot for slot in places if slot.exists), places[0])


def _open(slot: Slot, note: Callable[[str], None], stack: ExitStack) -> StoredRun:
    stack.callback(forget, slot)
    stack.callback(slot.release)
    run = StoredRun(slot, note)
    stack.callback(run.close)
    return run


def _open_newest(note: Callable[[str], None], stack: ExitStack) -> StoredRun:
    """Return the newest resumable run, noting each damaged one skipped."""
    damaged: list[Path] = []
    while True:
        slot = newest_slot(damaged)
        try:
            return _open(slot, note, stack)
        except CheckpointError as error:
            damaged.append(slot.path)
            note(f"{error} The run before it is tried instead.")
