"""Feed-forward style transfer: features of a photograph, mapped to a painting's statistics, and decoded, in tiles.

The maps at all levels of the decoder, and of the pixels' colours at last, are those of optimal transport
(:mod:`impasto.engine.transport`). They depend on statistics of the whole picture, and everything else is local. So the
maps are measured once, on a reduced picture if it is large, and tiles with a halo then give the same picture as one
piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.decoder import FULL_STRENGTH, LEVELS, PHOTO_LEVEL, PIXELS, Decoder
from impasto.encoders.network import Encoder
from impasto.engine.distances import Gaussian, gaussian
from impasto.engine.statistics import exact_statistics
from impasto.engine.style_terms import LayerMasks
from impasto.engine.tiles import Box
from impasto.engine.transport import RIDGE, AffineMap, transport

STRIDE = 8
"""Grid of the tiles in pixels, and of a picture's sides: the stride of the coarsest level."""

HALO = 112
"""Margin of a tile in pixels: 32 for the encoder up to relu4_1 and 74 for the decoder, aligned to the grid."""

Target = Sequence[tuple[Mapping[str, Gaussian], float]]
"""Styles of a region: for each of them its distribution at every level and of the pixels, and its weight."""

Maps = Mapping[str, Sequence[AffineMap]]
"""For every level and the pixels the map of each region."""


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
    def measure_style(self, style: Tensor, mask: LayerMasks | None = None) -> dict[str, Gaussian]:
        """Measure a painting's distribution at every level and of its pixels.

        Args:
            style: 1×3×H×W in [0, 1].
            mask: part of the painting to use; all of it by default.
        """
        features = {**self._encoder(style, LEVELS), PIXELS: style}
        return {name: _distribution(x, None if mask is None else mask[name]) for name, x in features.items()}

    @torch.no_grad()
    def measure(
        self, photo: Tensor, targets: Sequence[Target], masks: Sequence[LayerMasks | None], strength: float
    ) -> tuple[Maps, Tensor]:
        """Compute the maps of each region for a photograph, painting it as one piece.

        Args:
            photo: 1×3×H×W in [0, 1], with sides that are multiples of :data:`STRIDE`.
            targets: styles of each region.
            masks: weights of each region's positions; None for the whole picture.
            strength: strength of the style in [0, 1].

        Returns:
            The maps, and the painted picture.
        """
        maps: dict[str, list[AffineMap]] = {}

        def map_level(name: str, x: Tensor) -> Tensor:
            at_level = [None if mask is None else mask[name] for mask in masks]
            maps[name] = [
                _region_map(x, target, name, mask, strength) for target, mask in zip(targets, at_level, strict=True)
            ]
            return _mapped(x, maps[name], at_level)

        painted = self._decoder(self._encode(photo), photo.new_tensor([strength]), map_level).to(photo)
        return maps, map_level(PIXELS, painted)

    @torch.no_grad()
    def paint(
        self, photo: Tensor, maps: Maps, masks: Sequence[LayerMasks | None], strength: float, tile: int | None = None
    ) -> Tensor:
        """Paint a photograph with maps that :meth:`measure` computed, perhaps at another size.

        Args:
            photo: as for :meth:`measure`.
            maps: maps of each region.
            masks: weights of each region's positions at the photograph's size.
            strength: strength of the style in [0, 1].
            tile: side of the tiles without their halo in pixels, a multiple of :data:`STRIDE`; None for one piece.

        Returns:
            1×3×H×W.
        """
        painted = torch.empty_like(photo)
        for core, box in _tiles(photo.shape[-2], photo.shape[-1], tile):

            def map_level(name: str, x: Tensor, box: Box = box) -> Tensor:
                part = Box(*(edge // self.layers[name].stride for edge in box)).slices
                return _mapped(x, maps[name], [None if mask is None else mask[name][part] for mask in masks])

            features = self._encode(photo[(..., *box.slices)])
            part = self._decoder(features, photo.new_tensor([strength]), map_level).to(photo)
            painted[(..., *core.slices)] = map_level(PIXELS, part)[(..., *core.within(box))]
        return painted

    def _encode(self, photo: Tensor) -> Mapping[str, Tensor]:
        return self._encoder(photo, (LEVELS[0], PHOTO_LEVEL))


def blend_at(strength: float) -> float:
    """Return the fraction of the way from the photograph's features to their images under the maps."""
    return min(1.0, strength / FULL_STRENGTH)


def passes(strength: float) -> tuple[float, ...]:
    """Return for each pass over a picture the fraction of the painting so far in its input; the rest is the photograph.

    Beyond :data:`FULL_STRENGTH` a second pass paints over the first one, as the maps cannot grow any further.
    """
    again = (strength - FULL_STRENGTH) / (1 - FULL_STRENGTH)
    return (0.0, again) if again > 0 else (0.0,)


def _distribution(features: Tensor, mask: Tensor | None) -> Gaussian:
    return gaussian(exact_statistics(features, mask=mask), RIDGE)


def _region_map(x: Tensor, target: Target, name: str, mask: Tensor | None, strength: float) -> AffineMap:
    """Average the maps to a region's styles by their weights."""
    source, total = exact_statistics(x, mask=mask), sum(weight for _, weight in target)
    maps = [transport(source, style[name], blend_at(strength)) for style, _ in target]
    shares = [weight / total for _, weight in target]
    matrix = torch.stack([share * m.matrix for m, share in zip(maps, shares, strict=True)]).sum(0)
    return AffineMap(matrix, torch.stack([share * m.bias for m, share in zip(maps, shares, strict=True)]).sum(0))


def _mapped(x: Tensor, maps: Sequence[AffineMap], masks: Sequence[Tensor | None]) -> Tensor:
    """Map features by the regions' maps, weighted by the masks; positions in no region stay as they are."""
    if len(maps) == 1 and masks[0] is None:
        return maps[0](x)
    weights = [torch.ones_like(x[0, 0]) if mask is None else mask.to(x) for mask in masks]
    changes = (weight * (of_region(x) - x) for weight, of_region in zip(weights, maps, strict=True))
    return x + sum(changes, torch.zeros_like(x))


def _tiles(height: int, width: int, tile: int | None) -> Iterator[tuple[Box, Box]]:
    """Yield the core of each tile, and the box with its halo within the picture."""
    side = tile or max(height, width)
    for top in range(0, height, side):
        for left in range(0, width, side):
            core = Box(top, left, min(top + side, height), min(left + side, width))
            box = Box(
                max(0, core.top - HALO),
                max(0, core.left - HALO),
                min(height, core.bottom + HALO),
                min(width, core.right + HALO),
            )
            yield core, box
