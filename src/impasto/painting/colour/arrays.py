"""Arrays of colours, and functions of single pixels that are applied in strips to save memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

Array64 = npt.NDArray[np.float64]

ColourMap = Callable[[Array], Array]
"""Function from a picture, H×W×3, to one of the same size."""

STRIP = 1 << 16
"""Pixels that are processed at a time."""


def strips_of(height: int, width: int) -> list[slice]:
    """Split the rows of a picture into strips of about :data:`STRIP` pixels."""
    rows = max(1, STRIP // width)
    return [slice(first, min(first + rows, height)) for first in range(0, height, rows)]


def map_strips(function: Callable[..., Array], *pictures: Array) -> Array:
    """Apply a function of single pixels to pictures of one size, strip by strip.

    Args:
        function: takes a strip of each picture, h×W×C, and returns one of the same height and width.
        pictures: H×W×C each.
    """
    result: Array | None = None
    for rows in strips_of(*pictures[0].shape[:2]):
        strip = function(*(picture[rows] for picture in pictures))
        if result is None:
            result = np.empty((*pictures[0].shape[:2], strip.shape[-1]), np.float32)
        result[rows] = strip
    assert result is not None
    return result
