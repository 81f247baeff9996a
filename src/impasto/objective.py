"""The loss of a painting at one size: targets taken once, then value and gradient for any image.

A picture that fits is one tile and takes one pass. One that does not takes two: the first sums up the statistics over
the tiles, the loss tells its slope by these few numbers, and the second takes each tile forward and backward with that
slope. What comes out is the whole picture's loss and gradient, exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.devices import Heap, small_matrices
from impasto.encoders.layers import Layer
from impasto.encoders.network import Encoder
from impasto.events import Loss
from impasto.losses import (
    Gaussian,
    Statistics,
    add_overshoot,
    add_statistics_gradient,
    add_total_variation,
    exact_statistics,
    gaussian,
    gram,
    gram_distance,
    wasserstein2,
)
from impasto.settings.model import Losses
from impasto.tiles import Box, Tile, cut

T = TypeVar("T")

Distance = Callable[[Statistics], Tensor]

Masks = Mapping[str, Tensor]
"""By layer, h×w weights in [0, 1] of its positions."""

Key = tuple[str, int | None]
"""Whose statistics: a layer, and the number of the style whose mask weighs its positions; None for no mask."""

Sums = dict[Key, Statistics]


class Slope(NamedTuple):
    """What the loss says of some features: its slope by each of their statistics, and their mean, in float64."""

    by: Statistics
    mean: Tensor


Slopes = dict[Key, Slope]

LEAST_SIZE = 1e-4
"""Of a relative distance's target, so that a painting that is black, and has nothing to divide by, can be painted."""


class StyleTerm(NamedTuple):
    """A style's distance in one layer.

    Attributes:
        layer: name.
        share: of the style distance; those of all terms sum to 1, or to the share of the picture that is painted.
        distance: from the picture's statistics to its target.
        style: number of the style whose mask weighs the picture's positions; None where nothing is masked.
    """

    layer: str
    share: float
    distance: Distance
    style: int | None = None


def style_distance(target: Statistics, losses: Losses, dtype: torch.dtype, size: Tensor) -> Distance:
    """The distance to one layer's target as a function of the picture's statistics.

    Args:
        target: statistics of the painting's layer.
        losses: which distance.
        dtype: of eigendecompositions.
        size: scalar that it is divided by, from :func:`target_size`.
    """
    if losses.style_distance == "gram":
        G = gram(target)
        return lambda s: gram_distance(s, G) / size
    mean, covariance, root = gaussian(target)
    distribution = Gaussian(mean, covariance.to(dtype), root.to(dtype))
    return lambda s: wasserstein2(s, distribution) / size


def target_size(targets: Sequence[Statistics], weights: Sequence[float], losses: Losses) -> Tensor:
    """What the distances to the paintings' targets in one layer are divided by, a scalar.

    It is 1 where distances are not relative, else tr G for the Wasserstein distance and the mean square of G's entries
    for the Gram distance, as a mean over the paintings. It is one for them all: divided by each painting's own size,
    the weighted sum of the distances would have its least value nearer to the painting with the smaller features than
    the weights say.

    Args:
        targets: statistics of the layer of each painting.
        weights: what each pulls in this layer; those of weight 0 count nothing.
        losses: which distance, and whether it is relative.
    """
    if not losses.relative:
        return targets[0].second.new_tensor(1.0)
    found = targets[0].second.new_zeros(())
    for target, weight in zip(targets, weights, strict=True):
        G = gram(target)
        found = found + weight * (G.square().mean() if losses.style_distance == "gram" else G.trace())
    return (found / sum(weights)).clamp(min=LEAST_SIZE**2 if losses.style_distance == "gram" else LEAST_SIZE)


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0, divided by their sum."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


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
        tile: side of the largest core in pixels, at least :data:`impasto.tiles.LEAST_CORE`; None for no tiles.
        devices: that share the tiles; the encoder's where not given.
        masks: for each style None or where in the picture it counts. A style pulls in proportion to the area that its
            mask covers, so that each position is pulled alike, however large the regions are. Styles may have one mask
            in common, which is then summed up once.
        style_masks: for each style None or which part of its painting is taken.
        counted: the part that counts, in pixels; all where not given. The rest of the content and of the images is
            there for the features at the border of what counts, and no term of the loss is taken of it.
        wrap: whether the painting is periodic, with sides that are multiples of :data:`impasto.tiles.ALIGNMENT`. The
            styles are not.

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


def layer_masks(mask: Tensor, layers: Mapping[str, Layer]) -> dict[str, Tensor]:
    """A mask at each layer's resolution, reduced by area as the poolings reduce the picture.

    Args:
        mask: H×W weights in [0, 1].
        layers: by name.

    Returns:
        h×w each; layers of one size have one tensor in common.
    """
    sizes = [mask]
    for _ in range(max((layer.block for layer in layers.values()), default=1) - 1):
        sizes.append(F.avg_pool2d(sizes[-1][None, None], 2)[0, 0])
    return {name: sizes[max(0, layer.block - 1)] for name, layer in layers.items()}


def _owner(masks: Sequence[Masks | None], number: int) -> int | None:
    """The first style that has the same mask as that one; None where it has none."""
    mask = masks[number]
    return None if mask is None else next(first for first, other in enumerate(masks) if other is mask)


def _pulls(weights: Sequence[float], areas: Sequence[float]) -> list[float]:
    """What each style counts in a layer's distance: its weight times its area, scaled so that the areas stay.

    They sum to the share of the picture that is painted; 1 where nothing is protected. Then each position is pulled as
    in a picture without masks.
    """
    pulls = [weight * area for weight, area in zip(weights, areas, strict=True)]
    total = sum(pulls)
    return [pull * min(1.0, sum(areas)) / total if total > 0 else 0.0 for pull in pulls]


