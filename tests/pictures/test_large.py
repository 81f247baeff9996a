"""Reading large files at a size, and writing them; the tests lower the limit of "large" to use small files."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import pyvips
from hypothesis import given, strategies as st
from PIL import ExifTags, Image, ImageOps

from impasto.errors import PictureError
from impasto.pictures import Provenance, check_output, read_picture, read_record, resize, scaled_size, write_picture
from impasto.pictures.codecs import encoding, strip_reducer
from impasto.pictures.codecs.decoded_image import STRIP_FACTOR
from impasto.pictures.sizes import oriented
from tests.helpers import smooth_picture
from tests.pictures.samples import assert_one_sentence, claimed_png, noise, wide_gamut_profile, write_deep

FULL = Provenance("© 2020 Zoë", "Zoë Ünal", "2020:01:02 03:04:05", (300.0, 150.0))
WRITTEN = [(".png", 8), (".png", 16), (".jpg", 8), (".tif", 8), (".tif", 16)]


@pytest.fixture
def all_are_large(monkeypatch):
    """Make every picture count as large, with strips of few rows."""
    monkeypatch.setattr(strip_reducer, "LARGE", 0)
    monkeypatch.setattr(strip_reducer, "_STRIP_PIXELS", 4000)
    monkeypatch.setattr(encoding, "LARGE", 0)


def values(dtype=np.uint8, channels=3):
    top = np.iinfo(dtype).max
    colour = (smooth_picture(150, 211, seed=3) * top).astype(dtype)
    return {1: colour[..., 0], 2: colour[..., :2], 3: colour, 4: np.dstack([colour, colour[..., 0]])}[channels]


def eight_bit(image, **options):
    return lambda path: image().save(path, **options)


def deep(channels=3, dtype=np.uint16, **options):
    return lambda path: write_deep(path, values(dtype, channels), **options)


def rgb():
    return Image.fromarray(values())


READ = {
    "rgb.jpg": eight_bit(rgb, quality=90),
    "grey.jpg": eight_bit(lambda: rgb().convert("L")),
    "icc.jpg": eight_bit(rgb, icc_profile=wide_gamut_profile()),
    "odd-icc.jpg": eight_bit(rgb, icc_profile=b"none"),
    "progressive.jpg": eight_bit(rgb, progressive=True),
    "cmyk.jpg": eight_bit(lambda: rgb().convert("CMYK")),
    "rgb.png": eight_bit(rgb, dpi=(300, 300)),
    "rgba.png": eight_bit(lambda: Image.fromarray(values(channels=4))),
    "opaque.png": eight_bit(lambda: rgb().convert("RGBA")),
    "grey.png": eight_bit(lambda: rgb().convert("L")),
    "grey-alpha.png": eight_bit(lambda: Image.fromarray(values(channels=4)).convert("LA")),
    "palette.png": eight_bit(lambda: rgb().quantize(50), transparency=3),
    "bits.png": eight_bit(lambda: rgb().convert("1")),
    "transparent-colour.png": eight_bit(rgb, transparency=tuple(int(v) for v in values()[3, 3])),
    "icc.png": eight_bit(rgb, icc_profile=wide_gamut_profile()),
    "interlaced.png": deep(interlace=True),
    "16.png": deep(),
    "16-alpha.png": deep(4),
    "16-grey.png": deep(1),
    "16-icc.png": deep(icc=wide_gamut_profile()),
    "rgb.tif": eight_bit(rgb),
    "lzw.tif": eight_bit(lambda: Image.fromarray(values(channels=4)), compression="tiff_lzw"),
    "cmyk.tif": eight_bit(lambda: rgb().convert("CMYK")),
    "lab.tif": eight_bit(lambda: rgb().convert("L")),
    "16.tif": deep(),
    "16-alpha.tif": deep(4),
    "tiled.tif": deep(tile=True, tile_width=64, tile_height=64, compression="deflate", bigtiff=True),
    "floats.tif": lambda path: write_deep(path, smooth_picture(150, 211) * np.float32(1.5) - np.float32(0.2)),
    "x.webp": eight_bit(lambda: Image.fromarray(values(channels=4))),
    "x.bmp": eight_bit(rgb),
    "x.gif": eight_bit(rgb),
}  # fmt: skip


def with_warnings(read):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return read(), [str(warning.message) for warning in caught]


def assert_same_picture_resized(path, fit):
    whole, messages = with_warnings(lambda: read_picture(path))
    small, messages_of_small = with_warnings(lambda: read_picture(path, fit=fit))
    size = scaled_size(whole.height, whole.width, fit)
    assert small.size == size
    assert small.original_size == whole.size
    assert small.reduced_from == whole.size
    np.testing.assert_allclose(small.pixels, resize(whole.pixels, *size), atol=1e-6, rtol=0)
    assert (small.alpha is None) == (whole.alpha is None)
    if whole.alpha is not None:
        np.testing.assert_allclose(small.alpha, resize(whole.alpha, *size), atol=1e-6, rtol=0)
    for name in ("depth", "provenance", "path", "sha256"):
        assert getattr(small, name) == getattr(whole, name)
    assert messages_of_small == messages


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", READ)
def test_fit_equals_resizing_the_whole(tmp_path, name):
    READ[name](tmp_path / name)
    assert_same_picture_resized(tmp_path / name, 50)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_fit_applies_orientation(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    rgb().save(tmp_path / f"x.{suffix}", exif=exif)
    assert_same_picture_resized(tmp_path / f"x.{suffix}", 60)


@pytest.mark.parametrize("orientation", range(10))
def test_oriented_equals_pillow(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = noise(5, 7, 3)
    image = Image.fromarray(pixels)
    image.info["exif"] = exif.tobytes()
    np.testing.assert_array_equal(oriented(pixels, orientation), np.asarray(ImageOps.exif_transpose(image)))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 30), st.booleans())
def test_reduce_strips_equals_resize(height, width, side, rows, grey):
    side = min(side, max(height, width))
    colour = noise(height, width, None if grey else 3)
    strips = [(colour[top : top + rows], None) for top in range(0, height, rows)]
    new_size = scaled_size(height, width, side)
    pixels, alpha = strip_reducer.reduce_strips(strips, (height, width), new_size)
    expected = resize(
        np.broadcast_to((colour / np.float32(255)).reshape(height, width, -1), (height, width, 3)), *new_size
    )
    np.testing.assert_allclose(pixels, expected, atol=1e-6, rtol=0)
    assert alpha is None


@pytest.mark.usefixtures("all_are_large")
def test_fit_shrinks_arrays_and_images_alike(tmp_path):
    Image.fromarray(values(channels=4)).save(tmp_path / "x.png")
    file = read_picture(tmp_path / "x.png", fit=40)
    for source in (values(channels=4), Image.fromarray(values(channels=4))):
        picture = read_picture(source, fit=40)
        np.testing.assert_array_equal(picture.pixels, file.pixels)
        np.testing.assert_array_equal(picture.alpha, file.alpha)
        assert picture.original_size == (150, 211)


@pytest.mark.parametrize("name", ["rgb.jpg", "rgb.png", "16.tif"])
def test_fit_keeps_pixels_of_small_pictures(tmp_path, monkeypatch, name):
    READ[name](tmp_path / name)
    whole = read_picture(tmp_path / name)
    for fit in (20, 106, 1000):
        if fit == 106:  # more than half of it is needed, of a large picture too
            monkeypatch.setattr(strip_reducer, "LARGE", 0)
        picture = read_picture(tmp_path / name, fit=fit)
        np.testing.assert_array_equal(picture.pixels, whole.pixels)
        assert picture.reduced_from is None
        assert picture.original_size == (150, 211)


@pytest.mark.parametrize("name", ["rgb.jpg", "rgb.png", "16.tif", "progressive.jpg", "interlaced.png", "x.bmp"])
def test_max_pixels_limits_pixels_in_memory(tmp_path, name):
    READ[name](tmp_path / name)
    if name in ("progressive.jpg", "interlaced.png", "x.bmp"):
        with pytest.raises(PictureError) as refused:
            read_picture(tmp_path / name, fit=100, max_pixels=20_000)
        assert_one_sentence(refused.value, "211 × 150", "20,000", "read whole", "max_pixels", "31650")
        return
    assert read_picture(tmp_path / name, fit=150, max_pixels=20_000).size == (107, 150)
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / name, fit=200, max_pixels=20_000)
    assert_one_sentence(refused.value, "200 × 142", "20,000", "max_pixels", "28400")
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / name, max_pixels=20_000)
    assert_one_sentence(refused.value, "211 × 150", "max_pixels", "31650")


def test_fit_rejects_decompression_bombs(tmp_path):
    (tmp_path / "x.png").write_bytes(claimed_png(110_000, 100_000))
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.png", fit=512)
    assert_one_sentence(refused.value, "110000 × 100000", f"{100_000_000 * STRIP_FACTOR:,}", "max_pixels", "110000000")
    (tmp_path / "x.png").write_bytes(claimed_png(2_000_000_000, 2))
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.png", fit=512)
    assert_one_sentence(refused.value, "held at once", "max_pixels")
    image = pyvips.Image.black(64, 64)
    image.tiffsave(str(tmp_path / "x.tif"), tile=True, tile_width=2**14, tile_height=2**14, compression="deflate")
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.tif", fit=32, max_pixels=3000)
    assert_one_sentence(refused.value, "held at once", "max_pixels")


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", ["rgb.jpg", "rgb.png", "16.png", "lzw.tif", "tiled.tif"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_fit_rejects_truncated_files(tmp_path, capfd, name, part):
    READ[name](tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * part)])
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / name, fit=50)
    assert_one_sentence(refused.value, name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fit", [None, 100])
def test_tiff_of_one_large_strip_is_read(tmp_path, fit):
    ramp = np.tile(np.linspace(0, 255, 4200).astype(np.uint8)[:, None, None], (1, 4200, 3))
    Image.fromarray(ramp).save(tmp_path / "x.tif", compression="tiff_lzw", tiffinfo={278: 4200})
    pixels = read_picture(tmp_path / "x.tif", fit=fit).pixels
    np.testing.assert_allclose(pixels[:, 7, 1], np.linspace(0, 1, len(pixels)), atol=0.02)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", ["rgb.jpg", "16.tif", "x.webp"])
def test_reading_reports_progress(tmp_path, name):
    READ[name](tmp_path / name)
    shares = []
    read_picture(tmp_path / name, fit=50, on_progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 1 == shares[-1]
    assert name == "x.webp" or len(shares) > 5


@pytest.mark.parametrize(("suffix", "depth"), WRITTEN)
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_large_file_holds_the_same_as_small(tmp_path, monkeypatch, suffix, depth, transparent, big):
    if (suffix == ".jpg" and transparent) or (suffix != ".tif" and big):
        pytest.skip("no such file")
    pixels = smooth_picture(300, 410, seed=5)
    record = json.dumps({"text": "ö" * 70_000})
    options = {"depth": depth, "provenance": FULL, "record": record, "alpha": pixels[..., 0] if transparent else None}
    small, large = (tmp_path / f"{name}{suffix}" for name in ("small", "large"))
    write_picture(small, pixels, **options)
    monkeypatch.setattr(encoding, "LARGE", 0)
    if big:
        monkeypatch.setattr(encoding, "_CLASSIC_TIFF", 0)
    write_picture(large, pixels, **options)
    one, other = read_picture(small), read_picture(large)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    assert (one.depth, one.provenance) == (other.depth, other.provenance) == (depth, FULL)
    assert read_record(small) == read_record(large) == record
    profiles = [pyvips.Image.new_from_file(str(file)).get("icc-profile-data") for file in (small, large)]
    assert profiles[0] == profiles[1]
    if suffix == ".tif":
        assert large.read_bytes()[:4] == (b"II+\0" if big else b"II*\0")
        assert pyvips.Image.new_from_file(str(large)).get("tile-width") == 256


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_writing_reports_progress(tmp_path, suffix):
    shares = []
    write_picture(tmp_path / f"x{suffix}", smooth_picture(700, 810), on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert len(set(shares)) > 3
    assert shares[-2] < shares[-1] == 1


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt("mine"), PictureError("mine")])
def test_exception_of_callback_cancels_writing(tmp_path, capfd, suffix, error):
    def fail(share):
        if share > 0:
            raise error

    if suffix == ".jpg":  # reported only once it is written
        with pytest.raises(type(error), match="mine"):
            write_picture(tmp_path / "x.jpg", smooth_picture(30, 40), on_progress=fail)
        assert read_picture(tmp_path / "x.jpg").size == (30, 40)
        return
    (tmp_path / f"x{suffix}").write_bytes(b"old")
    with pytest.raises(type(error), match="mine"):
        write_picture(tmp_path / f"x{suffix}", smooth_picture(700, 810), on_progress=fail)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "size", "fits"), [
    ("x.jpg", (10, 65_500), True), ("x.jpg", (65_501, 10), False), ("x.webp", (16_383, 1), True),
    ("x.webp", (1, 16_384), False), ("x.png", (200_000, 200_000), True), ("x.tif", (200_000, 200_000), True),
])  # fmt: skip
def test_check_output_rejects_too_long_sides(tmp_path, name, size, fits):
    if fits:
        check_output(tmp_path / name, size=size)
        return
    with pytest.raises(PictureError) as refused:
        check_output(tmp_path / name, size=size)
    assert_one_sentence(refused.value, name, ".png")


MEMORY = """
import resource, sys
import numpy as np
from impasto.pictures import read_picture, write_picture
from impasto.pictures.codecs.backends import vips

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

task, path, side = sys.argv[1], sys.argv[2], 7750
vips()
ramp = np.linspace(0, 1, side, dtype=np.float32)
if task == "write":
    pixels = np.empty((side, side, 3), np.float32)
    for row in range(side):
        pixels[row] = ramp[:, None] * ramp[row]
before = peak()
if task == "write":
    write_picture(path, pixels)
else:
    picture = read_picture(path, fit=512)
    assert picture.size == (512, 512)
    expected = np.linspace(0, 1, 512)[None, :] * np.linspace(0, 1, 512)[:, None]
    assert np.abs(picture.pixels[..., 0] - expected).mean() < 0.01
print(peak() - before)
"""


@pytest.mark.skipif(os.name != "posix", reason="no such measure elsewhere")
@pytest.mark.parametrize(("suffix", "written"), [(".tif", 240), (".png", 240), (".jpg", 500)])
def test_memory_for_sixty_megapixels_is_bounded(tmp_path, suffix, written):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    # One copy of 60 megapixels takes 180 MB as bytes and 720 MB as floats; Pillow's takes 240 MB.
    for task, bound in (("write", written), ("read", 240)):
        command = [sys.executable, "-c", MEMORY, task, str(tmp_path / f"x{suffix}")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < bound, task
