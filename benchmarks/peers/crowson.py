"""The scheme of style-transfer-pytorch (Katherine Crowson), from its README and its command line's defaults.

Sides grow by √2 from 128 px; Adam, whose moments are carried from one size to the next, with pixels clamped after each
step; the result of each size, and the next one's start, is an exponential moving average of the iterates; squared
differences are divided by the sum of the absolute ones, so that weights do not depend on a layer's scale; total
variation is squared, over nine points. The README scales average pooling's results to keep their size; here the
encoder's weights know its pooling.
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
"""Of the average over iterates."""


@dataclass(frozen=True)
class Crowson:
    """Sizes at a ratio of √2.

    Attributes:
        smallest: long side in pixels that no size is under.
        first: iterations at the smallest size.
        iterations: at each other size.
    """

    smallest: int = 128
    first: int = 1000
    iterations: int = 500
    name: str = "crowson"
    layers: Sequence[str] = (*STYLE, CONTENT)

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Most iterations at the smallest size."""
        sizes = sides(height, width, 2**0.5, self.smallest)
        return tuple(Stage(*size, self.iterations if i else self.first) for i, size in enumerate(sizes))

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint; see :class:`benchmarks.peers.scheme.Scheme`."""
        adam, losses = Adam(RATE, *BETAS), []
        image = content
        for height, width, iterations in stages:
            image = resized(image, height, width)
            _carry(adam, height, width)
            photo = resized(content, height, width)
            painting = fitted(style, max(height, width))
            image, values = _descend(image, objective(photo, painting, encoder, factor), adam, iterations)
            losses.append(values)
        return Outcome(image, losses)


def objective(content: Tensor, style: Tensor, encoder: CountedEncoder, factor: float) -> Loss:
    """The loss of an image, 1×3×H×W as the content."""
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
    """Squared difference over absolute difference: its gradient's absolute values sum to about 1."""
    difference = x - goal
    return difference.square().sum() / (difference.abs().sum() + 1e-8)


def squared_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbours, the diagonal ones, √2 as far away, counting half."""
    x = F.pad(image, (1, 1, 1, 1), mode="replicate")
    here = x[..., 1:-1, 1:-1]
    straight = (x[..., 1:-1, 2:] - here).square().mean() + (x[..., 2:, 1:-1] - here).square().mean()
    diagonal = (x[..., 2:, 2:] - here).square().mean() + (x[..., 2:, :-2] - here).square().mean()
    return (straight + diagonal / 2) / 3


def _descend(image: Tensor, loss: Loss, adam: Adam, iterations: int) -> tuple[Tensor, list[float]]:
    """Adam's steps; gives the average over the iterates, unbiased, and the loss at each of them."""
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


def _carry(adam: Adam, height: int, width: int) -> None:
    """Adam's moments at the next size."""
    if adam.m is not None and adam.v is not None:
        adam.m = F.interpolate(adam.m, (height, width), mode="bicubic", align_corners=False)
        adam.v = F.interpolate(adam.v, (height, width), mode="bilinear", align_corners=False).clamp_min_(0)
