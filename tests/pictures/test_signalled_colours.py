from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, strategies as st

from impasto.pictures.colorimetry import PRIMARIES, SRGB, TRANSFER_FUNCTIONS
from impasto.pictures.metadata.colour_signals import CodePoints
from impasto.pictures.signalled_colours import SignalledConversion, from_code_points, from_gamma
from tests.pictures.samples import DISPLAY_P3, noise, to_srgb, wide_gamut_profile

ADOBE_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SRGB_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

grey_levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)[None]


def converted(conversion: SignalledConversion | None, *colours: tuple[int, int, int]) -> list[list[int]]:
    assert conversion is not None
    return conversion(np.array([colours], np.uint8))[0].tolist()


def test_display_p3_becomes_srgb():
    assert converted(from_code_points(CodePoints(12, 13), None), (200, 120, 40)) == [[213, 115, 0]]


@pytest.mark.parametrize(
    ("conversion", "icc"),
    [
        (from_gamma(1 / 2.19921875, ADOBE_CHROMATICITIES), wide_gamut_profile()),
        (from_code_points(CodePoints(12, 4), None), wide_gamut_profile(DISPLAY_P3)),
    ],
)
def test_conversion_agrees_with_lcms(conversion, icc):
    values = noise(32, 32, 3)
    np.testing.assert_allclose(conversion(values) / 255, to_srgb(values, icc), atol=1.6 / 255)
    assert np.abs(conversion(values).astype(int) - values).max() > 20, "the signal makes a difference"


def test_bt2020_uses_published_matrix():
    # 0.5 in BT.709's function is a light of 0.2597, which sRGB encodes as 0.5469.
    white_half = converted(from_code_points(CodePoints(9, 14), None), (128, 128, 128))
    assert white_half == [[140, 140, 140]]
    red, green, blue = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]) @ [
        0.4, 0.3, 0.2
    ]  # fmt: skip
    values = [round(255 * (1.055 * light ** (1 / 2.4) - 0.055)) for light in (red, green, blue)]
    linear = from_code_points(CodePoints(9, 8), None)
    assert linear is not None
    assert converted(linear, (102, 77, 51)) == [pytest.approx(values, abs=1)]


def test_linear_gamma_encodes_as_srgb():
    assert converted(from_gamma(1.0, None), (55, 55, 55), (0, 0, 0), (255, 255, 255)) == [[128] * 3, [0] * 3, [255] * 3]
    conversion = from_gamma(1.0, None)
    assert conversion is not None
    assert conversion(np.array([[55]], np.uint8)).tolist() == [[128]]


def test_narrow_range_is_expanded():
    narrow = from_code_points(CodePoints(1, 13, 0, full_range=False), None)
    assert converted(narrow, (16, 0, 235), (255, 126, 17)) == [[0, 0, 255], [255, 128, 1]]
    assert narrow is not None
    deep = narrow(np.array([[4096, 60160, 4096 + 219 * 128]], np.uint16))
    assert deep.tolist() == [[0, 65535, pytest.approx(32768, abs=1)]]


@pytest.mark.parametrize(
    "conversion",
    [
        from_code_points(CodePoints(1, 13), None),
        from_code_points(CodePoints(1, 2), None),
        from_code_points(CodePoints(2, 13), None),
        from_gamma(0.45455, None),
        from_gamma(0.45455, SRGB_CHROMATICITIES),
        from_gamma(0.45, (0.31269, 0.32899, 0.63999, 0.33001, 0.30, 0.60, 0.15, 0.05999)),
    ],
)
def test_signal_of_srgb_changes_nothing(conversion):
    assert conversion is None


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1))
def test_srgb_by_numbers_is_identity(colours):
    conversion = SignalledConversion(SRGB, TRANSFER_FUNCTIONS[13])
    values = np.array([colours], np.uint8)
    np.testing.assert_array_equal(conversion(values), values)
    wide = np.array([colours], np.uint16) * 257
    np.testing.assert_allclose(conversion(wide).astype(int), wide, atol=2)


