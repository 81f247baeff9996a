"""Find the picture of a style that is given by name or by file."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import platformdirs

from impasto.errors import PictureError, closest
from impasto.files import exists, is_file, reason, shown, similar_file, user_folder
from impasto.samples import STYLE_NAMES, style_path

STYLES_VARIABLE = "IMPASTO_STYLES"
"""Environment variable with the path of another folder for the user's own styles."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif"}
    | {".jp2", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".tga", ".psd"}
)
"""Suffixes of the files in the user's folder that are styles."""

ADVICE = f"name another folder in the environment variable {STYLES_VARIABLE}"
"""Advice for a folder of styles that cannot be used."""


def find_style(style: str | os.PathLike[str]) -> Path:
    """Return the path of the picture that a file or a name refers to; an existing file precedes a name.

    Args:
        style: path of a picture, or name of a style.

    Returns:
        The path as given if it is a file or contains a folder; otherwise the absolute path of the style's picture.

    Raises:
        PictureError: there is neither such a file nor such a style; similar names are suggested.
    """
    text = os.fspath(style)
    path = Path(text)
    if path.name != text or is_file(path):
        return path
    styles = style_paths()
    if text in styles:
        return styles[text]
    similar = closest(text, styles)
    if exists(path) or (path.suffix and not similar):
        return path  # reading it gives the reason
    similar = similar or getattr(similar_file(path), "name", None)
    advice = f"did you mean {similar}?" if similar else f"choose a file, or one of {', '.join(styles)}."
    raise PictureError(f"There is no picture at {shown(text)}, and no style of that name: {advice}")


def check_photo_name(photo: str | os.PathLike[str]) -> None:
    """Refuse the name of a style in place of a photograph; a file of that name is a photograph.

    Raises:
        PictureError: a style has this name, and no file has it.
    """
    name = os.fspath(photo)
    if name in style_paths() and not exists(Path(name)):
        raise PictureError(f"{name} is a style: name the photograph first, as in `impasto paint photo.jpg {name}`.")


def ambiguity(style: str | os.PathLike[str]) -> str | None:
    """Return a remark if a path is both a file or folder here and the name of a style; None otherwise."""
    text = os.fspath(style)
    if text not in style_paths() or not exists(Path(text)):
        return None
    return f"{text} is taken as {shown(Path(text).absolute())}, not as the style of that name: rename one of them."


def style_name(path: Path | None) -> str | None:
    """Return the name of the style whose picture is at an absolute path; None if there is no such style."""
    if path is None:
        return None
    return path.stem if style_paths().get(path.stem) == path else None


def style_paths() -> dict[str, Path]:
    """Return the absolute paths of all styles by name: the sample paintings first, then the user's own in order.

    A folder that is missing or cannot be read adds no styles.
    """
    found = {name: style_path(name) for name in STYLE_NAMES}
    with suppress(PictureError):
        found |= {name: path for name, path in user_styles().items() if name not in found}
    return found


def styles_folder() -> Path:
    """Return the absolute path of the folder of the user's own styles, which may not exist.

    Raises:
        PictureError: the user has no home folder.
    """
    folder = user_folder(STYLES_VARIABLE, lambda name: platformdirs.user_data_path(name) / "styles")
    if folder is None:
        raise PictureError(f"There is no folder for styles, because this user has no home folder: {ADVICE}.")
    return folder


def user_styles() -> dict[str, Path]:
    """Return the absolute paths of the user's own styles by name, in alphabetical order.

    Each picture in the folder is a style, with the stem of its file name as name. Of two with one name, the newer
    counts.

    Raises:
        PictureError: the user has no home folder, or the folder cannot be read.
    """
    folder = styles_folder()
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and is_valid_name(path.stem)]
        by_age = sorted((path for path in files if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PictureError(f"The styles in {shown(folder)} cannot be read ({reason(error)}): {ADVICE}.") from None
    return {path.stem: path for path in sorted(by_age, key=lambda path: path.stem)}


def is_valid_name(name: str) -> bool:
    """Return whether a text may name a style: up to 60 letters, digits, hyphens and underscores."""
    return re.fullmatch(r"\w[\w-]{0,59}", name) is not None
