"""Feed-forward style transfer: features of a photograph, mapped to a painting's statistics, and decoded, in tiles.

The maps at all levels of the decoder, and of the pixels' colours, are those of optimal transport
(:mod:`impasto.engine.transport`). At last the histograms of the picture's bands are matched to the painting's
(:mod:`impasto.engine.histograms`). Maps and curves depend on statistics of the whole picture, and everything else is
local. So they are measured once, on a reduced picture if it is large, and tiles with a halo then give the same picture
as one piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.encoders.decoder import FULL_STRENGTH, LEVELS, PHOTO_LEVEL, PIXELS, Decoder
from impasto.encoders.network import Encoder
from impasto.engine.distances import Gaussian, gaussian
from impasto.engine.histograms import MARGIN, Curves, Histograms, apply_curves, measure_curves, measure_histograms
from impasto.engine.statistics import exact_statistics
from impasto.engine.style_terms import LayerMasks
from impasto.engine.tiles import Box
from impasto.engine.transport import RIDGE, AffineMap, map_regions, transport

STRIDE = 8
"""Grid of the tiles in pixels, and of a picture's sides: the stride of the coarsest level."""

HALO = 112
"""Margin of a tile in pixels, aligned to the grid: 32 for the encoder up to relu4_1 and 74 for the decoder."""

TAPER = 1 / 8
"""Fraction of a photograph's side over which its positions count less and less towards the border."""


class MeasuredStyle(NamedTuple):
    """A painting's statistics.

    Attributes:
        distributions: distribution at every level and of the pixels.
        histograms: histograms of the bands and of the pixels.
    """

    distributions: Mapping[str, Gaussian]
    histograms: Histograms


Target = Sequence[tuple[MeasuredStyle, float]]
"""Styles of a region with their weights."""


class Transfer(NamedTuple):
    """Everything that was measured for a photograph and its styles.

    Attributes:
        maps: for every level and the pixels the map of each region.
        curves: curves of each region that match the histograms.
    """

    maps: Mapping[str, Sequence[AffineMap]]
    curves: Curves


