"""Checkpoints on the command line: what the options say, and what reporters are told besides the painter's state."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from impasto.errors import CheckpointError, SettingsError
from impasto.files import shown
from impasto.painting.record import PathText
from impasto.runs.checkpoints.folder import forget, new_slot, remember
from impasto.runs.checkpoints.slot import Slot, begins_as_checkpoint
from impasto.runs.outputs import Outputs

if TYPE_CHECKING:
    import numpy as np

    from impasto.runs.checkpoints.writer import CheckpointWriter
    from impasto.runs.sheets import StageKeeper

LONG_RUN = 120.0
"""Runs that are expected to take more seconds than this are kept unasked."""


@dataclass(frozen=True)
class Keeping:
    """Whether and where checkpoints are written.

    Attributes:
        wanted: False for none at all.
        file: where to; the user's state folder where not given, and then for long runs only.
        every: seconds between them at least; where given, short runs are kept as well.
    """

    wanted: bool = True
    file: Path | None = None
    every: float | None = None

    @property
    def least_expected(self) -> float:
        """Seconds that a run must be expected to take."""
        return LONG_RUN if self.file is None and self.every is None else 0.0

    def prepare(self, outputs: Outputs, inputs: Sequence[Path], stack: ExitStack) -> Slot | Callable[[], Slot]:
        """Where checkpoints go, locked already where the user named the place.

        Args:
            outputs: of the run; its ``force`` lets an older checkpoint be replaced.
            inputs: files that are read.
            stack: lets the lock go in the end.

        Raises:
            CheckpointError: something else is at that place, or it is in use.
        """
        if self.file is None:
            return lambda: new_slot(outputs.picture.stem)
        slot = Slot(self.file)
        _refuse_others_place(slot, outputs, inputs)
        if slot.exists and not outputs.force and not slot.in_use:
            raise CheckpointError(
                f"{shown(slot.path)} exists: if it is a checkpoint, {resume_words(slot.path)} goes on from it; choose "
                f"another name, or --force to replace it."
            )
        slot.acquire()
        stack.callback(forget, slot)
        stack.callback(slot.release)
        remember(slot)
        return slot


class KeptStages(BaseModel):
    """The stages so far, whose pictures are beside it.

    Attributes:
        labels: one for each.
        last: place of the last one.
    """

    labels: list[str]
    last: int


class Kept(BaseModel):
    """What a checkpoint holds for the command line.

    Attributes:
        outputs: absolute paths by name.
        force: whether files that exist are replaced.
        stages: where they are asked for.
        every: seconds between checkpoints, where given.
    """

    outputs: dict[str, PathText] = {}
    force: bool = False
    stages: KeptStages | None = None
    every: float | None = None


NOT_KEPT = Keeping(wanted=False)


def keeping_from(checkpoint: str | None, no_checkpoint: bool, every: str | None) -> Keeping:
    """What the options say.

    Raises:
        SettingsError: they exclude each other, or the interval is no number of seconds.
    """
    if no_checkpoint and (checkpoint is not None or every is not None):
        raise SettingsError("--no-checkpoint excludes --checkpoint and --checkpoint-every: choose one.")
    return Keeping(not no_checkpoint, None if checkpoint is None else Path(checkpoint), _seconds(every))


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"--checkpoint-every {text} is no number of seconds: write one such as 60.")
    return seconds


def _refuse_others_place(slot: Slot, outputs: Outputs, inputs: Sequence[Path]) -> None:
    where = os.path.realpath(slot.path)
    if any(where == os.path.realpath(path) for path in (*inputs, *outputs.named.values())):
        raise CheckpointError(f"The checkpoint {shown(slot.path)} is one of the run's pictures: choose another name.")
    if slot.path.is_dir():
        raise CheckpointError(f"The checkpoint {shown(slot.path)} is a folder: name a file.")
    if outputs.force and slot.path.exists() and not begins_as_checkpoint(slot.path):
        raise CheckpointError(
            f"{shown(slot.path)} is no checkpoint, which --force may replace: choose another name, or remove it first."
        )
    if slot.previous.exists() and not begins_as_checkpoint(slot.previous):
        raise CheckpointError(
            f"{shown(slot.previous)} is no checkpoint, and the one before {shown(slot.path)} would replace it: choose "
            f"another name."
        )
    if not slot.path.parent.is_dir():
        raise CheckpointError(f"The checkpoint {shown(slot.path)} has no folder to be in: make the folder first.")


def open_writer(
    place: Slot | Callable[[], Slot],
    keeping: Keeping,
    outputs: Outputs,
    stages: StageKeeper | None,
    warn: Callable[[str], None],
) -> AbstractContextManager[CheckpointWriter]:
    """A writer that keeps with each checkpoint what the command needs to finish the run.

    Args:
        place: of the checkpoints, or what chooses it.
        keeping: how often.
        outputs: to be written in the end.
        stages: pictures kept so far, where they are asked for.
        warn: is told where a checkpoint cannot be written.
    """
    from impasto.runs.checkpoints.writer import LEAST_SECONDS, CheckpointWriter

    def attach() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        labels, last, arrays = stages.state() if stages else ([], 0, {})
        kept = KeptStages(labels=labels, last=last) if stages else None
        paths = {name: str(path.absolute()) for name, path in outputs.named.items()}
        return Kept(outputs=paths, force=outputs.force, stages=kept, every=keeping.every).model_dump(), arrays

    every = LEAST_SECONDS if keeping.every is None else keeping.every
    return CheckpointWriter(place, least_seconds=every, least_expected=keeping.least_expected, attach=attach, warn=warn)


def kept_in(attached: Mapping[str, Any]) -> Kept:
    """What :func:`open_writer` kept in a checkpoint; nothing where a program of its own wrote it.

    Raises:
        CheckpointError: it makes no sense.
    """
    try:
        return Kept.model_validate(attached)
    except ValidationError:
        raise CheckpointError("The checkpoint's outputs make no sense to this version: paint anew.") from None


def stored_outputs(kept: Kept, output: str | None, force: bool) -> Outputs:
    """The outputs that a run was begun with.

    Args:
        kept: in the checkpoint.
        output: another place for the picture.
        force: replace files that exist, as the run does that was begun so.

    Raises:
        CheckpointError: a program that knows nothing of outputs wrote the checkpoint, and none is given.
    """
    paths = {name: Path(path) for name, path in kept.outputs.items() if path is not None}
    picture = paths.get("picture") if output is None else Path(output)
    if picture is None:
        raise CheckpointError("The run was begun in Python, which names no output: name one with -o.")
    force = force or (output is None and kept.force)
    return Outputs(picture, paths.get("sheet"), paths.get("stages"), paths.get("history"), force)


def resume_words(path: Path) -> str:
    """The command that goes on from a checkpoint, as it is typed."""
    return f"`impasto resume {shlex.quote(str(path))}`"
