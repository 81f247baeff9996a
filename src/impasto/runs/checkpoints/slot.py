"""The places of one run's checkpoints: two generations of them, and the lock of the process that writes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from impasto.errors import CheckpointError
from impasto.files import expanded, reason, shown
from impasto.runs.checkpoints.files import DamagedError, Header, open_container, read_header

_PATIENCE = 0.3
"""Seconds in which one that only asked whether it is in use has let it go again."""


class Slot:
    """A checkpoint's file, the one before it, and their lock, all beside one another.

    Args:
        path: the checkpoint's file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path).absolute()
        self.previous = self.path.with_name(f"{self.path.name}.previous")
        # Names that nobody else gives: what is there is removed.
        self.partial = self.path.with_name(f"{self.path.name}.impasto-partial")
        self.lock = self.path.with_name(f"{self.path.name}.impasto-lock")
        self._held: FileLock | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a checkpoint, of either generation."""
        return self.path.exists() or self.previous.exists()

    @property
    def plausible(self) -> bool:
        """Whether a file here begins as a checkpoint does; no other file is given a lock beside it."""
        return begins_as_checkpoint(self.path) or begins_as_checkpoint(self.previous)

    @property
    def in_use(self) -> bool:
        """Whether another process paints this run now."""
        if self._held or not self.lock.exists():
            return False
        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError, NotImplementedError):
            return True
        lock.release()
        return False

    def acquire(self) -> None:
        """Keep other processes away until :meth:`release`.

        Raises:
            CheckpointError: another one is at work here, or the folder takes no files.
        """
        if self._held:
            return
        lock = FileLock(self.lock, thread_local=False)  # one thread may paint, and another one let it go
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise CheckpointError(
                f"The checkpoint {shown(self.path)} is in use by another process: wait until it is done, or end it."
            ) from None
        except (OSError, NotImplementedError) as error:
            raise CheckpointError(
                f"The checkpoint {shown(self.path)} cannot be written, as its folder takes no files ({reason(error)}): "
                f"choose another place."
            ) from None
        self._held = lock
        with suppress(OSError):  # what a crash left
            self.partial.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others have it; the lock's file goes where nothing is left for it to guard."""
        if self._held is None:
            return
        if not self.exists:
            with suppress(OSError):  # Windows removes no open files
                self.lock.unlink(missing_ok=True)
        self._held.release()
        self._held = None

    def write(self, write: Callable[[BinaryIO], None]) -> None:
        """Put a new checkpoint in place in one step; the one that stood there becomes the previous one.

        Whenever this is cut short, a whole checkpoint stays where there was one.

        Args:
            write: is given the file to fill.

        Raises:
            OSError: the disk is full, or fails; the older checkpoints are untouched.
        """
        try:
            with self.partial.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                self.partial.unlink(missing_ok=True)
            raise
        if self.path.exists():
            self.path.replace(self.previous)
        self.partial.replace(self.path)
        _sync_folder(self.path.parent)

    def remove(self) -> int:
        """Remove both generations and what a crash left of a third; returns how many bytes that freed."""
        freed = 0
        for path in (self.path, self.previous, self.partial):
            with suppress(FileNotFoundError):
                size = path.stat().st_size
                path.unlink()
                freed += size
        return freed

    def open(self, note: Callable[[str], None] = lambda _: None) -> tuple[BinaryIO, Header]:
        """Open the newest sound checkpoint; the caller closes the file.

        Args:
            note: is told where it is not the newest one.

        Raises:
            CheckpointError: there is none, or all are damaged.
        """
        complaints = []
        for path in (self.path, self.previous):
            try:
                file, header = open_container(path)
            except FileNotFoundError:
                continue
            except DamagedError as error:
                complaints.append(f"{shown(path)}: {error}")
                continue
            if complaints:
                note(f"The last checkpoint is damaged ({complaints[0]}), so the one before it is used.")
            return file, header
        if complaints:
            raise CheckpointError(f"There is no sound checkpoint to go on from ({'; '.join(complaints)}): paint anew.")
        raise CheckpointError(
            f"There is no checkpoint at {shown(self.path)}: `impasto runs` lists what can be resumed."
        )


def begins_as_checkpoint(path: Path) -> bool:
    """Whether a file's first bytes are those of a checkpoint."""
    with suppress(OSError, DamagedError), path.open("rb") as file:
        read_header(file)
        return True
    return False


def _sync_folder(folder: Path) -> None:
    """Make renames last through a power cut, where the system has a way to ask for it."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
