import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.adam import Adam
from impasto.engine.lbfgs import LBFGS, _geometric_mean
from impasto.engine.optimizers import WINDOW, OptimizerState, has_converged


def quadratic(n=30, condition=100.0, seed=0):
    """½ xᵀ A x − bᵀ x with eigenvalues from 1 to the condition, and its solution."""
    generator = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))
    A = q @ torch.diag(torch.logspace(0, np.log10(condition), n, dtype=torch.float64)) @ q.mT
    b = torch.randn(n, generator=generator, dtype=torch.float64)
    return (lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b)), torch.linalg.solve(A, b)


def rosenbrock(x):
    x = x.detach().requires_grad_(True)
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    return value.detach(), torch.autograd.grad(value, x)[0]


def run(optimizer, function, x, steps):
    values = []
    for _ in range(steps):
        value, gradient = function(x)
        values.append(value.item())
        optimizer.step(x, value.item(), gradient)
    return values


def test_adam_in_pytorchs_form_is_pytorchs_adam():
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


def test_adam_in_tensorflows_form_is_its_formula():
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


def test_the_two_epsilon_forms_differ_where_epsilon_is_large():
    function, _ = quadratic(5)
    ends = []
    for form in ("pytorch", "tensorflow"):
        x = torch.zeros(5, dtype=torch.float64)
        run(Adam(0.1, epsilon=0.1, epsilon_form=form), function, x, 3)
        ends.append(x)
    assert (ends[0] - ends[1]).abs().max() > 1e-3


@given(seed=st.integers(0, 30), history=st.integers(1, 12))
def test_lbfgs_direction_is_the_two_loop_recursions(seed, history):
    function, _ = quadratic(12, 30.0, seed)
    x = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    lbfgs, pairs, before = LBFGS(history, growth=math.inf), [], None
    for _ in range(15):
        value, g = function(x)
        if before is not None and value.item() > before[2]:
            break  # a step that is taken back is another test's business
        if before is not None:
            pairs = [*pairs, (x - before[0], g - before[1])][-history:]
        before = (x.clone(), g.clone(), value.item())
        lbfgs.step(x, value.item(), g)
        if pairs:
            q, alphas = g.clone(), []
            for s, y in reversed(pairs):
                alphas.append(s @ q / (s @ y))
                q -= alphas[-1] * y
            s, y = pairs[-1]
            q *= (s @ y) / (y @ y)
            for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
                q += s * (alpha - y @ q / (s @ y))
            torch.testing.assert_close(x - before[0], -q, rtol=1e-6, atol=1e-9)


@given(seed=st.integers(0, 30))
def test_with_channels_it_starts_from_the_matrix_that_leads_from_changes_to_moves(seed):
    function, _ = quadratic(12, 30.0, seed)
    x = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    lbfgs = LBFGS(4, growth=math.inf, channels=3)
    for _ in range(6):
        before, (value, g) = x.clone(), function(x)
        kept = lbfgs.move is None or value.item() <= max(lbfgs.values[-5:])
        lbfgs.step(x, value.item(), g)
        if kept and lbfgs.order:
            rows = lbfgs.order
            pairs = [(lbfgs.pairs[r], lbfgs.pairs[4 + r]) for r in rows]
            moves, changes = (sum(p[i].view(3, 4) @ p[i].view(3, 4).mT / (p[0] @ p[0]) for p in pairs) for i in (0, 1))
            H = torch.kron(_geometric_mean(changes, moves), torch.eye(4, dtype=x.dtype))
            for s, y in pairs:  # BFGS in full
                V = torch.eye(12, dtype=x.dtype) - torch.outer(s, y) / (s @ y)
                H = V @ H @ V.mT + torch.outer(s, s) / (s @ y)
            torch.testing.assert_close(x - before, -H @ g, rtol=1e-6, atol=1e-9)


@given(seed=st.integers(0, 1000), n=st.integers(1, 4))
def test_the_geometric_mean_matrix_leads_from_changes_to_moves(seed, n):
    generator = torch.Generator().manual_seed(seed)
    changes, moves = (a @ a.mT for a in torch.randn(2, n, 2 * n, dtype=torch.float64, generator=generator))
    H = _geometric_mean(changes, moves)
    assert torch.linalg.eigvalsh(H).min() > 0
    # Up to the ten-thousandth of their traces that keeps both from being singular.
    torch.testing.assert_close(H @ changes @ H, moves, atol=1e-3 * float(moves.trace()), rtol=0)


def test_colours_that_never_move_are_scaled_as_the_others_are():
    grey = torch.ones(3, 3, dtype=torch.float64)
    H = _geometric_mean(4 * grey, grey)
    torch.testing.assert_close(H, 0.5 * torch.eye(3, dtype=torch.float64), atol=1e-6, rtol=0)


