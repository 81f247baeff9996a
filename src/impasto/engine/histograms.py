"""Histogram matching of a Laplacian pyramid: a picture's contrasts at every scale get a painting's distribution.

The map between normal distributions (:mod:`impasto.engine.transport`) gives a picture the painting's variances, but
not its few strong strokes among many weak ones. Matching the histograms of the bands does.

Source: Heeger and Bergen 1995, Pyramid-Based Texture Analysis/Synthesis, sections 3 and 4. In place of their oriented
filters, the undecimated Haar wavelet of each band tells the directions of strokes. The slopes of the curves are
bounded, so that faint noise stays faint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.decoder import PIXELS
from impasto.engine.tiles import Box
from impasto.engine.transport import map_regions

BANDS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Bands of the pyramid, the finest first, by the layers of the encoder that have their resolutions."""

STRIDE = 2 ** (len(BANDS) - 1)
"""Number of pixels between positions of the coarsest band; the sides of a picture are multiples of it."""

DISTANCES = (1, 2)
"""Distances in positions of a band, between which the differences of lightness are matched."""

ROUNDS = 2
"""Number of times that all bands and the colours are matched, because each match changes the others a little."""

RANKS = 256
"""Number of values in the table of a quantile function."""

SAMPLES = 1 << 15
"""Number of positions that suffice for a quantile function; larger pictures are sampled on a grid."""

NODES = 4096
"""Number of values in the table of a curve."""

LEAST_SPREAD = 4e-3
"""Smallest difference between a band's largest and smallest value."""

LEAST_SLOPE, GREATEST_SLOPE = 0.4, 2.5
"""Bounds of the slope of a band's or the pixels' curve, by which small values shrink and grow."""

LEAST_CHANGE, GREATEST_CHANGE = 0.5, 1.2
"""Bounds of the slope of a curve of differences, which their band's slope multiplies."""

MARGIN = 104
"""Number of pixels around a part of a picture that its matched values depend on: 102, aligned to the grid of 8."""

OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))
"""Orthonormal axes of colour whose histograms are matched: lightness, red against blue, and green against both."""

Histograms = Mapping[str, Tensor]
"""Quantile functions, 3×:data:`RANKS`: for every band and the pixels those of the three axes, and for every band and
distance those of the three :func:`differences`."""

HistogramTarget = Sequence[tuple[Histograms, float]]
"""Styles of a region with their weights."""

Masks = Sequence[Mapping[str, Tensor] | None]
"""For each region its weights at every band and the pixels, H×W in [0, 1]; None for the whole picture."""


