"""The files of one run's checkpoints: two generations, and the lock of the writing process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from impasto.errors import CheckpointError
from impasto.files import exists, expanded, reason, shown
from impasto.runs.checkpoints.container import DamagedError, Header, open_container, read_header

if TYPE_CHECKING:
    from filelock import FileLock

_PATIENCE = 0.3
"""Seconds to wait for a process that is only probing the lock."""


class Slot:
    """The newest checkpoint, the previous one, and their lock, side by side in one folder.

    Args:
        path: file of the newest checkpoint.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path).absolute()
        self.previous = self.path.with_name(f"{self.path.name}.previous")
        # Names that no other program uses, so files with these names may be removed.
        self.partial = self.path.with_name(f"{self.path.name}.impasto-partial")
        self.lock = self.path.with_name(f"{self.path.name}.impasto-lock")
        self._held: FileLock | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a checkpoint, of either generation; False if the folder is not readable."""
        return exists(self.path) or exists(self.previous)

    @property
    def plausible(self) -> bool:
        """Whether a file begins like a checkpoint; only then is a lock file created beside it."""
        return begins_as_checkpoint(self.path) or begins_as_checkpoint(self.previous)

    @property
    def in_use(self) -> bool:
        """Whether another process is painting this run."""
        if self._held or not exists(self.lock):
            return False
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError, NotImplementedError):
            return True
        lock.release()
        return False

    def acquire(self) -> None:
        """Lock the checkpoints until :meth:`release`.

        Raises:
            CheckpointError: another process holds the lock, or the folder is not writable.
        """
        if self._held:
            return
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock, thread_local=False)  # another thread than the painting one may release it
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise CheckpointError(
                f"The checkpoint {shown(self.path)} is in use by another process: wait until it ends, or stop it."
            ) from None
        except (OSError, NotImplementedError) as error:
            raise CheckpointError(
                f"The checkpoint {shown(self.path)} cannot be written, because its folder is not writable "
                f"({reason(error)}): choose another place."
            ) from None
        self._held = lock
        with suppress(OSError):  # left by a crash
            self.partial.unlink(missing_ok=True)

    def release(self) -> None:
        """Release the lock, and remove its file if no checkpoint remains."""
        if self._held is None:
            return
        if not self.exists:
            with suppress(OSError):  # Windows does not remove open files
                self.lock.unlink(missing_ok=True)
        self._held.release()
        self._held = None

    def write(self, write: Callable[[BinaryIO], None]) -> None:
        """Replace the newest checkpoint atomically; the old one becomes the previous one.

        If the process is killed at any point, an intact checkpoint remains.

        Args:
            write: function that fills the open file.

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
        """Remove both generations and a partial file, and return the number of freed bytes."""
        freed = 0
        for path in (self.path, self.previous, self.partial):
            with suppress(FileNotFoundError):
                size = path.stat().st_size
                path.unlink()
                freed += size
        return freed

    def open(self, note: Callable[[str], None] = lambda _: None) -> tuple[BinaryIO, Header]:
        """Open the newest intact checkpoint; the caller closes the file.

        Args:
            note: called with a sentence if the newest checkpoint is damaged.

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
                note(f"The newest checkpoint is damaged ({complaints[0]}), so the previous one is used.")
            return file, header
        if complaints:
            raise CheckpointError(
                f"There is no intact checkpoint to continue from ({'; '.join(complaints)}): paint anew."
            )
        raise CheckpointError(f"There is no checkpoint at {shown(self.path)}: `impasto runs` lists the resumable runs.")


def begins_as_checkpoint(path: Path) -> bool:
    """Tell whether a file begins like a checkpoint."""
    with suppress(OSError, DamagedError), path.open("rb") as file:
        read_header(file)
        return True
    return False


def _sync_folder(folder: Path) -> None:
    """Make renames survive a power failure, if the system supports it."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
