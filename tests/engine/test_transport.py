import numpy as np
import pytest
import torch

from impasto.engine.distances import gaussian, wasserstein2
from impasto.engine.statistics import Statistics, covariance, mean, statistics
from impasto.engine.transport import interpolate, transport


def features(seed, channels=6, side=12, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, channels, side, side, generator=generator, dtype=torch.float64)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    return scale * torch.einsum("ij,bjhw->bihw", mixing, x) + torch.arange(channels)[:, None, None]


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T


def test_map_equals_closed_form_in_numpy():
    photo, style = statistics(features(0)), statistics(features(1))
    a, b = (np.cov(features(seed)[0].flatten(1).numpy(), bias=True) for seed in (0, 1))
    straight = np.linalg.inv(root(a)) @ root(root(a) @ b @ root(a)) @ np.linalg.inv(root(a))  # Lu et al. 2019, eq. 7
    found = transport(photo, gaussian(style, 0.0), ridge=0.0)
    np.testing.assert_allclose(found.matrix, straight, rtol=1e-6)
    np.testing.assert_allclose(found.bias, mean(style) - torch.from_numpy(straight) @ mean(photo), rtol=1e-6)


def test_mapped_features_have_target_distribution():
    photo, target = features(0), gaussian(statistics(features(1)), 1e-9)
    mapped = statistics(transport(statistics(photo), target, ridge=1e-9)(photo))
    torch.testing.assert_close(mean(mapped), target.mean)
    torch.testing.assert_close(covariance(mapped), target.covariance, rtol=1e-4, atol=1e-4)
    assert wasserstein2(mapped, target) < 1e-3 * wasserstein2(statistics(photo), target)


def test_blend_of_zero_changes_nothing():
    photo = features(0)
    torch.testing.assert_close(transport(statistics(photo), gaussian(statistics(features(1))), blend=0.0)(photo), photo)


def test_gain_of_flat_features_is_bounded():
    flat = torch.ones(1, 6, 12, 12, dtype=torch.float64)
    found = transport(statistics(flat), gaussian(statistics(features(1)), 1e-2))
    # The ridge of 1 % of at least 1 % of the target's variance limits the gain to 100 times a typical deviation.
    assert torch.linalg.matrix_norm(found.matrix, 2) < 300


@pytest.mark.parametrize("blend", [1.0, 0.4])
def test_gradient_of_mapped_features_is_exact(blend):
    target = gaussian(statistics(features(1, 4, 5)), 1e-2)

    def mapped(x):
        return transport(statistics(x), target, blend)(x)

    assert torch.autograd.gradcheck(mapped, features(0, 4, 4).requires_grad_())


def test_gradient_is_finite_at_equal_eigenvalues():
    x = torch.eye(4, dtype=torch.float64).reshape(1, 4, 2, 2).requires_grad_()
    target = gaussian(statistics(torch.eye(4, dtype=torch.float64).reshape(1, 4, 2, 2)), 1e-2)
    transport(statistics(x), target)(x).square().sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_interpolated_distribution_lies_on_the_way(share):
    photo, style = statistics(features(0)), statistics(features(1, side=10))
    found = interpolate(photo, style, share)

    def distance(one, other):
        return wasserstein2(one, gaussian(other, 1e-9), 1e-9).sqrt().item()

    # On a geodesic the distances to both ends are shares of the whole one. The ridge of 1 % bends it a little.
    whole = distance(photo, style)
    assert distance(photo, found) == pytest.approx(share * whole, abs=0.01 * whole)
    assert distance(found, style) == pytest.approx((1 - share) * whole, abs=0.01 * whole)


def test_ends_of_interpolation_are_exact():
    photo, style = statistics(features(0)), statistics(features(1, side=10))
    for share, end in ((0.0, photo), (1.0, style)):
        found = interpolate(photo, style, share)
        torch.testing.assert_close(mean(found), mean(end), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(covariance(found), covariance(end), rtol=1e-10, atol=1e-10)
        assert found.weight == style.weight


@pytest.mark.parametrize("flat", ["photo", "style"])
def test_interpolation_with_a_flat_picture_is_finite(flat):
    ends = {"photo": features(0), "style": features(1)} | {flat: torch.ones(1, 6, 12, 12, dtype=torch.float64)}
    found = interpolate(statistics(ends["photo"]), statistics(ends["style"]), 0.5)
    assert torch.isfinite(found.second).all()
    eigenvalues = torch.linalg.eigvalsh(covariance(found))
    assert eigenvalues.min() > -1e-6 * eigenvalues.max()
    spread = covariance(statistics(ends["style" if flat == "photo" else "photo"])).trace().item()
    assert covariance(found).trace().item() == pytest.approx(0.25 * spread, rel=0.05)


def test_interpolation_from_no_positions_gives_the_target():
    style = statistics(features(1))
    nothing = Statistics(*(torch.zeros_like(part) for part in style))
    assert interpolate(nothing, style, 0.3) is style
