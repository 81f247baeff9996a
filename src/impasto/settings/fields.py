"""The types of the settings' fields: ranges, units, and the parsing of sizes, memory, masks and paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from impasto.encoders.layers import parse_layer
from impasto.errors import EncoderError

Preset = Literal["quick", "default", "fine", "tutorial", "tutorial-core"]


PRESETS: tuple[Preset, ...] = get_args(Preset)


Precision = Literal["float32", "bfloat16"]


Colour = Literal["style", "keep", "match", "palette"]


COLOURS: tuple[Colour, ...] = get_args(Colour)


class ColourSource(NamedTuple):
    """Where the colours of a painting come from, for one value of the setting ``colour``.

    Attributes:
        needs_photo: they are the photograph's, which a texture lacks.
        takes_other: ``colours_from`` may name another picture in place of the style.
    """

    needs_photo: bool
    takes_other: bool


COLOUR_SOURCES: dict[Colour, ColourSource] = {
    "style": ColourSource(needs_photo=False, takes_other=True),
    "keep": ColourSource(needs_photo=True, takes_other=False),
    "match": ColourSource(needs_photo=True, takes_other=False),
    "palette": ColourSource(needs_photo=False, takes_other=True),
}
"""What each takes; :data:`EXCLUSIONS` says what follows."""


LEAST_SIZE = 32
"""Shortest side of a painting in pixels."""


MOST_SIZE = 1_000_000
"""Longest side of a painting in pixels."""


LEAST_TILE = 64
"""Smallest side of a tile in pixels."""


def _layer_name(name: str) -> str:
    try:
        return str(parse_layer(name))
    except EncoderError as error:
        raise ValueError(str(error)) from None


def _device_name(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:(0|[1-9]\d?))?", name):
        raise ValueError("should be auto, cpu, cuda, cuda:N or mps")
    return name


_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _memory_size(text: str) -> str:
    memory_bytes(text)
    return text.strip()


MOST_MEMORY = 10**18
"""Largest number before a unit of memory."""


def memory_bytes(text: str) -> int:
    """Bytes that a size such as ``4G``, ``800M``, ``1.5GB``, ``2GiB`` or ``3000000000`` stands for.

    Raises:
        ValueError: it is no such size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if match is None or (match[3] and not match[2]) or float(match[1]) == 0:
        raise ValueError("should be a size such as 4G, 800M or a number of bytes")
    if float(match[1]) > MOST_MEMORY:
        raise ValueError("is more than any machine has")
    unit = _UNITS[match[2].upper()]
    if match[3]:
        unit = 1024 ** list(_UNITS).index(match[2].upper())
    return int(float(match[1]) * unit)


def _sides(text: str) -> str:
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if match is None or not all(LEAST_SIZE <= int(side) <= MOST_SIZE for side in match.groups()):
        raise ValueError("should be width and height in pixels, such as 640x480")
    return f"{int(match[1])}x{int(match[2])}"


def _two_sides(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int for side in value):
        return f"{value[0]}x{value[1]}"
    return value


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NONE = "none"
"""In place of the path of a mask, or of the picture of the colours: no such picture, as where an earlier one is to be
left out."""


FACES = "faces"
"""In place of the path of what is protected: the faces that are found."""


def _without_none(value: object) -> object:
    """Masks by the number of their style, each once, without those that are none."""
    if value in (None, NONE):
        return {}
    if not isinstance(value, Mapping):
        return value
    if not all(str(key).strip().isdecimal() and int(key) > 0 for key in value):
        raise ValueError("should name masks by the numbers of their styles, from 1")
    numbers = {int(key): path for key, path in value.items()}  # of 2 and "2" the later one, which may be none
    return {number: _place(path) for number, path in numbers.items() if path not in (None, NONE)}


def _none_or(value: object) -> object:
    return None if value == NONE else _place(value)


def _place(path: object) -> object:
    return os.fsdecode(path) if isinstance(path, os.PathLike) else path


LayerName = Annotated[str, AfterValidator(_layer_name)]


LARGEST = 1e30
"""Of numbers without a bound of their own, so that what is made of them is finite in every precision."""


Weight = Annotated[float, Field(ge=0, le=LARGEST)]


Positive = Annotated[float, Field(gt=0, le=LARGEST)]


LayerWeights = dict[LayerName, Weight]


Masks = Annotated[dict[int, Annotated[str, Field(min_length=1)]], BeforeValidator(_without_none)]


Side = Annotated[int, Field(ge=LEAST_SIZE, le=MOST_SIZE)]


Sides = Annotated[str, AfterValidator(_sides), Field(examples=["640x480"])]

Size = Annotated[Side | Literal["original"] | Sides, BeforeValidator(_two_sides)]
Device = Annotated[str, AfterValidator(_device_name)]
Memory = Annotated[str, BeforeValidator(_text), AfterValidator(_memory_size)]
OptionalPath = Annotated[Annotated[str, Field(min_length=1)] | None, BeforeValidator(_none_or)]
"""The path of a picture; ``none`` removes an earlier one."""
