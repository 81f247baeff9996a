import numpy as np
import pytest
from scipy.spatial import cKDTree

from drawings import pointillism
from drawings.dabs import blur

pytestmark = pytest.mark.xdist_group("drawing pointillism")  # which makes the fixtures once

SIDE = 256


@pytest.fixture(scope="module")
def picture():
    return pointillism.draw(SIDE)


def _hue(picture):
    red, green, blue = np.moveaxis(picture, -1, 0)
    return np.arctan2(np.sqrt(3.0) * (green - blue), 2.0 * red - green - blue)


def test_drawing_is_four_to_three_in_range(picture):
    assert picture.shape == (192, 256, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0


def test_odd_long_side_keeps_aspect_ratio():
    assert pointillism.draw(65).shape == (49, 65, 3)


def test_draw_rejects_small_long_side():
    with pytest.raises(ValueError, match="at least 32"):
        pointillism.draw(8)


def test_seed_determines_drawing():
    first = pointillism.draw(64, seed=3)
    assert np.array_equal(first, pointillism.draw(64, seed=3))
    assert np.abs(first - pointillism.draw(64, seed=4)).mean() > 0.03


def test_dots_vary_more_than_blurred_picture(picture):
    afar = blur(picture, 5.0)
    between_dots = np.abs(picture - afar).mean()
    between_neighbours_afar = np.abs(np.diff(afar, axis=1)).mean()
    assert between_dots > 0.08
    assert between_neighbours_afar < 0.12 * between_dots


def test_blurred_dots_match_sketch(picture):
    sketch = pointillism._sketch((192, 256), np.random.default_rng(0))
    error = np.abs(blur(picture, 6.0) - blur(sketch.colour, 6.0))
    assert error.mean() < 0.08


def test_patches_contain_many_hues(picture):
    """In a patch of lawn or water a third of the hue circle at least is to be found."""
    hue = _hue(picture)
    spreads = []
    for row in range(0, 192 - 24, 24):
        for column in range(0, 256 - 24, 24):
            counts, _ = np.histogram(hue[row : row + 24, column : column + 24], bins=24, range=(-np.pi, np.pi))
            spreads.append((counts > 3).sum())
    assert np.median(spreads) >= 8


def test_light_is_warm_and_shade_is_cool(picture):
    picture = blur(picture, 3.0)
    sun, shade = picture[20:50, 185:215], picture[165:188, 60:90]
    warmth = [float((patch[..., 0] - patch[..., 2]).mean()) for patch in (sun, shade)]
    assert warmth[0] > 0.1
    assert warmth[1] < 0.0


def test_colour_division_keeps_lightness_and_colour():
    colours = np.array([[0.5, 0.6, 0.8], [0.4, 0.6, 0.4], [0.9, 0.8, 0.6], [0.3, 0.3, 0.5]], dtype=np.float32)
    chosen = pointillism._divide(colours, purity=1.0)
    assert all(len(set(row)) >= 4 for row in chosen.tolist())
    mixed = pointillism._to_linear(pointillism._tubes())[chosen].mean(axis=1)
    away = pointillism._to_oklab(mixed) - pointillism._to_oklab(pointillism._to_linear(colours))
    assert np.abs(away[:, 0]).max() < 0.04
    assert np.linalg.norm(away, axis=1).max() < 0.07


def test_complement_of_green_is_red():
    tube = pointillism._tubes()[pointillism._complements(np.array([[0.2, 0.5, 0.2]], dtype=np.float32))[0]]
    assert tube[0] > tube[1] + 0.1


def test_dots_are_scattered_evenly():
    points = pointillism._scatter((200, 260), 8.0, np.random.default_rng(0))
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    assert np.percentile(nearest, 5) > 0.45 * 8.0
    assert nearest.max() < 1.7 * 8.0
