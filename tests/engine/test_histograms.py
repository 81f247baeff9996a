import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.decoder import PIXELS
from impasto.engine import histograms
from impasto.engine.histograms import (
    BANDS,
    DISTANCES,
    GREATEST_CHANGE,
    GREATEST_SLOPE,
    LEAST_CHANGE,
    LEAST_SLOPE,
    MARGIN,
    RANKS,
    apply_curves,
    changed,
    collapse,
    differences,
    laplacian_pyramid,
    measure_curves,
    measure_histograms,
    quantiles,
)
from impasto.engine.tiles import Box


def noise(seed, height=64, width=64, tails=1.0):
    """Return a picture of noise; larger ``tails`` give more small and more large values."""
    normal = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return 0.5 + 0.1 * normal.sign() * normal.abs() ** tails


def matched(picture, style, blend=1.0):
    return measure_curves(picture, [[(measure_histograms(style), 1.0)]], [None], blend)


def kurtosis(x):
    off = x - x.mean()
    return (off**4).mean() / (off**2).mean() ** 2


NAMES = [f"{band}{end}" for band in BANDS for end in (*(f" {distance}" for distance in DISTANCES), "")] + [PIXELS]

sides = st.integers(1, 6).map(lambda n: 8 * n)


@given(height=sides, width=sides, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_collapsed_pyramid_is_the_picture(height, width, seed):
    picture = noise(seed, height, width)
    levels = laplacian_pyramid(picture)
    assert [level.shape[-1] for level in levels] == [width, width // 2, width // 4, width // 8, width // 8]
    torch.testing.assert_close(collapse(levels), picture)


def test_matched_picture_has_the_styles_distribution():
    picture, style = noise(0), 0.7 * noise(1, tails=2.0)
    _, found = matched(picture, style)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)), atol=5e-3, rtol=0)
    for name in ("relu1_1", "relu2_1", PIXELS):  # coarse bands of noise are normal in both
        source = measure_histograms(picture)[name]
        target, result = measure_histograms(style)[name], measure_histograms(found)[name]
        assert (result - target).abs().mean() < 0.35 * (source - target).abs().mean(), name
    assert kurtosis(picture) < 3.2 < 5 < kurtosis(found)


def test_blend_zero_leaves_the_picture():
    picture = noise(0)
    torch.testing.assert_close(matched(picture, noise(1, tails=2.0), 0.0)[1], picture, atol=1e-5, rtol=0)


@given(seed=st.integers(0, 999), tails=st.floats(0.1, 3.0), contrast=st.floats(0.0, 3.0))
@settings(deadline=None, max_examples=30)
def test_curves_rise_with_bounded_slopes(seed, tails, contrast):
    curves, found = matched(noise(seed, 16, 24), contrast * noise(seed + 1, 24, 16, tails))
    assert found.isfinite().all()
    for of_round in curves:
        assert list(of_round) == NAMES
        for name, (curve,) in of_round.items():
            slopes = curve.table.diff(dim=1) / (curve.span / (curve.table.shape[1] - 1))
            is_difference = " " in name
            assert slopes.min() > (LEAST_CHANGE if is_difference else LEAST_SLOPE) - 0.1
            assert slopes.max() < (GREATEST_CHANGE if is_difference else GREATEST_SLOPE) + 0.1


def test_faint_noise_stays_faint():
    flat = 0.5 + 1e-3 * (noise(0) - 0.5)
    assert matched(flat, noise(1, tails=2.0))[1].std() < 0.01


def test_curves_apply_to_the_picture_that_they_were_measured_on():
    picture = noise(0)
    curves, found = matched(picture, noise(1, tails=2.0))
    torch.testing.assert_close(apply_curves(picture, curves, [None]), found)


def test_margin_is_matched_but_not_measured():
    core, style = Box(24, 8, 56, 56), noise(1, tails=2.0)
    padded = noise(0)
    curves, found = measure_curves(padded, [[(measure_histograms(style), 1.0)]], [None], 1.0, core)
    loud = padded.clone()
    loud[..., :4, :] *= 5  # the pyramid carries it into the core by some pixels
    other, _ = measure_curves(loud, [[(measure_histograms(style), 1.0)]], [None], 1.0, core)
    whole, _ = measure_curves(loud, [[(measure_histograms(style), 1.0)]], [None], 1.0)
    low, changed, measured = (c[0][PIXELS][0].span for c in (curves, other, whole))
    assert (changed - low).abs().max() < 0.1 * (measured - low).abs().max()
    assert found.shape == padded.shape


def test_regions_get_their_own_styles():
    picture, styles = noise(0), [0.4 * noise(1), 0.5 + 0.5 * noise(2, tails=2.0)]
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    masks = [
        {name: part[::stride, ::stride] for name, stride in zip((*BANDS, PIXELS), (1, 2, 4, 8, 1), strict=True)}
        for part in (left, 1 - left)
    ]
    targets = [measure_histograms(style) for style in styles]
    _, found = measure_curves(picture, [[(target, 1.0)] for target in targets], masks, 1.0)
    for part, target in zip((found[..., :28], found[..., 36:]), targets, strict=True):
        ends = slice(16, -16)  # without the rarest values
        found_there = quantiles(histograms.to_opponent(part))[:, ends]
        torch.testing.assert_close(found_there, target[PIXELS][:, ends], atol=0.05, rtol=0)


