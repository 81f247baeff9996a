"""Palettes: the few colours that pictures are mostly made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.painting.colour.oklab import Array, Exact, _in_strips, into_gamut, to_oklab, to_srgb
from impasto.painting.colour.transfer import _sample

PALETTE = 16
"""Colours of a palette, where the painting has so many."""


def palette_of(
    pictures: Sequence[Array],
    weights: Sequence[float],
    size: int = PALETTE,
    taken: Sequence[Array | None] = (),
) -> Array:
    """The colours that pictures are mostly made of.

    Binary splitting (Orchard and Bouman, *Color Quantization of Images*, 1991: the cluster of the largest variance is
    cut at its mean, across its principal axis), refined by Lloyd's k-means. Nothing in it is random.

    Args:
        pictures: H×W×3 each.
        weights: what each counts; those of 0 are left out.
        size: number of colours; fewer come out where there are fewer.
        taken: for each picture None or H×W, what each pixel counts.

    Returns:
        K×3, OKLab.
    """
    parts = taken or (None,) * len(pictures)
    counted = [(p, part, weight) for p, part, weight in zip(pictures, parts, weights, strict=True) if weight > 0]
    samples = [_sample(picture, part) for picture, part, _ in counted]
    colours = to_oklab(np.concatenate([pixels for pixels, _ in samples]).astype(np.float64))
    w = np.concatenate([weight * share for (_, share), (*_, weight) in zip(samples, counted, strict=True)])
    clusters = [np.arange(len(colours))]
    while len(clusters) < size:
        spreads = [_spread(colours[c], w[c]) for c in clusters]
        widest = max(range(len(clusters)), key=lambda i: spreads[i][0])
        variance, axis, mean = spreads[widest]
        if variance < 1e-6 * w.sum():
            break
        cluster = clusters.pop(widest)
        side = (colours[cluster] - mean) @ axis > 0
        clusters += [cluster[side], cluster[~side]]
    centres = np.stack([np.average(colours[c], axis=0, weights=w[c]) for c in clusters])
    for _ in range(20):
        nearest = _squares(colours, centres).argmin(axis=1)
        masses = np.bincount(nearest, w, len(centres))
        sums = np.stack([np.bincount(nearest, w * colours[:, i], len(centres)) for i in range(3)], axis=1)
        centres = np.where(masses[:, None] > 0, sums / np.maximum(masses, 1e-12)[:, None], centres)
    return centres.astype(np.float32)


def _spread(colours: Exact, weights: Exact) -> tuple[float, Exact, Exact]:
    """A cluster's weighted variance along its principal axis, that axis, and its mean."""
    mean = np.average(colours, axis=0, weights=weights)
    centred = colours - mean
    values, vectors = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    return float(values[-1]), vectors[:, -1], mean


def _squares(colours: npt.NDArray[Any], centres: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Squared distances, n×K."""
    squares = (colours**2).sum(1)[:, None] - 2 * colours @ centres.T + (centres**2).sum(1)
    return np.asarray(np.maximum(squares, 0))


def in_palette(picture: Array, palette: Array) -> Array:
    """A picture in the colours of a palette.

    Each colour becomes a mixture of the palette's colours, which count by a Gaussian of their distance in OKLab, a
    third of the palette's usual spacing wide: near one it is all but that one, and between two it passes softly.

    Args:
        picture: H×W×3.
        palette: K×3, OKLab.
    """
    if len(palette) == 1:
        width = 1.0
    else:
        gaps = _squares(palette, palette)
        np.fill_diagonal(gaps, np.inf)
        width = float(np.median(np.sqrt(gaps.min(axis=1)))) / 3

    def mix(part: Array) -> Array:
        squares = _squares(to_oklab(part).reshape(-1, 3), palette)
        squares -= squares.min(axis=1, keepdims=True)
        shares = np.exp(-squares / (2 * width**2))
        lab = (shares @ palette) / shares.sum(axis=1, keepdims=True)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1).reshape(part.shape), np.float32)

    return _in_strips(mix, picture)
