"""What the settings make of a strength."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from impasto.settings.making import make_settings
from impasto.settings.strength import (
    DEFAULT_STRENGTH,
    change_of_photo,
    colour_factor_of,
    start_noise_of,
    start_side_of,
    style_share_of,
    style_weight_of,
)

STRENGTHS = [i / 100 for i in range(101)]


@pytest.mark.parametrize("curve", [style_weight_of, style_share_of, change_of_photo, start_noise_of])
def test_curve_rises_without_jumps(curve):
    values = [curve(strength) for strength in STRENGTHS]
    assert values == sorted(values)
    assert max(b - a for a, b in pairwise(values)) < 0.1 * (values[-1] - values[0])


@pytest.mark.parametrize("curve", [colour_factor_of, start_side_of])
def test_curve_falls(curve):
    values = [curve(strength) for strength in STRENGTHS]
    assert values == sorted(values, reverse=True)


def test_default_strength_paints_the_style_from_the_whole_photo():
    settings = make_settings(strength=DEFAULT_STRENGTH)
    assert settings.weights == (1.0, 480.0)
    assert (settings.style_share, settings.start_side, settings.reduction_noise) == (1.0, math.inf, 0.0)


def test_ends_of_the_slider():
    weakest, strongest = make_settings(strength=0), make_settings(strength=1)
    assert (weakest.weights[1], weakest.style_share, weakest.start_side) == (
        pytest.approx(3.81, abs=0.01),
        pytest.approx(0.28),
        math.inf,
    )
    assert (round(strongest.weights[1]), strongest.style_share) == (1263, 1.0)
    assert (strongest.start_side, strongest.reduction_noise) == (56.0, 0.03)


@given(weight=st.floats(0.01, 1e4))
def test_raw_weights_leave_statistics_and_start_alone(weight):
    settings = make_settings(style_weight=weight)
    assert (settings.style_share, settings.start_side, settings.reduction_noise) == (1.0, math.inf, 0.0)
