import io
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, Provenance, read_picture
from tests.pictures.samples import assert_one_sentence, noise, profile, to_srgb, wide_gamut_profile

GREY = noise(6, 9)
RGB = noise(6, 9, 3)
ALPHA = noise(6, 9, seed=1)


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha[..., None] / 255
    return rgb / 255 * opacity + 1 - opacity


def rgba() -> Image.Image:
    return Image.fromarray(np.dstack([RGB, ALPHA]))


def assert_picture(picture, expected, alpha=None, atol=1e-6):
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(expected, (6, 9, 3)), atol=atol)
    if alpha is None:
        assert picture.alpha is None
    else:
        np.testing.assert_allclose(picture.alpha, alpha / 255, atol=1e-6)
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "webp", None])
def test_grey_is_read_exactly(tmp_path, suffix):
    image = Image.fromarray(GREY)
    path = tmp_path / f"grey.{suffix}"
    if suffix:
        image.save(path, **({"lossless": True} if suffix == "webp" else {}))
    picture = read_picture(path if suffix else image)
    assert_picture(picture, GREY[..., None] / 255)
    assert picture.depth == 8


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", None])
def test_rgb_is_read_exactly(tmp_path, suffix):
    image = Image.fromarray(RGB)
    path = tmp_path / f"rgb.{suffix}"
    if suffix:
        image.save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert_picture(read_picture(path if suffix else image), RGB / 255)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", None])
def test_rgba_is_read_exactly(tmp_path, suffix):
    path = tmp_path / f"rgba.{suffix}"
    if suffix:
        rgba().save(path, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    assert_picture(read_picture(path if suffix else rgba()), over_white(RGB, ALPHA), ALPHA)


@pytest.mark.parametrize("suffix", ["png", "tif", None])
def test_grey_alpha_is_read_exactly(tmp_path, suffix):
    image = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    path = tmp_path / f"la.{suffix}"
    if suffix:
        image.save(path)
    assert_picture(read_picture(path if suffix else image), over_white(GREY[..., None], ALPHA), ALPHA)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", None])
def test_one_bit_is_read_exactly(tmp_path, suffix):
    image = Image.fromarray(GREY).convert("1")
    path = tmp_path / f"bit.{suffix}"
    if suffix:
        image.save(path)
    assert_picture(read_picture(path if suffix else image), np.asarray(image)[..., None])


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", None])
def test_palette_is_read_exactly(tmp_path, suffix):
    image = Image.fromarray(RGB).quantize(16)
    path = tmp_path / f"palette.{suffix}"
    if suffix:
        image.save(path)
    assert_picture(read_picture(path if suffix else image), np.asarray(image.convert("RGB")) / 255)


def test_palette_with_one_transparent_colour(tmp_path):
    image = Image.fromarray(RGB).quantize(16)
    for name in ("one.png", "one.gif"):
        image.save(tmp_path / name, transparency=3)
        alpha = np.where(np.asarray(image) == 3, 0, 255)
        assert_picture(read_picture(tmp_path / name), over_white(np.asarray(image.convert("RGB")), alpha), alpha)


def test_palette_with_graded_transparency(tmp_path):
    image = Image.fromarray(RGB).quantize(4)
    image.save(tmp_path / "graded.png", transparency=bytes([0, 85, 170, 255]))
    alpha = np.asarray(image) * 85
    assert_picture(read_picture(tmp_path / "graded.png"), over_white(np.asarray(image.convert("RGB")), alpha), alpha)


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (1, 2, 3)), ("1", 0)])
def test_transparent_colour_without_palette(tmp_path, mode, key):
    image = Image.new(mode, (9, 6), 1 if mode == "1" else "white")
    image.putpixel((4, 2), key)
    image.save(tmp_path / "key.png", transparency=key)
    picture = read_picture(tmp_path / "key.png")
    assert picture.alpha[2, 4] == 0
    assert picture.alpha.sum() == 6 * 9 - 1
    np.testing.assert_array_equal(picture.pixels[2, 4], 1)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "RGBX", "PA", "La", "RGBa", "LAB"])
