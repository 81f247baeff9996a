"""Margins of the photographs that the trained network paints, which let its grid move with the photograph.

The network has one coarse position for 8×8 pixels, so it paints a photograph differently if the grid lies elsewhere.
Chaman and Dokmanić (2021, Truly Shift-Invariant Convolutional Neural Networks) let the picture choose among the grids,
and a shifted picture then chooses the shifted grid. Here a landmark chooses: the point of the photograph that differs
most from its surroundings is a corner of the grid.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

BLEED = 10
"""Smallest margin in pixels on each side of a picture with borders that bleed."""

POINT, SURROUNDINGS = 5, 17
"""Sides in pixels of the windows whose mean luminances are compared."""

STRIP = 512
"""Number of rows that are compared at once, which limits the memory."""

Array = npt.NDArray[np.float32]

Margins = tuple[tuple[int, int], tuple[int, int]]
"""Pixels above and below, left and right of a photograph."""


def grid_margins(photo: Array, stride: int, *, bleeds: bool) -> Margins:
    """Return the margins that put the landmark of a photograph on a grid.

    Args:
        photo: H×W×3.
        stride: number of pixels between lines of the grid; the margins complete the sides to multiples of it.
        bleeds: whether every side has a margin of at least :data:`BLEED` pixels.
    """
    least = BLEED if bleeds else 0
    (top, below), (left, right) = (
        _around(at, length, stride, least) for at, length in zip(landmark(photo), photo.shape[:2], strict=True)
    )
    return (top, below), (left, right)


def landmark(photo: Array) -> tuple[int, int]:
    """Find the point of a photograph whose luminance differs most from that of its surroundings.

    Args:
        photo: H×W×3.

    Returns:
        Row and column; the first such point in reading order, and (0, 0) for a picture smaller than the surroundings.
    """
    height, width, _ = photo.shape
    if min(height, width) < SURROUNDINGS:
        return 0, 0
    best, found = -1.0, (0, 0)
    for first, strip in _strips(photo):
        luminance = strip.sum(2, dtype=np.float64)
        inner = (SURROUNDINGS - POINT) // 2
        points = _means(luminance[inner:-inner, inner:-inner], POINT)
        contrast = np.abs(points - _means(luminance, SURROUNDINGS))
        row, column = np.unravel_index(contrast.argmax(), contrast.shape)
        if contrast[row, column] > best:
            best = float(contrast[row, column])
            found = first + int(row) + SURROUNDINGS // 2, int(column) + SURROUNDINGS // 2
    return found


def _around(at: int, length: int, stride: int, least: int) -> tuple[int, int]:
    before = least + (-at - least) % stride
    return before, least + (-before - length - least) % stride


def _strips(photo: Array) -> Iterator[tuple[int, Array]]:
    """Yield strips of rows, each with the number of its first one, that overlap by a window."""
    for first in range(0, len(photo) - SURROUNDINGS + 1, STRIP):
        yield first, photo[first : first + STRIP + SURROUNDINGS - 1]


def _means(x: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    """Average over all windows within H×W."""
    for axis in (0, 1):
        x = np.moveaxis(x, axis, 0)
        total = np.concatenate([np.zeros_like(x[:1]), x.cumsum(0)])
        x = np.moveaxis((total[side:] - total[:-side]) / side, 0, axis)
    return x
