import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st

from impasto.encoders.operators import average_pool, pad

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


def test_operators_keep_channels_last():
    x = torch.randn(1, 8, 6, 10).contiguous(memory_format=torch.channels_last)
    for found in (pad(x, "reflect"), average_pool(x)):
        assert found.is_contiguous(memory_format=torch.channels_last)
