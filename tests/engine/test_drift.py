import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from impasto.engine.drift import CELL, Drift, average_colours, poolings_of
from tests.engine.samples import random_features


def averaged_by_loops(image, poolings):
    """Average by the weights 1 3 3 1 and stride 2 along both axes, beyond borders by their outermost values."""
    for _ in range(poolings):
        for axis in (1, 2):
            padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
            taken = [
                np.take(padded, 2 * np.arange(image.shape[axis] // 2) + offset, axis).astype(np.float64)
                for offset in range(4)
            ]
            image = (taken[0] + 3 * taken[1] + 3 * taken[2] + taken[3]) / 8
    return image


@pytest.mark.parametrize(("height", "width", "poolings"), [(12, 20, 1), (13, 22, 2), (24, 17, 3)])
def test_value_and_gradient_of_drift_equal_loops(height, width, poolings):
    target = average_colours(random_features(1, 3, height, width), poolings)
    image, drift = random_features(2, 3, height, width), Drift(0.7, target)
    goal = averaged_by_loops(image[0].numpy(), poolings)
    squares = (goal - target[0].numpy()) ** 2
    expected = squares.mean() / target[0].numpy().var((1, 2)).mean()
    gradient = torch.ones_like(image)
    assert drift.add_gradient(image, gradient) == pytest.approx(expected, rel=1e-12)
    for place in ((0, 0, 0, 0), (0, 1, 5, 7), (0, 2, height - 1, width - 1), (0, 0, 3, width - 2)):
        step = torch.zeros_like(image)
        step[place] = 1e-6
        values = [0.7 * drift.add_gradient(moved, torch.zeros_like(image)) for moved in (image + step, image - step)]
        assert gradient[place].item() - 1 == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6, abs=1e-10)


def test_drift_ignores_detail_that_cells_average_out():
    image = random_features(3, 3, 16, 24)
    drift = Drift(1.0, average_colours(image, 2))
    checkerboard = (-1.0) ** (torch.arange(16)[:, None] + torch.arange(24))
    detailed = image + 0.2 * checkerboard * (torch.arange(24) > 1) * (torch.arange(24) < 22)
    assert drift.add_gradient(image, torch.zeros_like(image)) == 0
    assert drift.add_gradient(detailed, torch.zeros_like(image)) < 1e-3
    assert drift.add_gradient(image + 0.2, torch.zeros_like(image)) > 0.1


def test_drift_of_flat_target_is_finite():
    grey = torch.full((1, 3, 8, 8), 0.5)
    gradient = torch.zeros_like(grey)
    assert Drift(1.0, average_colours(grey, 1)).add_gradient(grey + 0.1, gradient) == pytest.approx(100, rel=1e-3)
    assert gradient.isfinite().all()


@given(st.integers(2, 5000), st.integers(2, 5000), st.floats(1.01, 40))
def test_cells_measure_about_two_pixels_of_smaller_painting(height, width, growth):
    poolings = poolings_of((height, width), growth)
    assert min(height, width) >> poolings >= 1
    if min(height, width) >= 256:
        assert 2**-0.5 <= 2**poolings / (CELL * growth) <= 2**0.5
