import numpy as np
import pytest
from hypothesis import given, strategies as st
from skimage import data

from impasto.painting import margins
from impasto.painting.margins import BLEED, SURROUNDINGS, grid_margins, landmark


def photograph(height=120, width=160):
    return data.chelsea()[:height, :width].astype(np.float32) / 255


def test_landmark_is_the_point_of_greatest_contrast():
    picture = np.full((60, 80, 3), 0.5, np.float32)
    picture[33:38, 51:56] = 0.9
    assert landmark(picture) == (35, 53)


@given(st.integers(0, 15), st.integers(0, 15))
def test_landmark_moves_with_the_photo(down, right):
    whole = photograph(300, 451)
    row, column = landmark(whole[:285, :436])
    assert landmark(whole[down : down + 285, right : right + 436]) == (row - down, column - right)


def test_landmark_survives_noise():
    noise = np.random.default_rng(0).normal(0, 2 / 255, photograph().shape).astype(np.float32)
    assert landmark(photograph() + noise) == landmark(photograph())


def test_strips_find_the_same_landmark(monkeypatch):
    expected = landmark(photograph())
    monkeypatch.setattr(margins, "STRIP", 8)
    assert landmark(photograph()) == expected


def test_picture_smaller_than_the_surroundings_has_a_landmark():
    assert landmark(photograph(SURROUNDINGS - 1, 40)) == (0, 0)


@pytest.mark.parametrize("bleeds", [True, False])
@given(height=st.integers(16, 60), width=st.integers(16, 60))
def test_margins_complete_the_grid_around_the_landmark(bleeds, height, width):
    picture = photograph(height, width)
    for at, length, (before, after) in zip(
        landmark(picture), (height, width), grid_margins(picture, 8, bleeds=bleeds), strict=True
    ):
        assert ((before + at) % 8, (before + length + after) % 8) == (0, 0)
        assert 0 <= min(before, after) - BLEED * bleeds <= max(before, after) - BLEED * bleeds <= 7
