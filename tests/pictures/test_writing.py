import errno
import os
import stat

import numpy as np
import pytest
from PIL import ExifTags, Image

from impasto.errors import PictureError
from impasto.pictures import SUFFIXES, PictureWarning, Provenance, profiles as colour, read_picture, write_picture
from tests.pictures.samples import assert_one_sentence

FULL = Provenance("© 2020 Zoë", "Zoë Ünal", "2020:01:02 03:04:05", (300.0, 150.0))
LOSSLESS = [(".png", 8), (".png", 16), (".tif", 8), (".tiff", 16)]


def smooth(height: int = 24, width: int = 30) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return np.stack([x, y, 1 - x], axis=2).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_write_picture_rounds_to_nearest(tmp_path, dtype):
    levels = np.repeat(np.arange(256)[:, None, None], 3, axis=2) / 255
    for shift in (-0.4, 0.0, 0.4):
        if dtype == np.float16 and shift:
            continue
        write_picture(tmp_path / "x.png", (levels + shift / 255).astype(dtype))
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png"))[:, 0, 0], np.arange(256))


def test_write_picture_rounds_16_bits_to_nearest(tmp_path):
    levels = np.arange(65535).reshape(255, 257, 1).repeat(3, axis=2)
    for shift, expected in ((0.499, levels), (0.501, levels + 1)):
        write_picture(tmp_path / "x.png", (levels + shift) / 65535, depth=16)
        np.testing.assert_array_equal(np.rint(read_picture(tmp_path / "x.png").pixels * 65535.0), expected)


def test_write_picture_clips_without_modifying_input(tmp_path):
    pixels = np.array([[[-1.0, 0.5, 2.0]]])
    write_picture(tmp_path / "x.png", pixels, alpha=np.array([[1.5]]))
    assert Image.open(tmp_path / "x.png").getpixel((0, 0)) == (0, 128, 255, 255)
    np.testing.assert_array_equal(pixels, [[[-1.0, 0.5, 2.0]]])


