import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.distances import content_distance, gaussian, gram_distance, regularised, wasserstein2
from impasto.engine.penalties import add_overshoot, add_total_variation, overshoot, total_variation
from impasto.engine.statistics import (
    Statistics,
    add_statistics_gradient,
    covariance,
    exact_statistics,
    gram,
    mean,
    statistics,
)


def features(seed=0, channels=5, height=7, width=9, dtype=torch.float64):
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def naive_gram(f):
    """Σ over positions of f_c f_d, divided by their number, as loops."""
    _, C, H, W = f.shape
    G = np.zeros((C, C))
    for y in range(H):
        for x in range(W):
            for c in range(C):
                for d in range(C):
                    G[c, d] += float(f[0, c, y, x] * f[0, d, y, x])
    return torch.from_numpy(G / (H * W))


def naive_wasserstein2(m1, c1, m2, c2):
    """Olkin and Pukelsheim's formula with matrix square roots in numpy."""

    def root(a):
        values, vectors = np.linalg.eigh(a)
        return vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T

    r = root(c2)
    return float(((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root(r @ c1 @ r)))


def losses_of_features():
    """Each loss as a function of features alone, at a target far from them."""
    other = statistics(features(1))
    return {
        "content": lambda f: content_distance(f, features(1)),
        "gram": lambda f: gram_distance(statistics(f), gram(other)),
        "wasserstein2": lambda f: wasserstein2(statistics(f), gaussian(other)),
        "variation": total_variation,
        "overshoot": overshoot,
    }


@pytest.mark.parametrize("name", losses_of_features())
def test_gradients_against_finite_differences(name):
    f = features(2).requires_grad_(True)
    assert torch.autograd.gradcheck(losses_of_features()[name], (f,), eps=1e-6, atol=1e-7, rtol=1e-5)


def test_gradient_of_wasserstein2_with_fewer_positions_than_channels():
    f = features(2, channels=6, height=2, width=2).requires_grad_(True)
    target = gaussian(statistics(features(1, channels=6)))
    assert torch.autograd.gradcheck(lambda f: wasserstein2(statistics(f), target, ridge=1e-2), (f,), atol=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 1e-4, 0.1])
def test_gradient_of_wasserstein2_by_each_of_the_sums(ridge):
    target = gaussian(statistics(features(1)))
    sums = [part.clone().requires_grad_(True) for part in statistics(features(2))]
    assert torch.autograd.gradcheck(lambda *s: wasserstein2(Statistics(*s), target, ridge), sums, eps=1e-6, atol=1e-7)


def test_content_distance_is_the_mean_of_squares():
    f, g = features(0), features(1)
    naive = sum(float((a - b) ** 2) for a, b in zip(f.flatten(), g.flatten(), strict=True)) / f.numel()
    assert content_distance(f, g).item() == pytest.approx(naive, rel=1e-12)


def test_gram_against_loops():
    f = features(0, 3, 4, 5)
    torch.testing.assert_close(gram(statistics(f)), naive_gram(f), rtol=1e-12, atol=1e-14)


def test_gram_distance_against_loops():
    f, g = features(0, 3, 4, 5), features(1, 3, 6, 2)
    naive = ((naive_gram(f) - naive_gram(g)) ** 2).sum() / 9
    assert gram_distance(statistics(f), gram(statistics(g))).item() == pytest.approx(naive.item(), rel=1e-12)


def test_mean_and_covariance_are_numpys():
    f = features(3)
    flat = f[0].flatten(1).numpy()
    np.testing.assert_allclose(mean(statistics(f)), flat.mean(1), rtol=1e-12)
    np.testing.assert_allclose(covariance(statistics(f)), np.cov(flat, bias=True), rtol=1e-11, atol=1e-13)


def test_wasserstein2_against_the_formula():
    s, t = statistics(features(0)), statistics(features(1) * 2 + 1)
    naive = naive_wasserstein2(*(x.numpy() for x in (mean(s), covariance(s), mean(t), covariance(t))))
    assert wasserstein2(s, gaussian(t, ridge=0), ridge=0).item() == pytest.approx(naive, rel=1e-9)


