import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.distances import gaussian, gram_distance, wasserstein2
from impasto.engine.statistics import (
    Statistics,
    add_statistics_gradient,
    covariance,
    exact_statistics,
    gram,
    mean,
    statistics,
)
from tests.engine.samples import naive_gram, random_features


def test_gram_equals_loops():
    f = random_features(0, 3, 4, 5)
    torch.testing.assert_close(gram(statistics(f)), naive_gram(f), rtol=1e-12, atol=1e-14)


def test_mean_and_covariance_equal_numpy():
    f = random_features(3)
    flat = f[0].flatten(1).numpy()
    np.testing.assert_allclose(mean(statistics(f)), flat.mean(1), rtol=1e-12)
    np.testing.assert_allclose(covariance(statistics(f)), np.cov(flat, bias=True), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_gradient_matches_finite_differences(masked):
    f = random_features(2, 4, 6, 8)
    mask = torch.rand(6, 8, dtype=f.dtype, generator=torch.Generator().manual_seed(5)) if masked else None
    target = gram(statistics(random_features(1, 4)))

    def value(f):
        s = statistics(f, mask)
        return gram_distance(s, target) + mean(s).sum()

    assert torch.autograd.gradcheck(value, (f.requires_grad_(True),), atol=1e-7)


CORE = (slice(2, 6), slice(1, 8))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("chunk", [1, 60, 1 << 20])
def test_exact_statistics_and_gradient_cover_core(masked, chunk, monkeypatch):
    monkeypatch.setattr("impasto.engine.statistics.CHUNK", chunk)
    f = random_features(3).requires_grad_(True)
    mask = torch.rand(4, 7, dtype=f.dtype, generator=torch.Generator().manual_seed(5)) if masked else None
    plain = statistics(f[(..., *CORE)], mask)
    for exact, sums in zip(exact_statistics(f.detach(), CORE, mask), plain, strict=True):
        torch.testing.assert_close(exact, sums.detach(), rtol=1e-12, atol=1e-11)
    generator = torch.Generator().manual_seed(6)
    slope = Statistics(*(torch.randn(s.shape, generator=generator, dtype=s.dtype) for s in plain))
    (expected,) = torch.autograd.grad((plain.first @ slope.first) + (plain.second * slope.second).sum(), f)
    for centre in (torch.zeros(5).double(), torch.arange(5).double()):  # any centre is correct
        gradient = torch.ones_like(f)
        add_statistics_gradient(gradient, f.detach(), slope, centre, CORE, mask)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-11, atol=1e-11)


def test_exact_statistics_keep_small_variance():
    deviations = 0.01 * random_features(4, 6, 90, 110)
    f = (deviations + 100).float()
    expected = np.cov(f[0].double().flatten(1), bias=True)
    parts = [exact_statistics(f[..., :33, :]), exact_statistics(f[..., 33:, :])]
    error = np.abs(covariance(parts[0].merged(parts[1])).numpy() - expected).max() / expected.max()
    plain = np.abs(covariance(statistics(f)).numpy() - expected).max() / expected.max()
    assert error < 1e-4 < 0.1 < plain


def test_masked_exact_statistics_keep_small_variance():
    f = 0.01 * random_features(4, 6, 90, 110)
    f[..., :30, :] += 100
    mask = torch.zeros(90, 110)
    mask[10:20, 10:20] = 1
    expected = np.cov(f[0, :, 10:20, 10:20].float().double().flatten(1), bias=True)
    masked = covariance(exact_statistics(f.float(), mask=mask)).numpy()
    assert np.abs(masked - expected).max() < 1e-4 * expected.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_statistics_gradient_of_flat_features_is_precise(dtype):
    # The deviations are a hundredth of the means, as in a sky or in fog.
    f = (0.03 * random_features(4, 6, 40, 50) + 3).to(dtype)
    target = gaussian(statistics(random_features(5, 6, 40, 50) + 3))
    exact = f.double().requires_grad_(True)
    value = wasserstein2(statistics(exact), target)
    (expected,) = torch.autograd.grad(value, exact)
    sums = Statistics(*(part.requires_grad_(True) for part in exact_statistics(f)))
    slope = Statistics(*torch.autograd.grad(wasserstein2(sums, target), sums))
    gradient = torch.zeros_like(f)
    add_statistics_gradient(gradient, f, slope, mean(sums).detach())
    error = (gradient.double() - expected).norm() / expected.norm()
    assert error < {torch.float32: 1e-4, torch.bfloat16: 0.02}[dtype]


@given(split=st.integers(1, 8), seed=st.integers(0, 99))
def test_statistics_of_parts_sum_to_whole(split, seed):
    f = random_features(seed)
    parts = statistics(f[..., :split]).merged(statistics(f[..., split:]))
    for part, whole in zip(parts, statistics(f), strict=True):
        torch.testing.assert_close(part, whole, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 99))
def test_binary_mask_excludes_positions(seed):
    f = random_features(seed, width=6)
    mask = torch.zeros(7, 6, dtype=f.dtype)
    mask[:, :4] = 1
    for masked, cut in zip(statistics(f, mask), statistics(f[..., :4]), strict=True):
        torch.testing.assert_close(masked, cut, rtol=1e-12, atol=1e-12)


def test_exact_statistics_of_bfloat16_are_exact():
    features = (3 + torch.randn(1, 6, 40, 50, generator=torch.Generator().manual_seed(0))).to(torch.bfloat16)
    sums = exact_statistics(features)
    f = features[0].double().reshape(6, -1)
    torch.testing.assert_close(sums.first.double(), f.sum(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(sums.second.double(), f @ f.mT, rtol=1e-6, atol=0)


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_gradient_in_bfloat16_has_its_precision(masked):
    generator = torch.Generator().manual_seed(1)
    features = (
        torch.randn(1, 6, 8, 9, generator=generator).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    )
    first, second = torch.randn(6, generator=generator), torch.randn(6, 6, generator=generator)
    slope = Statistics(torch.tensor(0.0), first.double(), second.double())
    mask = torch.rand(8, 9, generator=generator) if masked else None
    gradient = torch.zeros_like(features)
    add_statistics_gradient(gradient, features, slope, torch.zeros(6).double(), mask=mask)
    expected = torch.einsum("nchw,cd->ndhw", features.double(), (second + second.mT).double()) + first.view(1, 6, 1, 1)
    expected = expected if mask is None else expected * mask
    error = (gradient.double() - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert 0 < error < 2**-8


def test_exact_statistics_use_mask_weights():
    features = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.from_numpy(np.linspace(1, 0, 80).reshape(8, 10)).double()
    weighted = mean(exact_statistics(features, mask=weights))
    expected = (features[0] * weights).sum((1, 2)) / weights.sum()
    np.testing.assert_allclose(weighted, expected, rtol=1e-12)
