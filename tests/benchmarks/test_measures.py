"""The measures of a painting: distances, matched histograms, content, tone, flow, and scores."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from benchmarks import measures
from benchmarks.measures import (
    Scorer,
    coherence,
    collapsed,
    content,
    filtered,
    histogram_matched,
    laplacian_pyramid,
    resized,
    sliced_wasserstein,
    tone,
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


@pytest.mark.parametrize("change", [lambda x: x, lambda x: 0.3 + 0.4 * x, lambda x: x**3])
def test_tone_ignores_monotone_changes(change):
    x = F.interpolate(noise(torch.empty(1, 1, 6, 8)), (192, 256), mode="bilinear").expand(1, 3, -1, -1)
    assert tone(change(x), x) == pytest.approx(1, abs=0.01)


def test_tone_of_negative_is_minus_one():
    x = picture()
    assert tone(x, x) == pytest.approx(1, abs=1e-5)
    assert tone(1 - x, x) == pytest.approx(-1, abs=1e-3)


def test_tone_decreases_with_width_of_band():
    x = picture(seed=3)
    found = []
    for width in (0, 10, 20, 40):
        banded = x.clone()
        banded[..., 40 : 40 + width, :] = 1.0
        found.append(tone(banded, x))
    assert found == sorted(found, reverse=True)
    assert found[1] < 0.97


def test_tone_ignores_fine_noise_but_not_place():
    x = picture(256, 320)
    assert tone(x + 0.5 * (noise(x) - 0.5), x) > 0.95
    assert abs(tone(noise(x), x)) < 0.1
    assert tone(x.flip(3), x) < 0.8


def test_tone_gives_equal_values_mean_rank():
    x = torch.zeros(1, 3, 512, 512)
    x[..., 256:] = 1.0
    assert abs(tone(x.mT, x)) < 0.02  # with ordinal ranks this would be 0.47


def strokes(length, count=3000, height=192, width=256, seed=0):
    """Draw slanting dark strokes of a length in pixels on white, which bend slowly over the picture."""
    generator = torch.Generator().manual_seed(seed)
    canvas = torch.ones(height, width)
    y, x, phase = torch.rand(3, count, generator=generator) * torch.tensor([height, width, 1.0]).view(3, 1)
    angle = 0.6 + 0.5 * torch.sin(x / 60) * torch.cos(y / 60)
    for step in torch.linspace(-0.5, 0.5, 2 * length + 1) * length:
        rows, columns = (y + step * angle.sin()).round().long(), (x + step * angle.cos()).round().long()
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        canvas[rows[inside], columns[inside]] = 0.8 * phase[inside]
    return canvas.expand(1, 3, -1, -1).contiguous()


def test_coherence_increases_with_length_of_strokes():
    stipples, broken, long = (coherence(strokes(n, 9000 // n)) for n in (1, 6, 30))
    assert (stipples < broken).all()
    assert (broken < long).all()
    assert (coherence(noise(strokes(1))) < broken).all()


def test_coherence_of_straight_lines_is_one():
    assert (coherence(striped(192, 256, 12)) > 0.99).all()


def test_coherence_decreases_with_size_of_window():
    small, middle, large = coherence(strokes(30, 300)).tolist()
    assert small > middle > large


def test_coherence_is_independent_of_right_angles():
    x = strokes(20, 400)
    for turned in (x.rot90(1, (2, 3)), x.rot90(2, (2, 3)), x.flip(3), 1 - x):
        torch.testing.assert_close(coherence(turned), coherence(x), rtol=1e-3, atol=0)


def test_coherence_is_nearly_independent_of_size():
    x = F.interpolate(strokes(20, 400), scale_factor=2, mode="bicubic").clamp(0, 1)
    for long_side in (256, 768):
        torch.testing.assert_close(coherence(resized(x, long_side)), coherence(x), rtol=0.15, atol=0)


@pytest.mark.parametrize("shape", [(40, 512), (7, 9), (512, 40), (30, 30)])
def test_tone_and_coherence_accept_any_shape(shape):
    x = noise(torch.empty(1, 3, *shape))
    assert tone(x, x) == pytest.approx(1, abs=1e-5)
    assert ((coherence(x) >= 0) & (coherence(x) <= 1)).all()


@pytest.mark.usefixtures("_few_patches")
def test_flat_pictures_score_numbers():
    x, flat = strokes(20), torch.full((1, 3, 192, 256), 0.3)
    assert tone(flat, x) == tone(x, flat) == tone(flat, flat) == 0
    assert coherence(flat).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert Scorer(x, flat).score(x).flow == Scorer(x, flat).score(flat).flow == 0
    score = Scorer(x, x.flip(3)).score(flat)
    assert score.flow == pytest.approx(0, abs=1e-6)
    assert not any(map(math.isnan, score))


@pytest.mark.usefixtures("_few_patches")
def test_flow_is_share_of_style_coherence():
    style = strokes(30, 300)
    score = Scorer(picture(192, 256), style).score
    assert score(style).flow == pytest.approx(1, abs=1e-6)
    assert score(strokes(30, 300, seed=1)).flow == pytest.approx(1, abs=0.1)
    assert score(strokes(4, 2000)).flow < 0.8
    large = F.interpolate(style, scale_factor=2, mode="bicubic")
    assert Scorer(picture(192, 256), large).score(style).flow == pytest.approx(1, abs=0.1)


@pytest.fixture
def scorer(_fewer_patches):
    return Scorer(picture(), striped())


def test_photograph_scores_one_throughout(scorer):
    score = scorer.score(scorer.photograph)
    assert score.style == pytest.approx(1, abs=1e-6)
    assert score.strokes == pytest.approx(1, abs=1e-6)
    assert score.content == pytest.approx(1, abs=1e-5)
    assert score.tone == pytest.approx(1, abs=1e-5)


def test_style_itself_scores_near_zero(scorer):
    score = scorer.score(scorer.style)
    assert score.style < 0.1
    assert score.strokes < 0.3
    assert score.content < 0.3
    assert score.flow == pytest.approx(1, abs=1e-6)


def test_filter_improves_style_but_not_strokes(scorer):
    score = scorer.score(filtered(scorer.photograph, scorer.style))
    assert score.style < 0.7
    assert score.strokes > 0.8


def test_scores_are_reproducible(scorer):
    painting = 0.5 * scorer.photograph + 0.5 * scorer.style
    assert scorer.score(painting) == scorer.score(painting) == Scorer(picture(), striped()).score(painting)
