import numpy as np
import pytest
from hypothesis import given, strategies as st

from impasto.pictures import resize, scaled_size

sides = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("height", "width", "long_side", "expected"),
    [
        (300, 400, 200, (150, 200)),
        (400, 300, 200, (200, 150)),
        (3, 3, 100, (100, 100)),
        (1, 10_000, 10, (1, 10)),
        (3, 2, 3, (3, 2)),
        (5, 10, 3, (2, 3)),  # 1.5 is rounded to even
        (1001, 1024, 512, (500, 512)),  # so is 500.5
        (300, 400, 200.4, (150, 200)),
    ],
)
def test_scaled_size_rounds_halves_to_even(height, width, long_side, expected):
    assert scaled_size(height, width, long_side) == expected


@given(sides, sides, sides)
def test_scaled_size_keeps_long_side_and_aspect(height, width, long_side):
    new = scaled_size(height, width, long_side)
    assert max(new) == new[width > height] == long_side
    assert min(new) >= 1
    exact = min(height, width) * long_side / max(height, width)
    assert abs(min(new) - exact) <= 0.5 + 1e-9 or min(new) == 1


@given(sides, sides, sides)
def test_scaled_size_commutes_with_transposition(height, width, long_side):
    assert scaled_size(width, height, long_side) == scaled_size(height, width, long_side)[::-1]


@pytest.mark.parametrize("shape", [(12, 9), (12, 9, 1), (12, 9, 3), (12, 9, 5)])
@pytest.mark.parametrize("size", [(5, 4), (30, 40), (12, 9), (1, 1), (12, 3)])
def test_resize_keeps_dimensions_and_constants(shape, size):
    resized = resize(np.full(shape, 0.25), *size)
    assert resized.shape == (*size, *shape[2:])
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, 0.25, atol=1e-6)


def test_resize_keeps_a_ramp():
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[np.newaxis].repeat(8, axis=0)
    centres = (np.arange(64) + 0.5) / 64 * 256 - 0.5
    np.testing.assert_allclose(resize(ramp, 8, 64)[4, 2:-2], centres[2:-2] / 255, atol=2e-4)


def test_resize_avoids_aliasing():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(resize(stripes, 16, 16)[:, 2:-2], 0.5, atol=0.02)


def test_resize_keeps_channels_separate():
    pixels = np.zeros((8, 8, 3), np.float32)
    pixels[..., 1] = 1
    np.testing.assert_allclose(resize(pixels, 5, 13), np.broadcast_to([0, 1, 0], (5, 13, 3)), atol=1e-6)


def test_resize_clips_overshoot():
    edge = np.zeros((16, 16, 3), np.float32)
    edge[:, 8:] = 1
    resized = resize(edge, 64, 64)
    assert resized.min() == 0
    assert resized.max() == 1


def test_resize_to_same_size_copies():
    pixels = np.random.default_rng(0).random((6, 7, 3), dtype=np.float32)
    resized = resize(pixels, 6, 7)
    np.testing.assert_array_equal(resized, pixels)
    assert not np.shares_memory(resized, pixels)


@pytest.mark.parametrize(
    ("shape", "size"), [((4,), (2, 2)), ((0, 4, 3), (2, 2)), ((4, 4, 3), (0, 2)), ((4, 4), (2, -1))]
)
def test_resize_rejects_empty_sizes(shape, size):
    with pytest.raises(ValueError, match=r"needed|at least 1"):
        resize(np.zeros(shape, np.float32), *size)
