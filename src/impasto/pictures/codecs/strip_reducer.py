"""Shrinking large pictures strip by strip, so that a whole picture of floats is never in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from impasto.pictures.codecs.decoded_image import DecodedImage, full_value, to_floats
from impasto.pictures.sizes import LANCZOS_LOBES, LARGE, lanczos
from impasto.pictures.transparency import composite_over_white

Strip: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any] | None]
"""Some rows of a picture: colour and optional alpha, both as in ``DecodedImage``."""

_STRIP_PIXELS: Final = 2**20
_STRIP_ROWS: Final = 256


def strip_height(width: int) -> int:
    """Return the number of rows in a strip of some width."""
    return max(1, min(_STRIP_ROWS, _STRIP_PIXELS // width))


def is_reduced(height: int, width: int, long_side: int | None) -> bool:
    """Return whether a picture that is needed at a size is shrunk during reading.

    A picture keeps all its pixels if shrinking saves little; the caller resizes it.

    Args:
        height: height of the picture in pixels.
        width: width of the picture in pixels.
        long_side: long side that is needed, in pixels; None for all pixels.
    """
    return long_side is not None and height * width > LARGE and max(height, width) > 2 * long_side


def split_into_strips(decoded: DecodedImage) -> Iterator[Strip]:
    """Yield a picture that is already in memory as strips."""
    rows = strip_height(decoded.colour.shape[1])
    for start in range(0, len(decoded.colour), rows):
        part = slice(start, start + rows)
        yield decoded.colour[part], None if decoded.alpha is None else decoded.alpha[part]


def reduce_strips(
    strips: Iterable[Strip], size: tuple[int, int], new_size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Composite a picture over white and resize it, as ``pictures.resize`` does with the whole picture.

    Args:
        strips: the picture from top to bottom, at least one strip.
        size: its height and width in pixels.
        new_size: height and width of the result; neither is larger.

    Returns:
        Pixels, height × width × 3, and alpha, height × width, both float32 in [0, 1]; alpha is None for an opaque
        picture.
    """
    colours: _StripResizer | None = None
    opacity: _StripResizer | None = None
    opaque = True
    for colour, alpha in strips:
        channels = colour if colour.ndim == 3 else colour[..., np.newaxis]
        pixels = np.empty(channels.shape, np.float32)
        to_floats(channels, out=pixels)
        colours = colours or _StripResizer(size, new_size, channels.shape[2])
        if alpha is not None:
            opaque = opaque and bool(alpha.min() == full_value(alpha))
            shares = np.empty(alpha.shape, np.float32)
            to_floats(alpha, out=shares)
            composite_over_white(pixels, shares)
            opacity = opacity or _StripResizer(size, new_size, 1)
            opacity.add(shares[..., np.newaxis])
        colours.add(pixels)
    if colours is None:
        raise ValueError("a picture has at least one strip")
    pixels = np.ascontiguousarray(np.broadcast_to(colours.result(), (*new_size, 3)))
    return pixels, None if opacity is None or opaque else opacity.result()[..., 0]


class _StripResizer:
    """Lanczos resizing of a picture that arrives in strips.

    The filter is separable. Each strip is narrowed when it arrives; its narrow rows are kept until every row of the
    result that they contribute to is computed. Both steps are Pillow's, with its ``box`` as the window of rows.
    """

    def __init__(self, size: tuple[int, int], new_size: tuple[int, int], channels: int) -> None:
        self._height = size[0]
        self._scale = size[0] / new_size[0]
        self._result = np.empty((*new_size, channels), np.float32)
        self._done = 0  # rows of the result
        self._window = np.empty((0, new_size[1], channels), np.float32)
        self._start = 0  # row of the picture at the window's top

    def add(self, strip: npt.NDArray[np.float32]) -> None:
        """Add the next rows: rows × width × channels."""
        new_height, new_width, _ = self._result.shape
        self._window = np.concatenate([self._window, lanczos(strip, len(strip), new_width)])
        end = self._start + len(self._window)
        reach = LANCZOS_LOBES * self._scale + 1  # rows on each side of a new row's centre; one more for rounding
        ready = new_height if end == self._height else math.floor((end - reach) / self._scale + 0.5)
        if ready > self._done:
            box = self._done * self._scale - self._start, min(ready * self._scale, end) - self._start
            self._result[self._done : ready] = lanczos(self._window, ready - self._done, new_width, box)
            self._done = ready
        unneeded = max(0, int((self._done + 0.5) * self._scale - reach) - self._start)
        self._window = self._window[unneeded:]
        self._start += unneeded

    def result(self) -> npt.NDArray[np.float32]:
        """Return the resized picture, clipped to [0, 1]."""
        return np.clip(self._result, 0, 1, out=self._result)
