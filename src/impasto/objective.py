"""The loss of a painting at one size: targets taken once, then value and gradient for any image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoder import Encoder
from impasto.events import Loss
from impasto.losses import (
    Statistics,
    content_distance,
    gaussian,
    gram,
    gram_distance,
    statistics,
    tapped_statistics,
    total_variation,
    wasserstein2,
)
from impasto.settings import Losses

StyleTerm = Callable[[Statistics], Tensor]


def style_term(target: Statistics, losses: Losses) -> StyleTerm:
    """The distance to one layer's target as a function of the picture's statistics.

    Args:
        target: statistics of the painting's layer.
        losses: which distance, and whether relative to the target's size: tr G for the Wasserstein distance, the mean
            square of G's entries for the Gram distance.
    """
    G = gram(target)
    if losses.style_distance == "gram":
        size = G.square().mean() if losses.relative else G.new_tensor(1.0)
        return lambda s: gram_distance(s, G) / size
    distribution = gaussian(target)
    size = G.trace() if losses.relative else G.new_tensor(1.0)
    return lambda s: wasserstein2(s, distribution) / size


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0, divided by their sum."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


class Objective:
    """Content, style and total variation of an image, weighted.

    Args:
        encoder: on the device of the pictures.
        content: 1×3×H×W in [0, 1], the photograph at the painting's size.
        styles: 1×3×h×w each, the paintings; any size.
        style_weights: one for each style.
        losses: layers, distances and their weights.
        content_weight: of the content distance.
        style_weight: of the style distance.

    Raises:
        EncoderError: a layer that the encoder lacks.
    """

    @torch.no_grad()
    def __init__(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: Sequence[Tensor],
        style_weights: Sequence[float],
        losses: Losses,
        content_weight: float,
        style_weight: float,
    ) -> None:
        self.encoder = encoder
        self.content_weight, self.style_weight = content_weight, style_weight
        self.variation_weight, self.variation_over = losses.total_variation, losses.total_variation_over
        self.content_layers = shares(losses.content) if content_weight else {}
        self.style_layers = shares(losses.style)
        self.content_targets = encoder(content, self.content_layers)
        self.content_sizes = {
            name: target.square().mean().clamp_min(1e-12) if losses.relative else target.new_tensor(1.0)
            for name, target in self.content_targets.items()
        }
        self.style_terms: list[tuple[str, float, StyleTerm]] = []
        total = sum(style_weights)
        for style, weight in zip(styles, style_weights, strict=True):
            if weight == 0:
                continue
            features = encoder(style, self.style_layers)
            for name, share in self.style_layers.items():
                term = style_term(statistics(features[name]), losses)
                self.style_terms.append((name, share * weight / total, term))

    def __call__(self, image: Tensor) -> tuple[Tensor, Loss]:
        """Total loss with its graph, and the terms as numbers.

        Args:
            image: 1×3×H×W, the content's size.
        """
        sums: dict[str, Statistics] = {}

        def tap(name: str, features: Tensor) -> Tensor:
            if name in self.style_layers:
                features, sums[name] = tapped_statistics(features)
            return features

        features = self.encoder(image, {**self.content_layers, **self.style_layers}, tap)
        content, style = image.new_zeros(()), image.new_zeros(())
        for name, share in self.content_layers.items():
            distance = content_distance(features[name], self.content_targets[name])
            content = content + share * distance / self.content_sizes[name]
        for name, share, term in self.style_terms:
            style = style + share * term(sums[name])
        variation = total_variation(image, self.variation_over) if self.variation_weight else image.new_zeros(())
        total = self.content_weight * content + self.style_weight * style + self.variation_weight * variation
        numbers = torch.stack([t.detach() for t in (total, content, style, variation)]).tolist()
        return total, Loss(*numbers)

    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """The loss and its gradient with respect to the image, both without a graph."""
        leaf = image.detach().requires_grad_(True)
        total, loss = self(leaf)
        (gradient,) = torch.autograd.grad(total, leaf)
        return loss, gradient
