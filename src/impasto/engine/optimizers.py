"""Optimisers of an image: each is told value and gradient at the image and moves it in place, one evaluation a step.

None knows what the loss is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

WINDOW = 10
"""Iterations in which the loss must come down, or it has converged."""


@dataclass(frozen=True)
class OptimizerState:
    """All that an optimiser has learned between two steps; another one that loads it takes the same steps.

    Attributes:
        numbers: what JSON holds, floats to the last bit.
        tensors: the optimiser's own, not copies: valid until its next step.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class Optimizer(Protocol):
    """What the painter asks of an optimiser."""

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """Move ``image`` in place, knowing the loss and its gradient there."""
        ...

    def state(self) -> OptimizerState:
        """What it has learned so far."""
        ...

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Go on from a state in place of one's own.

        Args:
            state: of an optimiser made with the same arguments; each tensor is read once, and copied.
            image: that the next step will move; it gives shape and device.
        """
        ...


def has_converged(values: Sequence[float], tolerance: float) -> bool:
    """Whether the last :data:`WINDOW` values have lowered the least one before them by no more than a share of it.

    Args:
        values: of the loss, in the order of the iterations; not below 0.
        tolerance: that share, in [0, 1).
    """
    if len(values) <= WINDOW:
        return False
    before = min(values[:-WINDOW])
    return before - min(values[-WINDOW:]) <= tolerance * before
