"""The targets of a painting: statistics of the styles and features of the photograph, measured once.

A style's target does not depend on the image, so one measurement serves every objective at its size, such as those of
a video's frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.engine.statistics import Statistics, exact_dtype, exact_statistics
from impasto.engine.style_terms import LayerMasks, layer_masks
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import Box, Tile
from impasto.engine.transport import interpolate

K = TypeVar("K")

LEAST_MEAN_SQUARE = 1e-12
"""Smallest mean square of content features that a relative distance is divided by."""


class StyleTarget(NamedTuple):
    """A painting as the style distance sees it.

    Attributes:
        statistics: by layer, in float64 on the CPU.
        dtype: precision of eigendecompositions, that of the painting's pixels.
    """

    statistics: Mapping[str, Statistics]
    dtype: torch.dtype


class Style(NamedTuple):
    """A style of an objective.

    Attributes:
        target: the painting; None for a style of weight 0, which needs no measurement.
        weight: relative to the other styles.
        mask: where in the picture the style counts; None for everywhere. Styles may share one mask, the same object,
            whose statistics are then summed once.
    """

    target: StyleTarget | None
    weight: float = 1.0
    mask: LayerMasks | None = None


def measure_style(
    encoder: TiledEncoder,
    style: Tensor,
    names: Iterable[str],
    masks: LayerMasks | None = None,
    counted: Box | None = None,
) -> StyleTarget:
    """Sum the statistics of a painting's layers.

    Args:
        encoder: with the style layers among its layers in use.
        style: 1×3×h×w in [0, 1], of any size, on any device.
        names: style layers.
        masks: the part of the painting to use; all of it by default.
        counted: the part of the painting that counts, in pixels; all by default. The rest gives context.
    """
    names, tiles = tuple(names), encoder.cut(style)
    if counted is not None:
        tiles = tuple(tile.counting(counted) for tile in tiles)

    def mask(name: str, tile: Tile, features: Tensor) -> Tensor | None:
        return None if masks is None else masks[name][tile.core(encoder.layers[name]).slices].to(features.device)

    def sums(tile: Tile, number: int) -> dict[str, Statistics]:
        found = encoder.features(style, tile, number, names)
        return {name: to_cpu(exact_statistics(f, mask=mask(name, tile, f))) for name, f in found.items()}

    return StyleTarget(merge_statistics(found for _, found in encoder.map(tiles, sums)), style.dtype)


def between(photograph: StyleTarget, style: StyleTarget, share: float) -> StyleTarget:
    """Interpolate, layer by layer, between the statistics of a photograph and those of a painting.

    Args:
        photograph: statistics at share 0.
        style: statistics at share 1, of the same layers.
        share: fraction of the way, in [0, 1].
    """
    statistics = {name: interpolate(photograph.statistics[name], s, share) for name, s in style.statistics.items()}
    return style._replace(statistics=statistics)


class ContentTarget:
    """The photograph's features, and the scales of their squared differences.

    Args:
        encoder: with the content layers among its layers in use.
        content: 1×3×H×W in [0, 1], on any device.
        tiles: of the picture, with cores restricted to the part that counts.
        shares: share of each content layer in the content distance.
        relative: whether each layer's distance is divided by the mean square of its features.
        weights: H×W weights of the positions, at least 0; all ones by default.
    """

    @torch.no_grad()
    def __init__(
        self,
        encoder: TiledEncoder,
        content: Tensor,
        tiles: Sequence[Tile],
        shares: Mapping[str, float],
        relative: bool,
        weights: Tensor | None = None,
    ) -> None:
        self._layers = {name: encoder.layers[name] for name in shares}
        self._counted = {name: core_of_all(tiles, layer) for name, layer in self._layers.items()}
        self._weights = None if weights is None else layer_masks(weights, self._layers)
        self.features: dict[str, Tensor] = {}
        squares = dict.fromkeys(shares, 0.0)

        def features(tile: Tile, number: int) -> dict[str, Tensor]:
            return encoder.features(content, tile, number, shares)

        for tile, found in encoder.map(tiles, features):
            for name, part in found.items():
                squares[name] += torch.linalg.vector_norm(part, dtype=exact_dtype(part)).square().item()
                self._store(name, tile, part, encoder.device, whole=len(tiles) == 1)
        counts = {name: features.numel() for name, features in self.features.items()}
        norms = {n: max(LEAST_MEAN_SQUARE, squares[n] / count) if relative else 1.0 for n, count in counts.items()}
        self.scales = {name: shares[name] / (norms[name] * count) for name, count in counts.items()}
        """Weight of the summed squared differences of each layer in the content distance."""

    def __contains__(self, name: str) -> bool:
        return name in self._layers

    def difference(self, name: str, tile: Tile, features: Tensor) -> Tensor:
        """Subtract the photograph's features from those of a tile's core.

        Args:
            name: content layer.
            tile: part of the picture.
            features: 1×C×h×w, core and halo.
        """
        target = self.features[name][(..., *self._place(name, tile))]
        return features[(..., *tile.inside(self._layers[name]))] - target.to(features.device)

    def weights(self, name: str, tile: Tile) -> Tensor | None:
        """Return the weights of the positions of a tile's core, h×w; None if all are 1."""
        return None if self._weights is None else self._weights[name][tile.core(self._layers[name]).slices]

    def _store(self, name: str, tile: Tile, part: Tensor, device: torch.device, *, whole: bool) -> None:
        """Put a tile's features in their place."""
        if whole:
            self.features[name] = part.to(device)
            return
        if name not in self.features:
            size = 1, part.shape[1], self._counted[name].height, self._counted[name].width
            empty = torch.empty(size, dtype=part.dtype, device=device)
            self.features[name] = empty.contiguous(memory_format=torch.channels_last)
        self.features[name][(..., *self._place(name, tile))] = part.to(device)

    def _place(self, name: str, tile: Tile) -> tuple[slice, slice]:
        """Return a tile's core among the positions of a layer that count."""
        return tile.core(self._layers[name]).within(self._counted[name])


def core_of_all(tiles: Sequence[Tile], layer: Layer) -> Box:
    """Return the positions of a layer that the cores of all tiles cover together."""
    first, last = tiles[0].core(layer), tiles[-1].core(layer)
    return Box(first.top, first.left, last.bottom, last.right)


def merge_statistics(parts: Iterable[Mapping[K, Statistics]]) -> dict[K, Statistics]:
    """Add the statistics of several tiles, key by key."""
    total: dict[K, Statistics] = {}
    for part in parts:
        total = {key: total[key].merged(s) if key in total else s for key, s in part.items()}
    return total


def to_cpu(s: Statistics) -> Statistics:
    """Move statistics to the CPU in float64; eigendecompositions are no faster elsewhere."""
    return Statistics(*(part.cpu().double() for part in s))
