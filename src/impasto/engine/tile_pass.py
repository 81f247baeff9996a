"""One tile on its way forward through the encoder, and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from impasto.engine.statistics import Statistics, add_statistics_gradient, exact_dtype, exact_statistics
from impasto.engine.style_terms import LayerMasks
from impasto.engine.targets import ContentTarget, to_cpu
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import Tile

Key = tuple[str, int | None]
"""A layer, and the number of the style whose mask weighs its positions; None without a mask."""

Sums = dict[Key, Statistics]


class Slope(NamedTuple):
    """The slope of the loss by the statistics of some features, and the features' mean, in float64."""

    by: Statistics
    mean: Tensor


Slopes = dict[Key, Slope]


@dataclass(frozen=True)
class LayerTerms:
    """The quantities that a pass computes in each layer.

    Attributes:
        encoder: with all layers in use.
        keys: by layer the masks under which its statistics are summed.
        masks: by the number of a style.
        content: target of the content distance.
        content_weight: weight of the content distance in the loss.
    """

    encoder: TiledEncoder
    keys: Mapping[str, tuple[int | None, ...]]
    masks: Mapping[int, LayerMasks]
    content: ContentTarget
    content_weight: float


class TilePass:
    """One forward and one backward pass of a tile.

    Args:
        terms: the quantities to compute.
        image: 1×3×H×W, the whole picture.
        tile: part of it.
        number: number of the device to work on.

    Attributes:
        pixels: the tile's pixels, a leaf.
        sums: statistics of the tile's core, in float64 on the CPU, if ``forward`` summed them.
        content: the tile's part of the content distance.
    """

    def __init__(self, terms: LayerTerms, image: Tensor, tile: Tile, number: int) -> None:
        self._terms, self._tile, self._device = terms, tile, terms.encoder.devices[number]
        self._encoder = terms.encoder.encoders[number]
        self.pixels = tile.of(image).detach().to(self._device).requires_grad_(torch.is_grad_enabled())
        self.sums: Sums = {}
        self.content = 0.0
        self._squares: list[tuple[float, Tensor]] = []
        self._links: list[Tensor] = []
        self._slopes: Slopes = {}

    def forward(self, *, summing: bool, names: Iterable[str] | None = None) -> None:
        """Encode the tile, collecting statistics and content differences on the way.

        Args:
            summing: whether to sum statistics.
            names: layers to encode; all layers in use by default.
        """

        def tap(name: str, features: Tensor) -> Tensor:
            if summing and name in self._terms.keys:
                self._sum(name, features.detach())
            if not features.requires_grad:
                return features
            if name in self._terms.content:
                self._compare(name, features.detach())
            features, link = _GradientInjection.apply(features, lambda above, f: self._add_gradient(name, above, f))
            self._links.append(link)
            return features

        names = self._terms.encoder.layers if names is None else names
        self._encoder(self.pixels, names, tap, self._tile.crop, wrap=self._tile.wraps)
        # Read only after the pass: reading a number waits for the device, which would idle between two layers.
        self.sums = {key: to_cpu(s) for key, s in self.sums.items()}
        self.content = sum(scale * square.item() for scale, square in self._squares)

    def add_gradient(self, slopes: Slopes, gradient: Tensor) -> None:
        """Run backward, and add the gradient of style and content with respect to the tile's pixels in place."""
        self._slopes = slopes
        (found,) = torch.autograd.grad(torch.stack(self._links).sum(), self.pixels)
        self._links.clear()  # they hold the graph, and the graph holds this pass
        gradient += found

    def _sum(self, name: str, features: Tensor) -> None:
        """Sum a layer's statistics, under each of its masks."""
        core = self._core(name)
        for owner in self._terms.keys[name]:
            self.sums[name, owner] = exact_statistics(features, core, self._mask(name, owner))

    def _compare(self, name: str, features: Tensor) -> None:
        """Square the differences to the photograph's features."""
        difference, weights = self._difference(name, features)
        if weights is not None:
            difference = difference * weights.sqrt()
        square = torch.linalg.vector_norm(difference, dtype=exact_dtype(difference)).square()
        self._squares.append((self._terms.content.scales[name], square))

    def _difference(self, name: str, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the differences to the photograph's features, and the weights of their positions if these differ."""
        weights = self._terms.content.weights(name, self._tile)
        difference = self._terms.content.difference(name, self._tile, features)
        return difference, None if weights is None else weights.to(difference)

    def _core(self, name: str) -> tuple[slice, slice]:
        return self._tile.inside(self._terms.encoder.layers[name])

    def _mask(self, name: str, owner: int | None) -> Tensor | None:
        """Return the part of a mask that lies over the tile's core."""
        if owner is None:
            return None
        core = self._tile.core(self._terms.encoder.layers[name])
        return self._terms.masks[owner][name][core.slices].to(self._device)

    def _add_gradient(self, name: str, gradient: Tensor, features: Tensor) -> None:
        """Add the contributions of a layer's style and content to the gradient of its features, in place."""
        core = self._core(name)
        for (layer, owner), slope in self._slopes.items():
            if layer == name:
                add_statistics_gradient(gradient, features, *slope, core, self._mask(name, owner))
        if name in self._terms.content:
            scale = 2 * self._terms.content_weight * self._terms.content.scales[name]
            difference, weights = self._difference(name, features)
            gradient[(..., *core)].add_(difference if weights is None else difference * weights, alpha=scale)


class _GradientInjection(torch.autograd.Function):
    """Pass features on unchanged; on the backward pass, call ``add`` to add to their gradient in place.

    The second output is a zero, which links the function into the graph. Autograd's own accumulation would make more
    tensors of the features' size. In exchange, the operator that consumes the features must return a gradient of its
    own, as convolutions and poolings do. The contribution need not be known before the backward pass begins.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, add: Callable[[Tensor, Tensor], None]) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(features)
        ctx.add = add
        # Without detach() autograd would return a view, and lose the strides that tell convolutions the layout.
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
