"""The night landscape: size, range and seeds, and strokes that are directed, thick and colourful."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from drawings import swirls

pytestmark = pytest.mark.xdist_group("drawing swirls")  # which makes the fixtures once

SIDE = 192


@pytest.fixture(scope="module")
def picture():
    return swirls.draw(SIDE)


def grey(picture):
    return picture @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def coherence(plane, window):
    """Share of one direction among the local gradients: 0 for noise, 1 for parallel lines."""
    down, along = np.gradient(plane)
    xx, yy, xy = (ndimage.gaussian_filter(part, window) for part in (along * along, down * down, along * down))
    return np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-9), np.arctan2(2 * xy, xx - yy) / 2


def test_drawing_has_requested_size(picture):
    assert picture.shape == (round(SIDE / swirls.ASPECT), SIDE, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_same_seed_gives_same_strokes():
    assert np.array_equal(swirls.draw(64, seed=3), swirls.draw(64, seed=3))


def test_other_seed_moves_strokes_within_composition(picture):
    other = swirls.draw(SIDE, seed=1)
    assert np.abs(other - picture).mean() > 0.03
    blurred = [ndimage.gaussian_filter(grey(each), 6).ravel() for each in (picture, other)]
    assert np.corrcoef(*blurred)[0, 1] > 0.6


def test_composition_is_independent_of_size(picture):
    small = swirls.draw(SIDE // 2)
    halved = picture.reshape(SIDE * 25 // 64, 2, SIDE // 2, 2, 3).mean(axis=(1, 3))
    blurred = [ndimage.gaussian_filter(grey(each), 3).ravel() for each in (small, halved)]
    assert np.corrcoef(*blurred)[0, 1] > 0.9


def test_strokes_are_locally_parallel(picture):
    strokes, _ = coherence(grey(picture), 3)
    noise, _ = coherence(np.random.default_rng(0).standard_normal(picture.shape[:2]), 3)
    assert np.median(strokes) > 2 * np.median(noise)


def test_strokes_circle_the_moon(picture):
    y, x = (np.mgrid[0 : picture.shape[0], 0:SIDE] + 0.5) / picture.shape[0]
    away_x, away_y = x - swirls.MOON.x, y - swirls.MOON.y
    radius = np.hypot(away_x, away_y)
    ring = (radius > 0.5 * swirls.MOON.disc) & (radius < 1.8 * swirls.MOON.disc)
    _, across = coherence(grey(picture), 2)
    aligned = np.abs(np.cos(across - np.arctan2(away_y, away_x)))
    assert np.median(aligned[ring]) > 0.85


def test_moon_is_warm_and_sky_blue(picture):
    height = picture.shape[0]
    moon = picture[int(swirls.MOON.y * height), int(swirls.MOON.x * height)]
    assert moon[0] > moon[2] + 0.1
    top = picture[: height // 10].mean(axis=(0, 1))
    assert top[2] > 1.5 * top[0]


def test_drawing_has_no_bare_canvas(picture):
    tiles = grey(picture)[:144, :192].reshape(9, 16, 12, 16)
    assert tiles.std(axis=(1, 3)).min() > 0.02
    assert grey(picture).std() > 0.12
    bare = np.abs(picture - np.array(swirls.GROUND)).max(axis=2) < 0.004
    assert bare.mean() < 0.03
