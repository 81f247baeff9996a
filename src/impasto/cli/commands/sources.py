"""Decide from STYLE, ``--texture-from`` and ``--colours-from`` which pictures give brush strokes and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import PictureError, SettingsError
from impasto.files import exists, is_file, shown
from impasto.pictures.codecs.formats import SUFFIXES
from impasto.styles.lookup import SUFFIXES as READABLE, check_photo_name, find_style


def photo_from(photo: str, others: Sequence[str] = ()) -> Path:
    """Return the path of the photograph, which may be missing.

    Args:
        photo: value of the argument.
        others: arguments that follow it.

    Raises:
        PictureError: there is no such file, and the name is that of a style, or the first part of a name with spaces.
    """
    path = Path(photo)
    if exists(path):
        return path
    check_photo_name(photo)
    for count in range(1, len(others) + 1):
        joined = " ".join((photo, *others[:count]))
        if is_file(Path(joined)):
            raise PictureError(f"There is no picture at {shown(photo)}: if {joined!r} is meant, write it in quotes.")
    return path


def sources_from(
    styles: Sequence[str], texture: str | None, changes: Mapping[str, Any]
) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """Return the style paintings, and the changes with the picture of the colours.

    Args:
        styles: values of STYLE.
        texture: value of ``--texture-from``.
        changes: settings; ``colours_from`` is the value of ``--colours-from``.

    Returns:
        The style paintings, and the changes, with ``colours_from`` if STYLE gives only the colours.

    Raises:
        SettingsError: too few or too many values of STYLE.
        PictureError: a value is neither a file nor the name of a style.
    """
    changes = dict(changes)
    if len(styles) > 1 and (output := _as_output(styles[-1])):
        raise SettingsError(
            f"{shown(styles[-1])} comes last among the styles, but does not exist: did you mean -o {shown(output)}?"
        )
    if texture is None:
        if not styles:
            raise SettingsError(
                "There is no style: name a painting as STYLE, such as swirls or a file, or both --texture-from and "
                "--colours-from."
            )
        return tuple(map(find_style, styles)), changes
    if changes.get("colours_from") is not None:
        if styles:
            raise SettingsError(
                "With both --texture-from and --colours-from nothing is left for STYLE: leave out one of the three."
            )
    elif len(styles) != 1:
        raise SettingsError(
            f"With --texture-from one STYLE gives the colours, and there are {len(styles)}: name one, or give "
            f"--colours-from."
        )
    else:
        changes["colours_from"] = styles[0]
    return (find_style(texture),), changes


def _as_output(style: str) -> Path | None:
    """Return the output that is probably meant by a style that does not exist; None for other styles."""
    path = Path(style)
    if exists(path) or path.suffix.lower() not in {*READABLE, ".pdf"}:
        return None
    return path if path.suffix.lower() in SUFFIXES else path.with_suffix(".png")
