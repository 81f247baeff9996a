import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, Provenance, read_picture
from impasto.pictures.metadata import png_chunks, tiff_tags
from tests.pictures.samples import (
    add_png_chunk,
    assert_one_sentence,
    noise,
    to_srgb,
    vips_image,
    wide_gamut_profile,
    write_deep,
)


def add_tiff_tags(path: Path, tags: dict[int, object]) -> None:
    exif = Image.Exif()
    exif.update(tags)
    path.write_bytes(b"".join(tiff_tags.with_tags(path.read_bytes(), exif)))


suffixes = pytest.mark.parametrize("suffix", ["png", "tif"])


@suffixes
def test_16_bit_ramp_is_read_exactly(tmp_path, suffix):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    values = np.dstack([ramp, ramp[::-1], ramp.T])
    picture = read_picture(write_deep(tmp_path / f"x.{suffix}", values))
    assert picture.depth == 16
    np.testing.assert_array_equal(np.round(picture.pixels.astype(np.float64) * 65535), values)


@suffixes
@pytest.mark.parametrize("channels", [None, 2, 3, 4])
def test_16_bit_channels_are_read_exactly(tmp_path, suffix, channels):
    values = noise(7, 9, channels, np.uint16)
    picture = read_picture(write_deep(tmp_path / f"x.{suffix}", values))
    plain = values.reshape(7, 9, -1) / 65535
    colour = plain[..., :1] if plain.shape[2] < 3 else plain[..., :3]
    if channels in (2, 4):
        alpha = plain[..., -1]
        np.testing.assert_allclose(picture.alpha, alpha, atol=1e-7)
        colour = colour * alpha[..., None] + 1 - alpha[..., None]
    else:
        assert picture.alpha is None
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(colour, (7, 9, 3)), atol=1e-6)
    assert picture.depth == 16


def test_16_bit_grey_of_pillow_is_read(tmp_path):
    values = noise(5, 6, dtype=np.uint16)
    for name in ("x.png", "x.tif"):
        Image.fromarray(values).save(tmp_path / name)
        picture = read_picture(tmp_path / name)
        np.testing.assert_allclose(picture.pixels[..., 1], values / 65535, atol=1e-7)
        assert picture.depth == 16


def test_transparent_colour_at_16_bits(tmp_path):
    values = noise(5, 6, 3, np.uint16)
    values[2, 3] = (1, 2, 3)
    path = write_deep(tmp_path / "x.png", values)
    add_png_chunk(path, b"tRNS", struct.pack(">3H", 1, 2, 3))
    picture = read_picture(path)
    assert picture.alpha[2, 3] == 0
    assert picture.alpha.sum() == 29


