"""Transfer of one picture's colours to another: mean, covariance and quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.painting.colour.oklab import Array, Exact, Map, _in_strips, _strips

LEAST_DEVIATION = 2 / 255
"""Standard deviation under which a picture is taken as flat in a direction: what is there is rounding or noise, and
stretching it to another picture's contrast would paint that."""


def mean_and_covariance(picture: Array, weights: Array | None = None) -> tuple[Exact, Exact]:
    """Of the colours of a picture.

    Args:
        picture: H×W×C.
        weights: H×W, what each pixel counts, such as its alpha; where all are 0, or none are given, all count alike.

    Returns:
        C means and the C×C covariance, float64.
    """
    channels = picture.shape[-1]
    if weights is not None and not weights.any():
        weights = None
    total, first, second = 0.0, np.zeros(channels), np.zeros((channels, channels))
    shift = picture[0, 0].astype(np.float64)  # near the colours, or the squares would cancel
    for rows in _strips(*picture.shape[:2]):
        x = picture[rows].reshape(-1, channels) - shift
        w = np.ones(len(x)) if weights is None else weights[rows].reshape(-1).astype(np.float64)
        total, first, second = total + w.sum(), first + w @ x, second + (x * w[:, None]).T @ x
    mean = first / total
    return mean + shift, second / total - np.outer(mean, mean)


@dataclass(frozen=True)
class Affine:
    """A linear map of colours about a mean, which it moves.

    Attributes:
        matrix: C×C.
        source: C, the mean that is moved.
        target: C, where it comes to lie.
    """

    matrix: Exact
    source: Exact
    target: Exact

    def __call__(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The picture's colours mapped, not clipped; floating-point type kept."""
        kind = picture.dtype
        return (picture - self.source.astype(kind)) @ self.matrix.T.astype(kind) + self.target.astype(kind)


def matching(source: tuple[Exact, Exact], target: tuple[Exact, Exact]) -> Affine:
    """The map that gives a picture's colours another picture's mean and covariance.

    This is the linear matching of Gatys et al., *Controlling Perceptual Factors in Neural Style Transfer* (2017), in
    the form with symmetric roots, from *Image Analogies* (Hertzmann et al. 2001). Directions in which the source's
    deviation is under :data:`LEAST_DEVIATION` (those of hue in a grey picture) are stretched the less the flatter they
    are, so that there the target's covariance is not reached.

    Args:
        source: mean and covariance of the picture to map.
        target: those that its colours are to have.
    """
    values, vectors = np.linalg.eigh(source[1])
    scales = np.sqrt(np.maximum(values, 0)) / np.maximum(values, LEAST_DEVIATION**2)
    matrix = _root(target[1]) @ (vectors * scales) @ vectors.T
    return Affine(matrix, source[0], target[0])


KNOTS = np.linspace(0, 1, 65)
"""Shares of the pixels at which two distributions are brought together."""


def recolouring(source: Array, target: Array, taken: Array | None = None) -> Map:
    """The map that gives a picture another picture's colours: their mean and covariance, and how they are distributed.

    After :func:`matching`, the distribution along each principal axis of the target's colours is brought to the
    target's own, quantile by quantile; this is one turn of Pitié, Kokaram and Dahyot, *Automated colour grading using
    colour distribution transfer* (2007). Along an axis where matching left the source flatter than the target, since it
    is all but flat there, the target's quantiles are drawn together as much.

    Args:
        source: h×w×3, the picture to map.
        target: H×W×3, whose colours it is to have.
        taken: None or h×w, what each pixel of the source counts.
    """
    moments = mean_and_covariance(target)
    move = matching(mean_and_covariance(source, taken), moments)
    axes = np.linalg.eigh(moments[1])[1]
    pixels, shares = _sample(source, taken)
    have = _quantiles(move(pixels.astype(np.float64)) @ axes, shares)
    pixels, shares = _sample(target)
    want = _quantiles(pixels.astype(np.float64) @ axes, shares)
    reached = np.minimum(1, have.std(axis=0) / np.maximum(want.std(axis=0), 1e-6))
    want = want.mean(axis=0) + (want - want.mean(axis=0)) * reached

    def recolour(part: Array) -> Array:
        along = move(part.astype(np.float64)) @ axes
        for axis in range(3):
            along[..., axis] = np.interp(along[..., axis], have[:, axis], want[:, axis])
        return np.asarray((along @ axes.T).clip(0, 1), np.float32)

    return lambda picture: _in_strips(recolour, picture)


def _quantiles(values: Exact, shares: Exact) -> Exact:
    """At :data:`KNOTS`, for each column of n×C values; where the shares, which sum to 1, are equal, numpy's own."""
    found = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        middles = np.cumsum(shares[order]) - shares[order] / 2
        places = (middles - middles[0]) / max(middles[-1] - middles[0], 1e-12)
        found.append(np.interp(KNOTS, places, column[order]))
    return np.stack(found, axis=1)


def _root(covariance: Exact) -> Exact:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _sample(picture: Array, taken: Array | None = None) -> tuple[Array, Exact]:
    """Some of the pixels, at most about 16,000, from a regular grid; n×3, and what each counts, together 1."""
    height, width = picture.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(height * width / (1 << 14)))))
    grid = (slice(step // 2 % height, None, step), slice(step // 2 % width, None, step))
    if taken is None:
        pixels = picture[grid].reshape(-1, 3)
        return pixels, np.full(len(pixels), 1 / len(pixels))
    # A small part might lie between the grid's points, so these are every so many of its own pixels.
    places = np.flatnonzero(taken)
    places = places[:: -(-len(places) // (1 << 14))]
    shares = taken.reshape(-1)[places].astype(np.float64)
    return picture.reshape(-1, 3)[places], shares / shares.sum()
