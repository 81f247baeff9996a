"""The measures of a painting: distances, matched histograms, content, and scores."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from benchmarks import measures
from benchmarks.measures import (
    Judge,
    collapsed,
    content,
    filtered,
    histogram_matched,
    laplacian_pyramid,
    sliced_wasserstein,
)
from tests.helpers import smooth_picture


def picture(height=96, width=128, seed=0):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1).copy())[None]


def noise(like, seed=0):
    return torch.rand(like.shape, generator=torch.Generator().manual_seed(seed))


def striped(height=96, width=128, period=6):
    """Draw slanting stripes of two colours, which differ strongly from smooth blobs."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    on = ((x + y) % period < period / 2).float()
    two = torch.tensor([[0.9, 0.7, 0.2], [0.1, 0.15, 0.4]])
    return (on[None, None] * two[0].view(1, 3, 1, 1) + (1 - on) * two[1].view(1, 3, 1, 1)).contiguous()


@pytest.fixture(autouse=True)
def _fewer_patches(monkeypatch):
    monkeypatch.setattr(measures, "SAMPLES", 4096)
    monkeypatch.setattr(measures, "PROJECTIONS", 64)


@settings(max_examples=15)
@given(height=st.integers(13, 90), width=st.integers(13, 90), levels=st.integers(1, 6))
def test_collapsed_inverts_laplacian_pyramid(height, width, levels):
    x = picture(height, width, seed=height)
    bands = laplacian_pyramid(x, levels)
    assert 1 <= len(bands) <= levels
    assert bands[0].shape == x.shape
    assert min(bands[-1].shape[-2:]) >= 12
    torch.testing.assert_close(collapsed(bands), x, atol=1e-6, rtol=0)


def test_pyramid_separates_fine_from_coarse():
    fine, coarse = striped(period=4) * 0.2, F.interpolate(noise(torch.empty(1, 3, 3, 4)), (96, 128), mode="bilinear")
    of_both, of_coarse = laplacian_pyramid(fine + coarse), laplacian_pyramid(coarse)
    assert of_coarse[0].std() < 0.01 < 0.05 < of_both[0].std()
    left = of_both[-1] - of_coarse[-1]
    assert (left - left.mean((2, 3), keepdim=True)).abs().max() < 0.02


def test_distance_to_itself_is_sampling_error(monkeypatch):
    x = picture()
    same, other = sliced_wasserstein(x, x), sliced_wasserstein(x, noise(x))
    assert (same < 0.1 * other).all()
    monkeypatch.setattr(measures, "SAMPLES", measures.SAMPLES // 16)  # the expected error is four times as large
    assert (sliced_wasserstein(x, x) > 2 * same).all()


def test_distance_is_nearly_symmetric():
    x, y = picture(), striped()
    there, back = sliced_wasserstein(x, y), sliced_wasserstein(y, x)
    assert (there > 0).all()
    torch.testing.assert_close(there, back, rtol=0.1, atol=0)


def test_distance_grows_with_noise():
    x = picture()
    steps = [sliced_wasserstein(x, x + share * (noise(x) - 0.5))[0].item() for share in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert steps == sorted(steps)
    assert steps[-1] > 5 * steps[0]


def test_distance_accepts_different_sizes():
    distances = sliced_wasserstein(picture(96, 128), picture(40, 60, seed=3))
    assert len(distances) == len(laplacian_pyramid(picture(40, 60)))


def test_distance_depends_on_seed():
    x, y = picture(), striped()
    assert torch.equal(sliced_wasserstein(x, y), sliced_wasserstein(x, y))
    assert not torch.equal(sliced_wasserstein(x, y), sliced_wasserstein(x, y, seed=1))


def in_axes_of(x, style):
    """Return pixels, 3×N, in the principal colour axes of a style, relative to its mean."""
    pixels, reference = x[0].flatten(1), style[0].flatten(1)
    axes = torch.linalg.eigh(reference.cov() + 1e-8 * torch.eye(3)).eigenvectors
    return axes.T @ (pixels - reference.mean(1, keepdim=True))


def test_histogram_matched_has_target_histogram():
    x, style = picture(seed=1), striped() * 0.8 + 0.2 * noise(picture(), 2)
    matched = histogram_matched(x, style)
    assert matched.shape == x.shape
    a, b = in_axes_of(matched, style), in_axes_of(style, style)
    torch.testing.assert_close(a.sort(1).values, b.sort(1).values, atol=1e-5, rtol=0)


def test_histogram_matched_keeps_order_of_pixels():
    x, style = picture(seed=1), picture(seed=2)
    before, after = in_axes_of(x, style), in_axes_of(histogram_matched(x, style), style)
    for channel in range(3):
        in_order = after[channel][before[channel].argsort()]
        torch.testing.assert_close(in_order, after[channel].sort().values, atol=2e-3, rtol=0)  # except near ties


def test_histogram_matched_accepts_different_sizes():
    x, style = picture(64, 80, seed=1), picture(50, 70, seed=2)
    matched = in_axes_of(histogram_matched(x, style), style)
    levels = torch.linspace(0, 1, 11)
    expected = in_axes_of(style, style).quantile(levels, dim=1)
    torch.testing.assert_close(matched.quantile(levels, dim=1), expected, atol=2e-3, rtol=0)


def test_filtered_has_colours_and_bands_of_style():
    photo, style = picture(), striped()
    made = filtered(photo, style)
    assert made.shape == photo.shape
    torch.testing.assert_close(made.mean((2, 3)), style.mean((2, 3)), atol=1e-3, rtol=0)
    for band, before, target in list(zip(*map(laplacian_pyramid, (made, photo, style)), strict=True))[:2]:
        assert (band.std() - target.std()).abs() < (before.std() - target.std()).abs()
    assert sliced_wasserstein(made, style).mean() < sliced_wasserstein(photo, style).mean()


def test_content_of_photograph_itself_is_one():
    x = picture()
    assert content(x, x) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_content_of_noise_is_zero(seed):
    x = picture(256, 320)
    assert abs(content(noise(x, seed), x)) < 0.05


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.25])
def test_content_ignores_brightness(scale):
    x = picture()
    assert content(x * scale, x) > 0.97


def test_content_decreases_with_noise():
    x = picture()
    kept = [content(x + share * (noise(x) - 0.5), x) for share in (0.0, 0.2, 0.5, 1.0)]
    assert kept == sorted(kept, reverse=True)
    assert content(picture(seed=5), x) < 0.3


@pytest.fixture
def judge(_fewer_patches):
    return Judge(picture(), striped())


def test_photograph_scores_one_throughout(judge):
    score = judge.score(judge.photograph)
    assert score.style == pytest.approx(1, abs=1e-6)
    assert score.strokes == pytest.approx(1, abs=1e-6)
    assert score.content == pytest.approx(1, abs=1e-5)


def test_style_itself_scores_near_zero(judge):
    score = judge.score(judge.style)
    assert score.style < 0.1
    assert score.strokes < 0.3
    assert score.content < 0.3


def test_filter_improves_style_but_not_strokes(judge):
    score = judge.score(filtered(judge.photograph, judge.style))
    assert score.style < 0.7
    assert score.strokes > 0.8


def test_scores_are_reproducible(judge):
    painting = 0.5 * judge.photograph + 0.5 * judge.style
    assert judge.score(painting) == judge.score(painting) == Judge(picture(), striped()).score(painting)
