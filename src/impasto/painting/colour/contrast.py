"""Local contrast: the detail of a photograph's luminance, kept or strengthened while its colours change.

The detail is the difference to a guided filter of the luminance by itself (He, Sun and Tang 2013, Guided Image
Filtering), whose coefficients are computed on a reduced picture (He and Sun 2015, Fast Guided Filter). Strong edges
are not part of it, so no halos form beside them.
"""

from __future__ import annotations

import numpy as np

from impasto.painting.colour.arrays import Array, Array64, strips_of
from impasto.pictures import resize, scaled_size

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the luminance."""

MEASURED_SIDE = 256
"""Long side in pixels of the reduced picture."""

WINDOW_RADIUS = 1 / 24
"""Radius of the windows as a fraction of the long side."""

EDGE_VARIANCE = 0.01
"""Variance of a window of which the filter keeps half as an edge."""

NOISE_VARIANCE = (4 / 255) ** 2
"""Variance of a window whose detail is strengthened half as much as that of one without noise."""


def with_detail(photo: Array, recoloured: Array, factor: float, share: float = 1.0) -> Array:
    """Give a recoloured photograph the detail of the original one, strengthened.

    Args:
        photo: H×W×3 in [0, 1].
        recoloured: H×W×3 in [0, 1].
        factor: factor of the photograph's detail; faint noise is strengthened less.
        share: fraction of the way from the recoloured photograph's own detail.

    Returns:
        H×W×3 in [0, 1], with the chroma of the recoloured photograph where no channel is clipped.
    """
    maps = np.float32(share) * _coefficients(photo, recoloured, factor)
    height, width = photo.shape[:2]
    across = maps @ _interpolation(maps.shape[-1], width).T
    down = _interpolation(maps.shape[-2], height)
    result = np.empty_like(recoloured)
    for rows in strips_of(height, width):
        from_photo, from_recoloured, offset = down[rows] @ across
        change = from_photo * (photo[rows] @ LUMA) - from_recoloured * (recoloured[rows] @ LUMA) + offset
        np.clip(recoloured[rows] + change[..., None], 0, 1, out=result[rows])
    return result


def _coefficients(photo: Array, recoloured: Array, factor: float) -> Array:
    """Compute the change of luminance as p·L − q·R + r, 3×h×w, for the luminances L of the photo and R recoloured."""
    height, width = photo.shape[:2]
    size = scaled_size(height, width, min(MEASURED_SIDE, max(height, width)))
    radius = max(1, round(WINDOW_RADIUS * max(size)))
    light, other = ((resize(picture, *size) @ LUMA).astype(np.float64) for picture in (photo, recoloured))
    slope, offset, variance = _guided(light, radius)
    other_slope, other_offset, _ = _guided(other, radius)
    gain = 1 + (factor - 1) * variance / (variance + NOISE_VARIANCE)
    return np.stack([gain * (1 - slope), 1 - other_slope, other_offset - gain * offset]).astype(np.float32)


def _guided(light: Array64, radius: int) -> tuple[Array64, Array64, Array64]:
    """Return slope and offset of the guided filter's base by luminance, and the averaged variance, h×w each."""
    mean = _averaged(light, radius)
    variance = np.maximum(0, _averaged(light**2, radius) - mean**2)
    slope = variance / (variance + EDGE_VARIANCE)
    return _averaged(slope, radius), _averaged((1 - slope) * mean, radius), _averaged(variance, radius)


def _averaged(x: Array64, radius: int) -> Array64:
    """Average each position's window within the picture, h×w."""
    for _ in range(2):
        length = len(x)
        sums = np.concatenate([np.zeros((1, x.shape[1])), x.cumsum(0)])
        first = np.maximum(0, np.arange(length) - radius)
        last = np.minimum(length, np.arange(length) + radius + 1)
        x = ((sums[last] - sums[first]) / (last - first)[:, None]).T
    return x


def _interpolation(length: int, new_length: int) -> Array:
    """Make the matrix that interpolates a signal linearly, new_length × length, with pixels as areas."""
    position = ((np.arange(new_length) + 0.5) * length / new_length - 0.5).clip(0, length - 1)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(length))).astype(np.float32)
