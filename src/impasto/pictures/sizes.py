"""Sizes, orientation and resizing of pixel arrays."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

T = TypeVar("T", bound=np.generic)

LARGE: Final = 2**24
"""Pixels above which a picture is large: it may be shrunk during reading, and libvips encodes it."""

LANCZOS_LOBES: Final = 3
"""Lobes of Pillow's Lanczos filter on each side: the pixels of the smaller image that it reaches."""

TRANSPOSING: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange height and width."""


def scaled_size(height: int, width: int, long_side: float) -> tuple[int, int]:
    """Return the size with a given long side and the same aspect ratio.

    Args:
        height: current height in pixels.
        width: current width in pixels.
        long_side: the longer of the two new sides in pixels.

    Returns:
        Height and width in pixels, rounded to the nearest (halves to even), each at least 1.
    """
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def oriented(values: npt.NDArray[T], orientation: int) -> npt.NDArray[T]:
    """Turn an array upright.

    Args:
        values: height × width, optionally × channels.
        orientation: EXIF orientation; 1 and unknown numbers change nothing.

    Returns:
        The array, or a turned copy, contiguous in memory.
    """
    if orientation in TRANSPOSING:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def resize(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.float32]:
    """Resize an array with Pillow's Lanczos filter, which is widened for shrinking to avoid aliasing.

    Args:
        pixels: height × width or height × width × channels, floats in [0, 1].
        height: new height in pixels.
        width: new width in pixels.

    Returns:
        A new array of the new size with the same channels, float32, clipped to [0, 1].

    Raises:
        ValueError: the array has other dimensions or no pixels, or a new side is below 1.
    """
    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise ValueError(f"an array of height × width or height × width × channels is needed, not {pixels.shape}")
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1, not {height} and {width}")
    resized = lanczos(pixels, height, width)
    np.clip(resized, 0, 1, out=resized)
    return resized


def lanczos(
    pixels: npt.NDArray[Any], height: int, width: int, rows: tuple[float, float] | None = None
) -> npt.NDArray[np.float32]:
    """Resize a non-empty array as ``resize`` does, without clipping the filter's overshoot.

    Args:
        pixels: height × width or height × width × channels, floats.
        height: new height in pixels.
        width: new width in pixels.
        rows: top and bottom of the part to resize; the filter still reads the rows around it. None for all rows.
    """
    if pixels.shape[:2] == (height, width) and rows is None:
        return pixels.astype(np.float32)
    resized = np.empty((height, width, *pixels.shape[2:]), np.float32)
    box = None if rows is None else (0, rows[0], pixels.shape[1], rows[1])
    # Pillow's floating-point images have a single channel.
    for channel in np.ndindex(pixels.shape[2:]):
        layer = np.ascontiguousarray(pixels[:, :, *channel], np.float32)
        image = Image.fromarray(layer).resize((width, height), Image.Resampling.LANCZOS, box)
        resized[:, :, *channel] = np.asarray(image)
    return resized


def resize_by_area(values: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.float32]:
    """Resize a mask: each new value is the mean of the area that it covers; enlarging interpolates linearly.

    Nothing overshoots, and areas of constant 0 or 1 keep exactly that value.

    Args:
        values: height × width, floats in [0, 1].
        height: new height in pixels.
        width: new width in pixels.

    Returns:
        height × width, float32 in [0, 1]; the array itself if the size does not change.
    """
    if values.shape == (height, width):
        return values.astype(np.float32, copy=False)
    resized = np.ascontiguousarray(_resize_rows(_resize_rows(values, width).T, height).T)
    return np.clip(resized, 0, 1, out=resized)


_BLOCK: Final = 2**20  # values resized at once


def _resize_rows(values: npt.NDArray[Any], length: int) -> npt.NDArray[np.float32]:
    """Resize each row of an array, one block of rows at a time."""
    rows, old = values.shape
    result = np.empty((rows, length), np.float32)
    step = max(1, _BLOCK // max(old, length))
    for row in range(0, rows, step):
        part = values[row : row + step].astype(np.float64)
        result[row : row + step] = _area_means(part, length) if length < old else _interpolated(part, length)
    return result


def _area_means(rows: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Average each row over equal intervals; a value on an edge counts for both sides by its share."""
    old = rows.shape[1]
    sums = np.zeros((len(rows), old + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    edges = np.arange(length + 1) * old / length
    whole = np.minimum(edges.astype(np.int64), old - 1)
    at_edges = sums[:, whole] + (edges - whole) * rows[:, whole]
    return np.diff(at_edges, axis=1) * (length / old)


def _interpolated(rows: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Interpolate each row linearly between pixel centres; values beyond the outer centres stay constant."""
    old = rows.shape[1]
    places = ((np.arange(length) + 0.5) * old / length - 0.5).clip(0, old - 1)
    left = places.astype(np.int64)
    right, share = np.minimum(left + 1, old - 1), places - left
    return np.asarray(rows[:, left] * (1 - share) + rows[:, right] * share)
