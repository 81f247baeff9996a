"""Local contrast of a recoloured photograph."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from impasto.painting.colour.contrast import EDGE_VARIANCE, LUMA, NOISE_VARIANCE, with_detail
from tests.painting.colour.samples import colourful_picture


def striped(height=200, width=300, contrast=0.03, light=0.5):
    """Draw grey stripes across, H×W×3."""
    wave = light + contrast * np.sin(np.arange(width) * 2 * np.pi / 8)
    return np.tile(wave[None, :, None], (height, 1, 3)).astype(np.float32)


def contrast_of(picture):
    """Return the standard deviation of the luminance in the middle."""
    return (picture[60:140, 100:200] @ LUMA).std()


def naive_base(light, radius, edge_variance):
    """Filter a luminance by itself, and return the base and the averaged variance, both with loops."""

    def averaged(x):
        height, width = x.shape
        windows = [
            [x[max(0, i - radius) : i + radius + 1, max(0, j - radius) : j + radius + 1].mean() for j in range(width)]
            for i in range(height)
        ]
        return np.array(windows)

    mean = averaged(light)
    variance = averaged(light**2) - mean**2
    slope = variance / (variance + edge_variance)
    return averaged(slope) * light + averaged(mean - slope * mean), averaged(variance)


def test_detail_equals_that_of_loops():
    photo, recoloured = colourful_picture(20, 48, 1), 0.3 + 0.4 * colourful_picture(20, 48, 2)
    light, other = ((picture @ LUMA).astype(np.float64) for picture in (photo, recoloured))
    (base, variance), (other_base, _) = (naive_base(x, 2, EDGE_VARIANCE) for x in (light, other))
    gain = 1 + 1.5 * variance / (variance + NOISE_VARIANCE)
    change = gain * (light - base) - (other - other_base)
    expected = (recoloured + change[..., None]).clip(0, 1)
    np.testing.assert_allclose(with_detail(photo, recoloured, 2.5), expected, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 2.0, 3.0])
def test_detail_grows_with_factor_whatever_the_recoloured_contrast(factor):
    photo = striped()
    detail = contrast_of(with_detail(photo, 0.3 + 0.2 * photo, factor))
    assert detail == pytest.approx(contrast_of(with_detail(photo, 0.1 + 0.6 * photo, factor)), rel=0.1)
    assert 0.7 * factor < detail / contrast_of(photo) < 1.05 * factor


def test_share_0_is_recoloured_photo_and_half_lies_between():
    photo, recoloured = striped(), 0.3 + 0.2 * striped()
    whole, half = (with_detail(photo, recoloured, 2, share) for share in (1.0, 0.5))
    np.testing.assert_array_equal(with_detail(photo, recoloured, 2, 0.0), recoloured)
    np.testing.assert_allclose(half, (whole + recoloured) / 2, atol=1e-5)


def test_photo_with_its_own_detail_stays():
    photo = striped() * np.array([1, 0.8, 0.5], np.float32)
    np.testing.assert_allclose(with_detail(photo, photo, 1.0), photo, atol=1e-5)


def test_chroma_stays():
    photo = striped(contrast=0.05)
    recoloured = photo * 0.3 + np.array([0.4, 0.3, 0.1], np.float32)
    change = with_detail(photo, recoloured, 2.0) - recoloured
    np.testing.assert_allclose(change, change[..., :1].repeat(3, -1), atol=1e-6)


def test_faint_noise_is_strengthened_little():
    photo = striped(contrast=0) + np.random.default_rng(0).normal(0, 1 / 255, (200, 300, 1)).astype(np.float32)
    assert contrast_of(with_detail(photo, photo, 3.0)) < 1.3 * contrast_of(photo)


def test_strong_edge_gets_no_halo():
    photo = np.full((200, 300, 3), 0.3, np.float32)
    photo[:, 150:] = 0.8
    change = with_detail(photo, photo, 3.0) - photo
    assert np.abs(change).max() < 0.12
    assert np.abs(change[:, :100]).max() < 0.01


def test_large_picture_changes_as_small_one():
    small = striped(128, 192)
    large = small.repeat(4, 0).repeat(4, 1)
    changed = with_detail(large, large, 2.0).reshape(128, 4, 192, 4, 3).mean((1, 3))
    np.testing.assert_allclose(changed[16:-16, 16:-16], with_detail(small, small, 2.0)[16:-16, 16:-16], atol=0.02)


@given(height=st.integers(1, 9), width=st.integers(1, 40), factor=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_any_picture_stays_in_range(height, width, factor, seed):
    changed = with_detail(colourful_picture(height, width, seed), colourful_picture(height, width, seed + 1), factor)
    assert changed.shape == (height, width, 3)
    assert 0 <= changed.min() <= changed.max() <= 1
