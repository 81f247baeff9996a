"""Add styles to the user's own folder, and remove them."""

from __future__ import annotations

import os
from pathlib import Path

from impasto.errors import PictureError, closest
from impasto.files import reason, replacing, shown
from impasto.pictures import open_picture, read_picture
from impasto.pictures.codecs.formats import SNIFFED, sniff
from impasto.samples import STYLE_NAMES
from impasto.styles.lookup import ADVICE, SUFFIXES, is_valid_name, styles_folder, user_styles

_CHECKED_SIDE = 512
"""Long side in pixels to which large pictures are reduced while they are checked."""

_BLOCK = 2**20
"""Bytes that are copied at once."""

_SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "JPEG2000": ".jp2", "PNM": ".ppm"}
"""Suffixes of the formats whose name is not their suffix."""


def add_style(file: str | os.PathLike[str], name: str | None = None, *, force: bool = False) -> Path:
    """Copy a picture into the user's folder of styles, atomically.

    Args:
        file: picture to copy; it is read as a whole, as a check.
        name: name of the style; None for the stem of the file name.
        force: replace a style of the same name.

    Returns:
        The absolute path of the copy.

    Raises:
        PictureError: the picture cannot be read, the name is not valid or exists already, or the folder cannot be
            written to.
    """
    source = Path(file)
    name = source.stem if name is None else name
    if not is_valid_name(name):
        raise PictureError(
            f"{shown(name)} cannot be the name of a style: give another name=, of up to 60 letters, digits, "
            f"hyphens and underscores."
        )
    if name in STYLE_NAMES:
        raise PictureError(f"The style {name} is part of impasto and stays as it is: give another name=.")
    read_picture(source, fit=_CHECKED_SIDE)
    folder = styles_folder()
    earlier = [path for other, path in user_styles().items() if other.casefold() == name.casefold()]
    if earlier and not force:
        raise PictureError(f"There is a style {earlier[0].stem} already: give another name=, or force=True.")
    target = folder / f"{name}{_suffix_of(source)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"The folder {shown(folder)} cannot be made ({reason(error)}): {ADVICE}.") from None
    with open_picture(source) as original, replacing(target) as copy:
        while block := original.read(_BLOCK):
            copy.write(block)
    for path in earlier:
        if path.exists() and not path.samefile(target):
            _remove(path)
    return target


def remove_style(name: str) -> Path:
    """Remove a style from the user's folder, and return the path that it had.

    Raises:
        PictureError: there is no such style, it is part of impasto, or it cannot be removed.
    """
    path = own_style(name)
    _remove(path)
    return path


def own_style(name: str) -> Path:
    """Return the path of a style in the user's folder.

    Raises:
        PictureError: there is no such style, or it is part of impasto.
    """
    if name in STYLE_NAMES:
        raise PictureError(f"The style {name} is part of impasto, so it cannot be removed.")
    own = user_styles()
    if name not in own:
        similar = closest(name, own)
        advice = f"did you mean {similar}?" if similar else "`impasto styles` lists them."
        raise PictureError(f"There is no style {shown(name)} in {shown(styles_folder())}: {advice}")
    return own[name]


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise PictureError(f"{shown(path)} cannot be removed ({reason(error)}): {ADVICE}.") from None


def _suffix_of(source: Path) -> str:
    """Return the suffix of a picture's copy: its own if that is known, or else that of its format."""
    if source.suffix.lower() in SUFFIXES:
        return source.suffix.lower()
    with open_picture(source) as file:
        kind = sniff(file.read(SNIFFED)) or "PNG"
    return _SUFFIX_OF_FORMAT.get(kind, f".{kind.lower()}")
