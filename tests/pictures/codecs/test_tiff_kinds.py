import io

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image, ImageCms

from impasto.errors import PictureError
from impasto.pictures import read_picture
from tests.pictures import tiff_files as tiff
from tests.pictures.samples import assert_one_sentence, noise
from tests.pictures.tiff_files import Page, packed, page

layouts = pytest.mark.parametrize("options", [{}, {"tiled": True}, {"tags": {tiff.PLANAR: 2}}], ids=str)


def read(tmp_path, *pages: Page, order: str = "<"):
    (tmp_path / "x.tif").write_bytes(tiff.tiff(*pages, order=order))
    return read_picture(tmp_path / "x.tif")


def refused(tmp_path, *pages: Page) -> PictureError:
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, *pages)
    assert_one_sentence(refusal.value, "x.tif")
    assert "damaged" not in str(refusal.value)
    return refusal.value


def assert_pixels(picture, expected: np.ndarray, atol: float = 1e-6) -> None:
    expected = expected if expected.ndim == 3 else expected[..., None]
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(expected, picture.pixels.shape), atol=atol)


@layouts
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f2", "f4"])
def test_rgb_numbers_are_read(tmp_path, options, order, dtype):
    whole = dtype[0] == "u"
    values = noise(19, 21, 3, np.dtype(dtype)) if whole else np.random.default_rng(0).random((19, 21, 3)).astype(dtype)
    top = np.iinfo(dtype).max if whole else 1
    if dtype == "f2" and "tags" in options:
        assert "planes" in str(refused(tmp_path, page(values, 2, **options)))
        return
    picture = read(tmp_path, page(values.astype(order + dtype), 2, **options), order=order)
    assert_pixels(picture, values / top, 1e-6 if dtype in ("u1", "u2") else 1.1 / 65535)
    assert picture.depth == (8 if dtype == "u1" else 16)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_white_is_zero_is_inverted(tmp_path, dtype):
    values = noise(7, 9, dtype=np.dtype(dtype))
    assert_pixels(read(tmp_path, page(values, 0)), 1 - values / np.iinfo(dtype).max, 1.1 / 65535)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("fill_order", [1, 2])
def test_few_bits_are_read(tmp_path, bits, photometric, fill_order):
    values = noise(7, 21) >> (8 - bits)
    segments = [packed(values[row : row + 3], bits) for row in range(0, 7, 3)]
    if fill_order == 2:
        segments = [bytes(int(f"{byte:08b}"[::-1], 2) for byte in segment) for segment in segments]
    grey = page(values, photometric, tags={tiff.BITS: bits, tiff.FILL_ORDER: fill_order})
    grey.segments = segments
    shares = values / (2**bits - 1)
    assert_pixels(read(tmp_path, grey), shares if photometric else 1 - shares)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_are_read(tmp_path, bits):
    values, colours = noise(7, 21) >> (8 - bits), noise(3, 2**bits, dtype=np.uint16)
    indexed = page(values, 3, tags={tiff.BITS: bits, tiff.COLOUR_MAP: colours.ravel().tolist()})
    if bits < 8:
        indexed.segments = [packed(values[row : row + 3], bits) for row in range(0, 7, 3)]
    assert_pixels(read(tmp_path, indexed), colours.T[values] / 65535, 1.01 / 255)


@pytest.mark.parametrize(("photometric", "colours"), [(1, 1), (2, 3), (5, 4)])
@pytest.mark.parametrize("extras", [(0,), (0, 0), (2,), (0, 2), (2, 0)])
def test_extra_channels_are_recognised(tmp_path, photometric, colours, extras):
    values = noise(6, 5, colours + len(extras))
    picture = read(tmp_path, page(values, photometric, tags={tiff.EXTRA: extras}))
    shares = values / 255
    colour = shares[..., :colours]
    if photometric == 5:
        colour = (1 - shares[..., :3]) * (1 - shares[..., 3:4])
    if 2 in extras:
        alpha = shares[..., colours + extras.index(2)]
        np.testing.assert_allclose(picture.alpha, alpha, atol=1e-6)
        colour = colour * alpha[..., None] + 1 - alpha[..., None]
    assert_pixels(picture, colour, 0.51 / 255)


def ycbcr_to_rgb(values: np.ndarray) -> np.ndarray:
    luma, blue, red = (values[..., channel].astype(float) for channel in range(3))
    blue, red = blue - 128, red - 128
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    return rgb.clip(0, 255) / 255


