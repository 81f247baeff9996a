"""Gatys, Ecker and Bethge 2016, Image Style Transfer Using Convolutional Neural Networks: L-BFGS at one size.

The paper starts from white noise. The authors' later notebook starts from the photograph, with 500 iterations, a
content weight of 1 and style weights of 1000 / C², for network weights with mean activations of 1. The built-in
encoder's weights have these too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.arithmetic import CountedEncoder
from benchmarks.peers.scheme import Loss, Outcome, Stage, bounded_lbfgs, gram_matrix, lbfgs
from impasto.painting.octaves import resized

CONTENT = "relu4_2"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Gatys:
    """A scheme with one size.

    Attributes:
        start: initial image, the photograph or white noise.
        iterations: number of L-BFGS iterations.
        bounded: whether L-BFGS keeps pixels in [0, 1] at every step.
    """

    start: Literal["content", "noise"] = "content"
    iterations: int = 500
    name: str = "gatys"
    bounded: bool = False
    layers: Sequence[str] = (*STYLE, CONTENT)

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Plan one stage at the full size."""
        return (Stage(height, width, self.iterations),)

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint, as :class:`benchmarks.peers.scheme.Scheme` describes."""
        (stage,) = stages
        content = resized(content, stage.height, stage.width)
        image = content
        if self.start == "noise":
            image = torch.rand(content.shape, generator=torch.Generator().manual_seed(0))
        lower = bounded_lbfgs if self.bounded else lbfgs
        image, losses = lower(image, objective(content, style, encoder, factor), stage.iterations)
        return Outcome(image, [losses])


def objective(content: Tensor, style: Tensor, encoder: CountedEncoder, factor: float) -> Loss:
    """Return the loss as a function of an image with the shape of the content."""
    with torch.no_grad():
        goal = encoder(content, [CONTENT])[CONTENT]
        goals = {name: gram_matrix(f) for name, f in encoder(style, STYLE).items()}

    def loss(image: Tensor) -> Tensor:
        features = encoder(image, (*STYLE, CONTENT))
        total = F.mse_loss(features[CONTENT], goal)
        for name, G in goals.items():
            total = total + factor * 1e3 / len(G) ** 2 * F.mse_loss(gram_matrix(features[name]), G)
        return total

    return loss
