import numpy as np
import torch

from impasto.engine import histograms as engine_histograms
from impasto.engine.tiles import Box
from impasto.fast import histograms


def noise(seed, height, width):
    normal = np.random.default_rng(seed).standard_normal((3, height, width))
    return (0.5 + 0.1 * normal * np.abs(normal) ** (seed / 2)).astype(np.float32)


def as_batch(picture):
    return torch.from_numpy(picture)[None]


def test_matched_picture_equals_that_of_pytorch():
    photo, styles, weights = noise(0, 48, 64), [noise(1, 50, 61), noise(2, 40, 40)], [3.0, 1.0]
    measured = [histograms.measure_histograms(style) for style in styles]
    in_pytorch = [engine_histograms.measure_histograms(as_batch(style)) for style in styles]
    for found, expected in zip(measured, in_pytorch, strict=True):
        np.testing.assert_allclose(found, torch.stack(list(expected.values())).numpy(), atol=1e-5)
    for blend in (0.0, 0.5, 1.0):
        found = histograms.match_histograms(photo, measured, weights, blend)
        target = list(zip(in_pytorch, weights, strict=True))
        _, expected = engine_histograms.measure_curves(as_batch(photo), [target], [None], blend)
        np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-4)


def test_margins_are_left_out_as_in_pytorch():
    photo, style = noise(0, 192, 256), noise(1, 40, 40)
    target = [(engine_histograms.measure_histograms(as_batch(style)), 1.0)]
    found = histograms.match_histograms(photo, [histograms.measure_histograms(style)], [1.0], 1.0, ((10, 13), (9, 11)))
    _, expected = engine_histograms.measure_curves(as_batch(photo), [target], [None], 1.0, Box(10, 9, 179, 245))
    np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-4)


def test_constants_equal_those_of_pytorch():
    for name in (
        "DISTANCES",
        "LEAST_CHANGE",
        "GREATEST_CHANGE",
        "ROUNDS",
        "RANKS",
        "SAMPLES",
        "NODES",
        "LEAST_SPREAD",
        "LEAST_SLOPE",
        "GREATEST_SLOPE",
        "OPPONENT",
    ):
        np.testing.assert_allclose(getattr(histograms, name), getattr(engine_histograms, name))
    assert len(engine_histograms.BANDS) == histograms.BANDS
