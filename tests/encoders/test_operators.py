import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st

from impasto.encoders.operators import average_pool, binomial_pool, pad, pool

MODES = ["reflect", "replicate", "circular"]


def random_tensor(*size):
    return torch.randn(size, generator=torch.Generator().manual_seed(sum(size)), dtype=torch.float64)


@pytest.mark.parametrize("mode", MODES)
@given(height=st.integers(2, 6), width=st.integers(2, 6), batch=st.integers(1, 2))
def test_pad_matches_pytorch_with_gradient(mode, height, width, batch):
    x = random_tensor(batch, 3, height, width).requires_grad_()
    found, expected = pad(x, mode), F.pad(x, (1, 1, 1, 1), mode=mode)
    assert torch.equal(found, expected)
    upstream = random_tensor(*found.shape)
    (wanted,) = torch.autograd.grad(expected, x, upstream)
    (gradient,) = torch.autograd.grad(found, x, upstream.clone())
    torch.testing.assert_close(gradient, wanted, rtol=1e-14, atol=1e-14)


def test_pad_replicates_single_position():
    x = random_tensor(1, 2, 1, 1).requires_grad_()
    found = pad(x, "replicate")
    assert torch.equal(found, x.expand(1, 2, 3, 3))
    (gradient,) = torch.autograd.grad(found, x, torch.ones_like(found))
    assert torch.equal(gradient, torch.full_like(x, 9))


@given(height=st.integers(2, 9), width=st.integers(2, 9))
def test_average_pool_matches_pytorch_with_gradient(height, width):
    x = random_tensor(1, 3, height, width).requires_grad_()
    found, expected = average_pool(x), F.avg_pool2d(x, 2)
    assert torch.equal(found, expected)
    upstream = random_tensor(*found.shape)
    (wanted,), (gradient,) = torch.autograd.grad(expected, x, upstream), torch.autograd.grad(found, x, upstream)
    assert torch.equal(gradient, wanted)


def box_filtered(x, mode):
    """Convolve with 1 1 three times in both directions, the last time with stride 2, which gives 1 3 3 1."""
    x = F.pad(x, (1, 1, 1, 1), mode=mode)
    return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2)


@given(height=st.integers(2, 9), width=st.integers(2, 9), wrap=st.booleans())
def test_binomial_pool_matches_box_filters_with_gradient(height, width, wrap):
    height, width = (height // 2 * 2, width // 2 * 2) if wrap else (height, width)
    x = random_tensor(2, 3, height, width).requires_grad_()
    found, expected = binomial_pool(x, wrap=wrap), box_filtered(x, "circular" if wrap else "replicate")
    assert found.shape == (2, 3, height // 2, width // 2)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)
    upstream = random_tensor(*found.shape)
    (wanted,), (gradient,) = torch.autograd.grad(expected, x, upstream), torch.autograd.grad(found, x, upstream)
    torch.testing.assert_close(gradient, wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("size", [(32, 48), (31, 47)])
def test_binomial_pool_in_bfloat16_rounds_once(size):
    x = torch.randn(1, 16, *size, generator=torch.Generator().manual_seed(1)).bfloat16().requires_grad_()
    found, exact = binomial_pool(x), binomial_pool(x.double())
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() < 2**-8 * exact.norm()
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(2)).bfloat16()
    (gradient,), (wanted,) = torch.autograd.grad(found, x, upstream), torch.autograd.grad(exact, x, upstream.double())
    assert (gradient - wanted.double()).norm() < 2**-8 * wanted.double().norm()


def test_binomial_pool_suppresses_highest_frequency():
    stripes = torch.arange(16.0).remainder(2).expand(1, 1, 16, 16)
    assert torch.equal(binomial_pool(stripes, wrap=True), torch.full((1, 1, 8, 8), 0.5))


@pytest.mark.parametrize("pooling", ["average", "binomial", "max"])
def test_operators_keep_channels_last(pooling):
    x = torch.randn(1, 8, 6, 10).contiguous(memory_format=torch.channels_last)
    for found in (pad(x, "reflect"), pool(x, pooling)):
        assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("size", "wrap"), [((6, 10), False), ((7, 11), False), ((6, 10), True)])
def test_binomial_gradient_is_channels_last(size, wrap):
    x = torch.randn(1, 8, *size).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = binomial_pool(x, wrap=wrap)
    (gradient,) = torch.autograd.grad(found, x, torch.ones_like(found))
    assert gradient.is_contiguous(memory_format=torch.channels_last)
