"""The features of strokes: values on patterns, gradients, borders and precision."""

import math

import pytest
import torch

from impasto.encoders.network import Encoder
from impasto.encoders.strokes import (
    CHANNELS,
    LEAST_ENERGY,
    REACH,
    SCALES,
    SIGMA,
    STRIDE,
    gaussian_windows,
    stroke_features,
)
from impasto.errors import EncoderError
from tests.helpers import random_weights

DETAIL = CHANNELS - 1
"""Channel of the energy of detail."""


def noise(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def grey(pattern):
    """Return an H×W pattern as a grey picture, 1×3×H×W."""
    return pattern.double().expand(1, 3, *pattern.shape)


def lines(angle, period=24, side=128):
    """Draw parallel soft lines whose gradients have an angle in degrees, clockwise from the right."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    across = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    return grey(0.5 + 0.4 * torch.sin(2 * math.pi * across / period))


def stipples(side=128, spacing=8):
    """Draw round dots on a lattice."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    waves = [torch.cos(2 * math.pi * along / spacing) for along in (x, y)]
    return grey(0.5 + 0.25 * (waves[0] + waves[1]))


def checkerboard(side=64):
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return grey((x + y).remainder(2))


def tensor_at(features, scale):
    """Return energy, coherence and angle in degrees from 0 to 180 at a scale, without the windows at the border."""
    first = 3 * SCALES.index(scale)
    root, along, across = features[0, first : first + 3, 6:-6, 6:-6]
    coherence = torch.hypot(along, across) / root
    return root, coherence, torch.rad2deg(torch.atan2(across, along) / 2) % 180


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 135, 160])
def test_parallel_lines_are_coherent_in_their_direction(angle):
    features = stroke_features(lines(angle))
    for scale in SCALES:
        _, coherence, found = tensor_at(features, scale)
        assert coherence.min() > 0.95, scale
        assert ((found - angle + 90) % 180 - 90).abs().max() < 3, scale


@pytest.mark.parametrize("picture", [stipples(), checkerboard(128)], ids=["stipples", "checkerboard"])
def test_lattices_are_not_coherent(picture):
    features = stroke_features(picture)
    assert all(tensor_at(features, scale)[1].max() < 0.02 for scale in SCALES)


def test_noise_is_less_coherent_than_lines():
    # A window of finite size holds no equal share of all directions, so the coherence of noise is not 0.
    features = stroke_features(noise(256, 256))
    for scale in SCALES:
        _, coherence, _ = tensor_at(features, scale)
        assert coherence.mean() < 0.25, scale


def test_energy_is_slope_of_ramp():
    ramp = grey((torch.arange(128) / 256).expand(120, 128))
    features = stroke_features(ramp)
    for scale in SCALES:
        root, _, angle = tensor_at(features, scale)
        assert root.mean().item() == pytest.approx(math.sqrt((scale / 256) ** 2 + LEAST_ENERGY), rel=1e-9)
        assert angle.abs().max() == 0
    # A ramp equals its smoothed self.
    assert features[0, DETAIL, 6:-6, 6:-6].max().item() == pytest.approx(math.sqrt(LEAST_ENERGY), rel=1e-9)


def test_checkerboard_has_most_detail():
    # Smoothing takes the checkerboard to 0.5, so each of three colours differs by 0.5.
    detail = stroke_features(checkerboard())[0, DETAIL]
    assert detail.mean().item() == pytest.approx(math.sqrt(0.75 + LEAST_ENERGY), rel=0.02)
    assert stroke_features(lines(30))[0, DETAIL].max() < 0.05
    # Each colour counts by itself.
    coloured = checkerboard() * torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    assert stroke_features(coloured)[0, DETAIL].mean().item() == pytest.approx(0.5, rel=0.02)


def test_flat_picture_has_finite_features_and_gradient():
    for value in (0.0, 0.5, 1.0):
        image = torch.full((1, 3, 40, 48), value).requires_grad_()
        features = stroke_features(image)
        (gradient,) = torch.autograd.grad(features.sum(), image)
        assert features[0, [0, 3, 6, DETAIL]].sub(math.sqrt(LEAST_ENERGY)).abs().max() < 1e-6
        assert features[0, [1, 2, 4, 5, 7, 8]].abs().max() < 1e-6
        assert gradient.abs().max() < 1e-4


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 15), (23, 33), (40, 71)])
def test_features_have_eighth_of_size_in_any_batch(height, width):
    images = torch.cat([noise(height, width, seed) for seed in (1, 2)]).requires_grad_()
    features = stroke_features(images)
    assert features.shape == (2, CHANNELS, height // STRIDE, width // STRIDE)
    (gradient,) = torch.autograd.grad(features.square().sum(), images)
    for image, part, slope in zip(images.detach(), features, gradient, strict=True):
        alone = image[None].requires_grad_()
        found = stroke_features(alone)
        torch.testing.assert_close(found[0], part, rtol=1e-12, atol=1e-12)
        (expected,) = torch.autograd.grad(found.square().sum(), alone)
        torch.testing.assert_close(slope, expected[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "wrap"), [((16, 24), False), ((17, 11), False), ((16, 24), True), ((8, 8), True)])
def test_gradient_matches_finite_differences(size, wrap):
    image = noise(*size).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: stroke_features(x, wrap=wrap), image, fast_mode=True)


