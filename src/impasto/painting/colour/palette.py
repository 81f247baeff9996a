"""Palettes: the main colours of pictures, and pictures in these colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.painting.colour.arrays import Array, Array64, map_strips
from impasto.painting.colour.oklab import into_gamut, to_oklab, to_srgb
from impasto.painting.colour.transfer import sample_pixels

PALETTE = 16
"""Largest number of colours in a palette."""

REFINEMENTS = 20
"""Iterations of k-means."""


def palette_of(
    pictures: Sequence[Array],
    weights: Sequence[float],
    size: int = PALETTE,
    pixel_weights: Sequence[Array | None] = (),
) -> Array:
    """Find the main colours of pictures.

    The method is binary splitting (Orchard and Bouman, *Color Quantization of Images*, 1991), which divides the cluster
    of the largest variance at its mean, across its principal axis. Lloyd's k-means then refines the clusters. The
    result is deterministic.

    Args:
        pictures: H×W×3 each.
        weights: weight of each picture; those of weight 0 are ignored.
        size: largest number of colours; pictures with fewer colours have a smaller palette.
        pixel_weights: for each picture H×W, or None for all ones.

    Returns:
        K×3, OKLab.
    """
    parts = pixel_weights or (None,) * len(pictures)
    weighted = [(p, part, weight) for p, part, weight in zip(pictures, parts, weights, strict=True) if weight > 0]
    samples = [sample_pixels(picture, part) for picture, part, _ in weighted]
    colours = to_oklab(np.concatenate([pixels for pixels, _ in samples]).astype(np.float64))
    w = np.concatenate([weight * shares for (_, shares), (*_, weight) in zip(samples, weighted, strict=True)])
    clusters = _split(colours, w, size)
    centres = np.stack([np.average(colours[c], axis=0, weights=w[c]) for c in clusters])
    for _ in range(REFINEMENTS):
        nearest = _squared_distances(colours, centres).argmin(axis=1)
        masses = np.bincount(nearest, w, len(centres))
        sums = np.stack([np.bincount(nearest, w * colours[:, i], len(centres)) for i in range(3)], axis=1)
        centres = np.where(masses[:, None] > 0, sums / np.maximum(masses, 1e-12)[:, None], centres)
    return centres.astype(np.float32)


def _split(colours: Array64, weights: Array64, size: int) -> list[npt.NDArray[np.intp]]:
    """Divide weighted colours, n×3, into at most ``size`` clusters of indices."""
    clusters = [np.arange(len(colours))]
    while len(clusters) < size:
        axes = [_principal_axis(colours[c], weights[c]) for c in clusters]
        widest = max(range(len(clusters)), key=lambda i: axes[i][0])
        variance, axis, mean = axes[widest]
        if variance < 1e-6 * weights.sum():
            break
        cluster = clusters.pop(widest)
        side = (colours[cluster] - mean) @ axis > 0
        clusters += [cluster[side], cluster[~side]]
    return clusters


def _principal_axis(colours: Array64, weights: Array64) -> tuple[float, Array64, Array64]:
    """Compute a cluster's summed variance along its principal axis, that axis, and the cluster's mean."""
    mean = np.average(colours, axis=0, weights=weights)
    centred = colours - mean
    values, vectors = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    return float(values[-1]), vectors[:, -1], mean


def _squared_distances(colours: npt.NDArray[Any], centres: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Compute the squared distances of n×3 colours to K×3 centres, n×K."""
    squares = (colours**2).sum(1)[:, None] - 2 * colours @ centres.T + (centres**2).sum(1)
    return np.asarray(np.maximum(squares, 0))


def in_palette(picture: Array, palette: Array) -> Array:
    """Convert a picture to the colours of a palette.

    Each colour becomes a mixture of the palette's colours, weighted by a Gaussian of their distance in OKLab. Its
    standard deviation is a third of the median distance between neighbours in the palette, so that a colour near one
    of them becomes nearly that one, and colours in between pass smoothly from one to the other.

    Args:
        picture: H×W×3.
        palette: K×3, OKLab.
    """
    if len(palette) == 1:
        deviation = 1.0
    else:
        squares = _squared_distances(palette, palette)
        np.fill_diagonal(squares, np.inf)
        deviation = float(np.median(np.sqrt(squares.min(axis=1)))) / 3

    def mix(strip: Array) -> Array:
        squares = _squared_distances(to_oklab(strip).reshape(-1, 3), palette)
        squares -= squares.min(axis=1, keepdims=True)
        shares = np.exp(-squares / (2 * deviation**2))
        lab = (shares @ palette) / shares.sum(axis=1, keepdims=True)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1).reshape(strip.shape), np.float32)

    return map_strips(mix, picture)