@pytest.mark.parametrize("tiled", [False, True])
def test_ycbcr_without_jpeg_is_converted(tmp_path, tiled):
    values = noise(7, 21, 3)
    reference = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
    tags = {tiff.SUBSAMPLING: (1, 1), tiff.REFERENCE: reference}
    assert_pixels(read(tmp_path, page(values, 6, tiled=tiled, tags=tags)), ycbcr_to_rgb(values), 1.5 / 255)


def test_subsampled_ycbcr_is_converted(tmp_path):
    luma, chroma = noise(8, 12), noise(4, 6, 2, seed=1)
    blocks = luma.reshape(4, 2, 6, 2).transpose(0, 2, 1, 3).reshape(4, 6, 4)
    values = np.dstack([luma, np.kron(chroma, np.ones((2, 2, 1), np.uint8))])
    reference = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
    sampled = page(values, 6, tags={tiff.SUBSAMPLING: (2, 2), tiff.REFERENCE: reference, tiff.ROWS: 8})
    sampled.segments = [np.dstack([blocks, chroma]).tobytes()]
    assert_pixels(read(tmp_path, sampled), ycbcr_to_rgb(values), 1.5 / 255)


GREY_LAB = {"u1": (137, 128, 128), "u2": (137 << 8, 128 << 8, 128 << 8)}


@layouts
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_icc_lab_grey_is_grey(tmp_path, options, dtype):
    values = np.full((5, 6, 3), GREY_LAB[dtype], dtype)
    picture = read(tmp_path, page(values, 9, **options))
    assert_pixels(picture, np.full((5, 6, 3), 128 / 255), 1.1 / 255)
    assert picture.depth == (8 if dtype == "u1" else 16)


def lab_to_rgb(values: np.ndarray) -> np.ndarray:
    """Convert 8-bit ICC L*a*b* with lcms."""
    image = Image.merge("LAB", [Image.fromarray(values[..., channel]) for channel in range(3)])
    target = ImageCms.createProfile("sRGB")
    flags, intent = ImageCms.Flags.BLACKPOINTCOMPENSATION, ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), target, "LAB", "RGB", intent, flags)
    return np.asarray(ImageCms.applyTransform(image, transform)) / 255


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_lab_colours_agree_with_lcms(tmp_path, photometric, dtype):
    chromas = np.array([[100, 140], [160, 110], [128, 128], [140, 160]])
    values = np.dstack([np.full((4, 4), 150), *(np.broadcast_to(chromas[:, [i]], (4, 4)) for i in (0, 1))]).astype("u1")
    expected = lab_to_rgb(values)
    stored = values.astype(dtype)
    if photometric == 8:
        stored[..., 1:] = (values[..., 1:] ^ 128).astype(dtype)
    if dtype == "u2":
        # White is 65280 in the ICC encoding, 65535 in the CIE encoding.
        stored = stored * 256
        stored[..., 0] = values[..., 0].astype("u2") * (256 if photometric == 9 else 257)
    assert_pixels(read(tmp_path, page(stored, photometric)), expected, 2.1 / 255)


def test_floating_lab_grey_is_grey(tmp_path):
    values = np.full((5, 6, 3), (53.7, 0, 0), "f4")
    assert_pixels(read(tmp_path, page(values, 8)), np.full((5, 6, 3), 128 / 255), 1.1 / 255)


@pytest.mark.parametrize(
    ("photometric", "name"),
    [(4, "mask"), (10, "ITU"), (32844, "LogL"), (32845, "LogLuv"), (51177, "depth map"), (777, "number 777")],
)
def test_other_colours_are_refused_by_name(tmp_path, photometric, name):
    assert name in str(refused(tmp_path, page(noise(4, 5, 3), photometric)))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (noise(4, 5, 3).view("i1"), "signed numbers of 8 bits"),
        (noise(4, 5, dtype=np.uint16).view("i2"), "signed numbers of 16 bits"),
        (noise(4, 5, dtype=np.uint32).astype("u8"), "whole numbers of 64 bits"),
        (np.zeros((4, 5, 3)), "floating-point numbers of 64 bits"),
        (np.zeros((4, 5), "c8"), "complex"),
    ],
)
def test_other_numbers_are_refused_by_name(tmp_path, values, name):
    assert name in str(refused(tmp_path, page(values, 1 if values.ndim == 2 else 2)))


@pytest.mark.parametrize(
    ("photometric", "dtype", "name"),
    [(0, "f4", "0 for white"), (5, "f4", "CMYK"), (9, "f4", "L*a*b*"), (6, "u2", "YCbCr"), (3, "u2", "palette"), (8, "u4", "L*a*b*")],
)  # fmt: skip
def test_numbers_that_colours_exclude_are_refused(tmp_path, photometric, dtype, name):
    channels = {0: 1, 3: 1, 5: 4}.get(photometric, 3)
    assert name in str(refused(tmp_path, page(np.zeros((4, 5, channels), dtype), photometric)))


