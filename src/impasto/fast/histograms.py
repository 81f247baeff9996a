"""Histogram matching in NumPy, as :mod:`impasto.engine.histograms` computes it in PyTorch.

Pictures are 3×H×W, with sides that are multiples of :data:`STRIDE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from impasto.fast.maps import Array

# PyTorch's modules hold the same constants, which a test compares.
BANDS = 4
"""Number of bands of the Laplacian pyramid."""

STRIDE = 2 ** (BANDS - 1)
"""Number of pixels between positions of the coarsest band."""

DISTANCES = (1, 2)
"""Distances in positions of a band, between which the differences of lightness are matched."""

HISTOGRAMS = BANDS * (len(DISTANCES) + 1) + 1
"""Number of tables of a style: for each band its differences and its values, and the pixels."""

ROUNDS = 2
"""Number of times that all bands and the colours are matched."""

RANKS = 256
"""Number of values in the table of a quantile function."""

SAMPLES = 1 << 15
"""Number of positions that suffice for a quantile function; larger pictures are sampled on a grid."""

NODES = 4096
"""Number of values in the table of a curve."""

LEAST_SPREAD = np.float32(4e-3)
"""Smallest difference between a band's largest and smallest value."""

LEAST_SLOPE, GREATEST_SLOPE = 0.4, 2.5
"""Bounds of the slope of a band's or the pixels' curve."""

LEAST_CHANGE, GREATEST_CHANGE = 0.5, 1.2
"""Bounds of the slope of a curve of differences."""

OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))
"""Orthonormal axes of colour whose histograms are matched."""

Histograms = Sequence[Array]
"""Quantile functions, 3×:data:`RANKS`: for each band those of the differences at each distance and of the three axes,
and at last those of the pixels."""

Margins = tuple[tuple[int, int], tuple[int, int]]
"""Pixels above and below, left and right of a photograph."""


