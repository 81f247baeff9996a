import struct

import numpy as np
import pytest
from PIL import Image

from impasto.pictures import read_picture
from tests.pictures.samples import noise


def assert_pixels(picture, expected: np.ndarray) -> None:
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(expected, picture.pixels.shape), atol=1e-6)


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA"])
def test_tga_is_read_exactly(tmp_path, mode, compression):
    image = Image.fromarray(noise(6, 9, 4)).convert(mode)
    image.save(tmp_path / "x.tga", compression=compression)
    colours = np.asarray(image.convert("RGB")) / 255
    if "A" in mode:
        alpha = np.asarray(image.getchannel("A"))[..., None] / 255
        colours = colours * alpha + 1 - alpha
    assert_pixels(read_picture(tmp_path / "x.tga"), colours)


@pytest.mark.parametrize("flags", [0, 0x10, 0x20, 0x30])
def test_tga_without_alpha_bits_is_opaque(tmp_path, flags):
    values = noise(6, 9, 4)
    head = bytes([0, 0, 2]) + bytes(9) + struct.pack("<HHBB", 9, 6, 32, flags)
    stored = values[:: 1 if flags & 0x20 else -1, :: -1 if flags & 0x10 else 1]
    (tmp_path / "x").write_bytes(head + stored[..., [2, 1, 0, 3]].tobytes())
    picture = read_picture(tmp_path / "x")
    assert picture.alpha is None
    assert_pixels(picture, values[..., :3] / 255)


@pytest.mark.parametrize("suffix", ["jp2", "j2k"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_jpeg_2000_is_read_exactly(tmp_path, suffix, mode):
    deep = mode == "I;16"
    image = Image.fromarray(noise(16, 18, dtype=np.uint16)) if deep else Image.fromarray(noise(16, 18, 4)).convert(mode)
    image.save(tmp_path / f"x.{suffix}", irreversible=False)
    picture = read_picture(tmp_path / f"x.{suffix}")
    if deep:
        assert picture.depth == 16
        return assert_pixels(picture, np.asarray(image)[..., None] / 65535)
    colours = np.asarray(image.convert("RGB")) / 255
    if "A" in mode:
        alpha = np.asarray(image.getchannel("A"))[..., None] / 255
        colours = colours * alpha + 1 - alpha
    return assert_pixels(picture, colours)
