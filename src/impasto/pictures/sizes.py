"""Sizes, and resizing arrays of pixels."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

T = TypeVar("T", bound=np.generic)

TURNED: Final = frozenset({5, 6, 7, 8})
"""The EXIF orientations that exchange height and width."""


def oriented(values: npt.NDArray[T], orientation: int) -> npt.NDArray[T]:
    """An array turned upright.

    Args:
        values: height × width, × channels where there are any.
        orientation: as EXIF numbers it, from 1; 1 and unknown numbers leave it as it is.

    Returns:
        The array, or a turned copy.
    """
    if orientation in TURNED:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def fit(height: int, width: int, long_side: int) -> tuple[int, int]:
    """The size with a given long side and the same aspect.

    Args:
        height: the height now, in pixels.
        width: the width now, in pixels.
        long_side: the longer of the two sides that is wanted, in pixels.

    Returns:
        Height and width in pixels, rounded to the nearest, each at least 1.

    Raises:
        ValueError: when one of the arguments is below 1.
    """
    if min(height, width, long_side) < 1:
        raise ValueError(f"height, width and long_side must be at least 1, not {height}, {width} and {long_side}")
    longest = max(height, width)

    def scaled(side: int) -> int:
        return max(1, (2 * side * long_side + longest) // (2 * longest))

    return scaled(height), scaled(width)


def resize(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.float32]:
    """Resize an array with a Lanczos filter, which is widened when shrinking so that nothing aliases.

    Args:
        pixels: height × width or height × width × channels, floats in [0, 1].
        height: the wanted height in pixels.
        width: the wanted width in pixels.

    Returns:
        A new array of the wanted size with as many dimensions and channels, float32, clipped to [0, 1].

    Raises:
        ValueError: for an array of other dimensions or without pixels, or a wanted side below 1.
    """
    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise ValueError(f"an array of height × width or height × width × channels is needed, not {pixels.shape}")
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1, not {height} and {width}")
    if pixels.shape[:2] == (height, width):
        resized = pixels.astype(np.float32)
        np.clip(resized, 0, 1, out=resized)
        return resized
    resized = np.empty((height, width, *pixels.shape[2:]), np.float32)
    # One channel at a time, because Pillow keeps floating-point images in single channels only.
    for channel in np.ndindex(pixels.shape[2:]):
        layer = np.ascontiguousarray(pixels[:, :, *channel], np.float32)
        image = Image.fromarray(layer).resize((width, height), Image.Resampling.LANCZOS)
        resized[:, :, *channel] = np.asarray(image)
    np.clip(resized, 0, 1, out=resized)
    return resized


def resize_by_area(values: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.float32]:
    """Resize an array so that each new value is the mean of the area that it covers; linear where it is enlarged.

    Nothing overshoots, and what is 0 or 1 over a whole area stays exactly that: the way for masks.

    Args:
        values: height × width, floats in [0, 1].
        height: the wanted height in pixels.
        width: the wanted width in pixels.

    Returns:
        height × width, float32 in [0, 1]; the array itself where it has that size already.
    """
    if values.shape == (height, width):
        return values.astype(np.float32, copy=False)
    resized = np.ascontiguousarray(_along_rows(_along_rows(values, width).T, height).T)
    return np.clip(resized, 0, 1, out=resized)


_AT_ONCE: Final = 2**20  # values


def _along_rows(values: npt.NDArray[Any], length: int) -> npt.NDArray[np.float32]:
    """Each row of an array at another length, some rows at a time."""
    rows, old = values.shape
    result = np.empty((rows, length), np.float32)
    step = max(1, _AT_ONCE // max(old, length))
    for row in range(0, rows, step):
        part = values[row : row + step].astype(np.float64)
        result[row : row + step] = _means(part, length) if length < old else _between(part, length)
    return result


def _means(rows: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Means over equal parts of each row; values on an edge count for both sides by their share."""
    old = rows.shape[1]
    sums = np.zeros((len(rows), old + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    edges = np.arange(length + 1) * old / length
    whole = np.minimum(edges.astype(np.int64), old - 1)
    at_edges = sums[:, whole] + (edges - whole) * rows[:, whole]
    return np.diff(at_edges, axis=1) * (length / old)


def _between(rows: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Values between the centres of each row's pixels, linearly; beyond the last centres they stay."""
    old = rows.shape[1]
    places = ((np.arange(length) + 0.5) * old / length - 0.5).clip(0, old - 1)
    left = places.astype(np.int64)
    right, share = np.minimum(left + 1, old - 1), places - left
    return np.asarray(rows[:, left] * (1 - share) + rows[:, right] * share)


def scaled(height: int, width: int, long_side: float) -> tuple[int, int]:
    """Height and width with the long side given, aspect kept, no side under one pixel."""
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
