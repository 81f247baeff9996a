"""The features of Gabor filters: values on patterns, gradients and borders."""

import math

import pytest
import torch

from impasto.encoders.gabor import (
    CHANNELS,
    COARSE_CHANNELS,
    COARSE_GAIN,
    NORM,
    ORIENTATIONS,
    REACH,
    STRIDE,
    WAVELENGTH,
    coarse_gabor_features,
    gabor_features,
    gabor_filters,
)
from impasto.encoders.strokes import LUMA
from impasto.engine.distances import gaussian, wasserstein2
from impasto.engine.statistics import statistics


def grey(pattern):
    """Return an H×W pattern as a grey picture, 1×3×H×W."""
    return pattern.double().expand(1, 3, *pattern.shape)


def waves(angle, side=64):
    """Draw waves of the filters' length that run along an angle in degrees, clockwise from the right."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    along = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    return grey(0.5 + 0.4 * torch.sin(2 * math.pi * along / WAVELENGTH))


def noise(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def test_filters_have_mean_zero_and_their_norm():
    filters = gabor_filters()
    assert filters.shape == (2 * ORIENTATIONS, 2 * REACH + 1, 2 * REACH + 1)
    assert filters.sum((1, 2)).abs().max() < 1e-12
    assert filters.square().sum((1, 2)).sqrt().tolist() == pytest.approx([NORM] * len(filters))


@pytest.mark.parametrize("number", range(ORIENTATIONS))
def test_waves_excite_the_filters_along_them(number):
    energies = gabor_features(waves(180 * number / ORIENTATIONS)).square().mean((0, 2, 3))
    by_orientation = energies.view(2, ORIENTATIONS, 2).sum((0, 2))
    others = by_orientation[torch.arange(ORIENTATIONS) != number]
    assert by_orientation.argmax() == number
    assert by_orientation[number] > 3 * others.max()


def test_features_are_positive_and_negative_parts():
    positive, negative = gabor_features(noise(20, 30)).chunk(2, 1)
    assert positive.shape == (1, CHANNELS // 2, 10, 15)
    assert min(positive.min(), negative.min()) == 0
    assert (positive * negative).abs().max() == 0


def test_flat_picture_has_no_features():
    assert gabor_features(grey(torch.full((16, 16), 0.7))).abs().max() < 1e-12


def test_statistics_tell_dots_from_a_weave():
    """Dots have all directions in one place. Patches of bars, down here and across there, have one in each place."""
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    across, down = (torch.cos(2 * math.pi * along / 3) for along in (x, y))
    patch = ((x // 12 + y // 12) % 2).bool()
    weave, dots = grey(0.5 + 0.2 * torch.where(patch, across, down)), grey(0.5 + 0.1 * (across + down))
    # The dots have half of the weave's energy; with equal energies they still differ.
    dots = 0.5 + (dots - 0.5) * (weave.std() / dots.std())
    found = [statistics(gabor_features(picture)) for picture in (weave, weave.roll((12, 5), (2, 3)), dots)]
    near, far = (wasserstein2(s, gaussian(found[0], 1e-4)) for s in found[1:])
    assert far > 10 * near


BOTH = pytest.mark.parametrize("features", [gabor_features, coarse_gabor_features])


@BOTH
def test_gradient_matches_finite_differences(features):
    picture = noise(12, 14).requires_grad_()
    torch.autograd.gradcheck(lambda x: features(x).square(), picture, atol=1e-6)


@pytest.mark.parametrize(
    ("features", "at", "first", "last"),
    [
        (gabor_features, 16, 7, 9),
        (gabor_features, 17, 8, 9),
        (coarse_gabor_features, 16, 8 - REACH, 8 + REACH),
        (coarse_gabor_features, 17, 8 - REACH, 8 + REACH),
    ],
)
def test_features_reach_as_far_as_stated(features, at, first, last):
    picture = noise(33, 33)
    changed = picture.clone()
    changed[..., at, at] += 0.5
    for positions in (features(changed) - features(picture)).abs().sum((0, 1)).nonzero().unbind(1):
        assert (positions.min(), positions.max()) == (first, last)


@BOTH
def test_periodic_features_have_no_border(features):
    picture = noise(16, 24)
    rolled = features(picture.roll((2 * STRIDE, 3 * STRIDE), (2, 3)), wrap=True)
    torch.testing.assert_close(rolled, features(picture, wrap=True).roll((2, 3), (2, 3)))


def test_coarse_features_of_luminance_are_those_of_the_halved_picture():
    picture = noise(21, 36)
    found = coarse_gabor_features(picture)
    assert found.shape == (1, COARSE_CHANNELS, 10, 18)
    positive, negative = (part[:, : CHANNELS // 2] for part in found.chunk(2, 1))
    halved = torch.nn.functional.avg_pool2d(picture, 2)
    torch.testing.assert_close(torch.cat([positive, negative], 1)[..., ::2, ::2], COARSE_GAIN * gabor_features(halved))


def test_coarse_features_see_colours_of_equal_luminance():
    wave = 0.1 * torch.sin(math.pi * torch.arange(64, dtype=torch.float64) / WAVELENGTH).expand(64, 64)
    red_and_blue = 0.5 + wave * torch.tensor([1.0, 0.0, -LUMA[0] / LUMA[2]], dtype=torch.float64).view(1, 3, 1, 1)
    assert gabor_features(red_and_blue).abs().max() < 1e-9
    luminance, red_blue, _ = coarse_gabor_features(red_and_blue).chunk(2, 1)[0].split(CHANNELS // 2, 1)
    assert luminance.abs().max() < 1e-9
    assert red_blue.square().mean() > 1e-5 * COARSE_GAIN**2
