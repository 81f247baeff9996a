import numpy as np
import pytest
from PIL import Image, ImageCms

from impasto.pictures import PictureWarning, profiles as colour
from impasto.pictures.metadata.colour_signals import NO_SIGNALS, ColourSignals
from tests.pictures.samples import noise, profile, to_srgb, wide_gamut_profile


def test_srgb_profile_is_deterministic():
    icc = colour.srgb_profile()
    colour.srgb_profile.cache_clear()
    assert colour.srgb_profile() == icc
    values = noise(9, 9, 3)
    np.testing.assert_allclose(to_srgb(values, icc), values / 255, atol=1.01 / 255)


def test_missing_profile_changes_nothing():
    image = Image.fromarray(noise(4, 5, 3))
    assert colour.image_to_srgb(image, NO_SIGNALS, "x") is image
    assert colour.image_to_srgb(image, ColourSignals(icc=colour.srgb_profile()), "x") is image
    values = noise(4, 5, 3, np.uint16)
    assert colour.array_to_srgb(values, NO_SIGNALS, "x") is values
    assert colour.array_to_srgb(values, ColourSignals(icc=colour.srgb_profile()), "x") is values


def test_wide_gamut_8_bits_equals_lcms():
    values = noise(16, 16, 3)
    converted = np.asarray(colour.image_to_srgb(Image.fromarray(values), ColourSignals(icc=wide_gamut_profile()), "x"))
    np.testing.assert_allclose(converted / 255, to_srgb(values, wide_gamut_profile()), atol=1.01 / 255)
    assert np.abs(converted.astype(int) - values).max() > 20, "the profile makes a difference"
    np.testing.assert_array_equal(colour.array_to_srgb(values, ColourSignals(icc=wide_gamut_profile()), "x"), converted)


def test_wide_gamut_16_bits_agrees_with_8():
    values = noise(16, 16, 3)
    converted = colour.array_to_srgb(values.astype(np.uint16) * 257, ColourSignals(icc=wide_gamut_profile()), "x")
    assert converted.dtype == np.uint16
    np.testing.assert_allclose(converted / 65535, to_srgb(values, wide_gamut_profile()), atol=1.3 / 255)


def test_16_bit_conversion_keeps_depth():
    ramp = np.arange(20_000, 24_096, dtype=np.uint16).reshape(64, 64)
    converted = colour.array_to_srgb(
        np.repeat(ramp[..., None], 3, axis=2), ColourSignals(icc=wide_gamut_profile()), "x"
    )
    assert len(np.unique(converted[..., 1])) > 3000, "8 bits would leave 16 values"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_with_rgb_profile(dtype):
    values = noise(6, 6, dtype=dtype)
    converted = colour.array_to_srgb(values, ColourSignals(icc=profile()), "x")
    expected = np.repeat(values[..., None], 3, axis=2) / np.iinfo(dtype).max
    np.testing.assert_allclose(converted / np.iinfo(dtype).max, expected, atol=1.01 / 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "icc",
    [b"not a profile at all", profile()[:200], profile("LAB"), wide_gamut_profile()[:300]],
    ids=["text", "cut", "LAB", "wide gamut, cut"],  # profiles contain the time, so their bytes differ between workers
)
def test_invalid_profile_is_ignored_with_warning(dtype, icc):
    values = noise(3, 4, 3, dtype)
    with pytest.warns(PictureWarning, match=r"colour profile of x .* ignored") as caught:
        converted = colour.array_to_srgb(values, ColourSignals(icc=icc), "x")
    np.testing.assert_array_equal(converted, values)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


def test_profile_with_binary_colour_space_is_ignored():
    icc = bytearray(profile())
    icc[16:20] = b"\x98\xff\xfe\x80"
    with pytest.warns(PictureWarning, match="ignored"):
        colour.image_to_srgb(Image.new("RGB", (2, 2)), ColourSignals(icc=bytes(icc)), "x")


def test_rgb_profile_on_cmyk_is_ignored():
    image = Image.new("CMYK", (2, 2), (0, 255, 255, 0))
    with pytest.warns(PictureWarning, match="RGB colours"):
        converted = colour.image_to_srgb(image, ColourSignals(icc=profile()), "x")
    assert converted.getpixel((0, 0)) == (255, 0, 0)


def test_cmyk_without_profile_agrees_across_depths():
    values = noise(12, 12, 4)
    values[0, :4] = [[0, 0, 0, 0], [0, 0, 0, 255], [255, 255, 255, 0], [255, 0, 0, 0]]
    shallow = colour.array_to_srgb(values, NO_SIGNALS, "x")
    deep = colour.array_to_srgb(values.astype(np.uint16) * 257, NO_SIGNALS, "x")
    assert shallow[0, :4].tolist() == [[255, 255, 255], [0, 0, 0], [0, 0, 0], [0, 255, 255]]
    np.testing.assert_allclose(deep / 65535, shallow / 255, atol=0.51 / 255)


def test_lab_without_profile_is_converted():
    srgb = noise(5, 5, 3) // 2 + 64
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        "RGB",
        "LAB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    lab = ImageCms.applyTransform(Image.fromarray(srgb), transform)
    converted = np.asarray(colour.image_to_srgb(lab, NO_SIGNALS, "x")).astype(int)
    assert np.abs(converted - srgb).max() <= 6, "as far as 8 bits of Lab hold it"


def test_vips_image_keeps_values():
    for bands, dtype in ((None, np.uint8), (3, np.uint8), (None, np.uint16), (3, np.uint16), (4, np.uint16)):
        values = noise(3, 5, bands, dtype)
        np.testing.assert_array_equal(colour.vips_image(values).numpy(), values)
