"""Colour signals of files: the right one counts, for every kind of PNG file and for AVIF and HEIC."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.pictures import PictureWarning, read_picture
from impasto.pictures.profiles import srgb_profile
from tests.pictures.samples import (
    add_png_chunk,
    chromaticity_chunk,
    encoded_png,
    gamma_chunk,
    noise,
    to_srgb,
    wide_gamut_profile,
    write_deep,
)

P3 = (b"cICP", bytes([12, 13, 0, 1]))
P3_CHROMATICITIES = chromaticity_chunk(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_CHROMATICITIES = chromaticity_chunk(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
SRGB = (b"sRGB", b"\0")
COLOUR, FROM_P3, FROM_LINEAR = (200, 120, 40), (213, 115, 0), (229, 182, 110)


def icc_chunk(icc: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(icc)


def uniform(colour: tuple[int, ...] | int, dtype: type = np.uint8) -> np.ndarray:
    factor = 257 if dtype == np.uint16 else 1
    return np.broadcast_to(np.array(colour, dtype) * dtype(factor), (4, 4, *np.shape(colour))).copy()


def read_colour(path: Path, content: bytes, scale: int = 255) -> list[int]:
    """Write a file and return the colour of a pixel inside, without any warning."""
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.rint(read_picture(path).pixels[1, 1] * scale).astype(int).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], COLOUR),
        ([P3], FROM_P3),
        ([(b"cICP", bytes([1, 13, 0, 1]))], COLOUR),
        ([(b"cICP", bytes([1, 8, 0, 1]))], FROM_LINEAR),
        ([(b"cICP", bytes([2, 2, 0, 1]))], COLOUR),
        ([gamma_chunk(1.0)], FROM_LINEAR),
        ([gamma_chunk(0.45455)], COLOUR),
        ([gamma_chunk(0.45455), SRGB_CHROMATICITIES], COLOUR),
        ([SRGB, gamma_chunk(0.45455), SRGB_CHROMATICITIES], COLOUR),
        ([P3_CHROMATICITIES], COLOUR),
        ([SRGB], COLOUR),
        # precedence
        ([P3, icc_chunk(srgb_profile()), SRGB, gamma_chunk(1.0)], FROM_P3),
        ([icc_chunk(srgb_profile()), gamma_chunk(1.0), P3_CHROMATICITIES], COLOUR),
        ([SRGB, gamma_chunk(1.0), P3_CHROMATICITIES], COLOUR),
        ([(b"cICP", bytes([2, 2, 0, 1])), gamma_chunk(1.0)], FROM_LINEAR),
    ],
)
def test_first_usable_signal_counts(tmp_path, dtype, chunks, expected):
    colour = read_colour(tmp_path / "a.png", encoded_png(uniform(COLOUR, dtype), *chunks))
    assert colour == pytest.approx(list(expected), abs=0 if dtype == np.uint8 else 1)


def test_gamma_with_chromaticities_converts_primaries(tmp_path):
    # A power of 2.2 is close to sRGB's function, so this is close to Display P3.
    colour = read_colour(tmp_path / "a.png", encoded_png(uniform(COLOUR), gamma_chunk(1 / 2.2), P3_CHROMATICITIES))
    assert colour == pytest.approx(list(FROM_P3), abs=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_signal_of_srgb_keeps_every_bit(tmp_path, dtype):
    values = noise(20, 30, 3, dtype)
    chunks = (b"cICP", bytes([1, 13, 0, 1])), SRGB, gamma_chunk(0.45455), SRGB_CHROMATICITIES
    for chosen in (chunks[:1], chunks[1:2], chunks[2:3], chunks[2:], chunks):
        (tmp_path / "a.png").write_bytes(encoded_png(values, *chosen))
        expected = values / np.float32(np.iinfo(dtype).max)
        np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_follows_gamma_at_every_depth(tmp_path, depth):
    levels = {1: [0, 1], 2: [0, 1, 2, 3], 4: [0, 5, 10, 15], 8: [0, 55, 128, 255], 16: [0, 14135, 32896, 65535]}[depth]
    values = np.array([levels * (8 // len(levels))], np.uint16 if depth == 16 else np.uint8)
    light = values[0] / (2**depth - 1)
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    (tmp_path / "a.png").write_bytes(encoded_png(values, gamma_chunk(1.0), depth=depth))
    pixels = read_picture(tmp_path / "a.png").pixels
    np.testing.assert_allclose(pixels[0, :, 1], expected, atol=0.51 / (65535 if depth == 16 else 255))
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
    if depth == 8:
        assert np.rint(pixels[0, 1] * 255).tolist() == [128] * 3


def test_palette_is_converted_and_stays_transparent(tmp_path):
    palette = np.array([COLOUR, (255, 255, 255), (0, 0, 0)])
    content = encoded_png(np.array([[0, 1, 2]], np.uint8), P3, (b"tRNS", bytes([255, 255, 0])), palette=palette)
    (tmp_path / "a.png").write_bytes(content)
    picture = read_picture(tmp_path / "a.png")
    assert np.rint(picture.pixels[0, :2] * 255).tolist() == [list(FROM_P3), [255] * 3]
    np.testing.assert_array_equal(picture.alpha, [[1, 1, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_no_colour(tmp_path, dtype):
    top = np.iinfo(dtype).max
    values = np.concatenate([uniform(COLOUR, dtype), np.full((4, 4, 1), top // 3, dtype)], axis=2)
    (tmp_path / "a.png").write_bytes(encoded_png(values, P3))
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.alpha, np.full((4, 4), np.float32(top // 3) / np.float32(top)))
    own = (picture.pixels[0, 0] - (1 - picture.alpha[0, 0])) / picture.alpha[0, 0]
    assert (own * 255).tolist() == pytest.approx(list(FROM_P3), abs=0.6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("chunks", "expected", "name"),
    [
        ([(b"cICP", bytes([3, 13, 0, 1]))], COLOUR, "cICP chunk"),
        ([(b"cICP", bytes([1, 99, 0, 1]))], COLOUR, "cICP chunk"),
        ([(b"cICP", bytes([1, 13, 6, 1])), gamma_chunk(1.0)], FROM_LINEAR, "cICP chunk"),
        ([icc_chunk(b"no profile"), gamma_chunk(1.0)], FROM_LINEAR, "colour profile"),
        ([gamma_chunk(0.0)], COLOUR, "gAMA chunk"),
        ([gamma_chunk(0.0), P3_CHROMATICITIES], COLOUR, "gAMA chunk"),
        ([gamma_chunk(1.0), chromaticity_chunk(*[0.5] * 8)], FROM_LINEAR, "cHRM chunk"),
    ],
)
def test_unusable_signal_is_ignored_with_one_note(tmp_path, dtype, chunks, expected, name):
    (tmp_path / "a.png").write_bytes(encoded_png(uniform(COLOUR, dtype), *chunks))
    with pytest.warns(
        PictureWarning, match=rf"The {name} of .*a\.png cannot be used \(.*\) and was ignored\."
    ) as caught:
        pixels = read_picture(tmp_path / "a.png").pixels
    assert len(caught) == 1
    assert np.rint(pixels[0, 0] * 255).tolist() == pytest.approx(list(expected), abs=1)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_high_dynamic_range_is_compressed_with_note(tmp_path, transfer, name, dtype):
    top = np.iinfo(dtype).max
    ramp = np.repeat(np.linspace(0, top, 64).astype(dtype)[None, :, None], 3, axis=2)
    (tmp_path / "a.png").write_bytes(encoded_png(ramp, (b"cICP", bytes([1, transfer, 0, 1]))))
    with pytest.warns(
        PictureWarning, match=rf"high dynamic range \({name}\); its highlights were compressed"
    ) as caught:
        pixels = read_picture(tmp_path / "a.png").pixels
    assert len(caught) == 1
    levels = np.rint(pixels[0, :, 0] * 255)
    assert (np.diff(levels) >= 0).all()
    above_white = levels[round(63 * 0.59) : 48] if name == "PQ" else levels[48:]  # up to 1000 cd/m²
    assert len(set(above_white)) > 7, "highlights keep their structure"


def test_signalled_peak_is_used(tmp_path):
    values = uniform((191, 191, 191))  # about 1000 cd/m²
    brightness = []
    for peak in (1000, 4000):
        chunks = (b"cICP", bytes([9, 16, 0, 1])), (b"cLLI", struct.pack(">LL", peak * 10_000, 0))
        (tmp_path / "a.png").write_bytes(encoded_png(values, *chunks))
        with pytest.warns(PictureWarning, match="PQ"):
            brightness.append(float(read_picture(tmp_path / "a.png").pixels.mean()))
    assert brightness[0] == pytest.approx(1, abs=0.01)
    assert brightness[1] < 0.98


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_large_file_is_converted_strip_by_strip(tmp_path, dtype):
    values = np.zeros((4200, 4100, 3), dtype)
    values[:] = np.array(COLOUR, dtype) * dtype(257 if dtype == np.uint16 else 1)
    (tmp_path / "a.png").write_bytes(encoded_png(values, P3))
    picture = read_picture(tmp_path / "a.png", fit=200)
    assert picture.reduced_from == (4200, 4100)
    np.testing.assert_allclose(picture.pixels * 255, np.broadcast_to(FROM_P3, picture.pixels.shape), atol=0.6)


def test_large_hdr_file_gives_one_note(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded_png(np.full((4200, 4100), 148, np.uint8), (b"cICP", bytes([9, 16, 0, 1]))))
    with pytest.warns(PictureWarning, match="high dynamic range") as caught:
        picture = read_picture(tmp_path / "a.png", fit=200)
    assert len(caught) == 1
    assert picture.pixels == pytest.approx(0.9, abs=0.01)


def test_libvips_png_with_gamma_is_converted_once(tmp_path):
    path = write_deep(tmp_path / "a.png", uniform(COLOUR, np.uint16))
    add_png_chunk(path, *gamma_chunk(1.0))
    colour = np.rint(read_picture(path).pixels[0, 0] * 255).tolist()
    assert colour == list(FROM_LINEAR)


def test_pil_image_states_gamma(tmp_path):
    image = Image.open(io.BytesIO(encoded_png(uniform(COLOUR), gamma_chunk(1.0))))
    assert np.rint(read_picture(image).pixels[0, 0] * 255).tolist() == list(FROM_LINEAR)
    assert np.rint(read_picture(np.asarray(image)).pixels[0, 0] * 255).tolist() == list(COLOUR)


def encoded_avif(colour: tuple[int, ...], icc: bytes | None = None) -> bytearray:
    buffer = io.BytesIO()
    try:
        options = {"icc_profile": icc} if icc else {}
        Image.fromarray(np.full((16, 16, 3), colour, np.uint8)).save(
            buffer, "AVIF", quality=100, subsampling="4:4:4", **options
        )
    except (KeyError, OSError, ValueError):
        pytest.skip("Pillow has no AVIF encoder here")
    return bytearray(buffer.getvalue())


def with_nclx(content: bytearray, primaries: int, transfer: int) -> bytes:
    place = content.index(b"nclx") + 4
    content[place : place + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(content)


@pytest.mark.parametrize(
    ("primaries", "transfer", "expected"), [(1, 13, COLOUR), (2, 2, COLOUR), (12, 13, FROM_P3), (1, 8, FROM_LINEAR)]
)
def test_nclx_of_avif_is_applied(tmp_path, primaries, transfer, expected):
    content = with_nclx(encoded_avif(COLOUR), primaries, transfer)
    assert read_colour(tmp_path / "a.avif", content) == pytest.approx(list(expected), abs=2)


def test_profile_of_avif_takes_precedence_over_nclx(tmp_path):
    content = with_nclx(encoded_avif(COLOUR, wide_gamut_profile()), 9, 8)
    expected = np.rint(to_srgb(np.full((1, 1, 3), COLOUR, np.uint8), wide_gamut_profile())[0, 0] * 255)
    assert read_colour(tmp_path / "a.avif", content) == pytest.approx(expected.tolist(), abs=2)


def test_unusable_nclx_is_ignored_with_note(tmp_path):
    (tmp_path / "a.avif").write_bytes(with_nclx(encoded_avif(COLOUR), 1, 255))
    with pytest.warns(PictureWarning, match=r"The nclx colour box of .* was ignored"):
        pixels = read_picture(tmp_path / "a.avif").pixels
    assert (pixels[1, 1] * 255).tolist() == pytest.approx(list(COLOUR), abs=2)


def test_pq_of_avif_is_compressed(tmp_path):
    (tmp_path / "a.avif").write_bytes(with_nclx(encoded_avif((148, 148, 148)), 9, 16))
    with pytest.warns(PictureWarning, match=r"high dynamic range \(PQ\)"):
        pixels = read_picture(tmp_path / "a.avif").pixels
    assert pixels == pytest.approx(0.9, abs=0.02)


def test_nclx_of_heic_is_applied(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="needs impasto[heic]")
    buffer = io.BytesIO()
    image = heif.from_pillow(Image.fromarray(np.full((16, 16, 3), COLOUR, np.uint8)))
    image.save(buffer, quality=100, chroma=444)
    content = with_nclx(bytearray(buffer.getvalue()), 12, 13)
    assert read_colour(tmp_path / "a.heic", content) == pytest.approx(list(FROM_P3), abs=3)


def test_ultra_hdr_jpeg_shows_base_picture(tmp_path):
    base = np.broadcast_to(np.linspace(0, 255, 64, dtype=np.uint8)[:, None], (64, 64, 3)[:2])
    frames = [Image.fromarray(np.repeat(base[..., None], 3, axis=2)), Image.fromarray(np.full((16, 16), 200, np.uint8))]
    path = tmp_path / "a.jpg"
    frames[0].save(path, "MPO", save_all=True, append_images=frames[1:], quality=100, subsampling=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read_picture(path)
    assert picture.size == (64, 64)
    np.testing.assert_allclose(picture.pixels[..., 1] * 255, base, atol=2)
