import pytest
import torch
from hypothesis import given, settings, strategies as st

from impasto.encoders.layers import parse_layer
from impasto.engine.statistics import exact_statistics, statistics
from impasto.engine.style_terms import layer_masks
from impasto.engine.targets import ContentTarget, core_of_all, measure_style, merge_statistics
from impasto.engine.tiled_encoder import TiledEncoder
from tests.engine.samples import ENCODERS, picture_tensor, random_features

NAMES = ("rgb", "relu1_2", "conv3_1", "relu5_1")
LAYERS = {name: parse_layer(name) for name in NAMES}


def tiled_encoder(tile=None, pooling="average", padding="reflect"):
    return TiledEncoder(ENCODERS[pooling, padding, "all"], NAMES, tile=tile)


@settings(max_examples=20)
@given(
    size=st.tuples(st.integers(33, 130), st.integers(33, 130)),
    tile=st.integers(32, 96),
    pooling=st.sampled_from(["average", "binomial", "max"]),
    masked=st.booleans(),
)
def test_tiled_style_target_equals_whole_picture(size, tile, pooling, masked):
    style, generator = picture_tensor(*size, 3), torch.Generator().manual_seed(0)
    masks = layer_masks(torch.rand(size, generator=generator, dtype=torch.float64), LAYERS) if masked else None
    tiled, whole = (
        measure_style(tiled_encoder(side, pooling), style, NAMES, masks).statistics for side in (tile, None)
    )
    assert list(tiled) == list(whole) == list(NAMES)
    for name in NAMES:
        for one, other in zip(tiled[name], whole[name], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_style_target_has_statistics_of_features():
    style = picture_tensor(50, 70, 3)
    target = measure_style(tiled_encoder(), style.float(), NAMES)
    assert target.dtype == torch.float32
    features = tiled_encoder().encoders[0](style.float().double(), NAMES)
    target = measure_style(tiled_encoder(), style.float().double(), NAMES)
    for name in NAMES:
        for one, other in zip(target.statistics[name], statistics(features[name]), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_style_mask_selects_part_of_painting():
    style, mask = picture_tensor(48, 64, 3), torch.zeros(48, 64, dtype=torch.float64)
    mask[:, :20] = 1
    target = measure_style(tiled_encoder(), style, ["rgb"], layer_masks(mask, LAYERS))
    for one, other in zip(target.statistics["rgb"], statistics(style[..., :20]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("relative", [False, True])
def test_content_target_has_features_and_scales(tile, relative):
    encoder, content = tiled_encoder(tile), picture_tensor(60, 83, 1)
    shares = {"relu1_2": 0.25, "relu5_1": 0.75}
    target = ContentTarget(encoder, content, encoder.cut(content), shares, relative)
    features = encoder.encoders[0](content, shares)
    for name, share in shares.items():
        torch.testing.assert_close(target.features[name], features[name], rtol=1e-10, atol=1e-10)
        norm = features[name].square().mean().item() if relative else 1.0
        assert target.scales[name] == pytest.approx(share / (norm * features[name].numel()), rel=1e-10)
    assert "relu1_2" in target
    assert "rgb" not in target


def test_content_target_difference_covers_tile_cores():
    encoder, content, image = tiled_encoder(32), picture_tensor(60, 83, 1), picture_tensor(60, 83, 2)
    tiles = encoder.cut(content)
    target = ContentTarget(encoder, content, tiles, {"conv3_1": 1.0}, False)
    expected = torch.sub(*(encoder.encoders[0](picture, ["conv3_1"])["conv3_1"] for picture in (image, content)))
    for tile in tiles:
        features = encoder.encoders[0](tile.of(image), ["conv3_1"], crop=tile.crop)["conv3_1"]
        difference = target.difference("conv3_1", tile, features)
        core = tile.core(LAYERS["conv3_1"]).slices
        torch.testing.assert_close(difference, expected[(..., *core)], rtol=1e-10, atol=1e-10)


def test_content_target_weighs_positions_of_tile_cores():
    encoder, content = tiled_encoder(32), picture_tensor(60, 83, 1)
    tiles = encoder.cut(content)
    weights = torch.rand(60, 83, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target = ContentTarget(encoder, content, tiles, {"rgb": 0.5, "conv3_1": 0.5}, False, weights)
    for tile in tiles:
        assert torch.equal(target.weights("rgb", tile), weights[tile.core(LAYERS["rgb"]).slices])
        by_area = torch.nn.functional.avg_pool2d(weights[None, None], 4)[0, 0][tile.core(LAYERS["conv3_1"]).slices]
        torch.testing.assert_close(target.weights("conv3_1", tile), by_area)
    assert ContentTarget(encoder, content, tiles, {"rgb": 1.0}, False).weights("rgb", tiles[0]) is None


def test_core_of_all_is_whole_layer():
    tiles = tiled_encoder(32).cut(picture_tensor(60, 83, 1))
    assert len(tiles) > 1
    assert core_of_all(tiles, LAYERS["rgb"]) == (0, 0, 60, 83)
    assert core_of_all(tiles, LAYERS["relu5_1"]) == (0, 0, 3, 5)


def test_merge_statistics_adds_by_key():
    one, other = (exact_statistics(random_features(seed)) for seed in (0, 1))
    merged = merge_statistics([{"a": one, "b": one}, {"a": other, "b": one}])
    for sums, expected in ((merged["a"], one.merged(other)), (merged["b"], one.merged(one))):
        for part, whole in zip(sums, expected, strict=True):
            torch.testing.assert_close(part, whole)