def test_read_picture_converts_other_modes(mode):
    if mode in ("La", "RGBa", "PA"):
        opaque = {"La": "LA", "RGBa": "RGBA", "PA": "PA"}[mode]
        image = Image.fromarray(GREY if mode == "La" else RGB).convert(opaque if mode != "PA" else "P")
        image = image.convert(mode)
        assert_picture(read_picture(image), np.asarray(image.convert(opaque).convert("RGB")) / 255)
    elif mode == "LAB":
        assert read_picture(Image.new("LAB", (9, 6), (255, 128, 128))).pixels.min() > 0.99
    else:
        image = Image.fromarray(RGB).convert(mode)
        assert_picture(read_picture(image), np.asarray(image.convert("RGB")) / 255)


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "I;16L"])
def test_read_picture_keeps_16_bit_modes(mode):
    values = noise(6, 9, dtype=np.uint16)
    raw = values.astype({"I": "<i4", "I;16B": ">u2"}.get(mode, "<u2"))
    picture = read_picture(Image.frombytes(mode, (9, 6), raw.tobytes()))
    assert_picture(picture, values[..., None] / 65535, atol=1e-7)
    assert picture.depth == 16


@pytest.mark.parametrize("value", [-1, 65536])
def test_read_picture_rejects_integers_out_of_range(value):
    with pytest.raises(PictureError) as refused:
        read_picture(Image.new("I", (2, 2), value))
    assert_one_sentence(refused.value, "The PIL image", str(value))


def test_read_picture_keeps_float_images():
    values = np.random.default_rng(0).random((6, 9), dtype=np.float32)
    picture = read_picture(Image.fromarray(values))
    assert_picture(picture, values[..., None])
    assert picture.depth == 16
    with pytest.raises(PictureError) as refused:
        read_picture(Image.fromarray(values * 255))
    assert_one_sentence(refused.value, "The PIL image", "[0, 1]")


def test_jpeg_equals_pillow_decoding(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.jpg", quality=97, subsampling=0)
    assert_picture(read_picture(tmp_path / "x.jpg"), np.asarray(Image.open(tmp_path / "x.jpg")) / 255)


def test_adobe_cmyk_jpeg_is_not_inverted(tmp_path):
    image = Image.new("CMYK", (9, 6), (255, 0, 0, 0))
    image.save(tmp_path / "cmyk.jpg", quality=95)
    assert b"Adobe" in (tmp_path / "cmyk.jpg").read_bytes()
    assert_picture(read_picture(tmp_path / "cmyk.jpg"), [0, 1, 1], atol=0.02)


def animation(values: tuple[int, ...] = (50, 150, 250)) -> list[Image.Image]:
    return [Image.new("L", (9, 6), value) for value in values]


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "avif"])
def test_animation_gives_first_frame_with_warning(tmp_path, kind):
    first, *others = animation()
    path = tmp_path / f"x.{kind}"
    first.save(path, save_all=True, append_images=others, **({"lossless": True} if kind == "webp" else {}))
    with pytest.warns(PictureWarning, match=rf"x\.{kind} is an animation; only its first frame was read"):
        assert_picture(read_picture(path), 50 / 255, atol=0.01)


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "avif"])
def test_animation_of_one_frame_does_not_warn(tmp_path, kind):
    animation((50,))[0].save(tmp_path / f"x.{kind}", save_all=True)
    assert_picture(read_picture(tmp_path / f"x.{kind}"), 50 / 255, atol=0.01)


