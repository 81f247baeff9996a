"""The great wave: size, range and seeds, and few flat inks with crisp dark lines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from drawings import woodcut

pytestmark = pytest.mark.xdist_group("drawing woodcut")  # which makes the fixtures once

SIDE = 512


@pytest.fixture(scope="module")
def picture():
    return woodcut.draw(SIDE)


def inks(*names):
    return np.array([woodcut.PALETTE[name] for name in names], dtype=np.float32) / 255


def nearest(picture, colours):
    """Distance of every pixel to the nearest colour, and which one that is."""
    distance = np.linalg.norm(picture[:, :, None] - colours, axis=-1)
    return distance.min(axis=-1), distance.argmin(axis=-1)


def test_drawing_has_requested_size(picture):
    assert picture.shape == (round(SIDE / woodcut.ASPECT), SIDE, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_same_seed_gives_same_print():
    assert np.array_equal(woodcut.draw(64, seed=3), woodcut.draw(64, seed=3))


def test_other_seed_keeps_composition(picture):
    other = woodcut.draw(SIDE, seed=1)
    assert np.abs(other - picture).mean() > 0.01
    blurred = [ndimage.gaussian_filter(each.mean(axis=2), 8).ravel() for each in (picture, other)]
    assert np.corrcoef(*blurred)[0, 1] > 0.95


def test_water_has_few_inks(picture):
    sea = picture[int(0.68 * len(picture)) :]
    distance, which = nearest(sea, inks("foam", "pale", "middle", "deep", "key"))
    assert (distance < 0.16).mean() > 0.7  # in the swirls it is 0.28
    share = np.bincount(which.ravel(), minlength=5) / which.size
    assert share.min() > 0.03
    assert share[3] > 0.2  # Prussian blue leads


def test_warm_accent_is_small(picture):
    red = (picture[..., 0] > 0.6) & (picture[..., 2] < 0.35)
    assert 0.005 < red.mean() < 0.06


def test_sky_fades_down_to_horizon(picture):
    height, middle = picture.shape[0], slice(int(0.47 * SIDE), int(0.53 * SIDE))
    column = picture[: int(0.64 * height), :12].mean(axis=(1, 2))
    assert column[: height // 12].mean() < column[height // 4 : height // 3].mean() - 0.1
    warmth = picture[..., 0] - picture[..., 2]
    assert warmth[int(0.60 * height), middle].mean() > warmth[2, middle].mean() + 0.15


def test_outlines_are_dark_and_crisp(picture):
    large = picture.mean(axis=2)
    darkest, lightest = ndimage.minimum_filter(large, 5), ndimage.maximum_filter(large, 5)
    crisp = (darkest < 0.3) & (lightest > 0.8)
    assert crisp.mean() > 0.08


def test_print_has_no_empty_part(picture):
    tiles = picture.mean(axis=2).reshape(12, 32, 16, 32)
    assert tiles.std(axis=(1, 3)).min() > 0.006


def test_spline_passes_through_its_knots():
    knots = [(0.0, 0.0), (0.3, 0.4), (0.8, 0.1), (1.0, 0.9)]
    curve = woodcut.spline(knots, 2000)
    for knot in knots:
        assert np.hypot(*(curve - knot).T).min() < 2e-3


def test_ribbon_has_requested_width():
    line = np.stack([np.linspace(0, 1, 50), np.full(50, 0.5)], axis=1)
    outline = woodcut.ribbon(line, 0.1)
    assert np.isclose(np.ptp(outline[:, 1]), 0.1)