@pytest.mark.parametrize("suffix", ["png", "png after its pixels", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_at_16_bits(tmp_path, suffix, orientation):
    values = noise(4, 6, 3, np.uint16)
    path = write_deep(tmp_path / f"x.{suffix[:3]}", values, keep="none")
    if suffix == "tif":
        add_tiff_tags(path, {Base.Orientation: orientation})
    else:
        exif = Image.Exif()
        exif[Base.Orientation] = orientation
        add_png_chunk(path, b"eXIf", exif.tobytes()[6:], last="after" in suffix)
    turned = {
        1: values,
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.transpose(1, 0, 2),
        6: np.rot90(values, -1),
        7: values[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(values),
    }[orientation]
    np.testing.assert_allclose(read_picture(path).pixels, turned / 65535, atol=1e-7)


@suffixes
@pytest.mark.parametrize("channels", [3, 4])
def test_profile_is_applied_at_16_bits(tmp_path, suffix, channels):
    values = noise(8, 8, channels)
    if channels == 4:
        values[..., 3] |= 128
    path = write_deep(tmp_path / f"x.{suffix}", values.astype(np.uint16) * 257, icc=wide_gamut_profile())
    expected = to_srgb(np.ascontiguousarray(values[..., :3]), wide_gamut_profile())
    picture = read_picture(path)
    if channels == 4:
        opacity = values[..., 3:] / 255
        expected = expected * opacity + 1 - opacity
        np.testing.assert_allclose(picture.alpha, opacity[..., 0], atol=1e-6)
    np.testing.assert_allclose(picture.pixels, expected, atol=1.3 / 255)


def test_broken_profile_is_ignored_with_warning(tmp_path):
    values = noise(4, 4, 3, np.uint16)
    tiff = write_deep(tmp_path / "x.tif", values)
    add_tiff_tags(tiff, {Base.InterColorProfile: b"broken" * 40})
    plain = write_deep(tmp_path / "x.png", values)
    add_png_chunk(plain, b"iCCP", b"x\0\0" + zlib.compress(b"broken" * 40))
    for path in (tiff, plain):
        with pytest.warns(PictureWarning, match=path.name):
            picture = read_picture(path)
        np.testing.assert_allclose(picture.pixels, values / 65535, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_tiff_is_converted(tmp_path, dtype):
    top = np.iinfo(dtype).max
    values = np.zeros((2, 2, 4), dtype)
    values[0, 0, 0] = values[0, 1, 3] = values[1, 0, 1] = top
    picture = read_picture(write_deep(tmp_path / "x.tif", values, interpretation="cmyk"))
    expected = [[[0, 1, 1], [0, 0, 0]], [[1, 0, 1], [1, 1, 1]]]
    np.testing.assert_allclose(picture.pixels, expected, atol=1e-6)
    assert picture.depth == top.bit_length()


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "packbits", "jpeg", "webp"])
def test_tiff_compressions_are_read(tmp_path, compression):
    smooth = np.tile(np.linspace(30, 220, 32, dtype=np.uint8)[:, None, None], (1, 32, 3))
    path = write_deep(tmp_path / "x.tif", smooth, interpretation="srgb", compression=compression, Q=95)
    np.testing.assert_allclose(
        read_picture(path).pixels, smooth / 255, atol=0.02 if compression in ("jpeg", "webp") else 1e-6
    )


@pytest.mark.parametrize(
    "options", [{"bigtiff": True}, {"tile": True}, {"subifd": True, "pyramid": True, "tile": True}]
)
def test_tiff_layouts_are_read(tmp_path, options):
    values = noise(40, 50, 3, np.uint16)
    np.testing.assert_allclose(
        read_picture(write_deep(tmp_path / "x.tif", values, **options)).pixels, values / 65535, atol=1e-7
    )


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_tiff_that_only_pillow_supports(tmp_path, mode):
    values = np.full((8, 8, 3), (200, 120, 60), np.uint8)
    image = Image.fromarray(values).convert(mode) if mode == "YCbCr" else Image.new("LAB", (8, 8), (255, 128, 128))
    image.save(tmp_path / "x.tif")
    expected = values / 255 if mode == "YCbCr" else np.ones((8, 8, 3))
    np.testing.assert_allclose(read_picture(tmp_path / "x.tif").pixels, expected, atol=0.01)


def test_premultiplied_alpha_is_undone(tmp_path):
    values = np.full((3, 3, 4), (40_000, 20_000, 0, 32_768), np.uint16)
    path = write_deep(tmp_path / "x.tif", values, premultiply=True)
    assert tiff_tags.read_tags(io.BytesIO(path.read_bytes()))[Base.ExtraSamples] in (1, (1,))
    expected = values[..., :3] / 65535 * 32_768 / 65535 + 1 - 32_768 / 65535
    np.testing.assert_allclose(read_picture(path).pixels, expected, atol=3e-5)


def test_extra_channels_are_dropped(tmp_path):
    values = noise(5, 6, 4, np.uint16)
    path = write_deep(tmp_path / "x.tif", values)
    add_tiff_tags(path, {Base.ExtraSamples: 0})
    picture = read_picture(path)
    assert picture.alpha is None
    np.testing.assert_allclose(picture.pixels, values[..., :3] / 65535, atol=1e-7)


def write_floats(path: Path, values: np.ndarray) -> Path:
    vips_image(values.astype(np.float32), "rgb").tiffsave(str(path))
    return path


def test_float_tiff_is_read(tmp_path):
    values = np.random.default_rng(0).random((5, 6, 3))
    picture = read_picture(write_floats(tmp_path / "x.tif", values))
    np.testing.assert_allclose(picture.pixels, values, atol=0.51 / 65535)
    assert picture.depth == 16


def test_float_tiff_is_clipped_with_warning(tmp_path):
    values = np.array([[[-0.5, 0.5, 1.5]]])
    with pytest.warns(PictureWarning, match=r"from -0\.5 to 1\.5"):
        picture = read_picture(write_floats(tmp_path / "x.tif", values))
    np.testing.assert_allclose(picture.pixels, [[[0, 0.5, 1]]], atol=1e-5)


def test_float_tiff_with_nan_is_rejected(tmp_path):
    with pytest.raises(PictureError) as refused:
        read_picture(write_floats(tmp_path / "x.tif", np.full((2, 2, 3), np.nan)))
    assert_one_sentence(refused.value, "x.tif", "nan")


def test_32_bit_integers_are_scaled(tmp_path):
    values = noise(4, 5, 3, np.uint32)
    picture = read_picture(write_deep(tmp_path / "x.tif", values, interpretation="rgb"))
    np.testing.assert_allclose(picture.pixels, values / (2**32 - 1), atol=1.1 / 65535)
    Image.fromarray(noise(4, 5, dtype=np.uint16).astype(np.int32)).save(tmp_path / "i.tif")
    np.testing.assert_allclose(
        read_picture(tmp_path / "i.tif").pixels[..., 0], noise(4, 5, dtype=np.uint16) / 65535, atol=1e-7
    )


@suffixes
def test_provenance_is_read_at_16_bits(tmp_path, suffix):
    path = write_deep(tmp_path / f"x.{suffix}", noise(3, 3, 3, np.uint16), keep="none")
    exif = Image.Exif()
    exif[Base.Artist] = "Zoe"
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    if suffix == "png":
        metadata = io.BytesIO()
        Image.new("RGB", (1, 1)).save(metadata, "PNG", exif=exif, dpi=(300, 300))
        path.write_bytes(b"".join(png_chunks.with_metadata_of(metadata.getvalue(), path.read_bytes())))
    else:
        exif.update({Base.XResolution: 300, Base.YResolution: 300, Base.ResolutionUnit: 2})
        path.write_bytes(b"".join(tiff_tags.with_tags(path.read_bytes(), exif)))
    found = read_picture(path).provenance
    assert found.dpi == pytest.approx((300, 300), abs=0.01)
    assert Provenance(found.copyright, found.artist, found.date) == Provenance(None, "Zoe", "2020:01:02 03:04:05")


@suffixes
def test_max_pixels_is_checked_before_decoding(tmp_path, suffix):
    path = write_deep(tmp_path / f"x.{suffix}", noise(50, 60, 3, np.uint16))
    if suffix == "png":
        path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(PictureError) as refused:
        read_picture(path, max_pixels=2999)
    assert_one_sentence(refused.value, "60 × 50", "2,999", "3000")
