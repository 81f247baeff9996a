from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from impasto.pictures import colorimetry
from impasto.pictures.colorimetry import PRIMARIES, SRGB, TRANSFER_FUNCTIONS, Chromaticities, matrix_to_srgb

PUBLISHED_MATRICES = {
    1: np.eye(3),
    6: [[0.9395, 0.0502, 0.0103], [0.0178, 0.9658, 0.0164], [-0.0016, -0.0044, 1.0060]],  # SMPTE 170M
    9: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],  # BT.2407
    12: [[1.22494, -0.22494, 0.0], [-0.04206, 1.04206, 0.0], [-0.01964, -0.07864, 1.09827]],  # Display P3
}

unit = st.floats(0, 1)
points = st.tuples(unit, unit)


@pytest.mark.parametrize("number", PUBLISHED_MATRICES)
def test_matrix_to_srgb_equals_published(number):
    np.testing.assert_allclose(matrix_to_srgb(PRIMARIES[number]), PUBLISHED_MATRICES[number], atol=1.1e-4)


def test_rgb_to_xyz_equals_published_srgb_matrix():
    published = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    np.testing.assert_allclose(colorimetry.rgb_to_xyz(SRGB), published, atol=1e-4)


def test_xyz_primaries_are_adapted_from_equal_energy():
    # Bradford's matrix from E to D65 and the inverse of sRGB's, both as published by Lindbloom.
    adaptation = [
        [0.9531874, -0.0265906, 0.0238731],
        [-0.0382467, 1.0288406, 0.0094060],
        [0.0026068, -0.0030332, 1.0892565],
    ]
    from_xyz = [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
    np.testing.assert_allclose(matrix_to_srgb(PRIMARIES[10]), np.array(from_xyz) @ adaptation, atol=2e-3)


@pytest.mark.parametrize("number", PRIMARIES)
def test_white_becomes_white(number):
    np.testing.assert_allclose(matrix_to_srgb(PRIMARIES[number]) @ np.ones(3), np.ones(3), atol=1e-12)


@given(points, points, points, points)
def test_any_primaries_give_finite_matrix_or_error(white, red, green, blue):
    matrix = None
    with suppress(ValueError):
        matrix = matrix_to_srgb(Chromaticities(white, red, green, blue))
    if matrix is not None:
        assert np.isfinite(matrix).all()
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-9 * np.abs(matrix).max())


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.tuples(*[st.floats(0.02, 1)] * 3), points, points, points)
def test_white_inside_triangle_is_accepted(weights, red, green, blue):
    primaries = np.array([red, green, blue])
    corners = np.array([*zip(*primaries.T, 1 - primaries.sum(axis=1), strict=True)])
    assume(abs(np.linalg.det(corners)) > 2e-4)
    white = (np.array(weights) / sum(weights)) @ primaries
    assume(np.abs(white - 0.33).max() < 0.1)
    assert np.isfinite(matrix_to_srgb(Chromaticities(tuple(white), red, green, blue))).all()


@pytest.mark.parametrize(
    "chromaticities",
    [
        Chromaticities((0.31, 0.33), (0.64, 0.33), (0.64, 0.33), (0.15, 0.06)),  # red is green
        Chromaticities((0.31, 0.33), (0.2, 0.2), (0.4, 0.4), (0.6, 0.6)),  # on a line
        Chromaticities((0.7, 0.3), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),  # white outside
        Chromaticities((0.3, 0.0), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),  # white without luminance
        Chromaticities((0.31, 0.33), (40_000.0, 0.33), (0.30, 0.60), (0.15, 0.06)),
        Chromaticities((0.31, 0.33), (np.nan, 0.33), (0.30, 0.60), (0.15, 0.06)),
    ],
)
def test_impossible_chromaticities_are_refused(chromaticities):
    with pytest.raises(ValueError, match="its "):
        matrix_to_srgb(chromaticities)


def test_encode_srgb_inverts_decode_srgb():
    values = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(colorimetry.encode_srgb(colorimetry.decode_srgb(values)), values, atol=2e-5)
    assert colorimetry.encode_srgb(np.array([0.0, 1.0])) == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize(
    ("number", "value", "light"),
    [
        (1, 0.5, 0.2597), (1, 0.045, 0.01), (4, 0.5, 0.2176), (5, 0.5, 0.1436), (6, 0.5, 0.2597), (7, 0.5, 0.2651),
        (7, 0.04, 0.01), (8, 0.5, 0.5), (9, 0.5, 0.1), (9, 0.0, 0.0), (10, 0.6, 0.1), (10, 0.0, 0.0), (11, 0.5, 0.2597),
        (12, 0.5, 0.2597), (13, 0.5, 0.2140), (14, 0.5, 0.2597), (15, 0.5, 0.2597), (17, 0.5, 0.17995),
    ],
)  # fmt: skip
def test_transfer_function_gives_value_of_definition(number, value, light):
    assert TRANSFER_FUNCTIONS[number](np.array([value]))[0] == pytest.approx(light, abs=5e-5)


@pytest.mark.parametrize("number", TRANSFER_FUNCTIONS)
def test_transfer_function_increases_from_black_to_white(number):
    light = TRANSFER_FUNCTIONS[number](np.linspace(0, 1, 4097))
    assert light[0] == pytest.approx(0, abs=1e-12)
    assert light[-1] == pytest.approx(52.37 / 48 if number == 17 else 1)
    assert (np.diff(light) > 0).all()
