"""Galerne, Raad, Lezama and Morel 2022, Scaling Painting Style Transfer (SPST): three sizes, L-BFGS at each.

The style loss is augmented: beside the Gram matrices it compares each channel's mean and deviation. 600 iterations at
the coarsest size and half of them at each finer one; the weights of the three parts, and that they halve, are our
reading: Gram's as in Gatys's notebook, 1000 / C², and the same for means and deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.arithmetic import CountedEncoder
from benchmarks.peers.scheme import Loss, Outcome, Stage, bounded_lbfgs, fitted, lbfgs, sides
from impasto.engine.statistics import covariance, gram, mean, statistics
from impasto.painting.octaves import resized

CONTENT = "relu4_2"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Galerne:
    """Sizes at a ratio of 2.

    Attributes:
        scales: how many.
        first: iterations at the coarsest size; half as many at each next one.
        bounded: whether L-BFGS keeps pixels in [0, 1] on the way.
    """

    scales: int = 3
    first: int = 600
    name: str = "galerne"
    bounded: bool = False
    layers: Sequence[str] = (*STYLE, CONTENT)

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Fewer sizes where the picture is small."""
        sizes = sides(height, width, 2, 0, self.scales)
        return tuple(Stage(*size, round(self.first / 2**i)) for i, size in enumerate(sizes))

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint; see :class:`benchmarks.peers.scheme.Scheme`."""
        image, losses = content, []
        lower = bounded_lbfgs if self.bounded else lbfgs
        for height, width, iterations in stages:
            photo = resized(content, height, width)
            painting = fitted(style, max(height, width))
            image = resized(image, height, width)
            image, values = lower(image, objective(photo, painting, encoder, factor), iterations)
            losses.append(values)
        return Outcome(image, losses)


def objective(content: Tensor, style: Tensor, encoder: CountedEncoder, factor: float) -> Loss:
    """The loss of an image, 1×3×H×W as the content."""
    with torch.no_grad():
        goal = encoder(content, [CONTENT])[CONTENT]
        goals = {name: _described(f) for name, f in encoder(style, STYLE).items()}

    def loss(image: Tensor) -> Tensor:
        features = encoder(image, (*STYLE, CONTENT))
        total = F.mse_loss(features[CONTENT], goal)
        for name, parts in goals.items():
            weight = factor * 1e3 / len(parts[0]) ** 2
            for found, expected in zip(_described(features[name]), parts, strict=True):
                total = total + weight * F.mse_loss(found, expected)
        return total

    return loss


def _described(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gram matrix, means and deviations of a layer."""
    s = statistics(features)
    return gram(s), mean(s), covariance(s).diagonal().clamp_min(1e-8).sqrt()
