"""Common parts of the peers: stages, losses over layers, and L-BFGS with and without bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from benchmarks.arithmetic import CountedEncoder
from impasto.engine.lbfgs import LBFGS
from impasto.engine.statistics import gram, statistics
from impasto.painting.octaves import LEAST_SIDE, resized
from impasto.pictures.sizes import scaled_size

Loss = Callable[[Tensor], Tensor]


class Stage(NamedTuple):
    """One size of a painting: height and width in pixels, and number of evaluations of loss and gradient."""

    height: int
    width: int
    iterations: int


@dataclass
class Outcome:
    """Result of a peer.

    Attributes:
        image: painting, 1×3×H×W in [0, 1].
        losses: the peer's own loss at each evaluation, by stage.
    """

    image: Tensor
    losses: list[list[float]] = field(default_factory=list)


class Scheme(Protocol):
    """Interface of a peer."""

    @property
    def name(self) -> str:
        """Name of the peer."""
        ...

    @property
    def layers(self) -> Sequence[str]:
        """Layers that its losses use."""
        ...

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """Plan the stages that the authors describe, for a full size."""
        ...

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint.

        Args:
            content: photograph, 1×3×H×W in [0, 1], at the full size.
            style: style, 1×3×h×w, with the long side of the full size.
            encoder: encoder of the losses.
            stages: stages from :meth:`plan`, or shortened ones.
            factor: factor on the authors' style weight.
        """
        ...


def shortened(stages: Iterable[Stage], share: float) -> tuple[Stage, ...]:
    """Scale the number of iterations of each stage, to at least one."""
    return tuple(stage._replace(iterations=max(1, round(stage.iterations * share))) for stage in stages)


def sides(height: int, width: int, ratio: float, smallest: int, most: int = 16) -> list[tuple[int, int]]:
    """List heights and widths from the smallest to the full size, with a fixed ratio between neighbours.

    Args:
        height: full height in pixels.
        width: full width in pixels.
        ratio: ratio of neighbouring sizes.
        smallest: lower bound of the long side in pixels.
        most: number of sizes at most.
    """
    found = [(height, width)]
    while len(found) < most:
        size = scaled_size(height, width, max(height, width) / ratio ** len(found))
        if max(size) < smallest or min(size) < LEAST_SIDE:
            break
        found.append(size)
    return found[::-1]


def fitted(image: Tensor, long_side: int) -> Tensor:
    """Resize 1×3×H×W to another long side."""
    height, width = image.shape[-2:]
    return resized(image, *scaled_size(height, width, long_side))


def gram_matrix(features: Tensor) -> Tensor:
    """Compute the Gram matrix, C×C, divided by the number of positions."""
    return gram(statistics(features))


def lbfgs(image: Tensor, loss: Loss, iterations: int) -> tuple[Tensor, list[float]]:
    """Minimise a loss with PyTorch's L-BFGS, with steps of length 1 and one evaluation each.

    Pixels are unbounded, and clamped to [0, 1] at the end, as in the authors' programs. The clamping raises the loss,
    which :func:`bounded_lbfgs` avoids.

    Returns:
        The last image with a finite loss, in [0, 1], and the loss at each evaluation.
    """
    leaf = image.clone().requires_grad_(True)
    losses: list[float] = []
    good = image.clone()
    optimizer = torch.optim.LBFGS(
        [leaf], max_iter=iterations, max_eval=2 * iterations, history_size=100, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(leaf)
        value.backward()
        losses.append(value.item())
        if value.isfinite():
            good.copy_(leaf.detach())
        return value

    optimizer.step(closure)
    return good.clamp_(0, 1), losses


def bounded_lbfgs(image: Tensor, loss: Loss, iterations: int) -> tuple[Tensor, list[float]]:
    """Minimise a loss with impasto's own L-BFGS, which keeps pixels in [0, 1] at every step.

    Returns:
        The image with the lowest loss, in [0, 1], and the loss at each evaluation.
    """
    image, best = image.clone(), image.clone()
    losses: list[float] = []
    optimizer = LBFGS(min(100, iterations), bounds=(0.0, 1.0))
    for _ in range(iterations):
        leaf = image.detach().requires_grad_(True)
        value = loss(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        losses.append(value.item())
        if not math.isfinite(losses[-1]):
            break
        if losses[-1] == min(losses):
            best.copy_(image)
        optimizer.step(image, losses[-1], gradient)
    return best, losses
