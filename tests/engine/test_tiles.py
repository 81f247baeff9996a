import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.layers import PIXELS, all_convolutions, parse_layer
from impasto.encoders.network import Architecture, Encoder
from impasto.engine.adam import Adam
from impasto.engine.objective import make_objective
from impasto.engine.tiles import ALIGNMENT, LEAST_CORE, Box, cut, halos
from impasto.settings.model import Losses
from tests.helpers import random_weights, smooth_picture

LAYERS = ["rgb", *(f"{kind}{layer.block}_{layer.number}" for layer in all_convolutions() for kind in ("conv", "relu"))]
SIDES = st.integers(33, 150)
ENCODERS = {
    (pooling, padding, scope): Encoder(
        random_weights("conv5_4", channels=(3, 4, 4, 5, 5)), Architecture(pooling, padding, scope)
    ).double()
    for pooling in ("average", "max")
    for padding in ("zeros", "replicate", "reflect")
    for scope in ("first", "all")
}


def tensor(height, width, seed, dtype=torch.float64):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None].to(dtype)


def layers_of(names):
    return [parse_layer(name) for name in names]


def test_the_halo_is_the_receptive_field():
    assert halos(parse_layer("relu5_1")) == (70, 34, 16, 6, 1)
    assert halos(parse_layer("relu5_2")) == (86, 42, 20, 8, 2)
    assert halos(parse_layer("conv1_1")) == (1,)
    assert halos(PIXELS) == (0,)


@given(height=SIDES, width=SIDES, side=st.integers(LEAST_CORE, 100), deepest=st.sampled_from(LAYERS))
def test_cores_are_a_partition_of_every_layer(height, width, side, deepest):
    tiles = cut(height, width, side, layers_of([deepest]))
    for block in range(max(1, parse_layer(deepest).block)):
        count = np.zeros((height >> block, width >> block), int)
        for tile in tiles:
            core, box = tile.cores[block], tile.boxes[block]
            assert core.area > 0
            assert max(core.bottom - core.top, core.right - core.left) <= side
            assert box.top <= core.top < core.bottom <= box.bottom <= height >> block
            assert box.left <= core.left < core.right <= box.right <= width >> block
            count[core.slices] += 1
        assert (count == 1).all()


@given(
    st.tuples(*[st.integers(0, 40)] * 4),
    st.tuples(st.integers(33, 90), st.integers(33, 90)),
    st.integers(LEAST_CORE, 100),
)
def test_of_a_part_each_position_counts_once_of_which_half_lies_there(margins, size, side):
    part = Box(margins[0], margins[1], margins[0] + size[0], margins[1] + size[1])
    height, width = part.bottom + margins[2], part.right + margins[3]
    tiles = [tile.counting(part) for tile in cut(height, width, side, layers_of(["relu5_1"]))]
    for block in range(5):
        count = np.zeros((height >> block, width >> block), int)
        for tile in tiles:
            count[tile.cores[block].slices] += 1
        cell = 1 << block
        rows, columns = (
            [min(end, (n + 1) * cell) - max(begin, n * cell) >= cell / 2 for n in range(length)]
            for begin, end, length in zip(part[:2], part[2:], count.shape, strict=True)
        )
        assert np.array_equal(count, np.outer(rows, columns))


def test_without_a_side_there_is_one_tile_without_a_halo():
    (tile,) = cut(77, 131, None, layers_of(["relu5_1"]))
    assert tile.pixels == (0, 0, 77, 131)
    assert tile.boxes == tile.cores


def test_tiles_are_of_about_one_size():
    cores = [tile.cores[0] for tile in cut(1000, 70, 256, layers_of(["relu4_1"]))]
    assert [core.bottom - core.top for core in cores] == [240, 256, 256, 248]


@pytest.mark.parametrize("seed", range(3))
def test_features_in_the_cores_are_the_whole_pictures(seed):
    rng = np.random.default_rng(seed)
    for encoder in ENCODERS.values():
        height, width = rng.integers(60, 260, 2)
        names = list(rng.choice(LAYERS, 3, replace=False))
        picture = tensor(height, width, seed)
        whole = encoder(picture, names)
        for tile in cut(height, width, 32 + ALIGNMENT * int(rng.integers(0, 4)), layers_of(names)):
            found = encoder(picture[(..., *tile.pixels.slices)], names, crop=tile.crop)
            for name in names:
                layer = parse_layer(name)
                part = whole[name][(..., *tile.core(layer).slices)]
                torch.testing.assert_close(found[name][(..., *tile.inside(layer))], part, rtol=1e-11, atol=1e-11)


def objectives(encoder, content, styles, losses, *, tile, devices=(), masks=()):
    """Untiled and tiled."""
    weights = [1.0 + number for number in range(len(styles))]
    return [
        make_objective(encoder, content, styles, weights, losses, 0.7, 5.0, tile=side, devices=on, masks=masks)
        for side, on in ((None, ()), (tile, devices))
    ]


def assert_equal(untiled, tiled, image, value=1e-10, gradient=1e-9):
    """The proof: one loss, one gradient."""
    (loss, slope), (tiled_loss, tiled_slope) = (o.value_and_gradient(image) for o in (untiled, tiled))
    for whole, part in zip(vars(loss).values(), vars(tiled_loss).values(), strict=True):
        assert part == pytest.approx(whole, rel=value, abs=value)
    assert (tiled_slope - slope).norm() <= gradient * slope.norm()


