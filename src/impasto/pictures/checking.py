"""Checking an output path before any time is spent on painting."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from impasto.errors import PictureError
from impasto.files import reason, shown, try_folder
from impasto.pictures.codecs import formats
from impasto.pictures.metadata.records import read_record


def check_output(
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    depth: int = 8,
    inputs: Sequence[str | os.PathLike[str]] = (),
    size: tuple[int, int] | None = None,
) -> None:
    """Check that ``write_picture`` can write a file and is allowed to.

    An existing file may be replaced only with ``force``, or if it is an interrupted painting, whose record has
    ``"complete": false``.

    Args:
        path: file to write.
        force: allow replacing an existing file.
        depth: bits per channel, 8 or 16.
        inputs: files that are read; none of them may be replaced, even with ``force``.
        size: height and width in pixels; None if not known yet.

    Raises:
        PictureError: the suffix is not in ``SUFFIXES``, the format does not support the depth or size, the folder is
            missing or not writable, or ``path`` may not be replaced.
    """
    path = Path(path)
    file_format = formats.writable_format(path, depth)
    if size is not None:
        formats.check_sides(file_format, *size, shown(path))
    try:
        _check_folder(path)
        _check_existing(path, force, inputs)
    except (OSError, ValueError) as error:
        raise PictureError(f"{shown(path)} cannot be written ({reason(error)}); choose another name.") from None


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.exists():
        raise PictureError(
            f"{shown(path)} cannot be written, as {shown(folder)} does not exist; make the folder first."
        )
    if not folder.is_dir():
        raise PictureError(
            f"{shown(path)} cannot be written, as {shown(folder)} is not a folder; choose another place."
        )
    try:
        # The target of a link is replaced in its own folder.
        try_folder(Path(os.path.realpath(path)).parent)
    except OSError as error:
        raise PictureError(
            f"{shown(path)} cannot be written, as its folder takes no files ({reason(error)}); choose another place."
        ) from None


def _check_existing(path: Path, force: bool, inputs: Sequence[str | os.PathLike[str]]) -> None:
    if path.is_dir():
        raise PictureError(f"{shown(path)} is a folder; choose another name for the picture.")
    if not path.exists():
        return
    if not path.is_file():
        raise PictureError(f"{shown(path)} is a device or a pipe; choose another name for the picture.")
    if any(Path(source).exists() and path.samefile(source) for source in inputs):
        raise PictureError(f"{shown(path)} is one of the pictures that are read; choose another name for the output.")
    if not force and not is_interrupted(path):
        raise PictureError(f"{shown(path)} exists already; choose another name, or replace it with force=True.")


def is_interrupted(path: Path) -> bool:
    """Return whether a file is a painting whose record says that it is not complete."""
    try:
        record = json.loads(read_record(path) or "null")
    except (PictureError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("complete") is False
