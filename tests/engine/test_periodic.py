"""The loss of a periodic image: it has no borders."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.layers import parse_layer
from impasto.encoders.network import Architecture, Encoder
from impasto.engine.objective import make_objective
from impasto.engine.style_terms import layer_masks
from impasto.engine.targets import measure_style
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import ALIGNMENT
from impasto.settings.model import Losses
from tests.engine.samples import picture_tensor
from tests.helpers import random_weights

BY_NAME = {name: parse_layer(name) for name in (*Losses().style, "relu1_2")}
LAYERS = {"rgb": 1.0, "strokes": 1.0, "gabor": 1.0, "gabor2": 1.0, "relu1_2": 1.0, "relu3_1": 1.0, "relu5_1": 1.0}


def periodic_objective(height, width, styles, *, tile=None, encoder=None, masks=(), style_masks=(), **losses):
    encoder = encoder or Encoder(random_weights()).double()
    blank = torch.zeros(1, 3, 1, 1, dtype=torch.float64).expand(1, 3, height, width)
    all_losses = Losses(style=LAYERS, total_variation=0.3, **losses)
    return make_objective(
        encoder,
        blank,
        styles,
        (1.0,) * len(styles),
        all_losses,
        0.0,
        4.0,
        tile=tile,
        wrap=True,
        masks=masks,
        style_masks=style_masks,
    )


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
@pytest.mark.parametrize("shift", [(16, 0), (0, 48), (-32, 16)])
def test_periodic_loss_is_shift_invariant(distance, shift):
    objective = periodic_objective(64, 96, [picture_tensor(70, 50, 2)], style_distance=distance)
    image = picture_tensor(64, 96, 1)
    loss, gradient = objective.value_and_gradient(image)
    shifted, shifted_gradient = objective.value_and_gradient(image.roll(shift, (-2, -1)))
    assert shifted.total == pytest.approx(loss.total, rel=1e-10)
    assert (shifted_gradient - gradient.roll(shift, (-2, -1))).norm() < 1e-9 * gradient.norm()


def test_ordinary_loss_changes_with_shift():
    # Proves that the test above can fail: with borders the loss depends on positions.
    blank, image = picture_tensor(64, 96, 3), picture_tensor(64, 96, 1)
    objective = make_objective(
        Encoder(random_weights()).double(), blank, [picture_tensor(70, 50, 2)], (1.0,), Losses(style=LAYERS), 0.0, 4.0
    )
    losses = [objective.value_and_gradient(x)[0].total for x in (image, image.roll((32, 16), (-2, -1)))]
    assert losses[1] != pytest.approx(losses[0], rel=1e-4)


def test_periodic_gradient_matches_finite_differences():
    encoder = Encoder(random_weights(), Architecture(pooling="max")).double()
    for objective in (
        periodic_objective(48, 64, [picture_tensor(40, 61, 2), picture_tensor(64, 64, 3)]),
        periodic_objective(48, 64, [picture_tensor(40, 61, 2)], encoder=encoder, style_distance="gram"),
    ):
        image = picture_tensor(48, 64, 1)
        _, gradient = objective.value_and_gradient(image)
        edge = torch.zeros_like(image)
        edge[..., :2, :], edge[..., -1] = 1, 1
        for mask in (edge, 1 - edge):
            d = 1e-6 * gradient * mask / gradient.norm()
            ends = [objective.value_and_gradient(image + step)[0].total for step in (d, -d)]
            np.testing.assert_allclose((ends[0] - ends[1]) / 2, (gradient * d).sum().item(), rtol=1e-4)


@pytest.mark.parametrize("examples", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_periodic_tiled_loss_equals_untiled(examples):
    given(
        units=st.tuples(st.integers(2, 7), st.integers(2, 7)),
        tile=st.integers(32, 80),
        pooling=st.sampled_from(["average", "binomial", "max"]),
        padding=st.sampled_from(["zeros", "reflect"]),
    )(settings(max_examples=examples)(assert_periodic_tiled_loss_equals_untiled))()


def assert_periodic_tiled_loss_equals_untiled(units, tile, pooling, padding):
    # The smallest pictures are much smaller than a tile's halo, which then wraps around several times.
    height, width = (ALIGNMENT * unit for unit in units)
    encoder = Encoder(random_weights(), Architecture(pooling=pooling, padding=padding, padding_scope="all")).double()
    image, styles = picture_tensor(height, width, 1), [picture_tensor(70, 50, 2)]
    whole, parts = (
        periodic_objective(height, width, styles, tile=side, encoder=encoder).value_and_gradient(image)
        for side in (None, tile)
    )
    assert parts[0].total == pytest.approx(whole[0].total, rel=1e-10)
    assert (parts[1] - whole[1]).norm() < 1e-9 * whole[1].norm()


def test_wrapped_features_equal_those_amid_copies():
    encoder, image = Encoder(random_weights()).double(), picture_tensor(32, 48, 1)
    names = ["strokes", "gabor", "gabor2", "relu1_1", "conv3_2", "relu5_1"]
    wrapped, amid = encoder(image, names, wrap=True), encoder(image.repeat(1, 1, 7, 5), names)
    for name in names:
        h, w = wrapped[name].shape[-2:]
        torch.testing.assert_close(wrapped[name], amid[name][..., 3 * h : 4 * h, 2 * w : 3 * w], rtol=1e-10, atol=1e-10)


def test_style_statistics_are_not_wrapped():
    style = picture_tensor(48, 64, 2)
    periodic = periodic_objective(64, 64, [style]).encoder
    ordinary = TiledEncoder(periodic.encoders[0], LAYERS)
    wrapped, expected = (measure_style(encoder, style, LAYERS).statistics for encoder in (periodic, ordinary))
    for name, sums in expected.items():
        for one, other in zip(wrapped[name], sums, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_periodic_masked_loss_is_shift_invariant(distance):
    rng = np.random.default_rng(5)
    second = rng.random((64, 96))
    masks = [1 - second, second]
    styles, image = [picture_tensor(70, 50, 2), 0.5 * picture_tensor(48, 64, 3)], picture_tensor(64, 96, 1)
    part = layer_masks(torch.from_numpy(rng.random((48, 64))), BY_NAME)

    def objective(shift=(0, 0), tile=None):
        maps = [torch.from_numpy(np.roll(m, shift, (0, 1))).double() for m in masks]
        by_layer = [layer_masks(m, BY_NAME) for m in maps]
        return periodic_objective(
            64, 96, styles, tile=tile, style_distance=distance, masks=by_layer, style_masks=[None, part]
        )

    loss, gradient = objective().value_and_gradient(image)
    shifted, shifted_gradient = objective((16, -32)).value_and_gradient(image.roll((16, -32), (-2, -1)))
    assert shifted.total == pytest.approx(loss.total, rel=1e-10)
    assert (shifted_gradient - gradient.roll((16, -32), (-2, -1))).norm() < 1e-9 * gradient.norm()
    tiled, tiled_gradient = objective(tile=32).value_and_gradient(image)
    assert tiled.total == pytest.approx(loss.total, rel=1e-10)
    assert (tiled_gradient - gradient).norm() < 1e-9 * gradient.norm()
    unmoved, _ = objective((16, -32)).value_and_gradient(image)  # proves that the above can fail
    assert unmoved.total != pytest.approx(loss.total, rel=1e-4)
