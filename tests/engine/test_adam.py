import numpy as np
import torch

from impasto.engine.adam import Adam
from impasto.engine.optimizers import OptimizerState
from tests.engine.functions import minimise, quadratic


def test_adam_with_pytorch_epsilon_equals_pytorch():
    x = torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = x.clone(), x.clone().requires_grad_(True)
    function, _ = quadratic(20)
    reference = torch.optim.Adam([theirs], lr=0.05, betas=(0.9, 0.99), eps=0.1)
    adam = Adam(0.05, 0.9, 0.99, 0.1, "pytorch")
    for _ in range(30):
        value, gradient = function(ours)
        adam.step(ours, value.item(), gradient)
        theirs.grad = function(theirs.detach())[1]
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-12)


def test_adam_with_tensorflow_epsilon_equals_formula():
    function, _ = quadratic(20)
    x = torch.zeros(20, dtype=torch.float64)
    adam, expected = Adam(5.0, 0.99, 0.999, 0.1, "tensorflow"), x.numpy().copy()
    m, v = np.zeros(20), np.zeros(20)
    for t in range(1, 20):
        value, gradient = function(x)
        g = function(torch.from_numpy(expected))[1].numpy()
        m, v = 0.99 * m + 0.01 * g, 0.999 * v + 0.001 * g * g
        rate = 5.0 * np.sqrt(1 - 0.999**t) / (1 - 0.99**t)
        expected = expected - rate * m / (np.sqrt(v) + 0.1)
        adam.step(x, value.item(), gradient)
        np.testing.assert_allclose(x.numpy(), expected, rtol=1e-9)


def test_epsilon_forms_differ_if_epsilon_is_large():
    function, _ = quadratic(5)
    ends = []
    for form in ("pytorch", "tensorflow"):
        x = torch.zeros(5, dtype=torch.float64)
        minimise(Adam(0.1, epsilon=0.1, epsilon_form=form), function, x, 3)
        ends.append(x)
    assert (ends[0] - ends[1]).abs().max() > 1e-3


def test_adam_state_shares_tensors_and_loading_copies():
    x = torch.zeros(8)
    adam = Adam()
    assert adam.state() == OptimizerState()
    adam.step(x, 0.0, torch.ones(8))
    state = adam.state()
    assert state.tensors["m"] is adam.m
    other = Adam()
    other.load_state(state, x)
    assert torch.equal(other.m, adam.m)
    assert other.m is not adam.m
