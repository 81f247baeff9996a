import itertools
import math

import pytest
import torch
from hypothesis import given, strategies as st

from impasto.painting.octaves import LEAST_SIDE, READABLE_SIDE, Octave, plan_octaves, resized, style_size, total_effort
from impasto.pictures.sizes import scaled_size


def plan(height, width, **changes):
    return plan_octaves(
        height, width, **{"iterations": 50, "coarse_factor": 1.6, "smallest": 128, "ratio": 2.0} | changes
    )


def test_default_octaves_at_512():
    assert plan(384, 512) == (Octave(96, 128, 128), Octave(192, 256, 80), Octave(384, 512, 50))


@pytest.mark.parametrize(("ratio", "alignment", "side"), [(1.2, 16, 96), (1.002, 1, 94)])
def test_octaves_have_distinct_sizes(ratio, alignment, side):
    sizes = [octave[:2] for octave in plan(side, side, smallest=32, ratio=ratio, alignment=alignment)]
    assert len(set(sizes)) == len(sizes) > 4


def test_small_painting_has_one_octave():
    assert plan(100, 120) == (Octave(100, 120, 50),)


def test_narrow_painting_omits_small_octaves():
    assert all(min(octave[:2]) >= LEAST_SIDE for octave in plan(64, 1024))


@given(
    height=st.integers(32, 4000),
    width=st.integers(32, 4000),
    ratio=st.floats(1.1, 4),
    smallest=st.integers(32, 512),
    factor=st.floats(0.1, 3),
)
def test_octaves_grow_to_full_size(height, width, ratio, smallest, factor):
    octaves = plan(height, width, ratio=ratio, smallest=smallest, coarse_factor=factor)
    assert octaves[-1] == Octave(height, width, 50)
    for small, large in itertools.pairwise(octaves):
        assert small.pixels < large.pixels
        assert small.iterations >= large.iterations if factor >= 1 else 1 <= small.iterations <= large.iterations
        assert max(small[:2]) >= smallest
        assert small.height / small.width == pytest.approx(height / width, rel=0.1)
    assert total_effort(octaves) == sum(h * w * n for h, w, n, *_ in octaves)


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), side=st.integers(1, 3000))
def test_scaled_has_the_long_side_and_the_aspect(height, width, side):
    h, w = scaled_size(height, width, side)
    assert max(h, w) == side
    assert min(h, w) >= 1
    assert min(h, w) == pytest.approx(side * min(height, width) / max(height, width), abs=1)


def test_resized_keeps_flat_colour_and_range():
    x = torch.full((1, 3, 10, 14), 0.25)
    torch.testing.assert_close(resized(x, 21, 30), torch.full((1, 3, 21, 30), 0.25))
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1
    up = resized(step, 32, 32)
    assert up.min() >= 0
    assert up.max() <= 1
    assert resized(step, 8, 8) is step


@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    side=st.integers(32, 3000),
    stroke=st.floats(0.25, 4),
)
def test_style_size_scales_with_bounds(height, width, side, stroke):
    plain, size = scaled_size(height, width, side), style_size(height, width, side, stroke)
    readable = READABLE_SIDE * max(height, width) / min(height, width)  # the deepest layers need one position
    assert style_size(height, width, side, 1.0) == scaled_size(height, width, max(side, readable))
    assert max(size) >= side * stroke - 1
    assert max(size) <= side * stroke + 1 or min(size) <= LEAST_SIDE
    assert min(size) >= READABLE_SIDE
    if stroke >= 1:
        assert size == scaled_size(height, width, max(side * stroke, readable))
    else:
        assert max(size) <= math.ceil(max(side, readable))
        assert min(size) >= min(LEAST_SIDE, min(plain))
