"""Transfer of one picture's colours to another: mean, covariance and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from impasto.painting.colour.arrays import Array, Array64, ColourMap, map_strips, strips_of

LEAST_DEVIATION = 2 / 255
"""Standard deviation below which a picture is flat in a direction of colour.

A smaller deviation is rounding or noise, which stretching to another picture's contrast would make visible."""

TRANSPORT_RIDGE = (8 / 255) ** 2
"""Variance added to both covariances before optimal transport, so that faint noise of a flat photograph stays faint."""

SAMPLE = 1 << 14
"""Number of pixels, about, that a distribution is estimated from."""

KNOTS = np.linspace(0, 1, 65)
"""Probabilities at which the quantiles of two distributions are matched."""


class Moments(NamedTuple):
    """Mean and covariance of colours with C channels.

    Attributes:
        mean: C.
        covariance: C×C.
    """

    mean: Array64
    covariance: Array64


def moments_of(picture: Array, weights: Array | None = None) -> Moments:
    """Compute the mean and covariance of a picture's colours.

    Args:
        picture: H×W×C.
        weights: H×W, such as the alpha channel; if they are all 0 or omitted, all pixels weigh the same.
    """
    channels = picture.shape[-1]
    if weights is not None and not weights.any():
        weights = None
    total, first, second = 0.0, np.zeros(channels), np.zeros((channels, channels))
    shift = picture[0, 0].astype(np.float64)  # near the mean, because sums of large squares cancel
    for rows in strips_of(*picture.shape[:2]):
        x = picture[rows].reshape(-1, channels) - shift
        w = np.ones(len(x)) if weights is None else weights[rows].reshape(-1).astype(np.float64)
        total, first, second = total + w.sum(), first + w @ x, second + (x * w[:, None]).T @ x
    mean = first / total
    return Moments(mean + shift, second / total - np.outer(mean, mean))


