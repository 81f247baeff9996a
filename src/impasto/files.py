"""Files on disk: opening them with clear refusals, and replacing them in one step."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from impasto.errors import PictureError, SettingsError

Progress: TypeAlias = Callable[[float], None]
"""Is told what share of a file is read or written, from 0 to 1; perhaps on another thread."""


def tell_nobody(_: float) -> None:
    """The progress that nobody asked for."""


def shown(path: str | os.PathLike[str]) -> str:
    """A path as a sentence shows it: on one line, whatever characters it holds."""
    text = os.fspath(path)
    return text if text.isprintable() and text else ascii(text)


def reason(error: BaseException) -> str:
    """What an error says, on one line and not too long; the operating system's words for an ``OSError``."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = " ".join(text.split()) or type(error).__name__
    return line if len(line) <= 160 else line[:157] + "..."


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open an ordinary, non-empty file for reading.

    Args:
        path: the file.

    Yields:
        The open file, at its start.

    Raises:
        PictureError: when there is no such file, or it is a folder, a device or a pipe, empty, or may not be read.
    """
    try:
        # Asked before opening, because opening a pipe waits for somebody to write into it.
        _refuse_unless_ordinary(path, path.stat())
        file = path.open("rb")
    except FileNotFoundError:
        raise PictureError(f"There is no picture at {shown(path)}; check the name and the folder.") from None
    except PermissionError:
        raise PictureError(f"{shown(path)} may not be read; give yourself permission to read it.") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{shown(path)} cannot be opened ({reason(error)}); check the name.") from None
    with file:
        yield file


def _refuse_unless_ordinary(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{shown(path)} is a folder; name a picture inside it.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{shown(path)} is a device or a pipe; save the picture as an ordinary file first.")
    if status.st_size == 0:
        raise PictureError(f"{shown(path)} is empty (0 bytes); fetch or save the picture again.")


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in place in one step: whoever looks sees the old file or the whole new one, never a part.

    A symbolic link stays a link, and the file that it names is replaced. The permissions are those that the umask
    gives to any new file.

    Args:
        path: the file to create or replace.
        data: its whole content.

    Raises:
        PictureError: when it cannot be written; whatever stood at ``path`` is then untouched.
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its place in one step, when all of it is written; as ``replace_file`` in all else.

    Args:
        path: the file to create or replace.

    Yields:
        A file that is open for writing and reading.

    Raises:
        PictureError: when it cannot be written; whatever stood at ``path`` is then untouched, as after any exception.
    """
    try:
        target = Path(os.path.realpath(path))
        with _temporary(target.parent) as temporary:
            with temporary.open("x+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
    except (OSError, ValueError) as error:
        raise PictureError(f"{shown(path)} cannot be written ({reason(error)}); {_remedy(error)}.") from None


def try_folder(folder: Path) -> None:
    """Make sure that files can be made in a folder, by making one and removing it.

    Asking for permissions is not enough: the administrator is always told yes, and some file systems refuse later.

    Args:
        folder: an existing folder.

    Raises:
        OSError: when no file can be made there.
    """
    with _temporary(folder) as temporary, temporary.open("xb"):
        pass


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A fresh name for a file in a folder; the file, if there is one, is removed in the end.

    The name does not contain the final one, which may already be as long as the file system allows, and ``tempfile``
    is not used because its files are closed to everybody else whatever the umask.
    """
    path = folder / f".impasto-{secrets.token_hex(8)}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _remedy(error: BaseException) -> str:
    """How to mend an error of writing."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space or choose another folder"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "choose a folder where you may write"
    if number == errno.ENAMETOOLONG:
        return "choose a shorter name"
    return "choose another folder or name"


def digest_of(path: Path, algorithm: str) -> str:
    """Hash of a file, in hexadecimal.

    Args:
        path: the file.
        algorithm: as :mod:`hashlib` calls it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        # Computers that forbid MD5 for secrets allow it where it says that it guards none.
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return digest_of(path, "sha256")


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` and ``~user`` as the folders that they stand for.

    Raises:
        SettingsError: there is no such user, or no home is known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"There is no home for {os.fspath(path)!r}: write ./ before a name that begins with ~."
        ) from None


def is_file(path: Path) -> bool:
    """Whether there is an ordinary file; not where the system takes no such name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


LONGEST_NAME = 255
"""Bytes of a file's name at most, in most file systems."""


def shortened(name: str, most: int) -> str:
    """As much of a file's name as takes no more than so many bytes; no character is cut in two."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= most else encoded[:most].decode(errors="ignore")