@settings(max_examples=30)
@given(data=st.data())
def test_tiled_loss_and_gradient_are_the_untiled_ones(data):
    draw = data.draw
    encoder = ENCODERS[draw(st.sampled_from(sorted(ENCODERS)))]
    height, width = draw(SIDES), draw(SIDES)
    picked = st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4, unique=True)
    style_layers, content_layers = draw(picked), draw(picked)
    losses = Losses(
        style=Losses().style.fromkeys(style_layers, 1.5),
        content=dict.fromkeys(content_layers, 1.0),
        style_distance=draw(st.sampled_from(["gaussian", "gram"])),
        relative=draw(st.booleans()),
        total_variation=draw(st.sampled_from([0.0, 0.4])),
        total_variation_over=draw(st.sampled_from(["mean", "sum"])),
    )
    styles = [tensor(draw(SIDES), draw(SIDES), 10 + number) for number in range(draw(st.integers(1, 2)))]
    content, image = tensor(height, width, 1), tensor(height, width, 2)
    tile = draw(st.integers(LEAST_CORE, 96))
    devices = [torch.device("cpu")] * draw(st.integers(1, 3))
    untiled, tiled = objectives(encoder, content, styles, losses, tile=tile, devices=devices)
    assert len(tiled.tiles) > 1 or max(height, width) <= -(-tile // ALIGNMENT) * ALIGNMENT
    assert_equal(untiled, tiled, image)


def test_masks_weigh_the_same_positions_in_tiles():
    encoder = ENCODERS["average", "replicate", "first"]
    generator = torch.Generator().manual_seed(0)
    names = ["rgb", "relu1_1", "relu3_1", "relu4_1"]
    sizes = {
        name: (107 // layer.stride, 150 // layer.stride) for name, layer in zip(names, layers_of(names), strict=True)
    }
    masks = [{name: torch.rand(*size, generator=generator).double() for name, size in sizes.items()}, None]
    styles = [tensor(80, 61, 3), tensor(50, 97, 4)]
    for distance in ("gaussian", "gram"):
        losses = Losses(style=dict.fromkeys(names, 1.0), style_distance=distance)
        untiled, tiled = objectives(encoder, tensor(107, 150, 1), styles, losses, tile=48, masks=masks)
        image = tensor(107, 150, 2)
        assert_equal(untiled, tiled, image)
        unmasked, _ = objectives(encoder, tensor(107, 150, 1), styles, losses, tile=48)
        assert untiled.value_and_gradient(image)[0].style != unmasked.value_and_gradient(image)[0].style
        ones = [{name: torch.ones(*size).double() for name, size in sizes.items()}, None]
        assert_equal(unmasked, objectives(encoder, tensor(107, 150, 1), styles, losses, tile=48, masks=ones)[1], image)


def test_a_masked_gradient_against_finite_differences():
    encoder = ENCODERS["average", "zeros", "all"]
    mask = {"relu2_1": (torch.arange(40 * 45).reshape(40, 45) % 7 / 6).double()}
    losses = Losses(style={**dict.fromkeys(Losses().style, 0.0), "relu2_1": 1.0})
    _, tiled = objectives(encoder, tensor(80, 90, 1), [tensor(40, 50, 3)], losses, tile=32, masks=[mask])
    image = tensor(80, 90, 2)
    _, gradient = tiled.value_and_gradient(image)
    d = 1e-6 * gradient / gradient.norm()
    up, down = (tiled.value_and_gradient(image + sign * d)[0].total for sign in (1, -1))
    assert (up - down) / 2 == pytest.approx((gradient * d).sum().item(), rel=1e-5)


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_in_float32_they_are_equal_within_rounding(distance):
    encoder = Encoder(random_weights(channels=(16, 16, 24, 24, 24)))
    content, image, style = (tensor(170, 201, seed, torch.float32) for seed in (1, 2, 3))
    untiled, tiled = objectives(encoder, content, [style], Losses(style_distance=distance), tile=64)
    # relu5_1 has fewer positions than channels here, and its eigendecomposition runs in float32.
    assert_equal(untiled, tiled, image, value=1e-4, gradient=1e-3)


def test_a_painting_in_tiles_is_the_untiled_one():
    encoder = Encoder(random_weights(channels=(3, 4, 4, 4, 4))).double()
    content, style = tensor(225, 300, 1), tensor(180, 240, 3)
    images = []
    for objective in objectives(encoder, content, [style], Losses(), tile=96):
        image, adam = content.clone(), Adam(0.02)
        for _ in range(20):
            loss, gradient = objective.value_and_gradient(image)
            adam.step(image, loss.total, gradient)
        images.append(image)
    assert len(objective.tiles) == 12
    assert (images[0] - content).abs().max() > 0.1
    assert (images[1] - images[0]).abs().max() < 1e-6


def test_a_failure_on_one_of_several_devices_is_told():
    encoder = ENCODERS["average", "zeros", "first"]
    devices = [torch.device("cpu")] * 2
    _, tiled = objectives(encoder, tensor(100, 90, 1), [tensor(50, 60, 3)], Losses(), tile=48, devices=devices)
    tiled.encoder.encoders[1] = None
    with pytest.raises(TypeError):
        tiled.value_and_gradient(tensor(100, 90, 2))


def test_untiled_takes_one_pass_and_tiled_two(monkeypatch):
    passes, forward = [], Encoder.forward

    def counted(self, image, *rest, **named):
        passes.append(torch.is_grad_enabled())
        return forward(self, image, *rest, **named)

    monkeypatch.setattr(Encoder, "forward", counted)
    encoder = ENCODERS["average", "zeros", "first"]
    untiled, tiled = objectives(encoder, tensor(70, 90, 1), [tensor(50, 60, 3)], Losses(), tile=48)
    for objective, expected in ((untiled, [True]), (tiled, [False] * 4 + [True] * 4)):
        passes.clear()
        objective.value_and_gradient(tensor(70, 90, 2))
        assert passes == expected