@dataclass(frozen=True)
class Affine:
    """An affine map of colours: a linear map about one mean, and a shift to another.

    Attributes:
        matrix: C×C.
        source: C, mean before.
        target: C, mean after.
    """

    matrix: Array64
    source: Array64
    target: Array64

    def __call__(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Map the picture's colours, without clipping, in the same floating-point type."""
        kind = picture.dtype
        return (picture - self.source.astype(kind)) @ self.matrix.T.astype(kind) + self.target.astype(kind)


def matching(source: Moments, target: Moments) -> Affine:
    """Make the map that gives a picture's colours another picture's mean and covariance.

    This is the linear matching of Gatys et al., *Controlling Perceptual Factors in Neural Style Transfer* (2017), in
    the form with symmetric roots, from *Image Analogies* (Hertzmann et al. 2001). A direction in which the source's
    deviation is below :data:`LEAST_DEVIATION`, such as hue in a grey picture, is stretched less the flatter it is, so
    that the target's covariance is not reached in it.

    Args:
        source: moments of the picture to map.
        target: moments that its colours will have.
    """
    values, vectors = np.linalg.eigh(source.covariance)
    scales = np.sqrt(np.maximum(values, 0)) / np.maximum(values, LEAST_DEVIATION**2)
    matrix = symmetric_root(target.covariance) @ (vectors * scales) @ vectors.T
    return Affine(matrix, source.mean, target.mean)


def transporting(source: Moments, targets: Sequence[Moments], weights: Sequence[float], share: float) -> Affine:
    """Make the map that moves colours to those of other pictures, and each colour as little as possible.

    It is the optimal transport map between normal distributions, T = A^−½ (A^½ B A^½)^½ A^−½ for the covariances A and
    B, averaged over the targets. Unlike that of :func:`matching`, its matrix is symmetric with positive eigenvalues, so
    it turns no colour into its complement. :data:`TRANSPORT_RIDGE` bounds its gains.

    Source: Pitié and Kokaram 2007, The linear Monge-Kantorovitch colour mapping for example-based colour transfer.

    Args:
        source: moments of the picture to map.
        targets: moments of the pictures with the colours.
        weights: weight of each target.
        share: fraction of the way from the source's colours (0) to the targets' (1).
    """
    ridge = TRANSPORT_RIDGE * np.eye(len(source.mean))
    root = symmetric_root(source.covariance + ridge)
    inverse = np.linalg.inv(root)
    maps = [inverse @ symmetric_root(root @ (t.covariance + ridge) @ root) @ inverse for t in targets]
    matrix, mean = (np.average(x, axis=0, weights=weights) for x in (maps, [t.mean for t in targets]))
    identity = np.eye(len(matrix))
    return Affine(identity + share * (matrix - identity), source.mean, source.mean + share * (mean - source.mean))


def recolouring(source: Array, target: Array, pixel_weights: Array | None = None) -> ColourMap:
    """Make the map that gives a picture another picture's colours: their moments and their distribution.

    After :func:`matching`, the quantiles along each principal axis of the target's colours are matched; this is one
    iteration of Pitié, Kokaram and Dahyot, *Automated colour grading using colour distribution transfer* (2007). If
    matching left the source flatter than the target along an axis, the target's quantiles are contracted as much.

    Args:
        source: h×w×3, the picture to map.
        target: H×W×3, the picture with the colours.
        pixel_weights: h×w, weights of the source's pixels; all ones by default.
    """
    moments = moments_of(target)
    move = matching(moments_of(source, pixel_weights), moments)
    axes = np.linalg.eigh(moments.covariance)[1]
    pixels, shares = sample_pixels(source, pixel_weights)
    before = quantiles(move(pixels.astype(np.float64)) @ axes, shares)
    pixels, shares = sample_pixels(target)
    after = quantiles(pixels.astype(np.float64) @ axes, shares)
    contraction = np.minimum(1, before.std(axis=0) / np.maximum(after.std(axis=0), 1e-6))
    after = after.mean(axis=0) + (after - after.mean(axis=0)) * contraction

    def recolour(strip: Array) -> Array:
        along = move(strip.astype(np.float64)) @ axes
        for axis in range(3):
            along[..., axis] = np.interp(along[..., axis], before[:, axis], after[:, axis])
        return np.asarray((along @ axes.T).clip(0, 1), np.float32)

    return lambda picture: map_strips(recolour, picture)


def quantiles(values: Array64, shares: Array64) -> Array64:
    """Compute weighted quantiles at :data:`KNOTS`; for equal shares they are those of ``numpy.quantile``.

    Args:
        values: n×C.
        shares: n, weights with the sum 1.

    Returns:
        K×C for K knots.
    """
    columns = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        middles = np.cumsum(shares[order]) - shares[order] / 2
        positions = (middles - middles[0]) / max(middles[-1] - middles[0], 1e-12)
        columns.append(np.interp(KNOTS, positions, column[order]))
    return np.stack(columns, axis=1)


def symmetric_root(covariance: Array64) -> Array64:
    """Compute the symmetric square root of a covariance, C×C."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def sample_pixels(picture: Array, pixel_weights: Array | None = None) -> tuple[Array, Array64]:
    """Sample about :data:`SAMPLE` pixels of a picture at regular intervals.

    Args:
        picture: H×W×3.
        pixel_weights: H×W; all ones by default. Pixels of weight 0 are not sampled.

    Returns:
        The pixels, n×3, and their weights with the sum 1.
    """
    height, width = picture.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(height * width / SAMPLE))))
    grid = (slice(step // 2 % height, None, step), slice(step // 2 % width, None, step))
    if pixel_weights is None:
        pixels = picture[grid].reshape(-1, 3)
        return pixels, np.full(len(pixels), 1 / len(pixels))
    # The intervals count only pixels with a weight, because a grid over the picture might miss a small part.
    places = np.flatnonzero(pixel_weights)
    places = places[:: -(-len(places) // SAMPLE)]
    shares = pixel_weights.reshape(-1)[places].astype(np.float64)
    return picture.reshape(-1, 3)[places], shares / shares.sum()
