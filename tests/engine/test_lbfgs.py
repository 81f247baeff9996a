import itertools
import math

import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.lbfgs import LBFGS, geometric_mean
from impasto.engine.optimizers import OptimizerState
from tests.engine.functions import minimise, quadratic, wavy


def rosenbrock(x):
    x = x.detach().requires_grad_(True)
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    return value.detach(), torch.autograd.grad(value, x)[0]


@given(seed=st.integers(0, 30), history=st.integers(1, 12))
def test_lbfgs_direction_equals_two_loop_recursion(seed, history):
    function, _ = quadratic(12, 30.0, seed)
    x = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    lbfgs, pairs, before = LBFGS(history, growth=math.inf), [], None
    for _ in range(15):
        value, g = function(x)
        if before is not None and value.item() > before[2]:
            break  # test_lbfgs_undoes_uphill_steps covers the rest
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
def test_lbfgs_with_channels_equals_full_bfgs(seed):
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
            H = torch.kron(geometric_mean(changes, moves), torch.eye(4, dtype=x.dtype))
            for s, y in pairs:  # BFGS with the full matrix
                V = torch.eye(12, dtype=x.dtype) - torch.outer(s, y) / (s @ y)
                H = V @ H @ V.mT + torch.outer(s, s) / (s @ y)
            torch.testing.assert_close(x - before, -H @ g, rtol=1e-6, atol=1e-9)


@given(seed=st.integers(0, 1000), n=st.integers(1, 4))
def testgeometric_mean_maps_changes_to_moves(seed, n):
    generator = torch.Generator().manual_seed(seed)
    changes, moves = (a @ a.mT for a in torch.randn(2, n, 2 * n, dtype=torch.float64, generator=generator))
    H = geometric_mean(changes, moves)
    assert torch.linalg.eigvalsh(H).min() > 0
    # Except for the ten-thousandth of the traces that is added to avoid singular matrices.
    torch.testing.assert_close(H @ changes @ H, moves, atol=1e-3 * float(moves.trace()), rtol=0)


def testgeometric_mean_scales_unmoved_colours_alike():
    grey = torch.ones(3, 3, dtype=torch.float64)
    H = geometric_mean(4 * grey, grey)
    torch.testing.assert_close(H, 0.5 * torch.eye(3, dtype=torch.float64), atol=1e-6, rtol=0)


