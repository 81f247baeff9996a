"""Round trips of writing and reading, exact to half a level for every size, format, depth and type."""

import numpy as np
from hypothesis import given, strategies as st
from PIL import Image

from impasto.pictures import read_picture, write_picture

sides = st.integers(1, 40)
lossless = st.sampled_from([(".png", 8), (".png", 16), (".tif", 8), (".tif", 16)])
seeds = st.integers(0, 2**32 - 1)
floats = st.sampled_from([np.float32, np.float64])


@given(height=sides, width=sides, kind=lossless, dtype=floats, seed=seeds)
def test_opaque_picture_survives(tmp_path_factory, height, width, kind, dtype, seed):
    suffix, depth = kind
    path = tmp_path_factory.getbasetemp() / f"opaque{suffix}"
    pixels = np.random.default_rng(seed).random((height, width, 3)).astype(dtype)
    write_picture(path, pixels, depth=depth)
    picture = read_picture(path)
    np.testing.assert_allclose(picture.pixels, pixels, atol=0.501 / (2**depth - 1))
    assert (picture.size, picture.depth, picture.alpha) == ((height, width), depth, None)
    write_picture(path, picture.pixels, depth=depth)
    np.testing.assert_array_equal(read_picture(path).pixels, picture.pixels)


@given(height=sides, width=sides, kind=lossless, seed=seeds)
def test_transparent_picture_survives(tmp_path_factory, height, width, kind, seed):
    suffix, depth = kind
    path = tmp_path_factory.getbasetemp() / f"transparent{suffix}"
    random = np.random.default_rng(seed)
    pixels, alpha = random.random((height, width, 3)), random.random((height, width))
    write_picture(path, pixels, alpha=alpha, depth=depth)
    picture = read_picture(path)
    seen = pixels * alpha[..., None] + 1 - alpha[..., None]
    np.testing.assert_allclose(picture.pixels, seen, atol=1.01 / (2**depth - 1))
    found = np.ones((height, width)) if picture.alpha is None else picture.alpha
    np.testing.assert_allclose(found, alpha, atol=0.501 / (2**depth - 1))


@given(height=sides, width=sides, suffix=st.sampled_from([".jpg", ".webp"]), level=st.floats(0, 1))
def test_constant_picture_survives_lossy_formats(tmp_path_factory, height, width, suffix, level):
    path = tmp_path_factory.getbasetemp() / f"lossy{suffix}"
    write_picture(path, np.full((height, width, 3), level, np.float32))
    picture = read_picture(path)
    assert picture.size == (height, width)
    np.testing.assert_allclose(picture.pixels, level, atol=3 / 255)


@given(height=sides, width=sides, mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]), seed=seeds)
def test_file_equals_image(tmp_path_factory, height, width, mode, seed):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    image = Image.fromarray(values).convert(mode) if mode != "P" else Image.fromarray(values[..., :3]).quantize(7)
    path = tmp_path_factory.getbasetemp() / ("same.tif" if mode == "CMYK" else "same.png")
    image.save(path)
    file, memory = read_picture(path), read_picture(image)
    np.testing.assert_array_equal(file.pixels, memory.pixels)
    np.testing.assert_equal(file.alpha, memory.alpha)


@given(
    height=sides,
    width=sides,
    channels=st.sampled_from([None, 1, 3, 4]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    seed=seeds,
)
def test_file_equals_array(tmp_path_factory, height, width, channels, dtype, seed):
    shape = (height, width) if channels is None else (height, width, channels)
    top = int(np.iinfo(dtype).max)
    values = np.random.default_rng(seed).integers(0, top + 1, shape, dtype=dtype)
    path = tmp_path_factory.getbasetemp() / "array.png"
    memory = read_picture(values)
    whole = np.broadcast_to(values.reshape(height, width, -1)[..., :3], (height, width, 3)) / top
    alpha = values[..., 3] / top if channels == 4 else None
    write_picture(path, whole, alpha=alpha, depth=8 if dtype == np.uint8 else 16)
    file = read_picture(path)
    np.testing.assert_array_equal(file.pixels, memory.pixels)
    np.testing.assert_equal(file.alpha, memory.alpha)
