import pytest

from impasto.encoders.layers import (
    COARSE_GABOR_LAYER,
    GABOR_LAYER,
    PIXELS,
    STROKE_LAYER,
    Layer,
    all_convolutions,
    parse_layer,
)
from impasto.errors import EncoderError


def test_parse_layer_accepts_both_spellings():
    assert parse_layer("relu4_1") == parse_layer("block4_conv1") == Layer(4, 1, True)
    assert str(parse_layer("block4_conv1")) == "relu4_1"


def test_conv_layer_precedes_relu_layer():
    assert parse_layer("conv4_1") == Layer(4, 1, False) < parse_layer("relu4_1")


def test_rgb_layer_is_pixels():
    assert parse_layer("rgb") == PIXELS < parse_layer("conv1_1")
    assert str(PIXELS) == "rgb"


def test_strokes_layer_follows_pixels_at_stride_eight():
    assert PIXELS < parse_layer("strokes") == STROKE_LAYER < parse_layer("conv1_1")
    assert str(STROKE_LAYER) == "strokes"
    assert (STROKE_LAYER.halvings, STROKE_LAYER.stride) == (3, 8)


def test_gabor_layer_has_every_second_pixel():
    assert STROKE_LAYER < parse_layer("gabor") == GABOR_LAYER < parse_layer("conv1_1")
    assert str(GABOR_LAYER) == "gabor"
    assert (GABOR_LAYER.halvings, GABOR_LAYER.stride) == (1, 2)


def test_coarse_gabor_layer_is_that_of_the_halved_picture():
    assert GABOR_LAYER < parse_layer("gabor2") == COARSE_GABOR_LAYER < parse_layer("conv1_1")
    assert str(COARSE_GABOR_LAYER) == "gabor2"
    assert (COARSE_GABOR_LAYER.halvings, COARSE_GABOR_LAYER.stride) == (1, 2)


@pytest.mark.parametrize("name", ["", "relu0_1", "relu1_5", "relu6_1", "pool4", "relu4_1 ", "block4_conv5", "RELU4_1"])
def test_parse_layer_rejects_unknown_names(name):
    with pytest.raises(EncoderError, match="There is no layer") as error:
        parse_layer(name)
    assert "\n" not in str(error.value)


def test_all_convolutions_lists_sixteen_of_vgg19():
    names = [str(layer) for layer in all_convolutions()]
    assert len(names) == 16
    assert names[0] == "conv1_1"
    assert names[-1] == "conv5_4"
    assert all(parse_layer(name) == layer for name, layer in zip(names, all_convolutions(), strict=True))


def test_all_convolutions_lists_those_of_other_stacks():
    assert " ".join(map(str, all_convolutions((1, 2)))) == "conv1_1 conv2_1 conv2_2"


def test_stride_doubles_with_each_block():
    assert [parse_layer(f"relu{b}_1").stride for b in range(1, 6)] == [1, 2, 4, 8, 16]
