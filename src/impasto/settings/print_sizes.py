"""Sizes of prints, in centimetres, millimetres or inches at a resolution."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Unit = Literal["cm", "mm", "in"]

UNITS_PER_INCH: dict[Unit, float] = {"cm": 2.54, "mm": 25.4, "in": 1.0}

DEFAULT_DPI = 300.0
"""Resolution of a print size that gives none, in dots per inch."""

HIGHEST_DPI = 10_000
"""Highest resolution of a print in dots per inch."""

_PATTERN = re.compile(
    r"""\s*(?P<width>\d+(?:\.\d+)?)
    (?:\s*[x×]\s*(?P<height>\d+(?:\.\d+)?))?
    \s*(?P<unit>cm|mm|in|inch|inches|")
    (?:\s*@\s*(?P<dpi>\d+(?:\.\d+)?)\s*(?:dpi|ppi)?)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)


class PrintSize(NamedTuple):
    """Size of a print.

    Attributes:
        sides: width and height, or the long side alone, in units.
        unit: unit of the sides.
        dpi: resolution in dots per inch.
    """

    sides: tuple[float, ...]
    unit: Unit
    dpi: float

    @property
    def pixels(self) -> tuple[int, ...]:
        """The sides in pixels."""
        return tuple(round(side / UNITS_PER_INCH[self.unit] * self.dpi) for side in self.sides)

    def __str__(self) -> str:
        return f"{'x'.join(f'{side:g}' for side in self.sides)}{self.unit}@{self.dpi:g}"


def parse_print_size(text: str) -> PrintSize | None:
    """Return the print size in a text such as ``30x40cm@300``, ``297mm``, or ``12x16in@240``.

    Args:
        text: width and height, or the long side alone, with a unit; then perhaps ``@`` and dots per inch.

    Returns:
        None if the text is not a print size, or its resolution is not from 1 to :data:`HIGHEST_DPI`.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    unit: Unit = "cm" if match["unit"].lower() == "cm" else "mm" if match["unit"].lower() == "mm" else "in"
    dpi = float(match["dpi"]) if match["dpi"] else DEFAULT_DPI
    sides = tuple(float(side) for side in (match["width"], match["height"]) if side)
    return PrintSize(sides, unit, dpi) if 1 <= dpi <= HIGHEST_DPI else None


def pixels_of(size: int | str) -> tuple[int, ...]:
    """Return the long side, or width and height, in pixels of a valid size; empty for the photograph's own."""
    if isinstance(size, int):
        return (size,)
    if size == "original":
        return ()
    printed = parse_print_size(size)
    return printed.pixels if printed else tuple(map(int, size.split("x")))
