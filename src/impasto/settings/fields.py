"""Types of the settings' fields: ranges, units, and parsing of sizes, memory, masks and paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from impasto.encoders.layers import parse_layer
from impasto.errors import EncoderError
from impasto.settings.print_sizes import parse_print_size

Preset = Literal["instant", "quick", "default", "fine", "tutorial", "tutorial-core"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

Precision = Literal["float32", "bfloat16"]

Colour = Literal["style", "keep", "match", "palette"]
COLOURS: tuple[Colour, ...] = get_args(Colour)


class ColourSource(NamedTuple):
    """Source of a painting's colours for one value of the setting ``colour``.

    Attributes:
        needs_photo: whether the colours come from the photograph, which a texture lacks.
        takes_other: whether ``colours_from`` may name another picture in place of the style.
    """

    needs_photo: bool
    takes_other: bool


COLOUR_SOURCES: dict[Colour, ColourSource] = {
    "style": ColourSource(needs_photo=False, takes_other=True),
    "keep": ColourSource(needs_photo=True, takes_other=False),
    "match": ColourSource(needs_photo=True, takes_other=False),
    "palette": ColourSource(needs_photo=False, takes_other=True),
}
"""Source of the colours for each value; :data:`impasto.settings.exclusions.EXCLUSIONS` is derived from it."""

SMALLEST_SIDE = 32
"""Shortest side of a painting in pixels."""

LARGEST_SIDE = 1_000_000
"""Longest side of a painting in pixels."""

SMALLEST_TILE = 64
"""Shortest side of a tile in pixels."""

LARGEST_MEMORY = 10**18
"""Largest number before a unit of memory."""

LARGEST_NUMBER = 1e30
"""Bound of numbers that have no bound of their own, so that products of them are finite in every precision."""

NONE = "none"
"""Value in place of a path that removes a mask or picture named earlier."""

FACES = "faces"
"""Value in place of the path of ``protect``: protect the faces that are detected."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def memory_bytes(text: str) -> int:
    """Return the number of bytes in a size such as ``4G``, ``800M``, ``1.5GB``, ``2GiB`` or ``3000000000``.

    Raises:
        ValueError: the text is not such a size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if match is None or (match[3] and not match[2]) or float(match[1]) == 0:
        raise ValueError("should be a size such as 4G, 800M or a number of bytes")
    if float(match[1]) > LARGEST_MEMORY:
        raise ValueError("is more than any machine has")
    unit = _UNITS[match[2].upper()]
    if match[3]:
        unit = 1024 ** list(_UNITS).index(match[2].upper())
    return int(float(match[1]) * unit)


def _check_memory(text: str) -> str:
    memory_bytes(text)
    return text.strip()


def _normalize_layer(name: str) -> str:
    try:
        return str(parse_layer(name))
    except EncoderError as error:
        raise ValueError(str(error)) from None


def _check_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:(0|[1-9]\d?))?", name):
        raise ValueError("should be auto, cpu, cuda, cuda:N or mps")
    return name


def _normalize_size(text: str) -> str:
    printed = parse_print_size(text)
    if printed is not None:
        _check_sides(printed.pixels)
        return str(printed)
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if match is None:
        raise ValueError("should be width and height in pixels, such as 640x480")
    sides = tuple(map(int, match.groups()))
    _check_sides(sides)
    return "x".join(map(str, sides))


def _check_sides(sides: tuple[int, ...]) -> None:
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in sides):
        raise ValueError(f"should have sides from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels")


def _join_sides(value: object) -> object:
    """Return a pair of whole numbers as text, ``(640, 480)`` as ``640x480``, and other values unchanged."""
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int for side in value):
        return f"{value[0]}x{value[1]}"
    return value


def _int_to_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _percent_to_share(value: object) -> object:
    """Return a percentage as a share, ``50%`` as 0.5, and other values unchanged."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    return float(match[1]) / 100 if match else value


def _path_to_text(path: object) -> object:
    return os.fsdecode(path) if isinstance(path, os.PathLike) else path


def _normalize_path(value: object) -> object:
    return None if value == NONE else _path_to_text(value)


def _normalize_mask_paths(value: object) -> object:
    """Return masks by the number of their style, without those that are ``none``."""
    if value in (None, NONE):
        return {}
    if not isinstance(value, Mapping):
        return value
    if not all(str(key).strip().isdecimal() and int(key) > 0 for key in value):
        raise ValueError("should name masks by the numbers of their styles, from 1")
    numbers = {int(key): path for key, path in value.items()}  # of 2 and "2" the later one counts, even if none
    return {number: _path_to_text(path) for number, path in numbers.items() if path not in (None, NONE)}


Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_percent_to_share)]
"""Number in [0, 1], or a percentage as in ``50%``."""

ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
"""Number in [0, 1)."""

Positive = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
"""Number above 0."""

Weight = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
"""Number of at least 0."""

LayerWeights = dict[Annotated[str, AfterValidator(_normalize_layer)], Weight]
"""Weights by the names of the encoder's layers, each in its canonical spelling."""

Size = Annotated[
    Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]
    | Literal["original"]
    | Annotated[str, AfterValidator(_normalize_size), Field(examples=["640x480", "30x40cm@300"])],
    BeforeValidator(_join_sides),
]
"""Long side in pixels, ``original``, width and height in pixels as in ``640x480``, or a size that
:func:`~impasto.settings.print_sizes.parse_print_size` reads."""

DeviceName = Annotated[str, AfterValidator(_check_device)]
"""Name of a device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``."""

MemorySize = Annotated[str, BeforeValidator(_int_to_text), AfterValidator(_check_memory)]
"""Size in bytes that :func:`memory_bytes` reads."""

OptionalPath = Annotated[Text | None, BeforeValidator(_normalize_path)]
"""Path of a picture or None; the text ``none`` becomes None."""

MaskPaths = Annotated[dict[int, Text], BeforeValidator(_normalize_mask_paths)]
"""Paths of masks by the number of their style, from 1."""
