import hashlib

import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.pictures import read_picture
from tests.pictures.samples import assert_one_sentence, noise


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2"])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_read_picture_scales_integer_arrays(dtype, channels):
    values = noise(5, 7, channels, np.uint8 if dtype == np.uint8 else np.uint16).astype(dtype)
    picture = read_picture(values)
    top = np.iinfo(dtype).max
    expected = np.broadcast_to(values.reshape(5, 7, -1) / np.float32(top), (5, 7, 3))
    np.testing.assert_array_equal(picture.pixels, expected.astype(np.float32))
    assert picture.pixels.dtype == np.float32
    assert picture.depth == (8 if dtype == np.uint8 else 16)
    assert picture.alpha is None
    assert picture.path is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_read_picture_keeps_floats(dtype):
    values = np.random.default_rng(0).random((4, 3, 3)).astype(dtype)
    picture = read_picture(values)
    np.testing.assert_array_equal(picture.pixels, values.astype(np.float32))
    assert picture.depth == 16


def test_read_picture_composites_array_over_white():
    values = np.array([[[1.0, 0.5, 0.0, 0.25], [0.2, 0.4, 0.6, 1.0], [0.9, 0.9, 0.9, 0.0]]])
    picture = read_picture(values)
    np.testing.assert_allclose(picture.pixels[0], [[1, 0.875, 0.75], [0.2, 0.4, 0.6], [1, 1, 1]], atol=1e-7)
    np.testing.assert_array_equal(picture.alpha, [[0.25, 1, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_opaque_array_has_no_alpha(dtype):
    values = np.zeros((2, 2, 4), dtype)
    values[..., 3] = 1 if dtype == np.float32 else np.iinfo(dtype).max
    assert read_picture(values).alpha is None


def test_read_picture_copies_array():
    values = np.random.default_rng(0).random((4, 5, 4)).astype(np.float32)
    before = values.copy()
    picture = read_picture(values)
    np.testing.assert_array_equal(values, before)
    assert not np.shares_memory(picture.pixels, values)


def test_read_picture_accepts_any_memory_order():
    values = noise(8, 6, 3)
    np.testing.assert_array_equal(read_picture(values[::2, ::-1]).pixels, read_picture(values[::2, ::-1].copy()).pixels)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2), (2, 2, 5), (2, 2, 3, 1), (0, 4, 3), (4, 0)])
def test_read_picture_rejects_other_shapes(shape):
    with pytest.raises(PictureError) as refused:
        read_picture(np.zeros(shape, np.float32))
    assert_one_sentence(refused.value, "The array")


@pytest.mark.parametrize("dtype", [bool, np.int32, np.int64, np.uint32, np.complex64, object, "U1"])
def test_read_picture_rejects_other_dtypes(dtype):
    with pytest.raises(PictureError) as refused:
        read_picture(np.zeros((2, 2, 3), dtype))
    assert_one_sentence(refused.value, "uint8")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.01, 1.01, 255.0])
@pytest.mark.parametrize("channels", [3, 4])
def test_read_picture_rejects_values_outside_unit_interval(value, channels):
    values = np.full((2, 2, channels), 0.5)
    values[1, 0, -1] = value
    with pytest.raises(PictureError) as refused:
        read_picture(values)
    assert_one_sentence(refused.value, "The array has values")


def test_max_pixels_limits_arrays():
    with pytest.raises(PictureError) as refused:
        read_picture(np.zeros((10, 11)), max_pixels=109)
    assert_one_sentence(refused.value, "11 × 10", "110", "109", "max_pixels")
    assert read_picture(np.zeros((10, 11)), max_pixels=110).size == (10, 11)


def test_digest_covers_shape_dtype_and_bytes():
    values = noise(4, 6, 3)
    different = [values, values.reshape(6, 4, 3), values.astype(np.uint16), values.copy(), values[::-1]]
    digests = [read_picture(each).sha256 for each in different]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 4
    assert digests[0] == hashlib.sha256(b"(4, 6, 3) |u1 " + values.tobytes()).hexdigest()
    assert read_picture(np.asfortranarray(values)).sha256 == digests[0]
