"""Shrinking pictures strip by strip, so that never more than a strip of one is in memory as floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.pictures.codecs.decoded import Decoded, to_floats, top
from impasto.pictures.transparency import composite_over_white

Strip: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any] | None]
"""Some rows of a picture: their colours and, where it has any, their alpha, both as in ``Decoded``."""

WHOLE: Final = 2**24
"""Pictures of no more pixels than this are read and written whole: they fit easily, and some libraries are faster."""

_STRIP: Final = 2**20  # pixels
_TALLEST: Final = 256  # rows; the weights of a strip grow with its square
_LOBES: Final = 3  # of the Lanczos filter that pictures.resize uses


def strip_height(width: int) -> int:
    """How many rows a strip of some width has."""
    return max(1, min(_TALLEST, _STRIP // width))


def is_reduced(height: int, width: int, long_side: int | None) -> bool:
    """Whether a picture that is only needed at a size is shrunk while it is read.

    Not where that saves little: such a picture keeps all its pixels, and whoever needs fewer resizes it.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        long_side: the size that is needed, in pixels; None for all there is.
    """
    return long_side is not None and height * width > WHOLE and max(height, width) > 2 * long_side


def strips_of(decoded: Decoded) -> Iterator[Strip]:
    """A picture that is in memory already, as strips."""
    rows = strip_height(decoded.colour.shape[1])
    for start in range(0, len(decoded.colour), rows):
        part = slice(start, start + rows)
        yield decoded.colour[part], None if decoded.alpha is None else decoded.alpha[part]


def reduced(
    strips: Iterable[Strip], size: tuple[int, int], wanted: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Composite a picture over white and resize it, as ``pictures.resize`` would do it with the whole.

    Args:
        strips: the picture from top to bottom.
        size: its height and width in pixels.
        wanted: height and width of the result; neither is larger.

    Returns:
        Pixels, height × width × 3, and alpha, height × width, both float32 in [0, 1]; no alpha where all is opaque.
    """
    colours: _Resampler | None = None
    opacity: _Resampler | None = None
    opaque = True
    for colour, alpha in strips:
        channels = colour if colour.ndim == 3 else colour[..., np.newaxis]
        pixels = np.empty(channels.shape, np.float32)
        to_floats(channels, out=pixels)
        colours = colours or _Resampler(size, wanted, channels.shape[2])
        if alpha is not None:
            opaque = opaque and bool(alpha.min() == top(alpha))
            shares = np.empty(alpha.shape, np.float32)
            to_floats(alpha, out=shares)
            composite_over_white(pixels, shares)
            opacity = opacity or _Resampler(size, wanted, 1)
            opacity.add(shares[..., np.newaxis])
        colours.add(pixels)
    if colours is None:
        raise ValueError("a picture has at least one strip")
    result = np.ascontiguousarray(np.broadcast_to(colours.result(), (*wanted, 3)))
    return result, None if opacity is None or opaque else opacity.result()[..., 0]


class _Resampler:
    """Pillow's Lanczos resampling of an image that comes in strips.

    The filter is separable, and Pillow takes the rows first: each strip can be narrowed at once. What it adds to the
    rows of the result is then a small matrix product.
    """

    def __init__(self, size: tuple[int, int], wanted: tuple[int, int], channels: int) -> None:
        self._height = size[0]
        self._sums = np.zeros((*wanted, channels), np.float32)
        self._seen = 0

    def add(self, strip: npt.NDArray[np.float32]) -> None:
        """Take the next rows: rows × width × channels."""
        height, width, channels = self._sums.shape
        narrow = np.empty((len(strip), width, channels), np.float32)
        for channel in range(channels):
            layer = Image.fromarray(np.ascontiguousarray(strip[..., channel]))
            narrow[..., channel] = np.asarray(layer.resize((width, len(strip)), Image.Resampling.LANCZOS))
        first, weights = lanczos_weights(self._height, height, self._seen, self._seen + len(strip))
        target = self._sums[first : first + len(weights)]
        target += (weights @ narrow.reshape(len(strip), -1)).reshape(target.shape)
        self._seen += len(strip)

    def result(self) -> npt.NDArray[np.float32]:
        """The whole, clipped to [0, 1]."""
        return self._sums.clip(0, 1)


def lanczos_weights(old: int, new: int, start: int, stop: int) -> tuple[int, npt.NDArray[np.float32]]:
    """What some rows of an image weigh in the rows of a smaller one, as in Pillow's ``precompute_coeffs``.

    Args:
        old: height of the image.
        new: height of the smaller one.
        start: the first of the rows.
        stop: the one after the last.

    Returns:
        The first row of the smaller image that they reach, and a matrix: rows of it × rows of the image.
    """
    scale = old / new
    support = _LOBES * scale
    reach = np.arange(
        max(0, int((start - support) / scale) - 1), min(new, int((stop + support) / scale) + 2), dtype=np.int64
    )
    centers = (reach + 0.5) * scale
    low = np.maximum(0, np.floor(centers - support + 0.5)).astype(np.int64)
    high = np.minimum(old, np.floor(centers + support + 0.5)).astype(np.int64)
    reached = (low < stop) & (high > start)
    reach, centers, low, high = reach[reached], centers[reached], low[reached], high[reached]
    weights = np.empty((len(reach), stop - start), np.float32)
    for row, (center, begin, end) in enumerate(zip(centers, low, high, strict=True)):
        position = (np.arange(min(begin, start), max(end, stop)) - center + 0.5) / scale
        line = np.sinc(position) * np.sinc(position / _LOBES)
        line[: max(0, begin - start)] = 0
        line[end - min(begin, start) :] = 0
        offset = start - min(begin, start)
        weights[row] = line[offset : offset + stop - start] / line.sum()
    return int(reach[0]), weights
