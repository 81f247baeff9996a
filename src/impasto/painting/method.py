"""The optimiser of an octave."""

from __future__ import annotations

from typing import Literal, NamedTuple

from impasto.engine.adam import Adam
from impasto.engine.lbfgs import LBFGS
from impasto.engine.optimizers import Optimizer
from impasto.painting.octaves import Octave
from impasto.settings.model import Optimization


class Method(NamedTuple):
    """The choice of an optimiser.

    Attributes:
        name: ``adam`` or ``lbfgs``; ``feed-forward`` without an optimiser.
        history: pairs that L-BFGS keeps; 0 for the others.
    """

    name: Literal["adam", "lbfgs", "feed-forward"]
    history: int


def method_of(optimization: Optimization, octave: Octave | None = None) -> Method:
    """Return the optimiser that the settings ask for, or that of an octave if the memory limits it.

    L-BFGS never keeps more pairs than the octave has iterations, because it allocates them at the first step.
    """
    name, history = optimization.method, optimization.history
    if octave is not None:
        name, history = octave.method or name, min(octave.history or history, octave.iterations)
    return Method(name, history if name == "lbfgs" else 0)


def make_optimizer(optimization: Optimization, octave: Octave | None = None) -> Optimizer:
    """Make the optimiser of :func:`method_of`."""
    name, history = method_of(optimization, octave)
    if name == "adam":
        o = optimization
        return Adam(o.rate, o.beta1, o.beta2, o.epsilon, o.epsilon_form)
    return LBFGS(history, bounds=(0.0, 1.0) if optimization.clamp == "step" else None, channels=3)
