"""Decide whether and where a run writes checkpoints, and what it attaches to them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from impasto.errors import CheckpointError
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
"""Expected seconds from which a run writes checkpoints by default."""


@dataclass(frozen=True)
class CheckpointPolicy:
    """Whether, where and how often checkpoints are written.

    Attributes:
        enabled: False for no checkpoints at all.
        file: path of the checkpoint; None for the user's state folder, which only long runs use.
        interval: least seconds between two checkpoints; if set, short runs write checkpoints too.
        listed: whether ``impasto runs`` lists the run if :attr:`file` names the checkpoint.
    """

    enabled: bool = True
    file: Path | None = None
    interval: float | None = None
    listed: bool = True

    @property
    def least_expected(self) -> float:
        """Expected seconds from which a run writes checkpoints."""
        return LONG_RUN if self.file is None and self.interval is None else 0.0

    def prepare(self, outputs: Outputs, inputs: Sequence[Path], stack: ExitStack) -> Slot | Callable[[], Slot]:
        """Return the place of the checkpoints, already locked if :attr:`file` names it.

        Args:
            outputs: of the run; its ``force`` allows replacing an older checkpoint.
            inputs: files that the run reads.
            stack: releases the lock at the end.

        Raises:
            CheckpointError: something else is at that place, or another process uses it.
        """
        if self.file is None:
            return lambda: new_slot(outputs.picture.stem)
        slot = Slot(self.file)
        _check_place(slot, outputs, inputs)
        if slot.exists and not outputs.force and not slot.in_use:
            raise CheckpointError(
                f"{shown(slot.path)} exists: if it is a checkpoint, {resume_command(slot.path)} resumes it; choose "
                f"another name, or force=True to replace it."
            )
        slot.acquire()
        stack.callback(forget, slot)
        stack.callback(slot.release)
        if self.listed:
            remember(slot)
        return slot


NO_CHECKPOINTS = CheckpointPolicy(enabled=False)


class StoredStages(BaseModel):
    """The stages of a run so far; their pictures are stored as arrays.

    Attributes:
        labels: one for each stage.
        last: place of the last stage.
    """

    labels: list[str]
    last: int


class RunAttachment(BaseModel):
    """The data that a run attaches to its checkpoints, besides the painter's state.

    Attributes:
        outputs: absolute paths by name.
        force: whether existing files are replaced.
        stages: the stages so far; None if no stages were asked for.
        every: least seconds between two checkpoints; None for the default.
    """

    outputs: dict[str, PathText] = {}
    force: bool = False
    stages: StoredStages | None = None
    every: float | None = None


def open_writer(
    place: Slot | Callable[[], Slot],
    policy: CheckpointPolicy,
    outputs: Outputs,
    stages: StageKeeper | None,
    warn: Callable[[str], None],
) -> AbstractContextManager[CheckpointWriter]:
    """Return a writer that attaches to each checkpoint what a later process needs to finish the run.

    Args:
        place: slot of the checkpoints, or a function that chooses it.
        policy: how often to write.
        outputs: files to write in the end.
        stages: stages kept so far; None if no stages were asked for.
        warn: receives a sentence if a checkpoint cannot be written.
    """
    from impasto.runs.checkpoints.writer import LEAST_SECONDS, CheckpointWriter

    def attach() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        labels, last, arrays = stages.state() if stages else ([], 0, {})
        stored = StoredStages(labels=labels, last=last) if stages else None
        paths = {name: str(path.absolute()) for name, path in outputs.named.items()}
        attachment = RunAttachment(outputs=paths, force=outputs.force, stages=stored, every=policy.interval)
        return attachment.model_dump(), arrays

    interval = LEAST_SECONDS if policy.interval is None else policy.interval
    return CheckpointWriter(
        place, least_seconds=interval, least_expected=policy.least_expected, attach=attach, warn=warn
    )


def read_attachment(attached: Mapping[str, Any]) -> RunAttachment:
    """Validate the attachment of a checkpoint; it is empty if a Python program wrote the checkpoint.

    Raises:
        CheckpointError: the attachment is not valid.
    """
    try:
        return RunAttachment.model_validate(attached)
    except ValidationError:
        raise CheckpointError("The checkpoint's outputs are not valid in this version: paint anew.") from None


def stored_outputs(attachment: RunAttachment, output: str | None, force: bool) -> Outputs:
    """Return the outputs that an interrupted run began with.

    Args:
        attachment: of the checkpoint.
        output: another path for the picture; None for the stored one.
        force: replace existing files, even if the interrupted run did not.

    Raises:
        CheckpointError: the checkpoint stores no outputs, and ``output`` is None.
    """
    paths = {name: Path(path) for name, path in attachment.outputs.items() if path is not None}
    picture = paths.get("picture") if output is None else Path(output)
    if picture is None:
        raise CheckpointError("The run was begun in Python, which names no output: name one with output=.")
    force = force or (output is None and attachment.force)
    return Outputs(picture, paths.get("sheet"), paths.get("stages"), paths.get("history"), force)


def resume_command(path: Path) -> str:
    """Return the command that resumes a checkpoint, quoted for a shell and for a sentence."""
    return f"`impasto resume {shlex.quote(str(path))}`"


def _check_place(slot: Slot, outputs: Outputs, inputs: Sequence[Path]) -> None:
    """Refuse a checkpoint's path if it is taken by something else, or cannot be written.

    Raises:
        CheckpointError: with the reason.
    """
    real = os.path.realpath(slot.path)
    if any(real == os.path.realpath(path) for path in (*inputs, *outputs.named.values())):
        raise CheckpointError(f"The checkpoint {shown(slot.path)} is one of the run's pictures: choose another name.")
    if slot.path.is_dir():
        raise CheckpointError(f"The checkpoint {shown(slot.path)} is a folder: name a file.")
    if outputs.force and slot.path.exists() and not begins_as_checkpoint(slot.path):
        raise CheckpointError(
            f"{shown(slot.path)} is not a checkpoint, so force=True does not replace it: choose another name, or "
            f"remove the file first."
        )
    if slot.previous.exists() and not begins_as_checkpoint(slot.previous):
        raise CheckpointError(
            f"{shown(slot.previous)} is not a checkpoint, and the older generation of {shown(slot.path)} would replace "
            f"it: choose another name."
        )
    if not slot.path.parent.is_dir():
        raise CheckpointError(f"The checkpoint {shown(slot.path)} has no folder: make the folder first.")