def test_wasserstein2_of_equal_statistics_is_zero_and_flat():
    f = features(0).requires_grad_(True)
    value = wasserstein2(statistics(f), gaussian(statistics(f.detach())))
    value.backward()
    assert abs(value.item()) < 1e-9
    assert f.grad.abs().max() < 1e-7


def spread(covariances, weights, steps=100):
    """Covariance of the Wasserstein barycentre, by the fixed point of Álvarez-Esteban et al. 2016, equation 6."""
    S = sum(w * A for w, A in zip(weights, covariances, strict=True))
    for _ in range(steps):
        root = symmetric_root(S)
        M = sum(w * symmetric_root(root @ A @ root) for w, A in zip(weights, covariances, strict=True))
        S = torch.linalg.inv(root) @ M @ M @ torch.linalg.inv(root)
    return S


def symmetric_root(A):
    values, vectors = torch.linalg.eigh(A)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.mT


@pytest.mark.parametrize("weights", [(0.7, 0.3, 0.0), (0.2, 0.5, 0.3)])
def test_a_weighted_sum_of_wasserstein2_is_least_at_the_barycentre(weights):
    generator = torch.Generator().manual_seed(1)

    def features(n):
        f = torch.randn(n, 4, generator=generator, dtype=torch.float64)
        f = f @ torch.randn(4, 4, generator=generator, dtype=torch.float64)
        return (f + torch.randn(4, generator=generator, dtype=torch.float64)).mT.reshape(1, 4, 12, -1)

    targets = [gaussian(statistics(features(144))) for _ in range(3)]
    image = features(144).contiguous().requires_grad_(True)
    how = {"max_iter": 2000, "history_size": 50, "tolerance_grad": 1e-12, "tolerance_change": 1e-15}
    optimizer = torch.optim.LBFGS([image], line_search_fn="strong_wolfe", **how)

    def closure():
        optimizer.zero_grad()
        loss = sum(w * wasserstein2(statistics(image), target) for w, target in zip(weights, targets, strict=True))
        loss.backward()
        return loss

    optimizer.step(closure)
    found, covariances = statistics(image.detach()), [target.covariance for target in targets]
    expected = sum(w * target.mean for w, target in zip(weights, targets, strict=True))
    torch.testing.assert_close(mean(found), expected, rtol=1e-6, atol=1e-6)
    S = spread(covariances, weights)
    assert (regularised(covariance(found), 1e-4) - S).norm() < 1e-5 * S.norm()
    # Which is another than the mean of the covariances,
    plain = sum(w * A for w, A in zip(weights, covariances, strict=True))
    assert (plain - S).norm() > 0.05 * S.norm()
    if not weights[2]:  # and of two the point on McCann's geodesic.
        A, B, t = *covariances[:2], weights[1]
        root = symmetric_root(A)
        move = torch.linalg.inv(root) @ symmetric_root(root @ B @ root) @ torch.linalg.inv(root)
        way = (1 - t) * torch.eye(4, dtype=torch.float64) + t * move
        assert (way @ A @ way - S).norm() < 1e-9 * S.norm()


def test_wasserstein2_in_float32_with_dead_channels_is_finite():
    f = features(0, channels=8, dtype=torch.float32).relu()
    f[:, 3:] = 0
    f.requires_grad_(True)
    for target in (features(1, channels=8, dtype=torch.float32).relu(), torch.zeros(1, 8, 4, 4)):
        value = wasserstein2(statistics(f), gaussian(statistics(target)))
        (gradient,) = torch.autograd.grad(value, f)
        assert value.isfinite()
        assert gradient.isfinite().all()


def test_wasserstein2_of_a_single_position_is_finite():
    # As where a small mask covers one position of a deep layer, and its covariance is rounding, here a negative one.
    generator = torch.Generator().manual_seed(0)
    target = gaussian(statistics(torch.rand(1, 6, 5, 5, generator=generator)))
    mu = torch.rand(6, generator=generator, dtype=torch.float64)
    for rounding in (0.0, 1e-17, -1e-17, -1e-9):
        second = (mu[:, None] * mu + rounding * torch.eye(6)).requires_grad_()
        value = wasserstein2(Statistics(torch.tensor(1.0, dtype=torch.float64), mu, second), target)
        (slope,) = torch.autograd.grad(value, second)
        assert value.isfinite()
        assert slope.isfinite().all()


