"""List and remove the interrupted runs that have checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.cli.reporting.streams import print_note, print_out
from impasto.errors import CheckpointError
from impasto.runs.checkpointing import read_attachment
from impasto.runs.checkpoints.container import DamagedError, read_header
from impasto.runs.checkpoints.folder import SUFFIX, forget, in_runs_folder, stored_slots, written
from impasto.runs.checkpoints.resuming import Description, read_description
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.resuming import named_slot


@dataclass(frozen=True)
class Listed:
    """A row of the list of runs.

    Attributes:
        name: argument for ``impasto resume``.
        slot: place of the checkpoints.
        description: of the newest checkpoint; None for a damaged one.
        state: whether the run can be resumed, in a few words.
    """

    name: str
    slot: Slot
    description: Description | None
    state: str


def print_runs(*, as_json: bool) -> None:
    """Print the interrupted runs, newest first; if they cannot be listed, a note says why."""
    try:
        rows = [_listed(slot) for slot in stored_slots()]
    except CheckpointError as error:
        print_note(str(error))
        rows = []
    if as_json:
        for run in rows:
            print_out(json.dumps(_record(run)))
        return
    if not rows:
        print_out("There is nothing to resume.")
        return
    from impasto.cli.reporting.tables import print_columns

    print_columns(("name", "written", "picture", "size", "at", "done", "state"), map(_cells, rows))


def remove_runs(names: Iterable[str]) -> None:
    """Remove checkpoints, and print the freed space.

    Raises:
        CheckpointError: the run does not exist, or is being painted.
    """
    for name in names:
        slot = named_slot(name)
        if not slot.exists:
            raise CheckpointError(f"There is no run {name!r}: `impasto runs` lists them.")
        if not (in_runs_folder(slot) and slot.path.name.endswith(SUFFIX)):
            _header(slot)  # refuses other files; in the state folder damaged checkpoints are removed, too
        slot.acquire()
        try:
            print_out(f"{name}: removed, {slot.remove() / 1e6:.1f} MB")
            forget(slot)
        finally:
            slot.release()


def _header(slot: Slot) -> Description:
    """Return the description of the newest checkpoint with a sound header, without reading its images.

    Raises:
        CheckpointError: neither generation is a checkpoint, or one is of another version.
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
    name = slot.path.name.removesuffix(SUFFIX) if in_runs_folder(slot) else str(slot.path)
    try:
        description = _header(slot)
    except CheckpointError:
        return Listed(name, slot, None, "damaged, or of another version")
    return Listed(name, slot, description, "being painted" if slot.in_use else _state(description))


def _state(description: Description) -> str:
    for what, stored in description.state.inputs:
        if stored.label is None:
            return f"{what} came from memory"
        path = stored.file()
        if path is None or not path.is_file():
            return f"{what} is missing"
    return "can be resumed"


def _cells(run: Listed) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(written(run.slot)))
    if run.description is None:
        return run.name, when, "", "", "", "", run.state
    state = run.description.state
    size, iterations = state.plan[-1], state.current.iterations
    position = f"octave {state.octave}/{len(state.plan)}, iteration {state.iteration}/{iterations}"
    return (
        run.name,
        when,
        Path(_picture(run.description) or (state.content.path if state.content else None) or "").name,
        f"{size.width}×{size.height}",
        position,
        f"{state.share:.0%}",
        run.state,
    )


def _record(run: Listed) -> dict[str, Any]:
    record: dict[str, Any] = {"name": run.name, "file": str(run.slot.path), "written": written(run.slot)}
    if run.description is not None:
        state = run.description.state
        record |= {
            "content": state.content.path if state.content else None,
            "styles": [style.label for style in state.styles],
            "output": _picture(run.description),
            "octave": state.octave,
            "octaves": [dict(octave) for octave in state.plan],
            "iteration": state.iteration,
            "share": state.share,
            "elapsed": state.seconds,
        }
    return record | {"state": run.state}


def _picture(description: Description) -> str | None:
    try:
        return read_attachment(description.attached).outputs.get("picture")
    except CheckpointError:
        return None
