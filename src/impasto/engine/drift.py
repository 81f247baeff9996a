"""Drift: the forms of a smaller painting stay where they are while a larger one is painted over it.

Each octave paints new strokes, which would otherwise move the forms that the octave before has painted. Here the low
frequencies of the smaller painting are held, and finer detail is free. Choi et al. 2021 (ILVR) guide a diffusion model
by a reference picture in this way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.operators import binomial_pool
from impasto.engine.tone import LEAST_VARIANCE

CELL = 2
"""Side of the cells over which colours are averaged, in pixels of the smaller painting."""


@dataclass(frozen=True)
class Drift:
    """Penalty on the differences of locally averaged colours to a target.

    Attributes:
        weight: weight in the loss.
        target: 1×3×h×w, from :func:`average_colours` of an image of the same size.
    """

    weight: float
    target: Tensor

    def add_gradient(self, image: Tensor, gradient: Tensor) -> float:
        """Add the weighted gradient in place, and return the mean squared difference over the target's variance."""
        scale = self.target.numel() * self.target.var((-2, -1), correction=0).mean().clamp_min(LEAST_VARIANCE)
        poolings = round(math.log2(max(image.shape[-2:]) / max(self.target.shape[-2:])))
        total = 0.0
        for channel in range(3):  # all three at once would take three times the memory
            one = (slice(None), slice(channel, channel + 1))
            pixels = image[one].detach().requires_grad_(True)
            with torch.enable_grad():
                difference = (average_colours(pixels, poolings) - self.target[one]).square().sum() / scale
            gradient[one].add_(torch.autograd.grad(difference, pixels)[0], alpha=self.weight)
            total += difference.item()
        return total


def average_colours(image: Tensor, poolings: int) -> Tensor:
    """Average an image over binomial windows, one for each cell of 2 ** ``poolings`` pixels; B×C×H×W to B×C×h×w."""
    for _ in range(poolings):
        image = binomial_pool(image)
    return image


def poolings_of(size: tuple[int, int], growth: float) -> int:
    """Return the number of poolings after which cells measure about :data:`CELL` pixels of the smaller painting.

    Args:
        size: height and width of the larger painting in pixels, at least 2.
        growth: long side of the larger painting as a multiple of the smaller one's.
    """
    return max(1, min(round(math.log2(CELL * growth)), min(size).bit_length() - 1))