def test_with_channels_apart_it_is_sooner_where_their_curvatures_differ():
    scale = torch.tensor([1.0, 30.0, 1000.0], dtype=torch.float64)[:, None] * torch.linspace(1, 5, 40)
    start = torch.randn(120, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def function(x):
        return 0.5 * (scale.view(-1) * x).square().sum(), scale.view(-1).square() * x

    ends = {}
    for channels in (None, 3):
        x = start.clone()
        ends[channels] = run(LBFGS(8, channels=channels), function, x, 60)[-1]
    assert ends[3] < 1e-2 * ends[None]


@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
def test_no_step_is_longer_than_so_many_times_the_one_before(bounds):
    x = torch.linspace(-0.9, 0.9, 30, dtype=torch.float64)
    lbfgs, lengths = LBFGS(first_change=1e-4, growth=3.0, bounds=bounds), []
    for _ in range(6):  # downhill ever more steeply: no curvature bounds a step
        before = x.clone()
        lbfgs.step(x, -(x**4).sum().item(), -4 * x**3)
        lengths.append((x - before).norm().item())
    assert all(b == pytest.approx(3 * a, rel=1e-3) for a, b in itertools.pairwise(lengths))


def test_a_state_of_before_channels_were_told_apart_is_gone_on_from():
    function, _ = quadratic(12)
    x = torch.zeros(12, dtype=torch.float64)
    lbfgs = LBFGS(4, channels=3)
    run(lbfgs, function, x, 5)
    state = lbfgs.state()
    numbers = {key: number for key, number in state.numbers.items() if key != "length"}
    products = torch.cat([state.tensors["inner"], torch.ones(4, 4, dtype=torch.float64)])
    tensors = {key: tensor for key, tensor in state.tensors.items() if key != "colours"} | {"inner": products}
    old, y = LBFGS(4, channels=3), x.clone()
    old.load_state(OptimizerState(numbers, tensors), y)
    assert run(old, function, y, 3) == run(lbfgs, function, x, 3)


def test_lbfgs_solves_a_quadratic_and_rosenbrock():
    function, solution = quadratic()
    x = torch.zeros_like(solution)
    run(LBFGS(20), function, x, 60)
    assert (x - solution).norm() < 1e-6 * solution.norm()
    x = torch.full((6,), -0.5, dtype=torch.float64)
    run(LBFGS(10), rosenbrock, x, 300)
    torch.testing.assert_close(x, torch.ones_like(x), rtol=0, atol=1e-4)


def test_lbfgs_takes_back_a_step_uphill_and_never_ends_above_its_start():
    def steep(x):
        x = x.detach().requires_grad_(True)
        value = (x**4 - 3 * x**2 + 0.5 * x).sum() + (8 * x).cos().sum()
        return value.detach(), torch.autograd.grad(value, x)[0]

    x = torch.linspace(-2, 2, 40, dtype=torch.float64)
    values = run(LBFGS(5), steep, x, 80)
    assert max(values[20:]) <= values[0]
    assert values[-1] < values[0] - 50


def test_lbfgs_first_step_changes_no_pixel_by_more_than_it_may():
    x = torch.zeros(50)
    LBFGS(first_change=0.01).step(x, 1.0, 1e6 * torch.randn(50, generator=torch.Generator().manual_seed(0)))
    assert x.abs().max().item() == pytest.approx(0.01)


def test_lbfgs_stays_where_the_gradient_is_zero():
    x = torch.ones(8)
    lbfgs = LBFGS()
    for _ in range(4):
        lbfgs.step(x, 0.0, torch.zeros(8))
    assert torch.equal(x, torch.ones(8))


@pytest.mark.parametrize("least", [0.0, 1e-38])
def test_between_bounds_it_rests_where_all_pixels_but_those_without_a_gradient_are_held(least):
    image, gradient = torch.full((1, 3, 16, 16), 0.5), torch.ones(1, 3, 16, 16)
    gradient[..., 0, 0] = least
    optimizer = LBFGS(bounds=(0.0, 1.0), channels=3)
    for _ in range(8):  # linear, so that no pair has a curvature
        optimizer.step(image, (gradient * image).sum().item(), gradient.clone())
        assert image.isfinite().all()
    assert image[..., 1:, :].max() == 0
    assert (image[..., 0, 0] == 0.5).all()


def test_lbfgs_in_float32_on_images_keeps_their_shape():
    x = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    target = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    run(LBFGS(4), lambda x: ((x - target).square().sum(), 2 * (x - target)), x, 8)
    torch.testing.assert_close(x, target, atol=1e-5, rtol=0)


@given(seed=st.integers(0, 1000))
def test_between_bounds_it_comes_to_the_least_value_there(seed):
    function, free = quadratic(seed=seed)
    least, most = sorted(free.quantile(torch.tensor([0.3, 0.7], dtype=free.dtype)).tolist())
    x, seen = torch.full_like(free, (least + most) / 2), []
    run(LBFGS(20, bounds=(least, most)), lambda x: seen.append(x.clone()) or function(x), x, 150)
    assert all(least <= s.min() and s.max() <= most for s in seen)
    slope = function(x)[1]
    projected = x - (x - slope).clamp(least, most)  # zero where no move within the bounds goes down
    assert projected.abs().max() < 1e-5
    assert ((x == least) | (x == most)).any()


def bumpy(x):
    """Hills, and bumps that the gradient does not tell of: some steps are taken back, and some directions given up."""
    x = x.detach().requires_grad_(True)
    value = (x**4 - 3 * x**2 + 0.5 * x).sum() + (8 * x).cos().sum()
    return value.detach() + 3 * (1e4 * x.detach().sum()).sin(), torch.autograd.grad(value, x)[0]


MADE = {
    "lbfgs": lambda: LBFGS(3),
    "lbfgs with no patience": lambda: LBFGS(5, first_change=0.5, patience=1),
    "lbfgs between bounds": lambda: LBFGS(4, first_change=0.5, patience=1, bounds=(-1.3, 1.2)),
    "lbfgs of four channels": lambda: LBFGS(3, first_change=0.5, channels=4),
    "adam": lambda: Adam(0.05),
    "adam, tensorflow": lambda: Adam(0.05, epsilon=0.1, epsilon_form="tensorflow"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MADE)
def test_with_the_state_of_another_it_takes_the_same_steps(name, dtype):
    x = torch.linspace(-2, 2, 40, dtype=dtype)
    optimizer, taken_back, given_up = MADE[name](), 0, 0
    for _ in range(90):
        state = optimizer.state()
        # As it comes from a file: numbers through JSON, tensors elsewhere in memory.
        numbers = json.loads(json.dumps(state.numbers))
        tensors = {key: tensor.clone() for key, tensor in state.tensors.items()}
        y = x.clone()
        other = MADE[name]()
        if numbers:
            other.load_state(OptimizerState(numbers, tensors), y)
        before = getattr(optimizer, "x", None)
        for _ in range(3):
            value, gradient = bumpy(y)
            other.step(y, value.item(), gradient)
        value, gradient = bumpy(x)
        optimizer.step(x, value.item(), gradient)
        taken_back += before is not None and optimizer.x is before
        given_up += state.tensors.get("move") is not None and optimizer.state().tensors.get("move") is None
        ahead = x.clone()
        onward = MADE[name]()
        onward.load_state(optimizer.state(), ahead)
        for _ in range(2):
            value, gradient = bumpy(ahead)
            onward.step(ahead, value.item(), gradient)
        assert torch.equal(ahead, y)
    assert name != "lbfgs with no patience" or (taken_back > 3 and given_up > 0)


def test_a_state_is_no_copy_and_a_loaded_one_is():
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


def test_only_the_pairs_in_use_are_stored():
    x = torch.zeros(1000)
    lbfgs = LBFGS(50)
    assert not lbfgs.state().tensors
    run(lbfgs, lambda x: ((x - 1).square().sum(), 2 * (x - 1)), x, 3)
    images = sum(tensor.numel() == 1000 for tensor in lbfgs.state().tensors.values())
    assert images == 2 * len(lbfgs.order) + 3
    assert len(lbfgs.order) <= 2


def test_what_falls_by_less_than_the_tolerance_has_converged():
    slow = [1.0 - 0.0004 * i for i in range(40)]  # by 0.4 % in ten
    assert [has_converged(slow, tolerance) for tolerance in (0.003, 0.006)] == [False, True]
    assert not has_converged(slow[:WINDOW], 0.9)
    assert has_converged(slow[: WINDOW + 1], 0.9)


def test_a_loss_that_only_rose_has_converged_and_a_single_fall_is_enough_to_go_on():
    risen = [1.0, *([1.5] * WINDOW)]
    assert has_converged(risen, 0.0)
    assert not has_converged([*risen[:-1], 0.9], 0.05)
    assert has_converged([0.0] * (WINDOW + 1), 0.01)


@given(st.lists(st.integers(0, 1000).map(float), max_size=40), st.floats(0.001, 0.9), st.sampled_from((0.25, 1, 1024)))
def test_convergence_knows_no_units_and_a_larger_tolerance_comes_no_later(values, tolerance, unit):
    assert has_converged([unit * value for value in values], tolerance) == has_converged(values, tolerance)
    if has_converged(values, tolerance):
        assert has_converged(values, min(0.999, tolerance * 1.1))
