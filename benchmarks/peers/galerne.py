"""Galerne, Raad, Lezama and Morel 2022, Scaling Painting Style Transfer (SPST): L-BFGS at three sizes.

The augmented style loss compares Gram matrices and, for each channel, mean and standard deviation. There are 600
iterations at the coarsest size, and half as many at each finer one. The halving and the weights of the three parts are
our reading of the paper: Gram matrices, means and deviations all have the weight of Gatys's notebook, 1000 / C².
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
    """A scheme with sizes at a ratio of 2.

    Attributes:
        scales: number of sizes.
        first: number of iterations at the coarsest size; each next size has half as many.
        bounded: whether L-BFGS keeps pixels in [0, 1] at every step.
    """

    scales: int = 3
    first: int = 600
    name: str = "galerne"
    bounded: bool = False
    layers: Sequence[str] = (*STYLE, CONTENT)

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Plan the stages; a small picture has fewer sizes."""
        sizes = sides(height, width, 2, 0, self.scales)
        return tuple(Stage(*size, round(self.first / 2**i)) for i, size in enumerate(sizes))

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint, as :class:`benchmarks.peers.scheme.Scheme` describes."""
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
    """Return the loss as a function of an image with the shape of the content."""
    with torch.no_grad():
        goal = encoder(content, [CONTENT])[CONTENT]
        goals = {name: _style_statistics(f) for name, f in encoder(style, STYLE).items()}

    def loss(image: Tensor) -> Tensor:
        features = encoder(image, (*STYLE, CONTENT))
        total = F.mse_loss(features[CONTENT], goal)
        for name, parts in goals.items():
            weight = factor * 1e3 / len(parts[0]) ** 2
            for found, expected in zip(_style_statistics(features[name]), parts, strict=True):
                total = total + weight * F.mse_loss(found, expected)
        return total

    return loss


def _style_statistics(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the Gram matrix, means and standard deviations of a layer."""
    s = statistics(features)
    return gram(s), mean(s), covariance(s).diagonal().clamp_min(1e-8).sqrt()
