"""The strength of the style: how a painting's weights, statistics and initial image depend on it.

The strength lies in [0, 1]. Below 0.5 the statistics to paint lie between the photo's and the style's; above, the
initial image has less and less of the photo's detail. Equal steps of the strength should remove equal shares of the
photo's structure. ``python -m benchmarks.quality strength`` measures it.
"""

from __future__ import annotations

import math

DEFAULT_STRENGTH = 0.5

STYLE_WEIGHT = 480.0
"""Style weight at the default strength, relative to a content weight of 1."""

LEAST_STYLE_SHARE = 0.28
"""Fraction of the way from the photo's statistics to the style's at strength 0."""

COLOUR_RATIO = 14.0
"""Factor by which strength 0 raises the weight of the photo's colours relative to that at strength 0.5."""

LEAST_START_SIDE = 56.0
"""Long side in pixels to which strength 1 reduces the initial image before enlarging it again."""

START_NOISE = 0.03
"""Standard deviation, in [0, 1], of the noise that strength 1 adds to a reduced initial image."""


def style_weight_of(strength: float) -> float:
    """Return the style weight, relative to a content weight of 1: about 4 at 0, 480 at 0.5, 1 260 at 1."""
    excess = max(0.0, _excess(strength))
    return STYLE_WEIGHT * 10.0 ** (0.42 * excess**0.4 - 2.1 * _lowness(strength))


def style_share_of(strength: float) -> float:
    """Return the fraction of the way from the photo's statistics to the style's: 1 from the default strength on.

    A low weight alone would leave the cheapest changes of the pixels, a weave of short bars and dots of the style's
    colours. Statistics between the photo's and the style's are met by calm strokes and by colours between theirs.
    """
    return 1 - (1 - LEAST_STYLE_SHARE) * _lowness(strength)


def change_of_photo(strength: float) -> float:
    """Return how far the photo is changed before painting, in colours and contrast: 1 from the default strength on.

    At strength 0 it is 0, as the photo's own colours then hold back those of the style. A few strong colours of a photo
    may be moved beyond the paintings' own, so it rises slowly at first.
    """
    return min(1.0, (strength / DEFAULT_STRENGTH) ** 2)


def colour_factor_of(strength: float) -> float:
    """Return the factor of the content weight of rgb: :data:`COLOUR_RATIO` at 0, 1 from the default strength on."""
    return float(COLOUR_RATIO ** max(0.0, 1 - strength / DEFAULT_STRENGTH))


def coarse_content_share_of(strength: float) -> float:
    """Return the exponent of the content's factor in small octaves: 1 up to the default strength, 0.5 at 1.

    The further weight of forms has it as a factor. A high strength lets the style change the photo's forms.
    """
    return 1 - 0.5 * max(0.0, _excess(strength)) ** 0.4


def start_side_of(strength: float) -> float:
    """Return the long side in pixels whose detail an initial photo keeps: all of it up to the default strength.

    However large its weight, the style does not remove edges of the initial image: strokes settle along them.
    """
    excess = _excess(strength)
    return LEAST_START_SIDE / excess**0.7 if excess > 0 else math.inf


def start_noise_of(strength: float) -> float:
    """Return the standard deviation of the noise in a reduced initial image: 0 up to the default strength.

    In its smooth parts strokes would otherwise begin as bars along the pixels' rows and columns.
    """
    return START_NOISE * max(0.0, _excess(strength))


def _lowness(strength: float) -> float:
    """Return how far a strength lies below the default: 1 for 0, and 0 from the default on."""
    return float(max(0.0, 1 - strength / DEFAULT_STRENGTH) ** 1.4)


def _excess(strength: float) -> float:
    """Return how far a strength lies above the default, as a fraction of the way to 1; negative below the default."""
    return (strength - DEFAULT_STRENGTH) / (1 - DEFAULT_STRENGTH)