class FeedForward:
    """An encoder with the decoder that was trained for it.

    Args:
        encoder: encoder, in the precision to compute in.
        decoder: decoder, in the same precision.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        self._encoder, self._decoder = encoder, decoder
        self.layers = {name: encoder.resolve(name) for name in (*LEVELS, PIXELS)}

    @torch.no_grad()
    def measure_style(self, style: Tensor, mask: LayerMasks | None = None) -> MeasuredStyle:
        """Measure a painting's distributions and histograms.

        Args:
            style: 1×3×H×W in [0, 1].
            mask: part of the painting to use; all of it by default.
        """
        features = {**self._encoder(style, LEVELS), PIXELS: style}
        distributions = {name: _distribution(x, None if mask is None else mask[name]) for name, x in features.items()}
        return MeasuredStyle(distributions, measure_histograms(style, mask))

    @torch.no_grad()
    def measure(
        self,
        photo: Tensor,
        targets: Sequence[Target],
        masks: Sequence[LayerMasks | None],
        strength: float,
        core: Box | None = None,
    ) -> tuple[Transfer, Tensor]:
        """Compute the maps and curves of each region for a photograph, painting it as one piece.

        Args:
            photo: 1×3×H×W in [0, 1], with sides that are multiples of :data:`STRIDE`.
            targets: styles of each region.
            masks: weights of each region's positions; None for the whole picture.
            strength: strength of the network in [0, 1].
            core: the photograph without its margin, whose histograms are matched; all of it by default.

        Returns:
            Maps and curves, and the painted picture.
        """
        maps: dict[str, list[AffineMap]] = {}

        def map_level(name: str, x: Tensor) -> Tensor:
            at_level = [None if mask is None else mask[name] for mask in masks]
            maps[name] = [
                _region_map(x, target, name, mask, strength) for target, mask in zip(targets, at_level, strict=True)
            ]
            return map_regions(x, maps[name], at_level)

        painted = self._decoder(self._encode(photo), photo.new_tensor([strength]), map_level).to(photo)
        histograms = [[(style.histograms, weight) for style, weight in target] for target in targets]
        painted = map_level(PIXELS, painted).clamp_(0, 1)
        curves, painted = measure_curves(painted, histograms, masks, matching_at(strength), core)
        return Transfer(maps, curves), painted

    @torch.no_grad()
    def paint(
        self,
        photo: Tensor,
        transfer: Transfer,
        masks: Sequence[LayerMasks | None],
        strength: float,
        tile: int | None = None,
    ) -> Tensor:
        """Paint a photograph with maps and curves that :meth:`measure` computed, perhaps at another size.

        Args:
            photo: as for :meth:`measure`.
            transfer: maps and curves of each region.
            masks: weights of each region's positions at the photograph's size.
            strength: strength of the network in [0, 1].
            tile: side of the tiles without their halo in pixels, a multiple of :data:`STRIDE`; None for one piece.

        Returns:
            1×3×H×W.
        """
        painted = torch.empty_like(photo)
        size = (photo.shape[-2], photo.shape[-1])
        for core in _tiles(*size, tile):
            box = _enlarged(core, HALO, *size)
            within = [None if mask is None else self._cut(mask, box) for mask in masks]

            def map_level(name: str, x: Tensor, within: Sequence[LayerMasks | None] = within) -> Tensor:
                return map_regions(x, transfer.maps[name], [None if mask is None else mask[name] for mask in within])

            features = self._encode(photo[(..., *box.slices)])
            part = self._decoder(features, photo.new_tensor([strength]), map_level).to(photo)
            painted[(..., *core.slices)] = map_level(PIXELS, part).clamp_(0, 1)[(..., *core.within(box))]
        return self._match(painted, transfer.curves, masks, tile)

    def _match(self, painted: Tensor, curves: Curves, masks: Sequence[LayerMasks | None], tile: int | None) -> Tensor:
        """Match the histograms in place, in tiles with the margin that their values depend on."""
        height, width = painted.shape[-2:]
        side = max(height, width) if tile is None else max(tile, MARGIN)
        above = painted[..., :0, :]  # rows above the next tiles, as they were before
        for top in range(0, height, side):
            bottom = min(top + side, height)
            rows = torch.cat([above, painted[..., top : min(bottom + MARGIN, height), :]], 2)
            above = painted[..., bottom - MARGIN : bottom, :].clone()
            for left in range(0, width, side):
                core = Box(top, left, bottom, min(left + side, width))
                box = _enlarged(core, MARGIN, height, width)
                within = [None if mask is None else self._cut(mask, box) for mask in masks]
                part = apply_curves(rows[..., box.left : box.right], curves, within)
                painted[(..., *core.slices)] = part[(..., *core.within(box))]
        return painted

    def _cut(self, mask: LayerMasks, box: Box) -> LayerMasks:
        return {
            name: at_level[Box(*(edge // self.layers[name].stride for edge in box)).slices]
            for name, at_level in mask.items()
        }

    def _encode(self, photo: Tensor) -> Mapping[str, Tensor]:
        return self._encoder(photo, (LEVELS[0], PHOTO_LEVEL))


NETWORK_SHARE = 0.84
"""The network's strength as a fraction of the settings': matched histograms give a picture more of the painting."""


def network_strength(strength: float) -> float:
    """Return the strength of the network in each pass, for a strength of the settings."""
    return min(FULL_STRENGTH, NETWORK_SHARE * strength)


def blend_at(strength: float) -> float:
    """Return the fraction of the way from features to their images under the maps, for a strength of the network."""
    return min(1.0, strength / FULL_STRENGTH)


def matching_at(strength: float) -> float:
    """Return the fraction of the way to matched histograms, for a strength of the network: 1 for the default."""
    return min(1.0, strength / (NETWORK_SHARE * FULL_STRENGTH))


def passes(strength: float) -> tuple[float, ...]:
    """Return for each pass over a picture the fraction of the painting so far in its input; the rest is the photograph.

    The strength is that of the settings. Beyond :data:`FULL_STRENGTH` a second pass paints over the first one.
    """
    again = (strength - FULL_STRENGTH) / (1 - FULL_STRENGTH)
    return (0.0, again) if again > 0 else (0.0,)


def _distribution(features: Tensor, mask: Tensor | None) -> Gaussian:
    return gaussian(exact_statistics(features, mask=mask), RIDGE)


def _region_map(x: Tensor, target: Target, name: str, mask: Tensor | None, strength: float) -> AffineMap:
    """Average the maps to a region's styles by their weights.

    A shifted photograph has other positions at its border. They count little, so that its maps hardly change.
    """
    down, across = (tukey_window(length).to(x.device) for length in x.shape[-2:])
    window = torch.outer(down, across) if mask is None else torch.outer(down, across) * mask
    source, total = exact_statistics(x, mask=window), sum(weight for _, weight in target)
    maps = [transport(source, style.distributions[name], blend_at(strength)) for style, _ in target]
    shares = [weight / total for _, weight in target]
    matrix = torch.stack([share * m.matrix for m, share in zip(maps, shares, strict=True)]).sum(0)
    return AffineMap(matrix, torch.stack([share * m.bias for m, share in zip(maps, shares, strict=True)]).sum(0))


def tukey_window(length: int) -> Tensor:
    """Compute a Tukey window: 1 in the middle, and half a period of a cosine over :data:`TAPER` at each end.

    Source: Harris 1978, On the Use of Windows for Harmonic Analysis with the Discrete Fourier Transform.

    Args:
        length: number of positions.
    """
    at = (torch.arange(length) + 0.5) / length
    return (1 - torch.cos(torch.pi * (torch.minimum(at, 1 - at) / TAPER).clamp_max(1))) / 2


def _tiles(height: int, width: int, tile: int | None) -> Iterator[Box]:
    """Yield the boxes of the tiles, without their halos."""
    side = tile or max(height, width)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Box(top, left, min(top + side, height), min(left + side, width))


def _enlarged(box: Box, margin: int, height: int, width: int) -> Box:
    """Enlarge a box on all sides, within a picture."""
    top, left, bottom, right = box
    return Box(max(0, top - margin), max(0, left - margin), min(height, bottom + margin), min(width, right + margin))
