import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st

from impasto.encoders.operators import average_pooled, padded

MODES = {"reflect": "reflect", "replicate": "replicate", "wrap": "circular"}


def picture(*size):
    return torch.randn(size, generator=torch.Generator().manual_seed(sum(size)), dtype=torch.float64)


@pytest.mark.parametrize("mode", MODES)
@given(height=st.integers(2, 6), width=st.integers(2, 6), batch=st.integers(1, 2))
def test_padding_and_its_gradient_are_pytorchs(mode, height, width, batch):
    x = picture(batch, 3, height, width).requires_grad_()
    found, expected = padded(x, mode), F.pad(x, (1, 1, 1, 1), mode=MODES[mode])
    assert torch.equal(found, expected)
    above = picture(*found.shape)
    (wanted,) = torch.autograd.grad(expected, x, above)
    (gradient,) = torch.autograd.grad(found, x, above.clone())
    torch.testing.assert_close(gradient, wanted, rtol=1e-14, atol=1e-14)


def test_one_position_is_repeated():
    x = picture(1, 2, 1, 1).requires_grad_()
    found = padded(x, "replicate")
    assert torch.equal(found, x.expand(1, 2, 3, 3))
    (gradient,) = torch.autograd.grad(found, x, torch.ones_like(found))
    assert torch.equal(gradient, torch.full_like(x, 9))


@given(height=st.integers(2, 9), width=st.integers(2, 9))
def test_average_pooling_and_its_gradient_are_pytorchs(height, width):
    x = picture(1, 3, height, width).requires_grad_()
    found, expected = average_pooled(x), F.avg_pool2d(x, 2)
    assert torch.equal(found, expected)
    above = picture(*found.shape)
    (wanted,), (gradient,) = torch.autograd.grad(expected, x, above), torch.autograd.grad(found, x, above)
    assert torch.equal(gradient, wanted)


def test_the_channels_stay_innermost():
    x = torch.randn(1, 8, 6, 10).contiguous(memory_format=torch.channels_last)
    for found in (padded(x, "reflect"), average_pooled(x)):
        assert found.is_contiguous(memory_format=torch.channels_last)
