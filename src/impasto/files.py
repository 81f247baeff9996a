"""Paths, hashes and atomic replacement of files."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impasto.errors import PictureError, SettingsError, closest

LONGEST_NAME = 255
"""Longest file name that most file systems allow, in bytes."""


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as messages print it: on one line, with unprintable characters escaped."""
    text = os.fspath(path)
    return text if text.isprintable() and text else ascii(text)


def reason(error: BaseException) -> str:
    """Return an error's message on one line of at most 160 characters, without the path of an ``OSError``."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = " ".join(text.split()) or type(error).__name__
    return line if len(line) <= 160 else line[:157] + "..."


def expanded(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ``~`` or ``~user`` by the home folder.

    Raises:
        SettingsError: the user or the home folder is unknown.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"There is no home for {os.fspath(path)!r}: write ./ before a name that begins with ~."
        ) from None


def user_folder(variable: str, default: Callable[[str], Path]) -> Path | None:
    """Return the folder that an environment variable names, or else one in the user's home folder.

    Args:
        variable: name of the environment variable.
        default: function of platformdirs; called with the program's name if the variable is not set.

    Returns:
        Absolute path; None if the user has no home folder, as user ids without an account in a container.
    """
    given = os.environ.get(variable)
    try:
        folder = Path(given).expanduser() if given else default("impasto")
    except (RuntimeError, KeyError):
        return None
    if not given and not folder.is_absolute():  # some versions of platformdirs leave an unknown ~ as it is
        return None
    return folder.absolute()


def fitting_name(name: str) -> str:
    """Return a file name, shortened to :data:`LONGEST_NAME` if necessary; a hash then keeps different names apart.

    Args:
        name: name with its suffix, which is kept.
    """
    if len(os.fsencode(name)) <= LONGEST_NAME:
        return name
    ending = f"-{hashlib.sha256(os.fsencode(name)).hexdigest()[:6]}{Path(name).suffix}"
    return shortened(name, LONGEST_NAME - len(os.fsencode(ending))) + ending


def shortened(name: str, most: int) -> str:
    """Cut a file name to at most ``most`` bytes without splitting a character."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= most else encoded[:most].decode(errors="ignore")


def exists(path: Path) -> bool:
    """Return whether there is a file; False also if the system does not allow to look."""
    try:
        return path.exists()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Return whether a path names an ordinary file; False for names that the system does not allow."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def similar_file(path: Path) -> Path | None:
    """Return the file whose name is most similar to that of a missing file, in the same folder; None without any."""
    try:
        names = [entry.name for entry in os.scandir(path.parent) if not entry.name.startswith(".") and entry.is_file()]
    except (OSError, ValueError):
        return None
    similar = closest(path.name, names)
    return None if similar is None else path.with_name(similar)


def digest_of(path: Path, algorithm: str) -> str:
    """Hash a file.

    Args:
        path: file to hash.
        algorithm: name that :mod:`hashlib` knows.

    Returns:
        The hash in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        # Systems that forbid MD5 for security allow it for other purposes.
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal; raises ``OSError`` if the file cannot be read."""
    return digest_of(path, "sha256")


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically: readers see the old content or the new content, never a part.

    A symbolic link stays a link; its target is replaced. Permissions follow the umask, as for any new file.

    Args:
        path: file to create or replace.
        data: the whole content.

    Raises:
        PictureError: the file cannot be written; the old file is then unchanged.
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces ``path`` atomically on exit, with the rules of ``replace_file``.

    Args:
        path: file to create or replace.

    Yields:
        The temporary file, open for writing and reading.

    Raises:
        PictureError: the file cannot be written. After this and any other exception the old file is unchanged.
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
        raise PictureError(f"{shown(path)} cannot be written ({reason(error)}); {_advice(error)}.") from None


def try_folder(folder: Path) -> None:
    """Check that files can be created in a folder, by creating one and removing it.

    Permission bits are not enough: the superuser passes every check, and some file systems refuse later.

    Args:
        folder: existing folder.

    Raises:
        OSError: no file can be created there.
    """
    with _temporary(folder) as temporary, temporary.open("xb"):
        pass


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Yield an unused file name in a folder; remove the file on exit, if it exists.

    The name does not contain the final name, which may already have the maximum length. ``tempfile`` is not used,
    because it ignores the umask.
    """
    path = folder / f".impasto-{secrets.token_hex(8)}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _advice(error: BaseException) -> str:
    """Return advice that fits an error of writing."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space or choose another folder"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "choose a folder where you may write"
    if number == errno.ENAMETOOLONG:
        return "choose a shorter name"
    return "choose another folder or name"
