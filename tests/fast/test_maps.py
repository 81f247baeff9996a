import numpy as np
import pytest
import torch
from scipy.signal.windows import tukey

from impasto.encoders import decoder
from impasto.engine import borders, distances, feed_forward, statistics, transport as engine_transport
from impasto.fast import graphs, maps, network, painter
from impasto.painting import margins
from impasto.painting.feed_forward import MEASURED_SIDE


def features(seed, channels=6, side=20):
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((channels, channels)) @ rng.standard_normal((channels, side * side))
    return (mixed + 5 * rng.standard_normal((channels, 1))).astype(np.float32)


def engine_statistics(x, mask=None, side=20):
    return statistics.exact_statistics(torch.from_numpy(x).reshape(1, -1, side, side), mask=mask)


def test_maps_equal_those_of_pytorch():
    photo, styles, weights = features(0), [features(1), features(2)], [3.0, 1.0]
    measured = [maps.measured_style(maps.moments(x)) for x in styles]
    for strength in (0.0, 0.25, 1.0):
        found = maps.mixed_map(maps.moments(photo), measured, weights, strength)
        expected = [
            engine_transport.transport(
                engine_statistics(photo),
                distances.gaussian(engine_statistics(x), maps.RIDGE),
                feed_forward.blend_at(strength),
            )
            for x in styles
        ]
        for part in ("matrix", "bias"):
            mean = 0.75 * getattr(expected[0], part) + 0.25 * getattr(expected[1], part)
            np.testing.assert_allclose(getattr(found, part), mean.numpy(), atol=1e-4)


def test_moments_survive_large_means():
    x = features(3) + 1e4
    np.testing.assert_allclose(
        maps.moments(x).covariance, np.cov(x.astype(np.float64), bias=True), rtol=1e-3, atol=1e-3
    )


def test_weighted_moments_equal_those_of_pytorch():
    x, weights = features(4), np.random.default_rng(5).random((20, 20), np.float32)
    found, expected = maps.moments(x, weights.ravel()), engine_statistics(x, torch.from_numpy(weights))
    np.testing.assert_allclose(found.mean, statistics.mean(expected).numpy(), rtol=1e-5)
    np.testing.assert_allclose(found.covariance, statistics.covariance(expected).numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("length", [1, 7, 8, 64, 301])
def test_windows_equal_those_of_pytorch_and_scipy(length):
    window = maps.tukey_window(length)
    np.testing.assert_allclose(window, feed_forward.tukey_window(length).numpy(), atol=1e-6)
    # SciPy's positions include both ends: of 2n + 1, every second one is the middle of one of n positions.
    expected = tukey(2 * length + 1, 2 * maps.TAPER)[1::2]
    np.testing.assert_allclose(window, expected, atol=1e-6)


def test_constants_equal_those_of_pytorch():
    assert (maps.RIDGE, maps.LEAST_EIGENVALUE) == (engine_transport.RIDGE, engine_transport.LEAST_EIGENVALUE)
    assert maps.TAPER == feed_forward.TAPER
    assert (maps.LEAST_CONTRAST, maps.FULL_STRENGTH) == (distances.LEAST_CONTRAST, feed_forward.FULL_STRENGTH)
    for strength in (0.0, 0.5, 0.75, 1.0):
        for name in ("passes", "network_strength", "matching_at", "blend_at"):
            assert getattr(maps, name)(strength) == getattr(feed_forward, name)(strength)
    assert (network.STRIDE, margins.BLEED) == (feed_forward.STRIDE, borders.BLEED)
    assert (painter.LARGEST_SIDE, graphs.LEVELS) == (MEASURED_SIDE, decoder.LEVELS)
