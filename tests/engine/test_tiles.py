from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from impasto.encoders.layers import all_convolutions, parse_layer
from impasto.encoders.network import Architecture
from impasto.engine.tiles import ALIGNMENT, LEAST_CORE, Box, cut, halos
from tests.engine.samples import ENCODERS, OTHER_STACKS, layer_names, picture_tensor

LAYERS = [
    "rgb",
    "strokes",
    "gabor",
    "gabor2",
    *(f"{kind}{layer.block}_{layer.number}" for layer in all_convolutions() for kind in ("conv", "relu")),
]
SIDES = st.integers(33, 150)


def layers_of(names):
    return [parse_layer(name) for name in names]


def test_halo_is_receptive_field():
    vgg19 = Architecture()
    assert halos([parse_layer("relu5_1")], vgg19) == (70, 34, 16, 6, 1)
    assert halos([parse_layer("relu5_2")], vgg19) == (86, 42, 20, 8, 2)
    assert halos([parse_layer("conv1_1")], vgg19) == (1,)
    assert halos([], vgg19) == (0,)


def test_pooled_halo_is_even_at_any_stack():
    slim = Architecture(convolutions=(1, 2, 3, 3, 1))
    # 3 + 2·1 = 5 → 6; 3 + 2·5 = 13 → 14; 2 + 2·13 = 28; 1 + 2·28 = 57 → 58
    assert halos([parse_layer("relu5_1")], slim) == (58, 28, 14, 6, 1)
    # with one position more for each pooling: 6; 16; 2 + 1 + 2·16 = 35 → 36; 1 + 1 + 2·35 = 72
    assert halos([parse_layer("relu5_1")], replace(slim, pooling="binomial")) == (72, 36, 16, 6, 1)
    assert halos([parse_layer("relu5_1")], Architecture("binomial")) == (86, 42, 20, 8, 1)


def test_halo_reaches_strokes_in_multiples_of_their_stride():
    vgg19 = Architecture()
    assert halos(layers_of(["strokes"]), vgg19) == (48, 0, 0, 0)
    assert halos(layers_of(["rgb", "strokes", "relu2_1"]), vgg19) == (48, 1, 0, 0)
    assert halos(layers_of(["strokes", "relu5_1"]), vgg19) == (72, 34, 16, 6, 1)


def test_halo_reaches_gabor_filters():
    vgg19 = Architecture()
    assert halos(layers_of(["gabor"]), vgg19) == (2, 0)
    assert halos(layers_of(["gabor", "relu1_1"]), vgg19) == (2, 0)
    assert halos(layers_of(["gabor", "relu2_1"]), vgg19) == halos(layers_of(["relu2_1"]), vgg19) == (4, 1)
    assert halos(layers_of(["rgb", "strokes", "gabor"]), vgg19) == (48, 0, 0, 0)
    assert halos(layers_of(["gabor2"]), vgg19) == (4, 0)
    assert halos(layers_of(["gabor2", "relu1_1"]), vgg19) == (4, 0)
    assert halos(layers_of(["gabor2", "relu3_1"]), vgg19) == halos(layers_of(["relu3_1"]), vgg19)


@given(height=SIDES, width=SIDES, side=st.integers(LEAST_CORE, 100), deepest=st.sampled_from(LAYERS))
def test_cores_partition_every_layer(height, width, side, deepest):
    tiles = cut(height, width, side, layers_of([deepest]), Architecture())
    for block in range(parse_layer(deepest).halvings + 1):
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
def test_counting_includes_positions_half_inside_once(margins, size, side):
    part = Box(margins[0], margins[1], margins[0] + size[0], margins[1] + size[1])
    height, width = part.bottom + margins[2], part.right + margins[3]
    tiles = [tile.counting(part) for tile in cut(height, width, side, layers_of(["relu5_1"]), Architecture())]
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


def test_cut_without_side_gives_one_tile():
    (tile,) = cut(77, 131, None, layers_of(["relu5_1"]), Architecture())
    assert tile.pixels == (0, 0, 77, 131)
    assert tile.boxes == tile.cores


def test_tiles_have_similar_sizes():
    cores = [tile.cores[0] for tile in cut(1000, 70, 256, layers_of(["relu4_1"]), Architecture())]
    assert [core.bottom - core.top for core in cores] == [240, 256, 256, 248]


@pytest.mark.parametrize("seed", range(3))
def test_core_features_equal_whole_picture(seed):
    rng = np.random.default_rng(seed)
    for encoder in (*ENCODERS.values(), *OTHER_STACKS.values()):
        height, width = rng.integers(60, 260, 2)
        names = list(dict.fromkeys([*rng.choice(layer_names(encoder), 3, replace=False), "strokes"]))
        picture = picture_tensor(height, width, seed)
        whole = encoder(picture, names)
        side = 32 + ALIGNMENT * int(rng.integers(0, 4))
        for tile in cut(height, width, side, layers_of(names), encoder.architecture):
            features = encoder(picture[(..., *tile.pixels.slices)], names, crop=tile.crop)
            for name in names:
                layer = parse_layer(name)
                part = whole[name][(..., *tile.core(layer).slices)]
                torch.testing.assert_close(features[name][(..., *tile.inside(layer))], part, rtol=1e-11, atol=1e-11)