def test_picture_outside_animation_is_skipped(tmp_path):
    outside, first, second = animation()
    outside.save(tmp_path / "x.png", save_all=True, default_image=True, append_images=[first, second])
    with pytest.warns(PictureWarning, match="first frame"):
        assert_picture(read_picture(tmp_path / "x.png"), 150 / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", None])
def test_read_picture_applies_exif_orientation(tmp_path, orientation, suffix):
    blocks = np.kron(noise(2, 3, 3), np.ones((8, 8, 1), np.uint8))
    image = Image.fromarray(blocks)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    options = {"lossless": True} if suffix == "webp" else {"subsampling": 0, "quality": 97} if suffix == "jpg" else {}
    image.save(buffer, suffix or "png", exif=exif, **options) if suffix not in ("jpg", "tif") else image.save(
        buffer, {"jpg": "JPEG", "tif": "TIFF"}[suffix], exif=exif, **options
    )
    path = tmp_path / "turned"
    path.write_bytes(buffer.getvalue())
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    assert upright.shape == ((16, 24, 3) if orientation < 5 else (24, 16, 3))
    picture = read_picture(path if suffix else Image.open(path))
    np.testing.assert_allclose(picture.pixels, upright / 255, atol=1e-6)


def test_read_picture_does_not_modify_image(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    rgba().save(tmp_path / "x.png", exif=exif)
    image = Image.open(tmp_path / "x.png")
    assert read_picture(image).size == (9, 6)
    assert (image.mode, image.size) == ("RGBA", (9, 6))
    assert image.getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_read_picture_applies_colour_profile(tmp_path, suffix, mode):
    if suffix == "jpg" and mode != "RGB":
        return
    image = rgba() if mode == "RGBA" else Image.fromarray(RGB)
    image = image.quantize(8) if mode == "P" and suffix != "webp" else image
    options = {"webp": {"lossless": True, "exact": True}}.get(suffix, {})
    image.save(tmp_path / f"x.{suffix}", icc_profile=wide_gamut_profile(), **options)
    plain = np.asarray(Image.open(tmp_path / f"x.{suffix}").convert("RGB"))
    expected = to_srgb(plain, wide_gamut_profile())
    if mode == "RGBA":
        expected = over_white(np.round(expected * 255), ALPHA)
    assert_picture(read_picture(tmp_path / f"x.{suffix}"), expected, ALPHA if mode == "RGBA" else None, atol=1.01 / 255)


def test_srgb_profile_changes_at_most_one_level(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.png", icc_profile=profile())
    assert_picture(read_picture(tmp_path / "x.png"), RGB / 255, atol=1.01 / 255)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_read_picture_reads_provenance_without_gps(tmp_path, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Zoe"
    exif[ExifTags.Base.Copyright] = "(c) Zoe"
    exif[ExifTags.Base.XResolution] = 300.0
    exif[ExifTags.Base.YResolution] = 300.0
    exif[ExifTags.Base.ResolutionUnit] = 2
    exif[ExifTags.Base.DateTime] = "2020:01:02 03:04:05"
    if suffix != "tif":  # to which Pillow does not write them
        exif[ExifTags.Base.DateTime] = "2022:02:02 02:02:02"
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
        exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    Image.fromarray(RGB).save(tmp_path / f"x.{suffix}", exif=exif)
    expected = Provenance("(c) Zoe", "Zoe", "2020:01:02 03:04:05", (300.0, 300.0))
    assert read_picture(tmp_path / f"x.{suffix}").provenance == expected
    assert read_picture(Image.open(tmp_path / f"x.{suffix}")).provenance == expected


def test_read_picture_reads_dpi_without_exif(tmp_path):
    for name in ("x.jpg", "x.png", "x.tif", "x.bmp"):
        Image.fromarray(RGB).save(tmp_path / name, dpi=(300, 150))
        assert read_picture(tmp_path / name).provenance.dpi == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_read_picture_ignores_damaged_exif(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    for exif in (
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0rubbish",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 30,
    ):
        Image.fromarray(RGB).save(tmp_path / f"x.{suffix}", exif=exif, **options)
        assert read_picture(tmp_path / f"x.{suffix}").provenance == Provenance()


def test_read_picture_rejects_truncated_image(tmp_path):
    Image.fromarray(noise(60, 60, 3)).save(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:5000])
    with Image.open(tmp_path / "x.png") as image, pytest.raises(PictureError) as refused:
        read_picture(image)
    assert_one_sentence(refused.value, "The PIL image")


def test_max_pixels_limits_images():
    with pytest.raises(PictureError) as refused:
        read_picture(Image.new("1", (500, 400)), max_pixels=199_999)
    assert_one_sentence(refused.value, "The PIL image", "500 × 400", "199,999", "max_pixels")


def test_digest_covers_mode_size_and_palette():
    first, second = Image.fromarray(RGB), Image.fromarray(RGB.reshape(9, 6, 3))
    assert read_picture(first).sha256 == read_picture(first.copy()).sha256
    palettes = [Image.new("P", (2, 2)), Image.new("P", (2, 2))]
    palettes[1].putpalette([9, 9, 9])
    digests = {read_picture(image).sha256 for image in (first, second, first.convert("RGBA"), *palettes)}
    assert len(digests) == 5


def test_read_picture_reads_heic(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    smooth = np.tile(np.linspace(30, 220, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    pillow_heif.from_pillow(Image.fromarray(smooth)).save(tmp_path / "x.heic", quality=95)
    picture = read_picture(tmp_path / "x.heic")
    assert np.abs(picture.pixels - smooth / 255).mean() < 0.02
    assert picture.depth == 8
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.heic", max_pixels=100)
    assert_one_sentence(refused.value, "64 × 64")


def test_heic_without_plugin_advises_installation(tmp_path, monkeypatch):
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.heic")
    assert_one_sentence(refused.value, "x.heic", 'pip install "impasto[heic]"')


def test_read_picture_reads_avif(tmp_path):
    smooth = np.tile(np.linspace(30, 220, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    Image.fromarray(smooth).save(tmp_path / "x.avif", quality=95)
    assert np.abs(read_picture(tmp_path / "x.avif").pixels - smooth / 255).mean() < 0.02