def test_masked_quantiles_are_those_of_the_part():
    picture, mask = noise(0), torch.zeros(64, 64)
    mask[:, 40:] = 1
    torch.testing.assert_close(quantiles(picture, mask), quantiles(picture[..., 40:]), atol=5e-3, rtol=0)
    torch.testing.assert_close(quantiles(picture, 0 * mask), quantiles(picture))
    assert quantiles(picture).shape == (3, RANKS)


def test_samples_suffice_for_quantiles(monkeypatch):
    picture, mask = noise(0, 480, 640, tails=2.0), torch.ones(480, 640)
    sampled = [quantiles(picture), quantiles(picture, mask)]
    monkeypatch.setattr(histograms, "SAMPLES", 1 << 20)
    for found in sampled:
        torch.testing.assert_close(found[:, 4:-4], quantiles(picture)[:, 4:-4], atol=0.02, rtol=0)


def test_weights_average_the_quantile_functions():
    picture, styles = noise(0), [measure_histograms(noise(seed, tails=seed)) for seed in (1, 2)]
    average = {name: 0.75 * styles[0][name] + 0.25 * styles[1][name] for name in styles[0]}
    _, found = measure_curves(picture, [[(styles[0], 3.0), (styles[1], 1.0)]], [None], 1.0)
    _, expected = measure_curves(picture, [[(average, 1.0)]], [None], 1.0)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size", [(61, 83), (8, 9)])
def test_styles_may_have_any_size(size):
    found = measure_histograms(noise(0, *size))
    assert {name: table.shape for name, table in found.items()} == dict.fromkeys(NAMES, (3, RANKS))


def test_matched_values_depend_on_no_more_than_the_margin():
    picture, style = noise(0, 256, 256).double(), noise(1, 256, 256, tails=2.0).double()
    curves, _ = matched(picture, style)
    reaches = []
    for row in range(120, 128):
        leaf = picture.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(apply_curves(leaf, curves, [None])[..., row, row].sum(), leaf)
        rows = gradient.abs().amax((0, 1, 3)).nonzero()
        reaches += [row - rows.min().item(), rows.max().item() - row]
    assert MARGIN - 8 < max(reaches) <= MARGIN


def stripes(vertical):
    """Return strokes of one direction in noise, with the same histogram for both directions."""
    x = noise(3, 96, 96, tails=2.0)
    lines = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(x, (0, 0, 8, 8), mode="reflect"), (17, 1), stride=1)
    x = 0.5 + 0.4 * (lines - 0.5) / lines.std()
    return x if vertical else x.mT


def coherent(x):
    """Return the energy of differences across columns as a share of those across rows and columns."""
    columns, rows = (x.diff(dim=dim).square().mean() for dim in (3, 2))
    return columns / (columns + rows)


def test_differences_bring_the_styles_directions(monkeypatch):
    picture, style = noise(0, 96, 96), stripes(vertical=True)
    found = matched(picture, style)[1]
    turned = matched(picture, stripes(vertical=False))[1]
    monkeypatch.setattr(histograms, "DISTANCES", ())
    without = matched(picture, style)[1]
    assert coherent(style) > 0.8
    assert coherent(without) == pytest.approx(0.5, abs=0.02)
    assert coherent(found) > 0.54
    assert coherent(turned) < 0.46


@given(height=st.integers(1, 9), width=st.integers(1, 9), distance=st.sampled_from(DISTANCES))
@settings(deadline=None, max_examples=30)
def test_changed_band_is_moved_by_the_adjoint(height, width, distance):
    generator = torch.Generator().manual_seed(0)
    band, change, other = (torch.randn(1, 3, height, width, generator=generator) for _ in range(3))
    assert differences(band, distance).shape == band.shape
    moved = changed(band, change, distance) - band
    assert not moved[:, 1:].any()
    # Beyond the border the adjoint is that of zeros, and differences that reach it are left out.
    inside = torch.zeros_like(change)
    inside[..., : height - distance, : width - distance] = change[..., : height - distance, : width - distance]
    moved = changed(band, inside, distance) - band
    torch.testing.assert_close((moved * other).sum(), (inside * differences(other, distance)).sum(), atol=1e-4, rtol=0)


def test_differences_and_average_determine_the_band():
    band = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for distance in DISTANCES:
        zero = changed(torch.zeros_like(band), differences(band, distance), distance)
        average = torch.nn.functional.conv2d(band[:, :1], torch.full((1, 1, 2, 2), 0.25), dilation=distance)
        rest = torch.nn.functional.conv_transpose2d(average, torch.full((1, 1, 2, 2), 0.25), dilation=distance)
        inside = (..., slice(4, -4), slice(4, -4))
        torch.testing.assert_close((zero[:, :1] + rest)[inside], band[:, :1][inside])
