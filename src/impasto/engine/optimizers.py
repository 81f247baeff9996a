"""The protocol of optimisers of an image, and their convergence.

An optimiser receives value and gradient at the image and moves it in place, one evaluation a step. It does not know
the loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

WINDOW = 10
"""Iterations within which the loss must fall, or it has converged."""


@dataclass(frozen=True)
class OptimizerState:
    """The state of an optimiser between two steps; another one that loads it takes the same steps.

    Attributes:
        numbers: JSON values; floats keep their last bit.
        tensors: the optimiser's own tensors, not copies; valid until its next step.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class Optimizer(Protocol):
    """An optimiser as the painter uses it."""

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """Move ``image`` in place, given the loss and its gradient there."""
        ...

    def state(self) -> OptimizerState:
        """Return the state."""
        ...

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Continue from another state.

        Args:
            state: of an optimiser made with the same arguments; each tensor is read once, and copied.
            image: the image that the next step will move; it determines shape and device.
        """
        ...


def has_converged(values: Sequence[float], tolerance: float) -> bool:
    """Tell whether the last :data:`WINDOW` values improve the least one before them by at most a fraction.

    Args:
        values: losses in the order of the iterations; not below 0.
        tolerance: the fraction, in [0, 1).
    """
    if len(values) <= WINDOW:
        return False
    before = min(values[:-WINDOW])
    return before - min(values[-WINDOW:]) <= tolerance * before