def test_total_variation_against_loops():
    image = features(0, 3, 4, 5)
    x = image[0].numpy()
    naive = sum(abs(x[c, i + 1, j] - x[c, i, j]) for c in range(3) for i in range(3) for j in range(5))
    naive += sum(abs(x[c, i, j + 1] - x[c, i, j]) for c in range(3) for i in range(4) for j in range(4))
    assert total_variation(image).item() == pytest.approx(naive / x.size, rel=1e-12)


def test_total_variation_of_one_pixel_is_zero():
    assert total_variation(torch.rand(1, 3, 1, 1)).item() == 0


def test_overshoot_counts_what_lies_outside_alone():
    image = torch.tensor([-0.5, 0.0, 0.25, 1.0, 1.25]).view(1, 1, 1, 5)
    assert overshoot(image).item() == pytest.approx((0.25 + 0.0625) / 5)


@pytest.mark.parametrize("chunk", [16, 1 << 20])
def test_added_overshoot_is_the_gradient(chunk, monkeypatch):
    monkeypatch.setattr("impasto.engine.statistics.CHUNK", chunk)
    image = (features(3, 3, 11, 5) + 0.5).requires_grad_(True)
    (goal,) = torch.autograd.grad(3 * overshoot(image), image)
    gradient = torch.ones_like(image)
    assert add_overshoot(image.detach(), 3.0, gradient) == pytest.approx(overshoot(image).item(), rel=1e-12)
    assert (gradient - 1 - goal).abs().max().item() < 1e-14


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_of_statistics_against_finite_differences(masked):
    f = features(2, 4, 6, 8)
    mask = torch.rand(6, 8, dtype=f.dtype, generator=torch.Generator().manual_seed(5)) if masked else None
    target = gram(statistics(features(1, 4)))

    def through(f):
        s = statistics(f, mask)
        return gram_distance(s, target) + mean(s).sum()

    assert torch.autograd.gradcheck(through, (f.requires_grad_(True),), atol=1e-7)


CORE = (slice(2, 6), slice(1, 8))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("chunk", [1, 60, 1 << 20])
def test_exact_statistics_and_their_gradient_are_those_of_the_core(masked, chunk, monkeypatch):
    monkeypatch.setattr("impasto.engine.statistics.CHUNK", chunk)
    f = features(3).requires_grad_(True)
    mask = torch.rand(4, 7, dtype=f.dtype, generator=torch.Generator().manual_seed(5)) if masked else None
    plain = statistics(f[(..., *CORE)], mask)
    for exact, sums in zip(exact_statistics(f.detach(), CORE, mask), plain, strict=True):
        torch.testing.assert_close(exact, sums.detach(), rtol=1e-12, atol=1e-11)
    generator = torch.Generator().manual_seed(6)
    slope = Statistics(*(torch.randn(s.shape, generator=generator, dtype=s.dtype) for s in plain))
    (expected,) = torch.autograd.grad((plain.first @ slope.first) + (plain.second * slope.second).sum(), f)
    for centre in (torch.zeros(5).double(), torch.arange(5).double()):  # any is right
        gradient = torch.ones_like(f)
        add_statistics_gradient(gradient, f.detach(), slope, centre, CORE, mask)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-11, atol=1e-11)


def test_a_small_variance_on_a_large_mean_survives_float32():
    deviations = 0.01 * features(4, 6, 90, 110)
    f = (deviations + 100).float()
    expected = np.cov(f[0].double().flatten(1), bias=True)
    parts = [exact_statistics(f[..., :33, :]), exact_statistics(f[..., 33:, :])]
    error = np.abs(covariance(parts[0].merged(parts[1])).numpy() - expected).max() / expected.max()
    plain = np.abs(covariance(statistics(f)).numpy() - expected).max() / expected.max()
    assert error < 1e-4 < 0.1 < plain


