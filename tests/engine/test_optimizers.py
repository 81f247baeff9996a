import json

import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.adam import Adam
from impasto.engine.lbfgs import LBFGS
from impasto.engine.optimizers import WINDOW, OptimizerState, has_converged
from tests.engine.functions import wavy


def wavy_with_bumps(x):
    """Add bumps that the gradient does not contain, so that steps are undone and directions given up."""
    value, gradient = wavy(x)
    return value + 3 * (1e4 * x.detach().sum()).sin(), gradient


OPTIMIZERS = {
    "lbfgs": lambda: LBFGS(3),
    "lbfgs without patience": lambda: LBFGS(5, first_change=0.5, patience=1),
    "lbfgs with bounds": lambda: LBFGS(4, first_change=0.5, patience=1, bounds=(-1.3, 1.2)),
    "lbfgs with four channels": lambda: LBFGS(3, first_change=0.5, channels=4),
    "adam": lambda: Adam(0.05),
    "adam, tensorflow": lambda: Adam(0.05, epsilon=0.1, epsilon_form="tensorflow"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_with_loaded_state_takes_same_steps(name, dtype):
    x = torch.linspace(-2, 2, 40, dtype=dtype)
    optimizer, undone, given_up = OPTIMIZERS[name](), 0, 0
    for _ in range(90):
        state = optimizer.state()
        # As if read from a file: numbers through JSON, tensors at other addresses.
        numbers = json.loads(json.dumps(state.numbers))
        tensors = {key: tensor.clone() for key, tensor in state.tensors.items()}
        y = x.clone()
        other = OPTIMIZERS[name]()
        if numbers:
            other.load_state(OptimizerState(numbers, tensors), y)
        before = getattr(optimizer, "x", None)
        for _ in range(3):
            value, gradient = wavy_with_bumps(y)
            other.step(y, value.item(), gradient)
        value, gradient = wavy_with_bumps(x)
        optimizer.step(x, value.item(), gradient)
        undone += before is not None and optimizer.x is before
        given_up += state.tensors.get("move") is not None and optimizer.state().tensors.get("move") is None
        ahead = x.clone()
        onward = OPTIMIZERS[name]()
        onward.load_state(optimizer.state(), ahead)
        for _ in range(2):
            value, gradient = wavy_with_bumps(ahead)
            onward.step(ahead, value.item(), gradient)
        assert torch.equal(ahead, y)
    assert name != "lbfgs without patience" or (undone > 3 and given_up > 0)


def test_slowly_falling_loss_has_converged():
    slow = [1.0 - 0.0004 * i for i in range(40)]  # 0.4 % in ten iterations
    assert [has_converged(slow, tolerance) for tolerance in (0.003, 0.006)] == [False, True]
    assert not has_converged(slow[:WINDOW], 0.9)
    assert has_converged(slow[: WINDOW + 1], 0.9)


def test_rising_loss_has_converged_unless_it_falls():
    risen = [1.0, *([1.5] * WINDOW)]
    assert has_converged(risen, 0.0)
    assert not has_converged([*risen[:-1], 0.9], 0.05)
    assert has_converged([0.0] * (WINDOW + 1), 0.01)


@given(st.lists(st.integers(0, 1000).map(float), max_size=40), st.floats(0.001, 0.9), st.sampled_from((0.25, 1, 1024)))
def test_convergence_is_scale_free_and_monotone(values, tolerance, unit):
    assert has_converged([unit * value for value in values], tolerance) == has_converged(values, tolerance)
    if has_converged(values, tolerance):
        assert has_converged(values, min(0.999, tolerance * 1.1))
