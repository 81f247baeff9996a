"""Collecting of pictures given by files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import PictureError
from impasto.files import reason, shown
from impasto.pictures import open_picture, read_record
from impasto.pictures.codecs.formats import SNIFFED, sniff
from impasto.styles.lookup import ambiguity, find_style

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif"}
)  # fmt: skip
_MOST_LISTED = 3


@dataclass(frozen=True)
class Collected:
    """Pictures that were found.

    Attributes:
        paths: their paths, in the order of the names; those of a folder in alphabetical order.
        remarks: sentences on the files left out.
    """

    paths: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def collect_styles(names: Sequence[str | os.PathLike[str]]) -> Collected:
    """Find the styles that files, folders, patterns or names refer to; files and folders precede names.

    Raises:
        PictureError: as for :func:`collect`, or there is no style of a name.
    """
    folders = [name for name in names if Path(name).is_dir()]
    found = collect([n if n in folders or glob.has_magic(os.fspath(n)) else find_style(n) for n in names])
    remarks = filter(None, map(ambiguity, folders))  # painting makes those on files
    return Collected(found.paths, (*remarks, *found.remarks))


def collect(names: Sequence[str | os.PathLike[str]]) -> Collected:
    """Find the pictures in files, folders and patterns.

    A folder gives the pictures directly in it, except hidden files and pictures that impasto painted. A file with a
    picture's suffix counts as a picture even if it is damaged, so that its painting fails instead of being left out
    silently.

    Args:
        names: files, folders, or patterns such as ``*.jpg``, which some shells leave unexpanded.

    Raises:
        PictureError: a file is missing, a pattern has no matches, or a folder has no pictures.
    """
    paths: list[Path] = []
    remarks: list[str] = []
    for given in names:
        name = os.fspath(given)
        path = Path(name)
        if path.is_dir():
            paths += _list_folder(path, remarks)
        elif path.exists():
            paths.append(path)
        elif glob.has_magic(name):
            paths += _match(name)
        else:
            with open_picture(path):  # raises the reason why it cannot be
                paths.append(path)
    return Collected(tuple(paths), tuple(remarks))


def _match(pattern: str) -> list[Path]:
    names = sorted(glob.glob(pattern))  # noqa: PTH207 (the pattern may be absolute)
    matches = [Path(name) for name in names if Path(name).is_file()]
    if not matches:
        raise PictureError(f"No file matches {shown(pattern)}: check the folder and the pattern.")
    return matches


def _list_folder(folder: Path, remarks: list[str]) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise PictureError(f"The folder {shown(folder)} cannot be read ({reason(error)}).") from None
    pictures = [path for path in files if _is_picture(path)]
    painted = [path for path in pictures if _is_painted(path)]
    others = sorted(set(files) - set(pictures))
    if others:
        remarks.append(f"Left out of {shown(folder)}, as they are not pictures: {_join_names(others)}.")
    if painted:
        remarks.append(
            f"Left out of {shown(folder)}, as impasto painted them: {_join_names(painted)}; name them to use them."
        )
    found = sorted(set(pictures) - set(painted))
    if not found:
        raise PictureError(f"The folder {shown(folder)} holds no pictures: name another.")
    return found


def _is_picture(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with open_picture(path) as file:
            return sniff(file.read(SNIFFED)) is not None
    except (PictureError, OSError):
        return False


def _is_painted(path: Path) -> bool:
    try:
        return read_record(path) is not None
    except PictureError:
        return False


def _join_names(paths: Sequence[Path]) -> str:
    names = ", ".join(shown(path.name) for path in paths[:_MOST_LISTED])
    return names if len(paths) <= _MOST_LISTED else f"{names} and {len(paths) - _MOST_LISTED} more"
