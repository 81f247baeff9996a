"""The optimiser of an octave."""

from __future__ import annotations

from impasto.engine.adam import Adam
from impasto.engine.lbfgs import LBFGS
from impasto.engine.optimizers import Optimizer
from impasto.painting.octaves import Octave
from impasto.settings.model import Optimization


def make_optimizer(how: Optimization, octave: Octave | None = None) -> Optimizer:
    """The optimiser that the settings ask for, or that of an octave where the memory bounds it."""
    method, history = how.method, how.history
    if octave is not None:
        # No more pairs than there will be steps: they take memory from the first one on.
        method, history = octave.method or method, min(octave.history or history, octave.iterations)
    if method == "adam":
        return Adam(how.rate, how.beta1, how.beta2, how.epsilon, how.epsilon_form)
    return LBFGS(history, bounds=(0.0, 1.0) if how.clamp == "step" else None, channels=3)


def method_of(octave: Octave, how: Optimization) -> tuple[str, int]:
    """The optimiser of an octave, and how many pairs it keeps; 0 for Adam."""
    method = octave.method or how.method
    return method, min(octave.history or how.history, octave.iterations) if method == "lbfgs" else 0
