"""Padding to multiples of the stride: every row counts, and gradients return to the picture."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.layers import parse_layer
from impasto.encoders.network import Encoder
from impasto.engine.borders import BLEED, Mirrored, bled, bled_size, folded, middle, mirrored, mirrored_size, trimmed
from impasto.engine.objective import make_objective
from impasto.engine.penalties import total_variation
from impasto.engine.tiles import Box
from impasto.settings.model import Losses
from tests.engine.samples import picture_tensor
from tests.helpers import random_weights

DEEP = Losses(content={}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)


def objective(picture, losses=DEEP, style_weight=1.0, **options):
    encoder = Encoder(random_weights()).double()
    return make_objective(encoder, picture, [picture_tensor(64, 64, 2)], (1.0,), losses, 1.0, style_weight, **options)


def mirrored_objective(photo, losses=DEEP, style_weight=1.0):
    size = (photo.shape[-2], photo.shape[-1])
    whole = mirrored_size(*size, [parse_layer("relu5_1")])
    return Mirrored(objective(mirrored(photo, whole), losses, style_weight, counted=Box(0, 0, *size)), whole)


@pytest.mark.parametrize(
    ("size", "layer", "padded"),
    [((213, 320), "relu5_1", (224, 320)), ((213, 320), "relu3_1", (216, 320)), ((213, 321), "rgb", (213, 321)),
     ((32, 33), "conv5_2", (32, 48))],
)  # fmt: skip
def test_mirrored_size_is_multiple_of_stride(size, layer, padded):
    assert mirrored_size(*size, [parse_layer("relu1_1"), parse_layer(layer)][layer == "rgb" :]) == padded


@given(height=st.integers(32, 70), width=st.integers(32, 70))
def test_bled_picture_is_reflected_and_trimmed_back(height, width):
    picture = torch.arange(height * width).reshape(1, 1, height, width).float()
    whole = bled_size(height, width, [parse_layer("relu5_1")])
    image = bled(picture, whole)
    assert image.shape[-2:] == whole
    assert not any(side % 16 for side in whole)
    assert torch.equal(trimmed(image, (height, width)), picture)
    at = middle(whole, (height, width))
    margins = at.top, at.left, whole[0] - at.bottom, whole[1] - at.right
    assert BLEED <= min(margins) <= max(margins) <= BLEED + 8
    assert image[0, 0, at.top - 1, at.left] == picture[0, 0, 1, 0]  # a reflection that does not repeat the border
    assert image[0, 0, at.top, at.right] == picture[0, 0, 0, -2]
    assert bled(picture, (height, width)) is picture


@given(height=st.integers(17, 40), width=st.integers(17, 40), down=st.integers(0, 15), across=st.integers(0, 15))
def test_folded_is_adjoint_of_mirrored(height, width, down, across):
    generator = torch.Generator().manual_seed(height * width)
    x = torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)
    larger = height + down, width + across
    g = torch.randn(1, 3, *larger, generator=generator, dtype=torch.float64)
    forward = (mirrored(x, larger) * g).sum()
    backward = (x * folded(g.clone(), (height, width))).sum()
    torch.testing.assert_close(forward, backward)


@pytest.mark.parametrize("height", [41, 45, 55, 61])
def test_mirrored_objective_pulls_last_rows_alike(height):
    # Deep layers hardly see rows that poolings drop; with mirrored borders they see them like inner rows.

    def last_rows_share(gradient):
        return (gradient[..., -4:, :].abs().mean() / gradient[..., 8:-16, :].abs().mean()).item()

    image, photo = picture_tensor(height, 64, 1), picture_tensor(height, 64, 3)
    _, cut = objective(photo).value_and_gradient(image)
    _, gradient = mirrored_objective(photo).value_and_gradient(image)
    assert gradient.shape == image.shape
    assert last_rows_share(cut) < 0.55
    assert last_rows_share(gradient) > max(0.7, 1.5 * last_rows_share(cut))


def test_mirrored_objective_ignores_padding():
    image, photo = picture_tensor(41, 37, 1), picture_tensor(41, 37, 3)
    losses = Losses(content={"rgb": 1.0}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)
    loss, gradient = mirrored_objective(photo, losses, style_weight=0.0).value_and_gradient(image)
    assert loss.total == pytest.approx(((image - photo).square().sum() / photo.square().sum()).item())
    torch.testing.assert_close(gradient, 2 * (image - photo) / photo.square().sum())
    loss, _ = mirrored_objective(photo, Losses(total_variation=1.0)).value_and_gradient(image)
    assert loss.total_variation == pytest.approx(total_variation(image).item())


def test_mirrored_gradient_matches_finite_differences():
    photo, image, step = picture_tensor(37, 35, 3), picture_tensor(37, 35, 1), 1e-6
    measured = mirrored_objective(photo, Losses(overshoot=0, total_variation=0))
    loss, gradient = measured.value_and_gradient(image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ends = [measured.value_and_gradient(image + sign * step * direction)[0].total for sign in (1, -1)]
    slope = (gradient * direction).sum().item()
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-4)
    assert loss.total > 0


def bled_objective(photo, losses=DEEP, style_weight=1.0, **options):
    size = (photo.shape[-2], photo.shape[-1])
    whole = bled_size(*size, [parse_layer("relu5_1")])
    return objective(bled(photo, whole), losses, style_weight, counted=middle(whole, size), **options), whole, size


def test_bleed_affects_features_and_is_not_counted():
    photo, image = picture_tensor(41, 37, 3), picture_tensor(41, 37, 1)
    pixels = Losses(content={"rgb": 1.0, "relu3_1": 0}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)
    measured, whole, size = bled_objective(photo, pixels, style_weight=0.0)
    loss, gradient = measured.value_and_gradient(bled(image, whole))
    assert loss.total == pytest.approx(((image - photo).square().sum() / photo.square().sum()).item())
    torch.testing.assert_close(trimmed(gradient, size), 2 * (image - photo) / photo.square().sum())
    trimmed(gradient, size).zero_()
    assert not gradient.any()
    _, gradient = bled_objective(photo)[0].value_and_gradient(bled(image, whole))
    assert gradient[..., :4, :].any()
    assert gradient[..., -4:].any()
    variation, _ = bled_objective(photo, Losses(total_variation=1.0))[0].value_and_gradient(bled(image, whole))
    assert variation.total_variation == pytest.approx(total_variation(image).item())


def test_bled_gradient_matches_finite_differences():
    photo, step = picture_tensor(37, 35, 3), 1e-7
    measured, whole, _ = bled_objective(photo, Losses(overshoot=0, total_variation=0))
    image = picture_tensor(*whole, 1)
    _, gradient = measured.value_and_gradient(image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ends = [measured.value_and_gradient(image + sign * step * direction)[0].total for sign in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx((gradient * direction).sum().item(), rel=1e-4)


@given(height=st.integers(33, 90), width=st.integers(33, 90), tile=st.sampled_from([32, 48, 64]))
@settings(max_examples=12, deadline=None)
def test_bled_tiled_objective_equals_untiled(height, width, tile):
    photo = picture_tensor(height, width, 3)
    losses = Losses(style_distance="gram", total_variation=0.1)
    (one, whole, _), (tiled, *_) = (bled_objective(photo, losses, tile=side) for side in (None, tile))
    image = picture_tensor(*whole, 1)
    (expected, gradient), (tiled_loss, tiled_gradient) = (x.value_and_gradient(image) for x in (one, tiled))
    assert tiled_loss.total == pytest.approx(expected.total, rel=1e-10)
    torch.testing.assert_close(tiled_gradient, gradient, rtol=1e-7, atol=1e-12)