def measure_histograms(picture: Array) -> list[Array]:
    """Measure the quantile functions of a picture's bands and colours.

    Args:
        picture: 3×H×W of any size from :data:`STRIDE`; rows and columns beyond a multiple of it do not count.
    """
    height, width = (side // STRIDE * STRIDE for side in picture.shape[1:])
    x = _rotated(np.array(OPPONENT, np.float32), picture[:, :height, :width])
    found = []
    for band in _laplacian_pyramid(x)[:-1]:
        found += [quantiles(_differences(band[0], distance)) for distance in DISTANCES] + [quantiles(band)]
    return [*found, quantiles(x)]


def match_histograms(
    picture: Array,
    styles: Sequence[Histograms],
    weights: Sequence[float],
    blend: float,
    margins: Margins = ((0, 0), (0, 0)),
) -> Array:
    """Match the histograms of a picture's bands and colours to the average of those of styles.

    Args:
        picture: 3×H×W.
        styles: histograms of each style.
        weights: weight of each style; at least one is above 0.
        blend: fraction of the way from the picture (0) to the matched one (1).
        margins: pixels above and below, left and right, that are not measured.
    """
    height, width = picture.shape[1:]
    (top, below), (left, right) = margins

    def match(x: Array, target: Array, *, is_difference: bool = False) -> Array:
        stride = width // x.shape[2]
        rows = slice(top // stride, -(-(height - below) // stride))
        columns = slice(left // stride, -(-(width - right) // stride))
        return np.stack([
            _match_axis(values, values[rows, columns], goal, blend, is_difference)
            for values, goal in zip(x, target, strict=True)
        ])  # fmt: skip

    def match_band(band: Array, goals: Sequence[Array]) -> Array:
        *of_differences, of_band = goals
        lightness = band[0]
        for distance, goal in zip(DISTANCES, of_differences, strict=True):
            found = _differences(lightness, distance)
            lightness = lightness + _adjoint(match(found, goal, is_difference=True) - found, distance)
        return match(np.stack([lightness, *band[1:]]), of_band)

    *targets, of_pixels = (
        np.average(tables, axis=0, weights=weights).astype(np.float32) for tables in zip(*styles, strict=True)
    )
    by_band = len(DISTANCES) + 1
    of_bands = [targets[i : i + by_band] for i in range(0, len(targets), by_band)]
    opponent = np.array(OPPONENT, np.float32)
    x = _rotated(opponent, picture)
    for _ in range(ROUNDS):
        *bands, last, coarse = _laplacian_pyramid(x)
        x = match_band(last, of_bands[-1]) + coarse
        for band, goal in zip(reversed(bands), reversed(of_bands[:-1]), strict=True):
            x = match_band(band, goal) + _upsampled(x)
        x = match(x, of_pixels)
    return _rotated(opponent.T, x)


def quantiles(x: Array) -> Array:
    """Tabulate the quantile function of each channel of C×H×W at equal steps of rank, C×:data:`RANKS`."""
    step = max(1, math.isqrt(x[0].size // SAMPLES))
    ranks = np.linspace(0, 1, RANKS, dtype=np.float32)
    return np.stack([_look_up(np.sort(channel[::step, ::step], axis=None), ranks) for channel in x])


def _differences(x: Array, distance: int) -> Array:
    """Compute the differences of H×W over a distance: down, to the right, and across both; 3×H×W."""
    padded = np.pad(x, ((0, distance), (0, distance)), mode="edge")
    left, right = padded[:, :-distance], padded[:, distance:]
    (above, below), (beside, diagonal) = ((pair[:-distance], pair[distance:]) for pair in (left + right, left - right))
    return np.stack([above - below, beside + diagonal, beside - diagonal]) * np.float32(0.25)


def _adjoint(change: Array, distance: int) -> Array:
    """Compute the change of H×W that adds a change to its differences."""
    down, right, across = change * np.float32(0.25)
    above, below = right + across, right - across
    height, width = (max(0, side - distance) for side in down.shape)
    lightness = down + above
    lightness[:, distance:] += (down - above)[:, :width]
    lightness[distance:] += (below - down)[:height]
    lightness[distance:, distance:] -= (below + down)[:height, :width]
    return lightness


def _match_axis(x: Array, core: Array, target: Array, blend: float, is_difference: bool) -> Array:
    """Map values from the distribution of their core to the target's, with bounded slopes."""
    source = quantiles(core[None])[0] + LEAST_SPREAD * np.linspace(0, 1, RANKS, dtype=np.float32)
    steps = np.diff(source)
    least, greatest = (LEAST_CHANGE, GREATEST_CHANGE) if is_difference else (LEAST_SLOPE, GREATEST_SLOPE)
    rises = np.diff(target).clip(least * steps, greatest * steps)
    values = np.concatenate([[0], rises.cumsum()])
    values += (source if is_difference else target).mean() - values.mean()
    low, span = source[0], source[-1] - source[0]
    inputs = low + span * np.linspace(0, 1, NODES, dtype=np.float32)
    table = np.interp(inputs, source, source + blend * (values - source)).astype(np.float32)
    return _look_up(table, (x - low) / span)


def _look_up(table: Array, position: Array) -> Array:
    """Interpolate in a table at positions from 0 (the first value) to 1 (the last one)."""
    at = position.clip(0, 1)
    at *= np.float32(len(table) - 1)
    index = at.astype(np.intp)
    at -= index
    at *= np.append(np.diff(table), np.float32(0)).take(index)
    at += table.take(index)
    return at


def _laplacian_pyramid(x: Array) -> list[Array]:
    """Split C×H×W into bands and the remaining coarse picture, which has the last band's size."""
    levels = []
    for _ in range(BANDS - 1):
        coarse = (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) * np.float32(0.25)
        levels.append(x - _upsampled(coarse))
        x = coarse
    coarse = _blurred(x)
    return [*levels, x - coarse, coarse]


def _blurred(x: Array) -> Array:
    """Average twice over windows of 3×3 positions."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        n, padded = len(x), np.concatenate([x[:1], x[:1], x, x[-1:], x[-1:]])
        nearest = padded[1 : n + 1] + padded[3 : n + 3]
        total = padded[:n] + padded[4:] + 2 * nearest + 3 * x
        x = np.moveaxis(total * np.float32(1 / 9), 0, axis)
    return x


def _upsampled(x: Array) -> Array:
    """Double the size by bilinear interpolation."""
    return _doubled(_doubled(x, 1), 2)


def _doubled(x: Array, axis: int) -> Array:
    """Double the length of an axis by linear interpolation."""
    shape = list(x.shape)
    shape[axis] *= 2
    doubled = np.empty(shape, x.dtype)
    x, by_place = np.moveaxis(x, axis, 0), np.moveaxis(doubled, axis, 0)
    near, far = np.float32(0.75) * x, np.float32(0.25) * x
    by_place[0], by_place[-1] = x[0], x[-1]
    np.add(near[1:], far[:-1], out=by_place[2::2])
    np.add(near[:-1], far[1:], out=by_place[1:-1:2])
    return doubled


def _rotated(matrix: Array, picture: Array) -> Array:
    return (matrix @ picture.reshape(3, -1)).reshape(picture.shape)