@pytest.mark.parametrize("primaries", PRIMARIES)
@pytest.mark.parametrize("transfer", [*TRANSFER_FUNCTIONS, 16, 18])
def test_grey_stays_grey_and_ordered(primaries, transfer):
    conversion = from_code_points(CodePoints(primaries, transfer), None)
    if (primaries, transfer) == (1, 13):
        assert conversion is None
        return
    assert conversion is not None
    result = conversion(grey_levels)
    np.testing.assert_array_equal(result[..., 0], result[..., 1])
    np.testing.assert_array_equal(result[..., 2], result[..., 1])
    np.testing.assert_array_equal(conversion(grey_levels[..., 0]), result[..., 0], err_msg="grey files agree with RGB")
    assert (np.diff(result[0, :, 0].astype(int)) >= 0).all()
    assert result[0, [0, -1], 0].tolist() == [0, 255]


@given(st.floats(1e-5, 42949), st.none() | st.just(ADOBE_CHROMATICITIES))
def test_grey_stays_grey_for_any_gamma(gamma, chromaticities):
    conversion = from_gamma(gamma, chromaticities)
    if conversion is None:
        return
    result = conversion(grey_levels)
    assert (result == result[..., :1]).all()
    assert result[0, [0, -1], 0].tolist() == [0, 255]


@given(st.floats(1e-5, 42949), st.tuples(*[st.floats(0, 1)] * 8), st.sampled_from([np.uint8, np.uint16]))
def test_any_chromaticities_give_values_or_error(gamma, chromaticities, dtype):
    values = noise(5, 5, 3, dtype)
    conversion = None
    with suppress(ValueError):
        conversion = from_gamma(gamma, chromaticities)
    if conversion is not None:
        result = conversion(values)
        assert (result.shape, result.dtype) == (values.shape, values.dtype)


@pytest.mark.parametrize("points", [CodePoints(0, 13), CodePoints(3, 13), CodePoints(23, 13), CodePoints(1, 0),
                                    CodePoints(1, 3), CodePoints(1, 19), CodePoints(1, 13, 1)])  # fmt: skip
def test_unknown_code_points_are_refused(points):
    with pytest.raises(ValueError, match="number"):
        from_code_points(points, None)


def test_gamma_of_zero_is_refused():
    with pytest.raises(ValueError, match="gamma is 0"):
        from_gamma(0.0, None)


def test_pq_keeps_highlights_apart():
    conversion = from_code_points(CodePoints(9, 16), None)
    assert conversion is not None
    assert conversion.high_range == "PQ"
    codes = np.array([[0, 33298, 38056, 42000, 46000, 49271, 60000]], np.uint16)  # 0, 100, 203, … 1000, 2600 cd/m²
    result = (conversion(codes)[0] / 65535).tolist()
    assert result[0] == 0
    assert result == sorted(result)
    assert result[2] == pytest.approx(0.898, abs=0.005), "reference white, at 160 of 203 cd/m²"
    assert result[2] < result[3] < result[4] < result[5]
    assert result[5:] == pytest.approx([1, 1], abs=1e-4)


def test_peak_of_pq_is_used():
    values = np.array([[49271]], np.uint16)  # 1000 cd/m²
    by_peak = [from_code_points(CodePoints(9, 16), peak) for peak in (100, 1000, 4000)]
    low, usual, high = (int(conversion(values)[0, 0]) for conversion in by_peak if conversion is not None)
    assert low == usual == 65535
    assert high < 64500


def test_hlg_reference_white_agrees_with_pq():
    hlg, pq = (from_code_points(CodePoints(9, transfer), None) for transfer in (18, 16))
    assert hlg is not None
    assert pq is not None
    levels = hlg(np.array([[0, 49151, 65535]], np.uint16))[0] / 65535
    reference = pq(np.array([[38056]], np.uint16))[0, 0] / 65535
    assert levels == pytest.approx([0, reference, 1], abs=0.002)


def test_saturated_hlg_stays_in_range():
    conversion = from_code_points(CodePoints(9, 18), None)
    result = converted(conversion, (255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50))
    assert result[0][0] > 200
    assert result[0][1:] == [0, 0], "relative colorimetric clipping"
    assert result[3] == sorted(result[3], reverse=True)


def test_blocks_do_not_show():
    values = noise(700, 800, 3)
    conversion = from_code_points(CodePoints(9, 16), None)
    assert conversion is not None
    whole = conversion(values)
    np.testing.assert_array_equal(np.concatenate([conversion(values[:333]), conversion(values[333:])]), whole)
    np.testing.assert_array_equal(conversion(values[:, ::-1])[:, ::-1], whole)
