"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path

from impasto.errors import SettingsError


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
