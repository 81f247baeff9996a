"""Refusing an output before any time is spent on painting it."""

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
    """Make sure that ``write_picture`` will be able, and is allowed, to write a file.

    A file that exists is replaced only when asked for, unless it is an interrupted painting: one whose record has
    ``"complete": false``.

    Args:
        path: where the picture is to be written.
        force: whether an existing file may be replaced.
        depth: bits per channel, 8 or 16.
        inputs: the files that are read; none of them may be replaced, even when asked for.
        size: height and width in pixels; None where they are not known yet.

    Raises:
        PictureError: when the suffix is not one of ``SUFFIXES``, the format does not hold that depth or size, the
            folder is missing or cannot be written to, or something at ``path`` may not be replaced.
    """
    path = Path(path)
    kind = formats.writable_format(path, depth)
    if size is not None:
        formats.check_sides(kind, *size, shown(path))
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
        raise PictureError(f"{shown(path)} cannot be written, as {shown(folder)} is no folder; choose another place.")
    try:
        # What a link names is replaced in its own folder.
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
        raise PictureError(f"{shown(path)} exists already; choose another name, or use force to replace it.")


def is_interrupted(path: Path) -> bool:
    """Whether a file is a painting whose record says that it is not complete."""
    try:
        record = json.loads(read_record(path) or "null")
    except (PictureError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("complete") is False