@pytest.mark.parametrize("bits", [(12,) * 3, (10,) * 3, (4,) * 3, (24,) * 3, (5, 6, 5)])
def test_other_depths_are_refused_by_name(tmp_path, bits):
    assert str(bits[1]) in str(refused(tmp_path, page(noise(4, 5, 3), 2, tags={tiff.BITS: bits})))


@pytest.mark.parametrize(
    ("channels", "tags", "name"),
    [
        (4, {tiff.INK_SET: 2}, "inks"),
        (3, {}, "inks"),
        (6, {tiff.INK_SET: 2, tiff.EXTRA: (0, 0)}, "inks"),
    ],
)
def test_other_inks_are_refused_by_name(tmp_path, channels, tags, name):
    assert name in str(refused(tmp_path, page(noise(4, 5, channels), 5, tags=tags)))


def test_other_layouts_are_refused_by_name(tmp_path):
    planes = {tiff.PLANAR: 2}
    assert "planes" in str(refused(tmp_path, page(noise(4, 5, 3), 2, tiled=True, tags=planes)))
    assert "planes" in str(refused(tmp_path, page(noise(4, 5, 3), 6, tags=planes | {tiff.SUBSAMPLING: (1, 1)})))
    assert "transparency" in str(refused(tmp_path, page(noise(4, 5, 4), 9, tags={tiff.EXTRA: 2})))
    assert "too few channels" in str(refused(tmp_path, page(noise(4, 5), 2)))
    assert "missing" in str(refused(tmp_path, page(noise(4, 5), 1, tags={tiff.PHOTOMETRIC: None})))


@pytest.mark.parametrize(
    ("compression", "name"),
    [(6, "old-style JPEG"), (34887, "LERC"), (34712, "JPEG 2000"), (34661, "JBIG"), (50002, "JPEG XL"), (65000, "65000")],
)  # fmt: skip
def test_other_compressions_are_refused_by_name(tmp_path, compression, name):
    message = str(refused(tmp_path, page(noise(4, 5, 3), 2, tags={tiff.COMPRESSION: compression})))
    assert message.count(name) == 1


def test_zstandard_is_refused_only_at_16_bits(tmp_path):
    buffer = io.BytesIO()
    values = noise(6, 9, 3)
    Image.fromarray(values).save(buffer, "TIFF", compression="zstd")
    (tmp_path / "x.tif").write_bytes(buffer.getvalue())
    assert_pixels(read_picture(tmp_path / "x.tif"), values / 255)
    deep = page(noise(4, 5, dtype=np.uint16), 1, tags={tiff.COMPRESSION: 50000})
    assert "Zstandard" in str(refused(tmp_path, deep))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "tiff_lzma", "packbits"])
def test_compressions_of_pillow_are_read(tmp_path, compression):
    bilevel = compression.startswith("group") or compression == "tiff_ccitt"
    image = Image.fromarray(noise(6, 40)).convert("1") if bilevel else Image.fromarray(noise(6, 9, 3))
    image.save(tmp_path / "x.tif", compression=compression)
    expected = np.asarray(Image.open(tmp_path / "x.tif").convert("RGB")) / 255
    assert_pixels(read_picture(tmp_path / "x.tif"), expected)


def test_cause_is_named_once(tmp_path):
    (tmp_path / "x.tif").write_bytes(tiff.tiff(page(noise(4, 5, 3), 2, tags={tiff.COMPRESSION: 5})))
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x.tif")
    assert_one_sentence(refusal.value, "x.tif", "damaged")
    assert "tiff2vips" not in str(refusal.value)


@given(orientation=st.integers(1, 8), tiled=st.booleans(), deep=st.booleans(), order=st.sampled_from("<>"))
def test_every_orientation_turns_the_picture(tmp_path_factory, orientation, tiled, deep, order):
    values = noise(5, 18, 3, np.uint16 if deep else np.uint8)
    stored = page(values.astype(values.dtype.newbyteorder(order)), 2, tiled=tiled, tags={tiff.ORIENTATION: orientation})
    picture = read(tmp_path_factory.mktemp("turned"), stored, order=order)
    turned = {
        1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1], 5: values.transpose(1, 0, 2),
        6: np.rot90(values, -1), 7: values[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(values),
    }[orientation]  # fmt: skip
    assert_pixels(picture, turned / np.iinfo(values.dtype).max)
