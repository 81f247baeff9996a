"""Shared tools of the two sample paintings built from separate marks: the mosaic and the pointillist river.

Both plan a picture in *design units* — a sheet 1024 wide and 768 high, whatever the size that is drawn — and then
set thousands of separate marks on it. This module holds what they have in common: the sheet's coordinates, smooth
random fields to break up a surface, and easing functions.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int32]
Bools: TypeAlias = npt.NDArray[np.bool_]

SHEET_WIDTH = 1024.0
SHEET_HEIGHT = 768.0


def sheet_shape(long_side: int) -> tuple[int, int]:
    """Return rows and columns of a picture in the sheet's 4:3 proportion.

    Args:
        long_side: Width of the picture in pixels.

    Returns:
        Height and width in pixels.

    Raises:
        ValueError: The picture would be too small to hold a composition.
    """
    if long_side < 32:
        raise ValueError(f"a sample painting needs a long side of at least 32 px, not {long_side}")
    return round(long_side * SHEET_HEIGHT / SHEET_WIDTH), long_side


def sheet_coordinates(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return x and y of every pixel centre in design units.

    Args:
        shape: Height and width of the raster in pixels.

    Returns:
        Two H×W arrays, x growing to the right and y downwards.
    """
    height, width = shape
    unit = SHEET_WIDTH / width
    x = (np.arange(width, dtype=np.float32) + 0.5) * unit
    y = (np.arange(height, dtype=np.float32) + 0.5) * unit
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x.astype(np.float32), grid_y.astype(np.float32)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """Ease from 0 at `low` to 1 at `high` without a kink at either end.

    Args:
        low: Where the step begins (may be larger than `high` for a falling step).
        high: Where it ends.
        value: What to ease.

    Returns:
        Values in [0, 1], the shape of `value`.
    """
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def mix(first: Floats | float, second: Floats | float, share: Floats) -> Floats:
    """Blend two arrays.

    Args:
        first: What shows where `share` is 0.
        second: What shows where `share` is 1.
        share: Blend weights; an H×W share blends H×W×3 colours channel by channel.

    Returns:
        The blend.
    """
    if np.ndim(first) == 3 or np.ndim(second) == 3 or np.ndim(first) == 1 or np.ndim(second) == 1:
        share = share[..., None]
    return np.asarray(first * (1.0 - share) + second * share, dtype=np.float32)


def smooth_field(
    shape: tuple[int, int], wavelength: tuple[float, float], rng: np.random.Generator, octaves: int = 1
) -> Floats:
    """Return a smooth random field of about unit spread, the same at every raster size.

    The field is drawn on a coarse grid in design units and interpolated, so a small and a large drawing with the same
    seed agree on where things are.

    Args:
        shape: Height and width of the raster in pixels.
        wavelength: Size of a bump in design units, down and across.
        rng: Where the randomness comes from.
        octaves: How many halvings of the wavelength to add, each at half the strength.

    Returns:
        An H×W field with mean near 0 and standard deviation near 1.
    """
    field = np.zeros(shape, dtype=np.float32)
    strength, total = 1.0, 0.0
    down, across = wavelength
    for _ in range(octaves):
        rows, columns = int(SHEET_HEIGHT / down) + 4, int(SHEET_WIDTH / across) + 4
        coarse = rng.standard_normal((rows, columns)).astype(np.float32)
        field += strength * _interpolate(coarse, shape, (down, across))
        total += strength**2
        strength, down, across = strength / 2.0, down / 2.0, across / 2.0
    # Cubic interpolation of independent values keeps about 0.6 of their spread.
    return np.asarray(field / (0.62 * np.sqrt(total)), dtype=np.float32)


def _interpolate(coarse: Floats, shape: tuple[int, int], wavelength: tuple[float, float]) -> Floats:
    """Interpolate a grid of knots by a cubic B-spline, which is separable, axis by axis."""
    unit = SHEET_WIDTH / shape[1]
    tall = _spline((np.arange(shape[0], dtype=np.float32) + 0.5) * unit / wavelength[0], coarse)
    return _spline((np.arange(shape[1], dtype=np.float32) + 0.5) * unit / wavelength[1], tall.T).T


def _spline(position: Floats, knots: Floats) -> Floats:
    first = np.floor(position).astype(np.int32)
    t = (position - first)[:, None]
    weights = (
        (1.0 - t) ** 3 / 6.0,
        (3.0 * t**3 - 6.0 * t**2 + 4.0) / 6.0,
        (-3.0 * t**3 + 3.0 * t**2 + 3.0 * t + 1.0) / 6.0,
        t**3 / 6.0,
    )
    # A height rounded up to whole pixels may reach a little over the edge of the sheet.
    last = len(knots) - 1
    parts = (weight * knots[np.minimum(first + tap, last)] for tap, weight in enumerate(weights))
    return np.asarray(sum(parts), dtype=np.float32)


def blur(image: Floats, sigma: float) -> Floats:
    """Blur an H×W or H×W×C array by a Gaussian over its first two axes.

    Args:
        image: What to blur.
        sigma: Standard deviation in pixels.

    Returns:
        The blurred array.
    """
    spread = (sigma, sigma) + (0.0,) * (image.ndim - 2)
    return np.asarray(ndimage.gaussian_filter(image, spread, mode="nearest"), dtype=np.float32)