class Curve(NamedTuple):
    """A piecewise linear function for each axis, constant beyond its ends.

    Attributes:
        low: smallest input of each axis, 3×1.
        span: difference between the largest and the smallest input, 3×1.
        table: outputs at equal steps from the smallest to the largest input, 3×:data:`NODES`.
    """

    low: Tensor
    span: Tensor
    table: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Map a picture, 1×3×H×W, pixel by pixel."""
        return look_up(self.table, (x[0].flatten(1) - self.low) / self.span).view_as(x)


Curves = Sequence[Mapping[str, Sequence[Curve]]]
"""For each round, and for every name in :data:`Histograms`, the curve of each region."""


def measure_histograms(picture: Tensor, mask: Mapping[str, Tensor] | None = None) -> Histograms:
    """Measure the quantile functions of a picture's bands and colours.

    Args:
        picture: 1×3×H×W, with sides from :data:`STRIDE`; rows and columns beyond a multiple of it do not count.
        mask: weights of the picture's positions at every band and the pixels; all ones by default.
    """
    height, width = (side // STRIDE * STRIDE for side in picture.shape[-2:])
    x = to_opponent(picture[..., :height, :width])
    found: dict[str, Tensor] = {}
    for name, band in zip(BANDS, laplacian_pyramid(x), strict=False):
        found |= {_joined(name, distance): differences(band, distance) for distance in DISTANCES} | {name: band}
    found[PIXELS] = x
    return {
        name: quantiles(part, None if mask is None else mask[_layer(name)][: part.shape[-2], : part.shape[-1]])
        for name, part in found.items()
    }


def measure_curves(
    picture: Tensor, targets: Sequence[HistogramTarget], masks: Masks, blend: float, core: Box | None = None
) -> tuple[Curves, Tensor]:
    """Compute the curves that match a picture's histograms to those of styles, and match it.

    Args:
        picture: 1×3×H×W, with sides that are multiples of :data:`STRIDE`.
        targets: styles of each region.
        masks: weights of each region's positions.
        blend: fraction of the way from the picture (0) to the matched one (1).
        core: part of the picture that is measured; all of it by default. All of it is matched.

    Returns:
        The curves, and the matched picture.
    """
    core = core or Box(0, 0, picture.shape[-2], picture.shape[-1])
    curves: list[dict[str, Sequence[Curve]]] = []

    def match(name: str, x: Tensor) -> Tensor:
        stride = picture.shape[-1] // x.shape[-1]
        part = Box(core.top // stride, core.left // stride, -(-core.bottom // stride), -(-core.right // stride)).slices
        at_band = [None if mask is None else mask[_layer(name)] for mask in masks]
        curves[-1][name] = [
            measure_curve(name, x[(..., *part)], None if mask is None else mask[part], _barycentre(target, name), blend)
            for target, mask in zip(targets, at_band, strict=True)
        ]
        return map_regions(x, curves[-1][name], at_band)

    x = to_opponent(picture)
    for _ in range(ROUNDS):
        curves.append({})
        x = match_round(x, match)
    return curves, from_opponent(x)


def apply_curves(picture: Tensor, curves: Curves, masks: Masks) -> Tensor:
    """Map a picture's bands and colours by curves that :func:`measure_curves` computed, perhaps for another picture.

    Args:
        picture: as for :func:`measure_curves`.
        curves: curves of each region.
        masks: weights of each region's positions.
    """
    x = to_opponent(picture)
    for of_round in curves:

        def match(name: str, x: Tensor, of_round: Mapping[str, Sequence[Curve]] = of_round) -> Tensor:
            return map_regions(x, of_round[name], [None if mask is None else mask[_layer(name)] for mask in masks])

        x = match_round(x, match)
    return from_opponent(x)


def laplacian_pyramid(x: Tensor) -> list[Tensor]:
    """Split B×C×H×W into the bands :data:`BANDS` and the remaining coarse picture (Burt and Adelson 1983).

    The coarse picture has the last band's size, as the sides need not be multiples of more than :data:`STRIDE`.
    """
    levels = []
    for _ in BANDS[1:]:
        coarse = F.avg_pool2d(x, 2)
        levels.append(x - _upsampled(coarse))
        x = coarse
    coarse = _blurred(x)
    return [*levels, x - coarse, coarse]


def collapse(levels: Sequence[Tensor]) -> Tensor:
    """Add the levels of a Laplacian pyramid: the inverse of :func:`laplacian_pyramid`."""
    *bands, last, coarse = levels
    x = last + coarse
    for band in reversed(bands):
        x = band + _upsampled(x)
    return x


def quantiles(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Tabulate the quantile function of each channel at equal steps of rank, C×:data:`RANKS`.

    Args:
        x: 1×C×H×W.
        mask: H×W weights in [0, 1]; all ones by default. If all are 0, they count as ones.
    """
    part = (..., *(slice(None, None, _sampling(*x.shape[-2:])),) * 2)
    values, order = x[part][0].flatten(1).sort(1)
    ranks = torch.linspace(0, 1, RANKS, device=x.device).expand(len(values), -1)
    weights = None if mask is None else mask[part].flatten().to(values)
    if weights is None or not weights.any():
        return look_up(values, ranks)
    below = weights[order].cumsum(1)
    # The first rank is that of the first value with a weight.
    index = torch.searchsorted(below, (ranks * below[:, -1:]).clamp_min(torch.finfo(below.dtype).tiny))
    return values.gather(1, index.clamp_max(values.shape[1] - 1))


