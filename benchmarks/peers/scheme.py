"""What the peers have in common: stages, losses over layers, and L-BFGS without and with bounds."""

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
    """One size of a painting: height and width in pixels, and evaluations of loss and gradient there."""

    height: int
    width: int
    iterations: int


@dataclass
class Outcome:
    """What a peer painted.

    Attributes:
        image: 1×3×H×W in [0, 1].
        losses: its own loss at each evaluation, by stage.
    """

    image: Tensor
    losses: list[list[float]] = field(default_factory=list)


class Scheme(Protocol):
    """A peer."""

    @property
    def name(self) -> str:
        """Of the peer."""
        ...

    @property
    def layers(self) -> Sequence[str]:
        """That it reads."""
        ...

    def plan(self, height: int, width: int) -> tuple[Stage, ...]:
        """The stages that its authors describe, for a full size."""
        ...

    def paint(
        self, content: Tensor, style: Tensor, encoder: CountedEncoder, stages: Sequence[Stage], factor: float
    ) -> Outcome:
        """Paint.

        Args:
            content: the photograph, 1×3×H×W in [0, 1], at the full size.
            style: the painting, 1×3×h×w, with the full size's long side.
            encoder: to paint through.
            stages: from :meth:`plan`, or shortened.
            factor: on the authors' weight of the style.
        """
        ...


def shortened(stages: Iterable[Stage], share: float) -> tuple[Stage, ...]:
    """The same stages with a share of their iterations, each at least one."""
    return tuple(stage._replace(iterations=max(1, round(stage.iterations * share))) for stage in stages)


def sides(height: int, width: int, ratio: float, smallest: int, most: int = 16) -> list[tuple[int, int]]:
    """Heights and widths from the smallest to the full one, as a fixed ratio of neighbouring sides gives them."""
    found = [(height, width)]
    while len(found) < most:
        size = scaled_size(height, width, max(height, width) / ratio ** len(found))
        if max(size) < smallest or min(size) < LEAST_SIDE:
            break
        found.append(size)
    return found[::-1]


def fitted(image: Tensor, long_side: int) -> Tensor:
    """1×3×H×W at another size."""
    height, width = image.shape[-2:]
    return resized(image, *scaled_size(height, width, long_side))


def gram_matrix(features: Tensor) -> Tensor:
    """C×C, divided by the number of positions."""
    return gram(statistics(features))


def lbfgs(image: Tensor, loss: Loss, iterations: int) -> tuple[Tensor, list[float]]:
    """Lower a loss with PyTorch's L-BFGS, steps of length 1, one evaluation each; the last image whose loss was finite.

    Pixels move freely, and are put back into [0, 1] at the end, as in the authors' programs, which costs some of what
    was gained: :func:`bounded_lbfgs` loses nothing.

    Returns:
        The image in [0, 1], and the loss at each evaluation.
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
    """Lower a loss with impasto's own L-BFGS, which keeps pixels in [0, 1] on the way; the image of the lowest loss.

    Returns:
        The image in [0, 1], and the loss at each evaluation.
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