def test_what_a_mask_chooses_keeps_its_small_variance_beside_quite_another_part():
    f = 0.01 * features(4, 6, 90, 110)
    f[..., :30, :] += 100
    mask = torch.zeros(90, 110)
    mask[10:20, 10:20] = 1
    expected = np.cov(f[0, :, 10:20, 10:20].float().double().flatten(1), bias=True)
    found = covariance(exact_statistics(f.float(), mask=mask)).numpy()
    assert np.abs(found - expected).max() < 1e-4 * expected.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_of_what_is_nearly_flat_is_no_rounding(dtype):
    """Of features whose deviations are a hundredth of their means, as in a sky or in fog."""
    f = (0.03 * features(4, 6, 40, 50) + 3).to(dtype)
    target = gaussian(statistics(features(5, 6, 40, 50) + 3))
    exact = f.double().requires_grad_(True)
    value = wasserstein2(statistics(exact), target)
    (expected,) = torch.autograd.grad(value, exact)
    sums = Statistics(*(part.requires_grad_(True) for part in exact_statistics(f)))
    slope = Statistics(*torch.autograd.grad(wasserstein2(sums, target), sums))
    gradient = torch.zeros_like(f)
    add_statistics_gradient(gradient, f, slope, mean(sums).detach())
    error = (gradient.double() - expected).norm() / expected.norm()
    assert error < {torch.float32: 1e-4, torch.bfloat16: 0.02}[dtype]


@pytest.mark.parametrize("variance", [0.0, 1e-12, 1e-4])
def test_the_slope_of_what_is_flat_has_a_bound(variance):
    """At variance 0 each direction to grow in is as good as another."""
    target = gaussian(statistics(features(5, 6, 40, 50)))
    covariance_ = variance * torch.eye(6, dtype=torch.float64)
    sums = Statistics(torch.tensor(100.0, dtype=torch.float64), torch.zeros(6).double(), 100 * covariance_)
    leaves = [part.requires_grad_(True) for part in sums]
    _, _, by_second = torch.autograd.grad(wasserstein2(Statistics(*leaves), target), leaves)
    # I − B^½ (B^½ A B^½)^−½ B^½ is I − A^−½ B^½ for such an A, with A at least the ridge of a hundredth of B's level
    level = target.covariance.diagonal().mean()
    most = (target.covariance.diagonal().sqrt().max() / (1e-4 * 1e-2 * level).sqrt()).item()
    assert 0.01 < (by_second * 100).abs().max() < 2 * most


def test_total_variation_is_added_with_its_gradient(monkeypatch):
    monkeypatch.setattr("impasto.engine.statistics.CHUNK", 100)
    image = features(5, 3, 23, 11).requires_grad_(True)
    with torch.no_grad():
        image[..., 5:8, 2:6] = 0.5  # flat: no slope there
    value = total_variation(image, "sum")
    (expected,) = torch.autograd.grad(0.3 * value, image)
    gradient = torch.ones_like(image)
    assert add_total_variation(image.detach(), 0.3, gradient) == pytest.approx(value.item(), rel=1e-13)
    torch.testing.assert_close(gradient - 1, expected, rtol=1e-12, atol=1e-12)
    assert add_total_variation(torch.rand(1, 3, 1, 1), 1.0, torch.zeros(1, 3, 1, 1)) == 0


@given(split=st.integers(1, 8), seed=st.integers(0, 99))
def test_statistics_add_over_parts(split, seed):
    f = features(seed)
    parts = statistics(f[..., :split]).merged(statistics(f[..., split:]))
    for part, whole in zip(parts, statistics(f), strict=True):
        torch.testing.assert_close(part, whole, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 99))
def test_a_mask_of_zeros_and_ones_leaves_out_positions(seed):
    f = features(seed, width=6)
    mask = torch.zeros(7, 6, dtype=f.dtype)
    mask[:, :4] = 1
    for masked, cut in zip(statistics(f, mask), statistics(f[..., :4]), strict=True):
        torch.testing.assert_close(masked, cut, rtol=1e-12, atol=1e-12)
