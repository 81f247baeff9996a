"""One tile on its way through the encoder and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from impasto.engine.statistics import Statistics, add_statistics_gradient, exact_statistics
from impasto.engine.tiles import Tile

if TYPE_CHECKING:
    from impasto.engine.objective import Objective

Key = tuple[str, int | None]
"""Whose statistics: a layer, and the number of the style whose mask weighs its positions; None for no mask."""


Sums = dict[Key, Statistics]


class Slope(NamedTuple):
    """What the loss says of some features: its slope by each of their statistics, and their mean, in float64."""

    by: Statistics
    mean: Tensor


Slopes = dict[Key, Slope]


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


def _on_cpu(s: Statistics) -> Statistics:
    """In float64; eigendecompositions are no faster elsewhere."""
    return Statistics(*(part.cpu().double() for part in s))


def _exact(x: Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64
