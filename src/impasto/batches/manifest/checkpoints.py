"""Checkpoints of long paintings of a manifest, beside outputs on a disk; imports PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from impasto.batches.manifest.addresses import is_url
from impasto.batches.manifest.entries import Entry
from impasto.batches.manifest.outcomes import record_address
from impasto.batches.works import Work
from impasto.errors import ImpastoError
from impasto.painting.machine import Machine
from impasto.painting.painter import Painter
from impasto.runs.checkpointing import LONG_RUN
from impasto.runs.checkpoints.resuming import StoredRun
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.version import __version__


def slot_of(entry: Entry) -> Slot | None:
    """Return the place of an entry's checkpoints, which has the entry's key in its name; None for a URL."""
    if is_url(entry.output):
        return None
    path = Path(record_address(entry, "checkpoint"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return Slot(path)


def resume(slot: Slot, work: Work, note: Callable[[str], None]) -> Painter | None:
    """Return a painter that continues from a checkpoint.

    Args:
        slot: place of the checkpoints; locked afterwards if there are any.
        work: the painting.
        note: receives remarks of one sentence.

    Returns:
        None if there is no usable checkpoint, or if it is of other versions or another kind of machine, with which the
        picture would not be the same.
    """
    if not slot.plausible:
        return None
    try:
        stored = StoredRun(slot, note)
        try:
            state = stored.state
            here = (__version__, torch.__version__, Machine.choose(work.settings).kind)
            if (state.impasto, state.torch, state.machine) != here:
                return None
            painter = stored.painter(work.content, work.styles, note, named=dict(work.settings.named_files))
        finally:
            stored.close()
    except ImpastoError:  # such as a damaged checkpoint, or one that another machine writes
        return None
    note(f"Painting continues from a checkpoint, {state.share:.0%} done.")
    return painter


def open_writer(slot: Slot, note: Callable[[str], None]) -> CheckpointWriter:
    """Return a writer of checkpoints for paintings of more than :data:`~impasto.runs.checkpointing.LONG_RUN` seconds.

    Args:
        slot: place of the checkpoints.
        note: receives a sentence if a checkpoint cannot be written.
    """
    return CheckpointWriter(slot, least_expected=LONG_RUN, warn=note)
