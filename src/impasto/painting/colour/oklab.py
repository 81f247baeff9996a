"""OKLab and sRGB: conversions, gamut, lightness and chroma.

OKLab (Björn Ottosson, *A perceptual color space for image processing*, 2020) has lightness L in [0, 1] and two opponent
axes a and b, whose length is the chroma and whose angle is the hue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.painting.colour.arrays import Array, map_strips

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
"""Matrix from linear sRGB to the responses of the eye's cones."""

_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Matrix from the cube roots of the responses to L, a and b."""

_FROM_LMS, _FROM_LAB = np.linalg.inv(_LMS), np.linalg.inv(_LAB)


def to_linear(encoded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Decode sRGB to linear light (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4)


def to_encoded(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Encode linear light as sRGB, the inverse of :func:`to_linear`; negative values remain negative."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def to_oklab(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert sRGB to OKLab; …×3, in the same floating-point type."""
    cones = to_linear(rgb) @ _LMS.T.astype(rgb.dtype)
    return np.asarray(np.cbrt(cones) @ _LAB.T.astype(rgb.dtype))


def to_srgb(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert OKLab to sRGB, the inverse of :func:`to_oklab`; colours outside sRGB have values outside [0, 1]."""
    return to_encoded(_to_linear_rgb(lab))


def _to_linear_rgb(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    cones = (lab @ _FROM_LAB.T.astype(lab.dtype)) ** 3
    return np.asarray(cones @ _FROM_LMS.T.astype(lab.dtype))


def into_gamut(lab: npt.NDArray[Any], steps: int = 14) -> npt.NDArray[Any]:
    """Reduce the chroma of OKLab colours outside sRGB until they are inside; hue and lightness stay the same.

    Args:
        lab: …×3, L in [0, 1].
        steps: bisections of the interval that contains the largest chroma.
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
    linear = _to_linear_rgb(lab)
    return np.asarray(((linear >= -1e-5) & (linear <= 1 + 1e-5)).all(axis=-1))


def lightness(picture: Array) -> Array:
    """Compute the lightness L of a picture, H×W×3 to H×W."""
    return map_strips(lambda strip: to_oklab(strip)[..., :1], picture)[..., 0]


def grey(light: Array) -> Array:
    """Make the picture without chroma of a lightness, H×W to H×W×3."""
    one = to_encoded(np.clip(light, 0, 1) ** 3).astype(np.float32)
    return np.repeat(one[..., None], 3, axis=-1)


def with_chroma_of(painted: Array, photo: Array) -> Array:
    """Combine the lightness of one picture with the hue and chroma of another of the same size.

    Colours outside sRGB are brought :func:`into_gamut`. The method is Gatys, Bethge, Hertzmann and Shechtman,
    *Preserving Color in Neural Artistic Style Transfer* (2016), in OKLab.
    """

    def recompose(painted: Array, photo: Array) -> Array:
        lab = to_oklab(photo)
        lab[..., 0] = to_oklab(painted)[..., 0].clip(0, 1)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1), np.float32)

    return map_strips(recompose, painted, photo)