def test_lbfgs_with_channels_converges_sooner():
    scale = torch.tensor([1.0, 30.0, 1000.0], dtype=torch.float64)[:, None] * torch.linspace(1, 5, 40)
    start = torch.randn(120, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def function(x):
        return 0.5 * (scale.view(-1) * x).square().sum(), scale.view(-1).square() * x

    ends = {}
    for channels in (None, 3):
        x = start.clone()
        ends[channels] = minimise(LBFGS(8, channels=channels), function, x, 60)[-1]
    assert ends[3] < 1e-2 * ends[None]


@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
def test_lbfgs_steps_grow_by_limited_factor(bounds):
    x = torch.linspace(-0.9, 0.9, 30, dtype=torch.float64)
    lbfgs, lengths = LBFGS(first_change=1e-4, growth=3.0, bounds=bounds), []
    for _ in range(6):  # the slope grows, so no curvature limits the steps
        before = x.clone()
        lbfgs.step(x, -(x**4).sum().item(), -4 * x**3)
        lengths.append((x - before).norm().item())
    assert all(b == pytest.approx(3 * a, rel=1e-3) for a, b in itertools.pairwise(lengths))


def test_lbfgs_loads_state_without_colours():
    function, _ = quadratic(12)
    x = torch.zeros(12, dtype=torch.float64)
    lbfgs = LBFGS(4, channels=3)
    minimise(lbfgs, function, x, 5)
    state = lbfgs.state()
    numbers = {key: number for key, number in state.numbers.items() if key != "length"}
    products = torch.cat([state.tensors["inner"], torch.ones(4, 4, dtype=torch.float64)])
    tensors = {key: tensor for key, tensor in state.tensors.items() if key != "colours"} | {"inner": products}
    old, y = LBFGS(4, channels=3), x.clone()
    old.load_state(OptimizerState(numbers, tensors), y)
    assert minimise(old, function, y, 3) == minimise(lbfgs, function, x, 3)


def test_lbfgs_minimises_quadratic_and_rosenbrock():
    function, solution = quadratic()
    x = torch.zeros_like(solution)
    minimise(LBFGS(20), function, x, 60)
    assert (x - solution).norm() < 1e-6 * solution.norm()
    x = torch.full((6,), -0.5, dtype=torch.float64)
    minimise(LBFGS(10), rosenbrock, x, 300)
    torch.testing.assert_close(x, torch.ones_like(x), rtol=0, atol=1e-4)


def test_lbfgs_undoes_uphill_steps():
    x = torch.linspace(-2, 2, 40, dtype=torch.float64)
    values = minimise(LBFGS(5), wavy, x, 80)
    assert max(values[20:]) <= values[0]
    assert values[-1] < values[0] - 50


def test_lbfgs_first_step_has_limited_change():
    x = torch.zeros(50)
    LBFGS(first_change=0.01).step(x, 1.0, 1e6 * torch.randn(50, generator=torch.Generator().manual_seed(0)))
    assert x.abs().max().item() == pytest.approx(0.01)


def test_lbfgs_rests_at_zero_gradient():
    x = torch.ones(8)
    lbfgs = LBFGS()
    for _ in range(4):
        lbfgs.step(x, 0.0, torch.zeros(8))
    assert torch.equal(x, torch.ones(8))


@pytest.mark.parametrize("least", [0.0, 1e-38])
def test_bounded_lbfgs_rests_if_all_pixels_are_held(least):
    image, gradient = torch.full((1, 3, 16, 16), 0.5), torch.ones(1, 3, 16, 16)
    gradient[..., 0, 0] = least
    optimizer = LBFGS(bounds=(0.0, 1.0), channels=3)
    for _ in range(8):  # the loss is linear, so no pair has curvature
        optimizer.step(image, (gradient * image).sum().item(), gradient.clone())
        assert image.isfinite().all()
    assert image[..., 1:, :].max() == 0
    assert (image[..., 0, 0] == 0.5).all()


def test_lbfgs_minimises_float32_image():
    x = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    target = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    minimise(LBFGS(4), lambda x: ((x - target).square().sum(), 2 * (x - target)), x, 8)
    torch.testing.assert_close(x, target, atol=1e-5, rtol=0)


@given(seed=st.integers(0, 1000))
def test_bounded_lbfgs_converges_within_bounds(seed):
    function, free = quadratic(seed=seed)
    least, most = sorted(free.quantile(torch.tensor([0.3, 0.7], dtype=free.dtype)).tolist())
    x, seen = torch.full_like(free, (least + most) / 2), []
    minimise(LBFGS(20, bounds=(least, most)), lambda x: seen.append(x.clone()) or function(x), x, 150)
    assert all(least <= s.min() and s.max() <= most for s in seen)
    slope = function(x)[1]
    projected = x - (x - slope).clamp(least, most)  # zero if no move within the bounds lowers the value
    assert projected.abs().max() < 1e-5
    assert ((x == least) | (x == most)).any()


def test_lbfgs_state_contains_only_used_pairs():
    x = torch.zeros(1000)
    lbfgs = LBFGS(50)
    assert not lbfgs.state().tensors
    minimise(lbfgs, lambda x: ((x - 1).square().sum(), 2 * (x - 1)), x, 3)
    images = sum(tensor.numel() == 1000 for tensor in lbfgs.state().tensors.values())
    assert images == 2 * len(lbfgs.order) + 3
    assert len(lbfgs.order) <= 2
