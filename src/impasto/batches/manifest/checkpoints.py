"""Checkpoints of long paintings of a manifest, beside the outputs on a disk or at URLs; imports PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import torch

from impasto.batches.manifest.addresses import is_url
from impasto.batches.manifest.outcomes import record_address
from impasto.batches.manifest.painting import StagedEntry
from impasto.batches.manifest.storage import download, remove_url, upload
from impasto.batches.works import Work
from impasto.errors import ImpastoError
from impasto.painting.machine import Machine
from impasto.painting.painter import Painter
from impasto.runs.checkpointing import LONG_RUN
from impasto.runs.checkpoints.resuming import StoredRun
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.version import __version__


class UrlSlot(Slot):
    """Checkpoints in local files, of which the newest one is copied to a URL for other machines.

    There is one generation at the URL, because object stores replace a file only once the new one is complete.

    Args:
        path: local file of the newest checkpoint.
        url: URL of its copy.
    """

    def __init__(self, path: Path, url: str) -> None:
        super().__init__(path)
        self._url, self._has_copy = url, False

    def fetch(self) -> None:
        """Bring the checkpoint to this machine, if there is one.

        Raises:
            ImpastoError: it cannot be read.
        """
        self._has_copy = download(self._url, self.path)

    def write(self, write: Callable[[BinaryIO], None]) -> None:
        """Replace the newest checkpoint, and then its copy.

        Args:
            write: function that fills the open file.

        Raises:
            OSError: the disk is full or fails, or the copy cannot be written.
        """
        super().write(write)
        try:
            upload(self.path, self._url)
        except ImpastoError as error:
            raise OSError(str(error)) from None
        self._has_copy = True

    def remove(self) -> int:
        """Remove the checkpoints and the copy, and return the number of freed bytes of this machine.

        Raises:
            OSError: a checkpoint or the copy cannot be removed.
        """
        freed = super().remove()
        if self._has_copy:
            try:
                remove_url(self._url)
            except ImpastoError as error:
                raise OSError(str(error)) from None
            self._has_copy = False
        return freed


def slot_of(staged: StagedEntry) -> Slot:
    """Return the place of an entry's checkpoints, which has the entry's key in its name."""
    address = record_address(staged.entry, "checkpoint")
    if is_url(address):
        return UrlSlot(staged.work.output.with_suffix(".checkpoint"), address)
    path = Path(address)
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
    if isinstance(slot, UrlSlot):
        try:
            slot.fetch()
        except ImpastoError as error:
            note(f"Painting begins anew, even if there is a checkpoint. {error}")
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