def _sampling(height: int, width: int) -> int:
    """Return the steps of the grid of samples in pixels."""
    return max(1, math.isqrt(height * width // SAMPLES))


def look_up(table: Tensor, position: Tensor) -> Tensor:
    """Interpolate in each row of a table, C×K, at positions C×N from 0 (the first value) to 1 (the last one)."""
    found = []
    for row, at in zip(table, position, strict=True):  # row by row, which saves memory
        at = at.clamp(0, 1).mul_(len(row) - 1)
        index = at.int().clamp_max_(len(row) - 2)
        left = row[index]
        found.append((row[index + 1] - left).mul_(at.sub_(index)).add_(left))
    return torch.stack(found)


def match_round(x: Tensor, match: Callable[[str, Tensor], Tensor]) -> Tensor:
    """Map the differences and the values of every band of B×3×H×W, and then the whole.

    Args:
        x: picture along the axes :data:`OPPONENT`.
        match: function of a name in :data:`Histograms` and the values.
    """
    *bands, coarse = laplacian_pyramid(x)
    matched = []
    for name, band in zip(BANDS, bands, strict=True):
        for distance in DISTANCES:
            found = differences(band, distance)
            band = changed(band, match(_joined(name, distance), found) - found, distance)
        matched.append(match(name, band))
    return match(PIXELS, collapse([*matched, coarse]))


def differences(band: Tensor, distance: int) -> Tensor:
    """Compute the differences of lightness over a distance: down, to the right, and across both (Haar's wavelet).

    Args:
        band: B×3×H×W along the axes :data:`OPPONENT`.
        distance: number of positions; those beyond the border have the border's values.

    Returns:
        B×3×H×W.
    """
    x = F.pad(band[:, :1], (0, distance, 0, distance), mode="replicate") / 4
    left, right = x[..., :-distance], x[..., distance:]
    pairs = left + right, left - right
    (above, below), (beside, diagonal) = ((pair[..., :-distance, :], pair[..., distance:, :]) for pair in pairs)
    return torch.cat([above - below, beside + diagonal, beside - diagonal], 1)


def changed(band: Tensor, change: Tensor, distance: int) -> Tensor:
    """Change the lightness of a band as far as its :func:`differences` change, by the adjoint of these."""
    down, right, across = (change / 4).split(1, 1)
    above, below = right + across, right - across
    result, (height, width) = band.clone(), band.shape[-2:]
    lightness = result[:, :1]
    lightness += down + above
    lightness[..., distance:] += (down - above)[..., : max(0, width - distance)]
    lightness[..., distance:, :] += (below - down)[..., : max(0, height - distance), :]
    lightness[..., distance:, distance:] -= (below + down)[..., : max(0, height - distance), : max(0, width - distance)]
    return result


def measure_curve(name: str, x: Tensor, mask: Tensor | None, target: Tensor, blend: float) -> Curve:
    """Compute the monotone map of each axis from its own distribution to the target's, with bounded slopes.

    The mapped picture has the target's mean.

    Args:
        name: name of the values in :data:`Histograms`.
        x: values, 1×3×H×W.
        mask: weights of the positions, H×W; None for ones.
        target: quantile functions to match.
        blend: fraction of the way from the values (0) to the matched ones (1).
    """
    is_difference = name != _layer(name)
    least, greatest = (LEAST_CHANGE, GREATEST_CHANGE) if is_difference else (LEAST_SLOPE, GREATEST_SLOPE)
    source = quantiles(x, mask) + LEAST_SPREAD * torch.linspace(0, 1, RANKS, device=x.device)
    steps = source.diff(dim=1)
    rises = torch.minimum(torch.maximum(target.diff(dim=1), least * steps), greatest * steps)
    values = F.pad(rises.cumsum(1), (1, 0))
    # Another mean of the differences would be a slope of the whole picture, which ends in a step at its border.
    mean = (source if is_difference else target).mean(1, keepdim=True)
    values = source.lerp(values + mean - values.mean(1, keepdim=True), blend)
    low, span = source[:, :1], source[:, -1:] - source[:, :1]
    inputs = low + span * torch.linspace(0, 1, NODES, device=x.device)
    return Curve(low, span, _interpolate(inputs, source, values))


def _interpolate(x: Tensor, positions: Tensor, values: Tensor) -> Tensor:
    """Interpolate at C×N in each row of a function with the given values at increasing positions, C×K."""
    index = (torch.searchsorted(positions, x, right=True) - 1).clamp(0, positions.shape[1] - 2)
    left, right = positions.gather(1, index), positions.gather(1, index + 1)
    share = ((x - left) / (right - left)).clamp(0, 1)
    return values.gather(1, index).lerp(values.gather(1, index + 1), share)


def _joined(layer: str, distance: int) -> str:
    """Return the name of the differences of a band over a distance."""
    return f"{layer} {distance}"


def _layer(name: str) -> str:
    """Return the layer of a name in :data:`Histograms`, which has the same resolution."""
    return name.partition(" ")[0]


def _barycentre(target: HistogramTarget, name: str) -> Tensor:
    """Average the styles' quantile functions by their weights, which gives their Wasserstein barycentre."""
    total = sum(weight for _, weight in target)
    return torch.stack([style[name] * (weight / total) for style, weight in target]).sum(0)


def _blurred(x: Tensor) -> Tensor:
    """Average twice over windows of 3×3 positions."""
    padded = F.pad(x, (2, 2, 2, 2), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 3, stride=1), 3, stride=1)


def _upsampled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def to_opponent(picture: Tensor) -> Tensor:
    """Rotate the colours of B×3×H×W to the axes :data:`OPPONENT`."""
    return torch.einsum("ac,bchw->bahw", picture.new_tensor(OPPONENT), picture).contiguous()


def from_opponent(x: Tensor) -> Tensor:
    """Rotate the axes :data:`OPPONENT` of B×3×H×W back to colours."""
    return torch.einsum("ac,bahw->bchw", x.new_tensor(OPPONENT), x)
