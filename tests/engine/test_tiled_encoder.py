import pytest
import torch

from impasto.encoders.network import Encoder
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.errors import EncoderError
from tests.engine.samples import ENCODERS, picture_tensor
from tests.helpers import random_weights

NAMES = ("rgb", "conv2_2", "relu4_1")
CPU = torch.device("cpu")


def test_features_of_cores_equal_whole_picture():
    encoder, picture = ENCODERS["average", "replicate", "all"], picture_tensor(70, 91, 1)
    tiled, whole = TiledEncoder(encoder, NAMES, tile=48), encoder(picture, NAMES)
    tiles = tiled.cut(picture)
    assert len(tiles) == 4
    for tile in tiles:
        features = tiled.features(picture, tile, 0, NAMES)
        assert not any(f.requires_grad for f in features.values())
        for name in NAMES:
            core = tile.core(tiled.layers[name]).slices
            torch.testing.assert_close(features[name], whole[name][(..., *core)], rtol=1e-11, atol=1e-11)


def test_map_shares_tiles_among_devices_in_order():
    tiled = TiledEncoder(ENCODERS["average", "zeros", "first"], NAMES, tile=32, devices=[CPU, CPU])
    tiles = tiled.cut(torch.empty(1, 3, 96, 32))
    results = list(tiled.map(tiles, lambda tile, number: (tile.pixels.top, number)))
    assert [tile for tile, _ in results] == list(tiles)
    assert [result for _, result in results] == [(tile.pixels.top, n) for tile, n in zip(tiles, (0, 1, 0), strict=True)]


def test_encoder_is_not_copied_for_its_own_device():
    encoder = ENCODERS["average", "zeros", "first"]
    assert all(one is encoder for one in TiledEncoder(encoder, NAMES, devices=[CPU, CPU]).encoders)
    assert TiledEncoder(encoder, NAMES).devices == [CPU]


def test_missing_layer_is_refused():
    with pytest.raises(EncoderError, match="choose one of relu1_1 to relu1_2, relu2_1, and"):
        TiledEncoder(Encoder(random_weights("conv2_1")), ["relu3_1"])
