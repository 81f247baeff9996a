"""``impasto resume`` and ``impasto runs``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.streams import say
from impasto.cli.reporting.tables import print_columns
from impasto.errors import CheckpointError
from impasto.pictures.checking import is_interrupted
from impasto.runs.checkpoints.files import DamagedError, read_header
from impasto.runs.checkpoints.folder import SUFFIX, forget, newest_slot, runs_folder, stored_slots, written
from impasto.runs.checkpoints.resuming import Description, StoredRun, read_description, resumed_settings, stored_path
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.job import Job, run_job
from impasto.runs.keeping import Keeping, kept_in, stored_outputs
from impasto.runs.listener import Reporter


def run_resume(name: str | None, output: str | None, *, force: bool, reporter: Reporter, interrupts: Interrupts) -> int:
    """Finish a run that was interrupted.

    Args:
        name: the checkpoint's file, or its name in the user's state folder; the newest run where not given.
        output: another place for the picture.
        force: replace files that exist.
        reporter: which is told.
        interrupts: the signals' handlers.

    Returns:
        The exit code, as :func:`impasto.runs.job.run_job`.

    Raises:
        ImpastoError: refused; nothing was written.
    """
    with ExitStack() as stack:
        run = _newest_run(reporter, stack) if name is None else _opened(named_slot(name), reporter, stack)
        slot = run.slot
        facts, kept = run.state, kept_in(run.description.attached)
        content = stored_path(facts.content, "photograph") if facts.content else None
        styles = tuple(stored_path(style, "style") for style in facts.styles)
        outputs = stored_outputs(kept, output, force)
        written_before = kept.outputs.get("picture")
        if written_before and is_interrupted(Path(written_before)):  # and the history in the same breath
            outputs = replace(outputs, own_history=True)
        keeping = Keeping(file=slot.path, every=kept.every)
        return run_job(
            Job(content, styles, resumed_settings(facts), outputs, keeping=keeping, stored=run), reporter, interrupts
        )


def _opened(slot: Slot, reporter: Reporter, stack: ExitStack) -> StoredRun:
    stack.callback(forget, slot)
    stack.callback(slot.release)
    run = StoredRun(slot, reporter.note)
    stack.callback(run.close)
    return run


def _newest_run(reporter: Reporter, stack: ExitStack) -> StoredRun:
    """The newest one that can be gone on from; it is told of those that cannot."""
    damaged: list[Path] = []
    while True:
        slot = newest_slot(damaged)
        try:
            return _opened(slot, reporter, stack)
        except CheckpointError as error:
            damaged.append(slot.path)
            reporter.note(f"{str(error).removesuffix(': paint anew.')}, so the run before it is looked for.")


def named_slot(name: str) -> Slot:
    """A checkpoint by its file, or by its name in the user's state folder, with or without the ending."""
    own = [runs_folder() / name, runs_folder() / f"{name}{SUFFIX}"] if Path(name).name == name else []
    places = [Slot(name), *map(Slot, own)]
    return next((slot for slot in places if slot.exists), places[0])


@dataclass(frozen=True)
class Listed:
    """A run as the list shows it.

    Attributes:
        name: what ``resume`` takes.
        slot: its place.
        description: of its newest checkpoint; None where that is damaged.
        state: in a few words.
    """

    name: str
    slot: Slot
    description: Description | None
    state: str


def print_runs(*, as_json: bool) -> None:
    """What can be resumed, newest first."""
    runs = [_listed(slot) for slot in stored_slots()]
    if as_json:
        for run in runs:
            say(json.dumps(_record(run)))
        return
    if not runs:
        say("There is nothing to resume.")
        return
    print_columns(("name", "written", "picture", "size", "at", "done", "state"), map(_row, runs))


def remove_runs(names: Iterable[str]) -> None:
    """Remove checkpoints, and say how much that frees.

    Raises:
        CheckpointError: there is no such run, or it is being painted.
    """
    for name in names:
        slot = named_slot(name)
        if not slot.exists:
            raise CheckpointError(f"There is no run {name!r}: `impasto runs` lists them.")
        if not (slot.path.parent == runs_folder() and slot.path.name.endswith(SUFFIX)):
            _header(slot)  # no file is removed that is none of ours; in our own folder a damaged one is
        slot.acquire()
        try:
            say(f"{name}: removed, {slot.remove() / 1e6:.1f} MB")
            forget(slot)
        finally:
            slot.release()


def _header(slot: Slot) -> Description | None:
    """The description of the newest checkpoint whose header is sound; its images are not looked at.

    Raises:
        CheckpointError: neither generation is a checkpoint, or one is another version's.
    """
    complaint = "it is gone"
    for path in (slot.path, slot.previous):
        try:
            with path.open("rb") as file:
                return read_description(read_header(file), path)
        except DamagedError as error:
            complaint = str(error)
        except OSError:
            continue
    raise CheckpointError(f"{slot.path} cannot be resumed: {complaint}.")


def _listed(slot: Slot) -> Listed:
    own = slot.path.parent == runs_folder()
    name = slot.path.name.removesuffix(SUFFIX) if own else str(slot.path)
    try:
        description = _header(slot)
    except CheckpointError:
        return Listed(name, slot, None, "damaged, or another version's")
    return Listed(name, slot, description, "being painted" if slot.in_use else _state(description))


def _state(description: Description | None) -> str:
    assert description is not None
    for what, stored in description.state.inputs:
        if stored.path is None:
            return f"{what} came from memory"
        if not Path(stored.path).is_file():
            return f"{what} is missing"
    return "can be resumed"


def _row(run: Listed) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(written(run.slot)))
    if run.description is None:
        return run.name, when, "", "", "", "", run.state
    facts = run.description.state
    size, iterations = facts.plan[-1], facts.current.iterations
    place = f"octave {facts.octave}/{len(facts.plan)}, iteration {facts.iteration}/{iterations}"
    return (
        run.name,
        when,
        Path(_picture(run.description) or (facts.content.path if facts.content else None) or "").name,
        f"{size.width}×{size.height}",
        place,
        f"{facts.share:.0%}",
        run.state,
    )


def _record(run: Listed) -> dict[str, Any]:
    record: dict[str, Any] = {"name": run.name, "file": str(run.slot.path), "written": written(run.slot)}
    if run.description is not None:
        facts = run.description.state
        record |= {
            "content": facts.content.path if facts.content else None,
            "styles": [style.path for style in facts.styles],
            "output": _picture(run.description),
            "octave": facts.octave,
            "octaves": [dict(octave) for octave in facts.plan],
            "iteration": facts.iteration,
            "share": facts.share,
            "elapsed": facts.seconds,
        }
    return record | {"state": run.state}


def _picture(description: Description) -> str | None:
    try:
        return kept_in(description.attached).outputs.get("picture")
    except CheckpointError:
        return None
