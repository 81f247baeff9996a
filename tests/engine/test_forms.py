"""Weights of the content by the photograph's forms."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.engine.forms import FORM_VARIANCE, form_weights


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_flat_picture_weighs_one_everywhere(value):
    torch.testing.assert_close(
        form_weights(torch.full((1, 3, 90, 130), value), 3.0), torch.ones(90, 130), rtol=0, atol=1e-3
    )


def test_form_weighs_more_than_its_flat_surroundings():
    photo = torch.full((1, 3, 256, 384), 0.5)
    photo[..., 100:140, 280:320] = 0.0
    weights = form_weights(photo, 3.0)
    assert weights[120, 280] > 3  # of at most 4
    assert weights[120, 60] == pytest.approx(1, abs=1e-3)


def test_stripes_wider_than_the_windows_weigh_as_their_variance():
    light = (torch.arange(512) // 16 % 2).float().expand(512, 512)
    weights = form_weights(light.expand(1, 3, 512, 512), 2.0)
    blurred_variance = 0.115  # of stripes of 16 px and contrast 1 in windows with a deviation of 4 px
    expected = 1 + 2 * blurred_variance / (blurred_variance + FORM_VARIANCE)
    torch.testing.assert_close(weights[128:-128, 128:-128], torch.full((256, 256), expected), rtol=0, atol=0.03)


def test_weights_hardly_depend_on_the_size():
    small, large = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0)), []
    for side in (256, 512, 1024):
        photo = torch.nn.functional.interpolate(small, (side * 2 // 3, side), mode="bicubic").clamp(0, 1)
        large.append(form_weights(photo, 3.0)[None, None])
    for one in large[1:]:
        reduced = torch.nn.functional.interpolate(one, large[0].shape[-2:], mode="area")
        torch.testing.assert_close(reduced, large[0], rtol=0, atol=0.1)


@settings(max_examples=30)
@given(height=st.integers(1, 200), width=st.integers(1, 200), further=st.floats(0, 20), seed=st.integers(0, 9))
def test_weights_lie_between_one_and_the_greatest(height, width, further, seed):
    photo = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    weights = form_weights(photo, further)
    assert weights.shape == (height, width)
    assert weights.min() >= 1 - 1e-3
    assert weights.max() <= 1 + further + 1e-3
