"""The pictures that settings name, besides photograph and paintings, and by which names the rest of impasto knows them.

A name says which setting it is: ``init``, ``colours_from``, ``masks.2``, ``style_masks.1`` (with the style's number,
from 1) or ``protect``. By it settings tell of files, and saved pictures and checkpoints of what went in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INIT = "init"
"""Name of the picture that painting begins from."""


COLOURS_FROM = "colours_from"
"""Name of the picture whose colours the styles are given."""


PROTECT = "protect"
"""Name of the mask of what stays as it is in the photograph."""


PATTERN = r"^(init|colours_from|masks\.[1-9]\d*|style_masks\.[1-9]\d*|protect)$"
"""What names look like."""


_WHAT = {
    INIT: "picture that painting began from",
    COLOURS_FROM: "picture of the colours",
    PROTECT: "mask of what is protected",
    "masks": "mask of style",
    "style_masks": "mask in the painting of style",
}


_OPTIONS = {
    INIT: "--init",
    COLOURS_FROM: "--colours-from",
    PROTECT: "--protect",
    "masks": "--mask",
    "style_masks": "--style-mask",
}


def mask_name(of: str, number: int) -> str:
    """Name of a style's mask.

    Args:
        of: ``masks`` or ``style_masks``.
        number: of the style, from 1.
    """
    return f"{of}.{number}"


def parted(name: str) -> tuple[str, int | None]:
    """The setting that a name is of, and the style's number where there is one for each."""
    setting, _, number = name.partition(".")
    return setting, int(number) if number else None


def described(name: str) -> str:
    """What the picture of that name is, for a sentence."""
    setting, number = parted(name)
    return _WHAT[setting] if number is None else f"{_WHAT[setting]} {number}"


def option_of(name: str) -> str:
    """The option that names the picture's file."""
    setting, number = parted(name)
    return _OPTIONS[setting] if number is None else f"{_OPTIONS[setting]} {number}=FILE"


def as_settings(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, nested, that name pictures.

    Args:
        pictures: by name; their paths, for instance.
    """
    found: dict[str, Any] = {}
    for name, picture in pictures.items():
        setting, number = parted(name)
        if number is None:
            found[setting] = picture
        else:
            found.setdefault(setting, {})[number] = picture
    return found