@pytest.mark.parametrize("shift", [(8, 0), (0, -8), (24, 16)])
def test_periodic_features_move_with_picture(shift):
    image = noise(48, 64)
    features, moved = (stroke_features(x, wrap=True) for x in (image, image.roll(shift, (-2, -1))))
    by_window = [by // STRIDE for by in shift]
    torch.testing.assert_close(moved, features.roll(by_window, (-2, -1)), rtol=1e-12, atol=1e-12)
    bounded = [stroke_features(x) for x in (image, image.roll(shift, (-2, -1)))]  # proves that the above can fail
    assert (bounded[1] - bounded[0].roll(by_window, (-2, -1))).abs().max() > 0.01


@pytest.mark.parametrize(("height", "width"), [(8, 16), (32, 48), (96, 80)])
def test_periodic_features_equal_those_amid_copies(height, width):
    # The smallest pictures are narrower than a window, which covers them several times.
    image = noise(height, width)
    copies = [2 * math.ceil(REACH / length) + 1 for length in (height, width)]
    amid = stroke_features(image.repeat(1, 1, copies[0], copies[1]))
    h, w = height // STRIDE, width // STRIDE
    top, left = h * (copies[0] // 2), w * (copies[1] // 2)
    wrapped = stroke_features(image, wrap=True)
    torch.testing.assert_close(wrapped, amid[..., top : top + h, left : left + w], rtol=1e-12, atol=1e-12)


def test_window_depends_on_pixels_within_reach():
    image = noise(160, 168).requires_grad_()
    row, column = 9, 10
    (gradient,) = torch.autograd.grad(stroke_features(image)[0, :, row, column].sum(), image)
    rows, columns = (gradient.abs().amax((0, 1, axis)).nonzero().flatten() for axis in (3, 2))
    for found, cell in ((rows, row), (columns, column)):
        assert STRIDE * cell - found[0] == found[-1] - (STRIDE * (cell + 1) - 1) == REACH


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize(("length", "stride"), [(8, 8), (61, 8), (48, 4), (5, 2), (4, 2), (130, 2)])
def test_gaussian_windows_average(length, stride, wrap):
    windows = gaussian_windows(length, stride, SIGMA, wrap=wrap)
    assert windows.shape == (length // stride, length)
    assert windows.min() >= 0
    torch.testing.assert_close(windows.sum(1), torch.ones(length // stride, dtype=torch.float64), rtol=0, atol=1e-14)
    if length > 10 * SIGMA:  # windows away from the ends are centred on their cells
        middle = length // stride // 2
        centre = (windows[middle] * torch.arange(length)).sum().item()
        assert centre == pytest.approx(stride * middle + (stride - 1) / 2, abs=1e-12)


def test_features_computed_in_inference_mode_allow_later_gradient():
    size = 72, 88  # no other test has the matrices of these lengths cached
    with torch.inference_mode():
        before = stroke_features(noise(*size))
    image = noise(*size).requires_grad_()
    features = stroke_features(image)
    (gradient,) = torch.autograd.grad(features.sum(), image)
    assert gradient.abs().max() > 0
    assert torch.equal(before, features.detach())


def test_features_are_near_exact_in_float32():
    image = noise(50, 60)
    found, exact = stroke_features(image.float()), stroke_features(image)
    assert found.dtype == torch.float32
    assert exact.dtype == torch.float64
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-6)


def test_bfloat16_encoder_leaves_strokes_in_float32():
    encoder, image = Encoder(random_weights()).to(torch.bfloat16), noise(48, 40).float()
    found = encoder(image, ["strokes", "relu1_1"])
    assert found["relu1_1"].dtype == torch.bfloat16
    assert torch.equal(found["strokes"], stroke_features(image))
    assert encoder.channels("strokes") == CHANNELS


def test_encoder_rejects_picture_narrower_than_strokes_stride():
    encoder = Encoder(random_weights())
    assert encoder(noise(8, 8).float(), ["strokes", "relu2_1"])["strokes"].shape == (1, CHANNELS, 1, 1)
    with pytest.raises(EncoderError, match="A picture of 7×30 px is too small for strokes, which needs 8 px a side"):
        encoder(noise(7, 30).float(), ["strokes", "relu2_1"])
