import numpy as np
import pytest
import torch

from impasto.engine.distances import content_distance, gaussian, gram_distance, regularised, wasserstein2
from impasto.engine.statistics import Statistics, covariance, gram, mean, statistics
from tests.engine.samples import naive_gram, random_features


def naive_wasserstein2(m1, c1, m2, c2):
    """Compute Olkin and Pukelsheim's formula with numpy."""

    def root(a):
        values, vectors = np.linalg.eigh(a)
        return vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T

    r = root(c2)
    return float(((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root(r @ c1 @ r)))


TARGET = statistics(random_features(1))
DISTANCES = {
    "content": lambda f: content_distance(f, random_features(1)),
    "gram": lambda f: gram_distance(statistics(f), gram(TARGET)),
    "wasserstein2": lambda f: wasserstein2(statistics(f), gaussian(TARGET)),
}


@pytest.mark.parametrize("name", DISTANCES)
def test_distance_gradients_match_finite_differences(name):
    f = random_features(2).requires_grad_(True)
    assert torch.autograd.gradcheck(DISTANCES[name], (f,), eps=1e-6, atol=1e-7, rtol=1e-5)


def test_wasserstein2_gradient_with_few_positions():
    f = random_features(2, channels=6, height=2, width=2).requires_grad_(True)
    target = gaussian(statistics(random_features(1, channels=6)))
    assert torch.autograd.gradcheck(lambda f: wasserstein2(statistics(f), target, ridge=1e-2), (f,), atol=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 1e-4, 0.1])
def test_wasserstein2_gradient_by_statistics(ridge):
    target = gaussian(statistics(random_features(1)))
    sums = [part.clone().requires_grad_(True) for part in statistics(random_features(2))]
    assert torch.autograd.gradcheck(lambda *s: wasserstein2(Statistics(*s), target, ridge), sums, eps=1e-6, atol=1e-7)


def test_content_distance_is_mean_of_squares():
    f, g = random_features(0), random_features(1)
    naive = sum(float((a - b) ** 2) for a, b in zip(f.flatten(), g.flatten(), strict=True)) / f.numel()
    assert content_distance(f, g).item() == pytest.approx(naive, rel=1e-12)


def test_gram_distance_equals_loops():
    f, g = random_features(0, 3, 4, 5), random_features(1, 3, 6, 2)
    naive = ((naive_gram(f) - naive_gram(g)) ** 2).sum() / 9
    assert gram_distance(statistics(f), gram(statistics(g))).item() == pytest.approx(naive.item(), rel=1e-12)


def test_wasserstein2_equals_formula():
    s, t = statistics(random_features(0)), statistics(random_features(1) * 2 + 1)
    naive = naive_wasserstein2(*(x.numpy() for x in (mean(s), covariance(s), mean(t), covariance(t))))
    assert wasserstein2(s, gaussian(t, ridge=0), ridge=0).item() == pytest.approx(naive, rel=1e-9)


def test_wasserstein2_of_equal_statistics_is_zero():
    f = random_features(0).requires_grad_(True)
    value = wasserstein2(statistics(f), gaussian(statistics(f.detach())))
    value.backward()
    assert abs(value.item()) < 1e-9
    assert f.grad.abs().max() < 1e-7