@pytest.mark.parametrize(("suffix", "depth"), LOSSLESS)
def test_lossless_formats_are_exact(tmp_path, suffix, depth):
    top = 2**depth - 1
    pixels = np.random.default_rng(0).integers(0, top + 1, (200, 30, 3)) / np.float32(top)
    write_picture(tmp_path / f"x{suffix}", pixels, depth=depth)
    picture = read_picture(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(picture.pixels, pixels.astype(np.float32))
    assert picture.depth == depth


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_are_close(tmp_path, suffix):
    write_picture(tmp_path / f"x{suffix}", smooth())
    assert np.abs(read_picture(tmp_path / f"x{suffix}").pixels - smooth()).mean() < 0.01


def test_jpeg_has_no_chroma_subsampling(tmp_path):
    write_picture(tmp_path / "x.jpg", smooth())
    with Image.open(tmp_path / "x.jpg") as image:
        assert {component[1:3] for component in image.layer} == {(1, 1)}, "4:4:4"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lower_quality_makes_smaller_file(tmp_path, suffix):
    sizes = []
    for quality in (20, 95):
        write_picture(tmp_path / f"x{suffix}", smooth(), quality=quality)
        sizes.append((tmp_path / f"x{suffix}").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(("suffix", "depth"), [*LOSSLESS, (".webp", 8)])
def test_write_picture_keeps_alpha(tmp_path, suffix, depth):
    alpha = smooth()[..., 0]
    write_picture(tmp_path / f"x{suffix}", smooth(), alpha=alpha, depth=depth)
    picture = read_picture(tmp_path / f"x{suffix}")
    np.testing.assert_allclose(picture.alpha, alpha, atol=0.51 / (2**depth - 1))
    expected = smooth() * alpha[..., None] + 1 - alpha[..., None]
    assert np.abs(picture.pixels - expected).max() < (0.05 if suffix == ".webp" else 1.1 / (2**depth - 1))


def test_colours_under_transparency_are_kept(tmp_path):
    for suffix in (".png", ".tif", ".webp"):
        write_picture(tmp_path / f"x{suffix}", np.full((8, 8, 3), 0.5), alpha=np.zeros((8, 8)))
        assert np.abs(np.asarray(Image.open(tmp_path / f"x{suffix}"))[..., :3].astype(int) - 128).max() <= 2


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_is_composited_with_warning(tmp_path, suffix):
    alpha = np.full((24, 30), 0.25, np.float32)
    with pytest.warns(PictureWarning, match=r"cannot hold transparency") as caught:
        write_picture(tmp_path / f"x{suffix}", smooth(), alpha=alpha)
    assert "\n" not in str(caught[0].message)
    picture = read_picture(tmp_path / f"x{suffix}")
    assert np.abs(picture.pixels - (0.25 * smooth() + 0.75)).mean() < 0.01
    assert picture.alpha is None


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("depth", [8, 16])
def test_files_carry_profile_provenance_and_software(tmp_path, suffix, depth):
    path = tmp_path / f"x{suffix}"
    if depth == 16 and suffix not in (".png", ".tif", ".tiff"):
        with pytest.raises(PictureError) as refused:
            write_picture(path, smooth(), depth=depth)
        assert_one_sentence(refused.value, str(path), ".png", ".tif")
        assert not path.exists()
        return
    write_picture(path, smooth(), depth=depth, provenance=FULL, record="{}")
    with Image.open(path) as image:
        assert image.info["icc_profile"] == colour.srgb_profile()
        assert image.getexif()[ExifTags.Base.Software] == "impasto"
        if suffix != ".webp":
            assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert read_picture(path).provenance == FULL


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_missing_provenance_is_read_as_none(tmp_path, suffix):
    write_picture(tmp_path / f"x{suffix}", smooth())
    assert read_picture(tmp_path / f"x{suffix}").provenance == Provenance()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_equal_pictures_give_equal_files(tmp_path, suffix):
    for name in ("a", "b"):
        write_picture(tmp_path / f"{name}{suffix}", smooth(), provenance=FULL, record="{}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_lossless_files_are_compressed(tmp_path):
    for suffix, depth in LOSSLESS:
        write_picture(tmp_path / f"x{suffix}", smooth(200, 200), depth=depth)
        assert (tmp_path / f"x{suffix}").stat().st_size < 200 * 200 * 3 * depth / 8 / 2


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (0, 4, 3), (4, 0, 3), (2, 4, 4, 3)])
def test_write_picture_rejects_other_shapes(tmp_path, shape):
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / "x.png", np.zeros(shape, np.float32))
    assert_one_sentence(refused.value, "x.png", "height × width × 3")


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": np.zeros((4, 5))},
        {"alpha": np.zeros((4, 4, 1))},
        {"alpha": np.zeros((4, 4), np.uint8)},
        {"alpha": np.full((4, 4), np.nan)},
        {"quality": 0},
        {"quality": 101},
        {"depth": 12},
    ],
)
def test_write_picture_rejects_invalid_arguments(tmp_path, options):
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / "x.png", np.zeros((4, 4, 3)), **options)
    assert_one_sentence(refused.value, "x.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), np.nan), np.full((4, 4, 3), np.inf)]
)
def test_write_picture_rejects_invalid_pixels(tmp_path, pixels):
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / "x.png", pixels)
    assert_one_sentence(refused.value, "x.png")


@pytest.mark.parametrize(("suffix", "side"), [(".webp", 16_384), (".jpg", 65_501)])
def test_write_picture_rejects_too_long_sides(tmp_path, suffix, side):
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / f"x{suffix}", np.zeros((1, side, 3), np.float32))
    assert_one_sentence(refused.value, suffix, str(side - 1), ".png")
    write_picture(tmp_path / f"x{suffix}", np.zeros((1, side - 1, 3), np.float32))


@pytest.mark.parametrize("name", ["x.bmp", "x", "x.gif"])
def test_write_picture_rejects_other_suffixes(tmp_path, name):
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / name, smooth())
    assert_one_sentence(refused.value, name, ".png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_full_disk_keeps_old_file(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"x{suffix}"
    write_picture(path, smooth())
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PictureError) as refused:
        write_picture(path, 1 - smooth())
    assert_one_sentence(refused.value, str(path), "No space left on device")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_encoder_failure_raises_picture_error(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("encoder\nbroken")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(PictureError) as refused:
        write_picture(tmp_path / "x.png", smooth())
    assert_one_sentence(refused.value, "x.png", "encoder broken")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are different elsewhere")
def test_file_permissions_follow_umask(tmp_path):
    before = os.umask(0o022)
    try:
        write_picture(str(tmp_path / "x.png"), smooth())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.png").stat().st_mode) == 0o644


def test_write_picture_accepts_any_memory_order(tmp_path):
    for suffix, depth in LOSSLESS:
        write_picture(tmp_path / f"x{suffix}", smooth()[::-1, ::2], depth=depth)
        np.testing.assert_allclose(
            read_picture(tmp_path / f"x{suffix}").pixels, smooth()[::-1, ::2], atol=0.51 / (2**depth - 1)
        )
