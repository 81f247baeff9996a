"""OKLab and sRGB: conversions, gamut, lightness and chroma."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


Exact = npt.NDArray[np.float64]


Map = Callable[[Array], Array]
"""From a picture to one of the same size."""


STRIP = 1 << 16
"""Pixels that are worked on at once."""


_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
"""Linear sRGB to the cones' answers."""


_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Their cube roots to L, a, b."""


_FROM_LMS, _FROM_LAB = np.linalg.inv(_LMS), np.linalg.inv(_LAB)


def to_linear(encoded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Undo sRGB's encoding (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4)


def to_encoded(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse of :func:`to_linear`; negative values stay negative."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def to_oklab(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bring sRGB to OKLab; the last axis holds the channels, floating-point type kept."""
    cones = to_linear(rgb) @ _LMS.T.astype(rgb.dtype)
    return np.asarray(np.cbrt(cones) @ _LAB.T.astype(rgb.dtype))


def to_srgb(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """OKLab to sRGB, the inverse of :func:`to_oklab`; colours that sRGB lacks come out beyond [0, 1]."""
    return to_encoded(_linear_from(lab))


def _linear_from(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    cones = (lab @ _FROM_LAB.T.astype(lab.dtype)) ** 3
    return np.asarray(cones @ _FROM_LMS.T.astype(lab.dtype))


def into_gamut(lab: npt.NDArray[Any], steps: int = 14) -> npt.NDArray[Any]:
    """OKLab colours with no more chroma than sRGB has at their hue and lightness, which stay as they are.

    Args:
        lab: …×3, L in [0, 1].
        steps: halvings of the interval in which the largest chroma is sought.
    """
    flat = lab.reshape(-1, 3).copy()
    outside = np.flatnonzero(~_in_gamut(flat))
    if outside.size:
        colours = flat[outside]
        low, high = np.zeros((len(colours), 1), flat.dtype), np.ones((len(colours), 1), flat.dtype)
        scale = np.array([0, 1, 1], flat.dtype)
        for _ in range(steps):
            middle = (low + high) / 2
            fits = _in_gamut(colours * (1 - scale + scale * middle))[:, None]
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        flat[outside] = colours * (1 - scale + scale * low)
    return flat.reshape(lab.shape)


def _in_gamut(lab: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    linear = _linear_from(lab)
    return np.asarray(((linear >= -1e-5) & (linear <= 1 + 1e-5)).all(axis=-1))


def lightness(picture: Array) -> Array:
    """OKLab's L of an H×W×3 picture, H×W."""
    return _in_strips(lambda part: to_oklab(part)[..., :1], picture)[..., 0]


def grey(light: Array) -> Array:
    """The H×W×3 picture without chroma of an H×W lightness."""
    one = to_encoded(np.clip(light, 0, 1) ** 3).astype(np.float32)
    return np.repeat(one[..., None], 3, axis=-1)


def with_chroma_of(painted: Array, photo: Array) -> Array:
    """The lightness of one picture with the hue and chroma of another of the same size.

    Where sRGB has no such colour, the chroma is lowered until there is one; hue and lightness stay. This is Gatys,
    Bethge, Hertzmann, Shechtman, *Preserving Color in Neural Artistic Style Transfer* (2016), in OKLab.
    """

    def recompose(painted: Array, photo: Array) -> Array:
        lab = to_oklab(photo)
        lab[..., 0] = to_oklab(painted)[..., 0].clip(0, 1)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1), np.float32)

    return _in_strips(recompose, painted, photo)


def _strips(height: int, width: int) -> list[slice]:
    rows = max(1, STRIP // width)
    return [slice(first, min(first + rows, height)) for first in range(0, height, rows)]


def _in_strips(function: Callable[..., Array], *pictures: Array) -> Array:
    """A function of single pixels on pictures of one size, strip by strip."""
    parts: Array | None = None
    for rows in _strips(*pictures[0].shape[:2]):
        part = function(*(picture[rows] for picture in pictures))
        if parts is None:
            parts = np.empty((*pictures[0].shape[:2], part.shape[-1]), np.float32)
        parts[rows] = part
    assert parts is not None
    return parts
