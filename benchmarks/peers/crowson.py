"""The scheme of style-transfer-pytorch (Katherine Crowson), from its README and the defaults of its command line.

Sides grow by √2 from 128 px. Adam keeps its moments from one size to the next, and pixels are clamped after each step.
The result of each size, which initialises the next one, is an exponential moving average of the iterates. Squared
differences are divided by the sum of the absolute ones, so weights do not depend on the scale of a layer. Total
variation is squared, over nine points. The README scales the results of average pooling to keep their magnitude; here
the encoder's weights are trained for its pooling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.arithmetic import CountedEncoder
from benchmarks.peers.scheme import Loss, Outcome, Stage, fitted, gram_matrix, sides
from impasto.engine.adam import Adam
from impasto.painting.octaves import resized

CONTENT = "relu4_2"
STYLE = {"relu1_1": 256.0, "relu2_1": 64.0, "relu3_1": 16.0, "relu4_1": 4.0, "relu5_1": 1.0}
CONTENT_WEIGHT = 0.015
VARIATION_WEIGHT = 2.0
RATE = 0.02
BETAS = (0.9, 0.99)
DECAY = 0.99
"""Decay of the exponential moving average over the iterates, per iteration."""


@dataclass(frozen=True)
class Crowson:
    """A scheme with sizes at a ratio of √2.

    Attributes:
        smallest: lower bound of the long side in pixels.
        first: number of iterations at the smallest size.
        iterations: number of iterations at each other size.
    """

    smallest: int = 128
    first: int = 1000
    iterations: int = 500
    name: str = "crowson"
    layers: Sequence[str] = (*STYLE, CONTENT)

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Plan the stages, with most iterations at the smallest size."""
        sizes = sides(height, width, 2**0.5, self.smallest)
        return tuple(Stage(*size, self.iterations if i else self.first) for i, size in enumerate(sizes))

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint, as :class:`benchmarks.peers.scheme.Scheme` describes."""
        adam, losses = Adam(RATE, *BETAS), []
        image = content
        for height, width, iterations in stages:
            image = resized(image, height, width)
            _resize_moments(adam, height, width)
            photo = resized(content, height, width)
            painting = fitted(style, max(height, width))
            image, values = _descend(image, objective(photo, painting, encoder, factor), adam, iterations)
            losses.append(values)
        return Outcome(image, losses)


def objective(content: Tensor, style: Tensor, encoder: CountedEncoder, factor: float) -> Loss:
    """Return the loss as a function of an image with the shape of the content."""
    with torch.no_grad():
        goal = encoder(content, [CONTENT])[CONTENT]
        goals = {name: gram_matrix(f) for name, f in encoder(style, tuple(STYLE)).items()}
    whole = sum(STYLE.values())

    def loss(image: Tensor) -> Tensor:
        features = encoder(image, (*STYLE, CONTENT))
        total = CONTENT_WEIGHT * scaled_square(features[CONTENT], goal) + VARIATION_WEIGHT * squared_variation(image)
        for name, weight in STYLE.items():
            total = total + factor * weight / whole * scaled_square(gram_matrix(features[name]), goals[name])
        return total

    return loss


def scaled_square(x: Tensor, goal: Tensor) -> Tensor:
    """Divide the squared by the absolute difference; the absolute values of the gradient then sum to about 1."""
    difference = x - goal
    return difference.square().sum() / (difference.abs().sum() + 1e-8)


def squared_variation(image: Tensor) -> Tensor:
    """Compute the mean squared difference of neighbours; diagonal ones, √2 as far away, have half the weight."""
    x = F.pad(image, (1, 1, 1, 1), mode="replicate")
    here = x[..., 1:-1, 1:-1]
    straight = (x[..., 1:-1, 2:] - here).square().mean() + (x[..., 2:, 1:-1] - here).square().mean()
    diagonal = (x[..., 2:, 2:] - here).square().mean() + (x[..., 2:, :-2] - here).square().mean()
    return (straight + diagonal / 2) / 3


def _descend(image: Tensor, loss: Loss, adam: Adam, iterations: int) -> tuple[Tensor, list[float]]:
    """Run Adam, and return the unbiased average of the iterates and the loss at each iteration."""
    image, average, values = image.clone(), torch.zeros_like(image), []
    for _ in range(iterations):
        leaf = image.detach().requires_grad_(True)
        value = loss(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        values.append(value.item())
        adam.step(image, values[-1], gradient)
        image.clamp_(0, 1)
        average.lerp_(image, 1 - DECAY)
    return (average / (1 - DECAY**iterations)).clamp_(0, 1), values


def _resize_moments(adam: Adam, height: int, width: int) -> None:
    """Resize Adam's moments to the next size."""
    if adam.m is not None and adam.v is not None:
        adam.m = F.interpolate(adam.m, (height, width), mode="bicubic", align_corners=False)
        adam.v = F.interpolate(adam.v, (height, width), mode="bilinear", align_corners=False).clamp_min_(0)