class _Run:
    """One tile of an image on its way through the encoder, and back.

    Attributes:
        leaf: the tile's pixels.
        sums: statistics of its own positions, in float64 on the CPU, by layer and mask; where they were asked for.
        content: its part of the content distance.
    """

    def __init__(self, objective: Objective, image: Tensor, tile: Tile, number: int) -> None:
        self.objective, self.tile, self.device = objective, tile, objective.devices[number]
        self.encoder = objective.encoders[number]
        self.leaf = tile.of(image).detach().to(self.device).requires_grad_(torch.is_grad_enabled())
        self.sums: Sums = {}
        self.content = 0.0
        self._squares: list[tuple[float, Tensor]] = []
        self._links: list[Tensor] = []
        self._slopes: Slopes = {}

    def forward(self, *, summing: bool, names: Iterable[str] | None = None) -> None:
        """Features of the layers in use, or of those named; what is asked of them is taken in passing."""

        def tap(name: str, features: Tensor) -> Tensor:
            if summing and name in self.objective.style_layers:
                self._sum_up(name, features.detach())
            if not features.requires_grad:
                return features
            if name in self.objective.content_layers:
                self._compare(name, features.detach())
            features, link = _Tapped.apply(features, lambda above, f: self._add(name, above, f))
            self._links.append(link)
            return features

        names = self.objective.layers if names is None else names
        self.encoder(self.leaf, names, tap, self.tile.crop, wrap=self.tile.wraps)
        # Read only now, as a device waits for what is read of it, and would have nothing to do between two layers.
        self.sums = {key: _on_cpu(s) for key, s in self.sums.items()}
        self.content = sum(scale * square.item() for scale, square in self._squares)

    def add_gradient(self, slopes: Slopes, gradient: Tensor) -> None:
        """Go back, and add the gradient of style and content with respect to the tile's pixels in place."""
        self._slopes = slopes
        (found,) = torch.autograd.grad(torch.stack(self._links).sum(), self.leaf)
        self._links.clear()  # they hold the graph, and the graph holds this run
        gradient += found

    def _sum_up(self, name: str, features: Tensor) -> None:
        core = self.tile.inside(self.objective.layers[name])
        for masked in dict.fromkeys(term.style for term in self.objective.style_terms if term.layer == name):
            self.sums[name, masked] = exact_statistics(features, core, self._mask(name, masked))

    def _compare(self, name: str, features: Tensor) -> None:
        difference = self._difference(name, features)
        square = torch.linalg.vector_norm(difference, dtype=_exact(difference)).square()
        self._squares.append((self._content_scale(name), square))

    def _difference(self, name: str, features: Tensor) -> Tensor:
        """The tile's own features less the photograph's."""
        layer = self.objective.layers[name]
        target = self.objective.content_targets[name][(..., *self.objective._among_counted(self.tile, name))]
        return features[(..., *self.tile.inside(layer))] - target.to(features.device)

    def _content_scale(self, name: str) -> float:
        """What a squared difference counts in the content distance."""
        count = self.objective.content_targets[name].numel()
        return self.objective.content_layers[name] / (self.objective.content_sizes[name] * count)

    def _mask(self, name: str, style: int | None) -> Tensor | None:
        if style is None:
            return None
        return self.objective.masks[style][name][self.tile.core(self.objective.layers[name]).slices].to(self.device)

    def _add(self, name: str, gradient: Tensor, features: Tensor) -> None:
        """Add what a layer's content and style contribute to the gradient of its features, in place."""
        core = self.tile.inside(self.objective.layers[name])
        for (layer, masked), slope in self._slopes.items():
            if layer == name:
                add_statistics_gradient(gradient, features, *slope, core, self._mask(name, masked))
        if name in self.objective.content_layers:
            scale = 2 * self.objective.content_weight * self._content_scale(name)
            gradient[(..., *core)].add_(self._difference(name, features), alpha=scale)


class _Tapped(torch.autograd.Function):
    """Features that go on through the network, and a number, 0, whose gradient is what ``add`` adds to theirs.

    It is added in place to the gradient that comes up the network, where autograd would make more tensors of that
    size. So what consumes the features must give a gradient of its own, as convolutions and poolings do. What is added
    need not be known before the way back begins.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, add: Callable[[Tensor, Tensor], None]) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(features)
        ctx.add = add
        # Returned as they are, autograd would view them anew, and lose the strides that convolutions tell layouts by.
        return features.detach(), features.new_zeros((), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        above = grads[0]
        if above is None:
            above = torch.zeros_like(features, memory_format=torch.channels_last)
        elif not above.is_contiguous(memory_format=torch.channels_last):
            above = above.contiguous(memory_format=torch.channels_last)
        ctx.add(above, features)
        return above, None


K = TypeVar("K")


def _merged(parts: Iterable[dict[K, Statistics]]) -> dict[K, Statistics]:
    total: dict[K, Statistics] = {}
    for part in parts:
        total = {key: total[key].merged(s) if key in total else s for key, s in part.items()}
    return total


def _same(device: torch.device, other: torch.device) -> bool:
    """Whether two names are of one device, whose first one need not be numbered."""
    return device.type == other.type and (device.index or 0) == (other.index or 0)


def _on_cpu(s: Statistics) -> Statistics:
    """In float64; eigendecompositions are no faster elsewhere."""
    return Statistics(*(part.cpu().double() for part in s))


def _exact(x: Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64
