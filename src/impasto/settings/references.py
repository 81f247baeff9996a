"""Names of the pictures that settings refer to, besides photograph and styles.

A name is ``init``, ``colours_from``, ``grow_from``, ``masks.2``, ``style_masks.1`` (with the style's number, from 1) or
``protect``.
:attr:`impasto.settings.model.Settings.named_files` lists files by these names, and saved pictures and checkpoints store
their sources by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impasto.errors import PictureError, closest
from impasto.files import exists, expanded, shown

INIT = "init"
"""Name of the picture that painting starts from."""

STARTS = ("content", "noise", "instant")
"""Images that painting can start from without a file."""

COLOURS_FROM = "colours_from"
"""Name of the picture that the colours come from."""

GROW_FROM = "grow_from"
"""Name of the smaller painting that painting goes on from."""

PROTECT = "protect"
"""Name of the mask of the protected part of the photograph."""

PATTERN = r"^(init|colours_from|grow_from|masks\.[1-9]\d*|style_masks\.[1-9]\d*|protect)$"
"""Regular expression that every name matches."""

_DESCRIPTIONS = {
    INIT: "picture that painting began from",
    COLOURS_FROM: "picture of the colours",
    GROW_FROM: "smaller painting",
    PROTECT: "mask of the protected part",
    "masks": "mask of style",
    "style_masks": "mask in the painting of style",
}


def mask_name(setting: str, number: int) -> str:
    """Return the name of a style's mask.

    Args:
        setting: ``masks`` or ``style_masks``.
        number: number of the style, from 1.
    """
    return f"{setting}.{number}"


def split_name(name: str) -> tuple[str, int | None]:
    """Return the setting in a name, and the style's number if the setting has one picture for each style."""
    setting, _, number = name.partition(".")
    return setting, int(number) if number else None


def describe(name: str) -> str:
    """Return a description of the named picture for use in a sentence."""
    setting, number = split_name(name)
    return _DESCRIPTIONS[setting] if number is None else f"{_DESCRIPTIONS[setting]} {number}"


def keyword_of(name: str) -> str:
    """Return the keyword argument that sets the named picture, such as ``protect=`` or ``masks={2: …}``."""
    setting, number = split_name(name)
    return f"{setting}=" if number is None else f"{setting}={{{number}: …}}"


def nest_names(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Return pictures by name as nested settings: ``{"masks.2": p}`` as ``{"masks": {2: p}}``.

    Args:
        pictures: values by name, such as paths.
    """
    settings: dict[str, Any] = {}
    for name, picture in pictures.items():
        setting, number = split_name(name)
        if number is None:
            settings[setting] = picture
        else:
            settings.setdefault(setting, {})[number] = picture
    return settings


def path_unless(value: str | None, *words: str) -> str | None:
    """Return the path that a setting gives; None if it is not set, or one of the words that it may also be.

    Raises:
        PictureError: there is no such file, and a word is similar.
    """
    if value is None or value in words:
        return None
    if (word := closest(value, words)) and not exists(expanded(value)):
        raise PictureError(f"There is no picture at {shown(value)}; did you mean {word}?")
    return value
