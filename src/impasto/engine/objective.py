"""The loss of a painting at one size: targets taken once, then value and gradient for any image.

A picture that fits is one tile and takes one pass. One that does not takes two: the first sums up the statistics over
the tiles, the loss tells its slope by these few numbers, and the second takes each tile forward and backward with that
slope. What comes out is the whole picture's loss and gradient, exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.encoders.network import Encoder
from impasto.engine.devices import Heap, small_matrices
from impasto.engine.loss import Loss
from impasto.engine.penalties import add_overshoot, add_total_variation
from impasto.engine.statistics import Statistics, exact_statistics
from impasto.engine.style_terms import Masks, StyleTerm, _owner, _pulls, shares, style_distance, target_size
from impasto.engine.tile_pass import Slope, Slopes, Sums, _exact, _on_cpu, _Run
from impasto.engine.tiles import Box, Tile, cut
from impasto.settings.model import Losses

T = TypeVar("T")


class Objective:
    """Content, style and total variation of an image, weighted.

    Args:
        encoder: on the device of the images.
        content: 1×3×H×W in [0, 1], the photograph at the painting's size; on any device.
        styles: 1×3×h×w each, the paintings; any size, on any device; taken one after the other.
        style_weights: one for each style.
        losses: layers, distances and their weights.
        content_weight: of the content distance.
        style_weight: of the style distance.
        tile: side of the largest core in pixels, at least :data:`impasto.engine.tiles.LEAST_CORE`; None for no tiles.
        devices: that share the tiles; the encoder's where not given.
        masks: for each style None or where in the picture it counts. A style pulls in proportion to the area that its
            mask covers, so that each position is pulled alike, however large the regions are. Styles may have one mask
            in common, which is then summed up once.
        style_masks: for each style None or which part of its painting is taken.
        counted: the part that counts, in pixels; all where not given. The rest of the content and of the images is
            there for the features at the border of what counts, and no term of the loss is taken of it.
        wrap: whether the painting is periodic, with sides that are multiples of
            :data:`~impasto.engine.tiles.ALIGNMENT`. The styles are not.

    Raises:
        EncoderError: a layer that the encoder lacks.
    """

    @torch.no_grad()
    def __init__(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: Iterable[Tensor],
        style_weights: Sequence[float],
        losses: Losses,
        content_weight: float,
        style_weight: float,
        *,
        tile: int | None = None,
        devices: Sequence[torch.device] = (),
        masks: Sequence[Masks | None] = (),
        style_masks: Sequence[Masks | None] = (),
        counted: Box | None = None,
        wrap: bool = False,
    ) -> None:
        own = next(encoder.buffers()).device
        self.encoders = [encoder if _same(d, own) else copy.deepcopy(encoder).to(d) for d in devices or (own,)]
        self.devices = list(devices or (own,))
        self.content_weight, self.style_weight = content_weight, style_weight
        self.variation_weight, self.variation_over = losses.total_variation, losses.total_variation_over
        self.overshoot_weight = losses.overshoot * (content_weight + style_weight)
        self.content_layers = shares(losses.content) if content_weight else {}
        self.style_layers = shares(losses.style)
        used = {**self.content_layers, **self.style_layers}
        self.layers: dict[str, Layer] = {name: encoder.resolve(name) for name in used}
        self.tile, self.wrap = tile, wrap
        self.counted = counted or Box(0, 0, content.shape[-2], content.shape[-1])
        self.tiles = tuple(tile.counting(self.counted) for tile in self._cut(content, wrap=wrap))
        self.content_targets, self.content_sizes = self._content_targets(content, own, losses.relative)
        self.style_terms: list[StyleTerm] = []
        masks = masks or (None,) * len(style_weights)
        owners = [_owner(masks, number) for number in range(len(masks))]
        self.masks = {number: mask for number, mask in enumerate(masks) if mask is not None and number in owners}
        pulls = {name: _pulls(style_weights, self._areas(masks, name)) for name in self.style_layers}
        # Taken one by one: a painting at full size is large, its statistics are not.
        found = {
            number: (style.dtype, self._style_statistics(style, style_masks[number] if style_masks else None))
            for number, (style, weight) in enumerate(zip(styles, style_weights, strict=True))
            if weight > 0
        }
        for name, share in self.style_layers.items():
            # A small region may end before a deep layer's first position, or have none that is its painting's.
            pulling = {n: pulls[name][n] for n in found if pulls[name][n] > 0 and found[n][1][name].weight > 0}
            if not pulling:
                continue
            size = target_size([found[n][1][name] for n in pulling], list(pulling.values()), losses)
            for n, pull in pulling.items():
                dtype, sums = found[n]
                distance = style_distance(sums[name], losses, dtype, size)
                self.style_terms.append(StyleTerm(name, share * pull, distance, owners[n]))

    def _areas(self, masks: Sequence[Masks | None], name: str) -> list[float]:
        """Each mask's share of those positions of a layer that count; of the others no statistics are taken."""
        counted = self._counted_in(self.layers[name]).slices
        return [1.0 if mask is None else mask[name][counted].cpu().double().mean().item() for mask in masks]

    def _counted_in(self, layer: Layer) -> Box:
        """The positions of a layer that count."""
        first, last = self.tiles[0].core(layer), self.tiles[-1].core(layer)
        return Box(first.top, first.left, last.bottom, last.right)

    def _among_counted(self, tile: Tile, name: str) -> tuple[slice, slice]:
        """A tile's own positions among those of a layer that count, as the content's targets hold them."""
        return tile.core(self.layers[name]).within(self._counted_in(self.layers[name]))

    @torch.enable_grad()  # whatever the caller has set
    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """The loss and its gradient with respect to the image, both without a graph.

        Args:
            image: 1×3×H×W, the content's size.
        """
        gradient = torch.zeros_like(image)
        pixels, onto = (x[(..., *self.counted.slices)] for x in (image, gradient))
        variation = self._add_variation(pixels, onto)
        overshoot = add_overshoot(pixels, self.overshoot_weight, onto) if self.overshoot_weight else 0.0
        if len(self.tiles) == 1:
            (tile,) = self.tiles
            run = _Run(self, image, tile, 0)
            run.forward(summing=True)
            style, slopes = self._style(run.sums)
            content = run.content
            run.add_gradient(slopes, gradient)
        else:
            style, slopes = self._style(self._picture_statistics(image))
            content = 0.0
            for tile, (value, part) in self._over_tiles(
                self.tiles, lambda t, d: self._second_pass(image, t, d, slopes)
            ):
                content += value
                tile.add_onto(gradient, part)
        total = self.content_weight * content + self.style_weight * style
        total += self.variation_weight * variation + self.overshoot_weight * overshoot
        return Loss(total, content, style, variation), gradient

    def _cut(self, picture: Tensor, *, wrap: bool = False) -> tuple[Tile, ...]:
        height, width = picture.shape[-2:]
        return cut(height, width, self.tile, self.layers.values(), wrap=wrap)

    def _over_tiles(self, tiles: Sequence[Tile], work: Callable[[Tile, int], T]) -> Iterator[tuple[Tile, T]]:
        """Each tile and what ``work`` makes of it on one of the devices, in the order of the tiles."""
        count = min(len(self.devices), len(tiles))
        heap = Heap()
        with ThreadPoolExecutor(max(1, count)) as pool:
            for first in range(0, len(tiles), max(1, count)):
                wave = tiles[first : first + count]
                if count == 1:
                    yield wave[0], work(wave[0], 0)
                else:
                    results = [pool.submit(work, tile, device) for device, tile in enumerate(wave)]
                    yield from ((tile, result.result()) for tile, result in zip(wave, results, strict=True))
                if len(tiles) > 1:
                    heap.tile_done(last=first + count >= len(tiles))

    def _content_targets(
        self, content: Tensor, device: torch.device, relative: bool
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Features of the photograph, whole, and their mean squares; 1 in place of these where not relative."""
        targets: dict[str, Tensor] = {}
        squares = dict.fromkeys(self.content_layers, 0.0)

        def features(tile: Tile, number: int) -> dict[str, Tensor]:
            return self._features(content, tile, number, self.content_layers)

        for tile, found in self._over_tiles(self.tiles, features):
            for name, part in found.items():
                squares[name] += torch.linalg.vector_norm(part, dtype=_exact(part)).square().item()
                if len(self.tiles) == 1:
                    targets[name] = part.to(device)
                    continue
                if name not in targets:
                    whole = self._counted_in(self.layers[name])
                    targets[name] = torch.empty(
                        1, part.shape[1], whole.height, whole.width, dtype=part.dtype, device=device
                    ).contiguous(memory_format=torch.channels_last)
                targets[name][(..., *self._among_counted(tile, name))] = part.to(device)
        sizes = {name: max(1e-12, squares[name] / target.numel()) for name, target in targets.items()}
        return targets, sizes if relative else dict.fromkeys(targets, 1.0)

    @torch.no_grad()
    def _features(self, picture: Tensor, tile: Tile, number: int, names: Iterable[str]) -> dict[str, Tensor]:
        """A tile's own part of some layers, on the device of that number."""
        part = tile.of(picture).to(self.devices[number])
        found = self.encoders[number](part, names, crop=tile.crop, wrap=tile.wraps)
        return {name: features[(..., *tile.inside(self.layers[name]))] for name, features in found.items()}

    def _style_statistics(self, style: Tensor, masks: Masks | None = None) -> dict[str, Statistics]:
        """Statistics of a painting's layers."""

        def weights(name: str, tile: Tile, features: Tensor) -> Tensor | None:
            return None if masks is None else masks[name][tile.core(self.layers[name]).slices].to(features.device)

        def sums(tile: Tile, number: int) -> dict[str, Statistics]:
            found = self._features(style, tile, number, self.style_layers)
            return {name: _on_cpu(exact_statistics(f, mask=weights(name, tile, f))) for name, f in found.items()}

        return _merged(found for _, found in self._over_tiles(self._cut(style), sums))

    def _picture_statistics(self, image: Tensor) -> Sums:
        """The first pass."""

        def sums(tile: Tile, number: int) -> Sums:
            run = _Run(self, image, tile, number)
            with torch.no_grad():
                run.forward(summing=True, names=self.style_layers)
            return run.sums

        return _merged(found for _, found in self._over_tiles(self.tiles, sums))

    def _second_pass(self, image: Tensor, tile: Tile, number: int, slopes: Slopes) -> tuple[float, Tensor]:
        """A tile's part of the content distance, and of the gradient."""
        run = _Run(self, image, tile, number)
        run.forward(summing=False)
        part = torch.zeros_like(run.leaf)
        run.add_gradient(slopes, part)
        return run.content, part

    def _style(self, sums: Sums) -> tuple[float, Slopes]:
        """The style distance, and the weighted loss's slope by each of the statistics."""
        if not sums:  # no style counts anywhere
            return 0.0, {}
        leaves = {key: Statistics(*(part.requires_grad_(True) for part in s)) for key, s in sums.items()}
        style = torch.zeros((), dtype=torch.float64, device="cpu")
        with torch.enable_grad(), small_matrices():
            for name, share, distance, masked in self.style_terms:
                style = style + share * distance(leaves[name, masked]).double()
            parts = [part for s in leaves.values() for part in s]
            found = torch.autograd.grad(self.style_weight * style, parts, allow_unused=True, materialize_grads=True)
        slopes = {
            key: Slope(Statistics(*found[3 * i : 3 * i + 3]), s.first.detach() / s.weight.detach().clamp_min(1e-30))
            for i, (key, s) in enumerate(leaves.items())
        }
        return style.item(), slopes

    def _add_variation(self, image: Tensor, gradient: Tensor) -> float:
        if not self.variation_weight:
            return 0.0
        scale = 1 / image.numel() if self.variation_over == "mean" else 1.0
        return scale * add_total_variation(image, self.variation_weight * scale, gradient, wrap=self.wrap)


K = TypeVar("K")


def _merged(parts: Iterable[dict[K, Statistics]]) -> dict[K, Statistics]:
    total: dict[K, Statistics] = {}
    for part in parts:
        total = {key: total[key].merged(s) if key in total else s for key, s in part.items()}
    return total


def _same(device: torch.device, other: torch.device) -> bool:
    """Whether two names are of one device, whose first one need not be numbered."""
    return device.type == other.type and (device.index or 0) == (other.index or 0)
