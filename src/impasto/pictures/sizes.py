"""Sizes, and resizing arrays of pixels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

TURNED: Final = frozenset({5, 6, 7, 8})
"""The EXIF orientations that exchange height and width."""


def oriented(values: npt.NDArray[np.float32], orientation: int) -> npt.NDArray[np.float32]:
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
