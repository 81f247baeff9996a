import itertools
import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.engine.tiles import ALIGNMENT
from impasto.painting.octaves import (
    LEAST_SIDE,
    READABLE_SIDE,
    Octave,
    content_factor_at,
    plan_octaves,
    resized,
    style_size,
    total_effort,
)
from impasto.pictures.sizes import scaled_size
from impasto.settings.model import Optimization
from tests.engine.samples import picture_tensor


def plan(height, width, long_side=None, *, alignment=1, above=0, **optimization):
    return plan_octaves(
        height, width, Optimization(**optimization), long_side=long_side, alignment=alignment, above=above
    )


def sides(octaves):
    return [max(octave[:2]) for octave in octaves]


def test_default_octaves_at_512():
    assert plan(384, 512) == (Octave(96, 128, 26), Octave(192, 256, 26), Octave(384, 512, 26))


@pytest.mark.parametrize(
    ("long_side", "expected"),
    [
        (256, [128, 256]),
        (300, [128, 300]),
        (500, [128, 256, 500]),
        (600, [128, 256, 600]),
        (724, [128, 256, 724]),
        (725, [128, 256, 512, 725]),
        (2048, [128, 256, 512, 1024, 2048]),
    ],
)
def test_octaves_double_from_smallest_upwards(long_side, expected):
    assert sides(plan(300, 400, long_side)) == expected


def test_iterations_depend_on_octave_alone():
    octaves = plan(300, 400, 2048, iterations=50, coarse_factor=1.6)
    assert [octave.iterations for octave in octaves] == [128, 80, 50, 50, 50]
    assert plan(300, 400, 64, iterations=30, coarse_factor=1.6, smallest_octave=64) == (Octave(48, 64, 123),)


def test_content_weighs_more_in_small_octaves():
    assert [content_factor_at(side, 3.0) for side in (64, 128, 256, 512, 2048)] == pytest.approx([9, 9, 3, 1, 1])
    assert content_factor_at(128, 1.0) == 1


@given(
    height=st.integers(300, 4000),
    width=st.integers(300, 4000),
    long_side=st.sampled_from([256, 512, 1024]),
    larger=st.integers(257, 6000),
)
def test_larger_painting_begins_with_same_octaves(height, width, long_side, larger):
    small, large = plan(height, width, long_side), plan(height, width, max(larger, math.ceil(1.5 * long_side)))
    assert large[: len(small)] == small


@given(long_side=st.integers(256, 3000), larger=st.integers(256, 3000))
def test_any_two_paintings_share_all_octaves_but_last(long_side, larger):
    small, large = sorted((plan(667, 1000, side) for side in (long_side, larger)), key=len)
    assert large[: len(small) - 1] == small[:-1]


def test_single_octave_has_exactly_given_iterations():
    assert plan(96, 128, max_octaves=1, iterations=7) == (Octave(96, 128, 7),)
    assert sides(plan(1024, 1024, max_octaves=2)) == [512, 1024]


def test_octaves_exceed_size_that_painting_grows_from():
    assert sides(plan(300, 400, 2048, above=512)) == [1024, 2048]
    assert sides(plan(300, 400, 2048, above=500)) == [512, 1024, 2048]
    assert sides(plan(300, 400, 600, above=512)) == [600]


@pytest.mark.parametrize(("ratio", "alignment", "side"), [(1.2, 16, 96), (1.002, 1, 94)])
def test_octaves_have_distinct_sizes(ratio, alignment, side):
    octaves = plan(side, side, smallest_octave=32, octave_ratio=ratio, alignment=alignment)
    sizes = [octave[:2] for octave in octaves]
    assert len(set(sizes)) == len(sizes) > 4


def test_single_octave_paints_size_of_smallest():
    assert plan(100, 120, smallest_octave=120, iterations=30, coarse_factor=1.6) == (Octave(100, 120, 80),)


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
    octaves = plan(height, width, octave_ratio=ratio, smallest_octave=smallest, coarse_factor=factor, iterations=50)
    assert octaves[-1][:2] == (height, width)
    for small, large in itertools.pairwise(octaves):
        assert small.pixels < large.pixels
        assert small.iterations >= large.iterations if factor >= 1 else 1 <= small.iterations <= large.iterations
        assert max(small[:2]) >= smallest
        assert small.height / small.width == pytest.approx(height / width, rel=0.1)
    assert total_effort(octaves) == sum(h * w * n for h, w, n, *_ in octaves)


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), side=st.integers(1, 3000))
def test_scaled_size_keeps_long_side_and_aspect(height, width, side):
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


@settings(max_examples=30)
@given(
    units=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    after=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    shift=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_resized_periodic_image_stays_periodic(units, after, shift):
    height, width = (ALIGNMENT * unit for unit in after)
    image = picture_tensor(*(ALIGNMENT * unit for unit in units), 1)
    periodic = resized(image, height, width, wrap=True)
    assert periodic.shape[-2:] == (height, width)
    # Amid copies of itself the image has no border nearby.
    amid = resized(image.repeat(1, 1, 3, 3), 3 * height, 3 * width)[..., height : 2 * height, width : 2 * width]
    torch.testing.assert_close(periodic, amid, rtol=1e-9, atol=1e-9)
    twice = resized(image, 2 * image.shape[-2], 2 * image.shape[-1], wrap=True)
    rolled = resized(image.roll(shift, (-2, -1)), *twice.shape[-2:], wrap=True)
    torch.testing.assert_close(rolled, twice.roll((2 * shift[0], 2 * shift[1]), (-2, -1)), rtol=1e-9, atol=1e-9)


@settings(max_examples=60)
@given(height=st.integers(32, 3000), width=st.integers(32, 3000), ratio=st.floats(1.2, 4))
def test_octaves_of_seamless_texture_are_aligned(height, width, ratio):
    octaves = plan(height, width, smallest_octave=64, octave_ratio=ratio, alignment=ALIGNMENT)
    assert all(side % ALIGNMENT == 0 and side >= LEAST_SIDE for octave in octaves for side in octave[:2])
    assert abs(octaves[-1].height - height) <= ALIGNMENT // 2
    assert abs(octaves[-1].width - width) <= ALIGNMENT // 2


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 48), [64]),
        ((64, 64), [32, 64]),
        ((128, 96), [64, 128]),
        ((192, 255), [127, 255]),
        ((300, 512), [128, 256, 512]),
    ],
)
def test_small_paintings_get_two_octaves(size, expected):
    assert sides(plan(*size)) == expected
