"""Tiles of an objective: together they have the loss and the gradient of the whole picture."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.layers import parse_layer
from impasto.encoders.network import Encoder
from impasto.engine.adam import Adam
from impasto.engine.objective import Objective, make_objective
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import ALIGNMENT, LEAST_CORE
from impasto.settings.model import Losses
from tests.engine.samples import ENCODERS, OTHER_STACKS, layer_names, picture_tensor
from tests.helpers import random_weights

ANY_ENCODER = {" ".join(key): encoder for key, encoder in {**ENCODERS, **OTHER_STACKS}.items()}
SIDES = st.integers(33, 150)


def layers_of(names):
    return [parse_layer(name) for name in names]


def objectives(encoder, content, styles, losses, *, tile, devices=(), masks=()):
    """Return an untiled and a tiled objective."""
    weights = [1.0 + number for number in range(len(styles))]
    return [
        make_objective(encoder, content, styles, weights, losses, 0.7, 5.0, tile=side, devices=on, masks=masks)
        for side, on in ((None, ()), (tile, devices))
    ]


def assert_equal(untiled, tiled, image, value=1e-10, gradient=1e-9):
    """Compare loss and gradient of two objectives."""
    (loss, slope), (tiled_loss, tiled_slope) = (o.value_and_gradient(image) for o in (untiled, tiled))
    for whole, part in zip(vars(loss).values(), vars(tiled_loss).values(), strict=True):
        assert part == pytest.approx(whole, rel=value, abs=value)
    assert (tiled_slope - slope).norm() <= gradient * slope.norm()


@pytest.mark.parametrize("examples", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_tiled_objective_equals_untiled(examples):
    settings(max_examples=examples)(given(data=st.data())(assert_any_tiles_equal_untiled))()


def assert_any_tiles_equal_untiled(data):
    draw = data.draw
    encoder = ANY_ENCODER[draw(st.sampled_from(sorted(ANY_ENCODER)))]
    height, width = draw(SIDES), draw(SIDES)
    picked = st.lists(st.sampled_from(layer_names(encoder)), min_size=1, max_size=4, unique=True)
    style_layers, content_layers = draw(picked), draw(picked)
    losses = Losses(
        style=Losses().style.fromkeys(style_layers, 1.5),
        content=dict.fromkeys(content_layers, 1.0),
        style_distance=draw(st.sampled_from(["gaussian", "gram"])),
        relative=draw(st.booleans()),
        total_variation=draw(st.sampled_from([0.0, 0.4])),
        total_variation_over=draw(st.sampled_from(["mean", "sum"])),
    )
    styles = [picture_tensor(draw(SIDES), draw(SIDES), 10 + number) for number in range(draw(st.integers(1, 2)))]
    content, image = picture_tensor(height, width, 1), picture_tensor(height, width, 2)
    tile = draw(st.integers(LEAST_CORE, 96))
    devices = [torch.device("cpu")] * draw(st.integers(1, 3))
    untiled, tiled = objectives(encoder, content, styles, losses, tile=tile, devices=devices)
    assert len(tiled.tiles) > 1 or max(height, width) <= -(-tile // ALIGNMENT) * ALIGNMENT
    assert_equal(untiled, tiled, image)


def test_weighted_content_is_exact_in_tiles_and_in_its_gradient():
    encoder, names = ENCODERS["average", "replicate", "first"], ("rgb", "relu3_1")
    content, image = picture_tensor(70, 101, 1), picture_tensor(70, 101, 2)
    weights = 4 * torch.rand(70, 101, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    losses = Losses(style={"rgb": 1}, content=dict.fromkeys(names, 1.0), total_variation=0)
    untiled, tiled = (
        Objective(TiledEncoder(encoder, names, tile=tile), content, [], losses, 1.0, 0.0, content_weights=weights)
        for tile in (None, 32)
    )
    assert_equal(untiled, tiled, image)

    expected = 0.0
    for name in names:
        of_image, of_content = (encoder(picture, [name])[name] for picture in (image, content))
        of_layer = torch.nn.functional.avg_pool2d(weights[None, None], 4) if name == "relu3_1" else weights
        expected += 0.5 * (of_layer * (of_image - of_content) ** 2).mean() / of_content.square().mean()
    loss, gradient = untiled.value_and_gradient(image)
    assert loss.total == pytest.approx(expected.item(), rel=1e-9)

    step = 1e-6 * (picture_tensor(70, 101, 3) - 0.5)
    above, below = (untiled.value_and_gradient(image + sign * step)[0].total for sign in (1, -1))
    assert above - below == pytest.approx(2 * (gradient * step).sum().item(), rel=1e-5)


def test_masked_tiled_objective_equals_untiled():
    encoder = ENCODERS["average", "replicate", "first"]
    generator = torch.Generator().manual_seed(0)
    names = ["rgb", "strokes", "gabor", "gabor2", "relu1_1", "relu3_1", "relu4_1"]
    sizes = {
        name: (107 // layer.stride, 150 // layer.stride) for name, layer in zip(names, layers_of(names), strict=True)
    }
    masks = [{name: torch.rand(*size, generator=generator).double() for name, size in sizes.items()}, None]
    styles = [picture_tensor(80, 61, 3), picture_tensor(50, 97, 4)]
    for distance in ("gaussian", "gram"):
        losses = Losses(style=dict.fromkeys(names, 1.0), style_distance=distance)
        untiled, tiled = objectives(encoder, picture_tensor(107, 150, 1), styles, losses, tile=48, masks=masks)
        image = picture_tensor(107, 150, 2)
        assert_equal(untiled, tiled, image)
        unmasked, _ = objectives(encoder, picture_tensor(107, 150, 1), styles, losses, tile=48)
        assert untiled.value_and_gradient(image)[0].style != unmasked.value_and_gradient(image)[0].style
        ones = [{name: torch.ones(*size).double() for name, size in sizes.items()}, None]
        assert_equal(
            unmasked, objectives(encoder, picture_tensor(107, 150, 1), styles, losses, tile=48, masks=ones)[1], image
        )


STROKE_COMBINATIONS = {
    "alone": (["strokes"], []),
    "pixels": (["strokes", "rgb"], []),
    "shallow": (["strokes", "relu1_1", "relu2_1"], []),
    "deep": (["strokes", "relu3_1", "relu5_1"], ["relu4_1"]),
    "content": (["relu1_1"], ["strokes"]),
    "gabor": (["gabor"], []),
    "gabor2": (["gabor2"], []),
    "gabor2 and deep": (["gabor2", "relu3_1"], ["gabor2", "relu4_1"]),
    "gabor and strokes": (["strokes", "gabor", "relu2_1"], []),
    "gabor and shallow": (["gabor", "relu1_1"], ["gabor"]),
    "gabor and deep": (["gabor", "relu3_1"], ["relu4_1"]),
}


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
@pytest.mark.parametrize(("names", "content"), STROKE_COMBINATIONS.values(), ids=STROKE_COMBINATIONS)
def test_tiled_strokes_and_gabor_equal_untiled(names, content, distance):
    losses = Losses(
        style={**dict.fromkeys(Losses().style, 0.0), **dict.fromkeys(names, 1.0)},
        content={**dict.fromkeys(Losses().content, 0.0), **dict.fromkeys(content or ["rgb"], 1.0)},
        style_distance=distance,
    )
    for height, width, tile in ((137, 171, 48), (208, 96, 64), (53, 250, 32)):
        untiled, tiled = objectives(
            ENCODERS["average", "reflect", "all"],
            picture_tensor(height, width, 1),
            [picture_tensor(90, 101, 3)],
            losses,
            tile=tile,
        )
        assert len(tiled.tiles) > 1
        assert_equal(untiled, tiled, picture_tensor(height, width, 2))


def test_masked_gradient_matches_finite_differences():
    encoder = ENCODERS["average", "zeros", "all"]
    mask = {"relu2_1": (torch.arange(40 * 45).reshape(40, 45) % 7 / 6).double()}
    losses = Losses(style={**dict.fromkeys(Losses().style, 0.0), "relu2_1": 1.0})
    _, tiled = objectives(
        encoder, picture_tensor(80, 90, 1), [picture_tensor(40, 50, 3)], losses, tile=32, masks=[mask]
    )
    image = picture_tensor(80, 90, 2)
    _, gradient = tiled.value_and_gradient(image)
    d = 1e-6 * gradient / gradient.norm()
    up, down = (tiled.value_and_gradient(image + sign * d)[0].total for sign in (1, -1))
    assert (up - down) / 2 == pytest.approx((gradient * d).sum().item(), rel=1e-5)


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_tiled_float32_objective_equals_untiled_within_rounding(distance):
    encoder = Encoder(random_weights(channels=(16, 16, 24, 24, 24)))
    content, image, style = (picture_tensor(170, 201, seed, torch.float32) for seed in (1, 2, 3))
    untiled, tiled = objectives(encoder, content, [style], Losses(style_distance=distance), tile=64)
    # relu5_1 has fewer positions than channels here, and its eigendecomposition runs in float32.
    assert_equal(untiled, tiled, image, value=1e-4, gradient=1e-3)


def test_tiled_descent_equals_untiled():
    encoder = Encoder(random_weights(channels=(3, 4, 4, 4, 4))).double()
    content, style = picture_tensor(225, 300, 1), picture_tensor(180, 240, 3)
    images = []
    for objective in objectives(encoder, content, [style], Losses(), tile=96):
        image, adam = content.clone(), Adam(0.02)
        for _ in range(8):
            loss, gradient = objective.value_and_gradient(image)
            adam.step(image, loss.total, gradient)
        images.append(image)
    assert len(objective.tiles) == 12
    assert (images[0] - content).abs().max() > 0.1
    assert (images[1] - images[0]).abs().max() < 1e-6


def test_failure_on_one_device_is_raised():
    encoder = ENCODERS["average", "zeros", "first"]
    devices = [torch.device("cpu")] * 2
    _, tiled = objectives(
        encoder, picture_tensor(100, 90, 1), [picture_tensor(50, 60, 3)], Losses(), tile=48, devices=devices
    )
    tiled.encoder.encoders[1] = None
    with pytest.raises(TypeError):
        tiled.value_and_gradient(picture_tensor(100, 90, 2))


def test_untiled_takes_one_pass_and_tiled_two(monkeypatch):
    passes, forward = [], Encoder.forward

    def counted(self, image, *rest, **named):
        passes.append(torch.is_grad_enabled())
        return forward(self, image, *rest, **named)

    monkeypatch.setattr(Encoder, "forward", counted)
    encoder = ENCODERS["average", "zeros", "first"]
    untiled, tiled = objectives(encoder, picture_tensor(70, 90, 1), [picture_tensor(50, 60, 3)], Losses(), tile=48)
    for objective, expected in ((untiled, [True]), (tiled, [False] * 4 + [True] * 4)):
        passes.clear()
        objective.value_and_gradient(picture_tensor(70, 90, 2))
        assert passes == expected
