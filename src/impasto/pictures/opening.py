"""Opening the file of a picture, with a clear message if that fails."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.errors import PictureError
from impasto.files import reason, shown, similar_file


@contextmanager
def open_picture(path: Path) -> Iterator[io.BufferedReader]:
    """Open an ordinary, non-empty file for reading.

    Args:
        path: file to read; must exist.

    Yields:
        The open file, at its start.

    Raises:
        PictureError: the file is missing, empty, not readable, or a folder, device or pipe.
    """
    try:
        # Checked before opening, because opening a pipe blocks until another process writes into it.
        _check_ordinary(path, path.stat())
        file = _BoundedReader(path.open("rb", buffering=0))
    except FileNotFoundError:
        raise PictureError(_missing(path)) from None
    except PermissionError:
        raise PictureError(f"{shown(path)} may not be read; give yourself permission to read it.") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{shown(path)} cannot be opened ({reason(error)}); check the name.") from None
    with file:
        yield file


_ADDRESS = re.compile(r"([a-z][a-z0-9+]+):/+|www\.", re.IGNORECASE)  # a path has lost the second slash


def _missing(path: Path) -> str:
    """Return the sentence on a picture that is missing."""
    text = path.as_posix()
    if address := _ADDRESS.match(text):
        rest = text[address.end() :]
        if address[1] and address[1].lower() == "file":
            return f"{shown(f'file:///{rest}')} is an address; write the path alone, as in {shown(f'/{rest}')}."
        url = f"{address[1]}://{rest}" if address[1] else text
        return f"{shown(url)} is an address on the web; download the picture first, and name the file."
    similar = similar_file(path)
    advice = "check the name and the folder." if similar is None else f"did you mean {shown(similar)}?"
    return f"There is no picture at {shown(path)}; {advice}"


class _BoundedReader(io.BufferedReader):
    """A file that never reserves more memory than it has bytes left; decoders ask for any length that a file claims."""

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__(raw)
        self._size = os.fstat(raw.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most ``size`` bytes; all that are left if it is None or negative."""
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _check_ordinary(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{shown(path)} is a folder; name a picture inside it.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{shown(path)} is a device or a pipe; save the picture as an ordinary file first.")
    if status.st_size == 0:
        raise PictureError(f"{shown(path)} is empty (0 bytes); download or save the picture again.")