def barycentre_covariance(covariances, weights, steps=100):
    """Iterate the fixed point of the Wasserstein barycentre (Álvarez-Esteban et al. 2016, equation 6)."""
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
def test_weighted_wasserstein2_is_least_at_barycentre(weights):
    generator = torch.Generator().manual_seed(1)

    def features(n):
        f = torch.randn(n, 4, generator=generator, dtype=torch.float64)
        f = f @ torch.randn(4, 4, generator=generator, dtype=torch.float64)
        return (f + torch.randn(4, generator=generator, dtype=torch.float64)).mT.reshape(1, 4, 12, -1)

    targets = [gaussian(statistics(features(144))) for _ in range(3)]
    image = features(144).contiguous().requires_grad_(True)
    limits = {"max_iter": 2000, "history_size": 50, "tolerance_grad": 1e-12, "tolerance_change": 1e-15}
    optimizer = torch.optim.LBFGS([image], line_search_fn="strong_wolfe", **limits)

    def closure():
        optimizer.zero_grad()
        loss = sum(w * wasserstein2(statistics(image), target) for w, target in zip(weights, targets, strict=True))
        loss.backward()
        return loss

    optimizer.step(closure)
    minimum, covariances = statistics(image.detach()), [target.covariance for target in targets]
    expected = sum(w * target.mean for w, target in zip(weights, targets, strict=True))
    torch.testing.assert_close(mean(minimum), expected, rtol=1e-6, atol=1e-6)
    S = barycentre_covariance(covariances, weights)
    assert (regularised(covariance(minimum), 1e-4) - S).norm() < 1e-5 * S.norm()
    # It differs from the mean of the covariances.
    plain = sum(w * A for w, A in zip(weights, covariances, strict=True))
    assert (plain - S).norm() > 0.05 * S.norm()
    if not weights[2]:  # the barycentre of two distributions lies on McCann's geodesic
        A, B, t = *covariances[:2], weights[1]
        root = symmetric_root(A)
        move = torch.linalg.inv(root) @ symmetric_root(root @ B @ root) @ torch.linalg.inv(root)
        displacement = (1 - t) * torch.eye(4, dtype=torch.float64) + t * move
        assert (displacement @ A @ displacement - S).norm() < 1e-9 * S.norm()


def test_wasserstein2_with_dead_channels_is_finite():
    f = random_features(0, channels=8, dtype=torch.float32).relu()
    f[:, 3:] = 0
    f.requires_grad_(True)
    for target in (random_features(1, channels=8, dtype=torch.float32).relu(), torch.zeros(1, 8, 4, 4)):
        value = wasserstein2(statistics(f), gaussian(statistics(target)))
        (gradient,) = torch.autograd.grad(value, f)
        assert value.isfinite()
        assert gradient.isfinite().all()


def test_wasserstein2_of_one_position_is_finite():
    # A small mask may cover one position of a deep layer, whose covariance is then rounding error, even negative.
    generator = torch.Generator().manual_seed(0)
    target = gaussian(statistics(torch.rand(1, 6, 5, 5, generator=generator)))
    mu = torch.rand(6, generator=generator, dtype=torch.float64)
    for rounding in (0.0, 1e-17, -1e-17, -1e-9):
        second = (mu[:, None] * mu + rounding * torch.eye(6)).requires_grad_()
        value = wasserstein2(Statistics(torch.tensor(1.0, dtype=torch.float64), mu, second), target)
        (slope,) = torch.autograd.grad(value, second)
        assert value.isfinite()
        assert slope.isfinite().all()


@pytest.mark.parametrize("variance", [0.0, 1e-12, 1e-4])
def test_wasserstein2_slope_of_flat_features_is_bounded(variance):
    # At variance 0 the slope is the same in all directions.
    target = gaussian(statistics(random_features(5, 6, 40, 50)))
    covariance_ = variance * torch.eye(6, dtype=torch.float64)
    sums = Statistics(torch.tensor(100.0, dtype=torch.float64), torch.zeros(6).double(), 100 * covariance_)
    leaves = [part.requires_grad_(True) for part in sums]
    _, _, by_second = torch.autograd.grad(wasserstein2(Statistics(*leaves), target), leaves)
    # For this A, I − B^½ (B^½ A B^½)^−½ B^½ is I − A^−½ B^½; A is at least the ridge of a hundredth of B's level.
    level = target.covariance.diagonal().mean()
    most = (target.covariance.diagonal().sqrt().max() / (1e-4 * 1e-2 * level).sqrt()).item()
    assert 0.01 < (by_second * 100).abs().max() < 2 * most
