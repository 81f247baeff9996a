"""Colorimetry: primaries, white points and transfer functions, and the matrices between linear RGB colour spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

TransferFunction: TypeAlias = Callable[[Floats], Floats]
"""Converts encoded values in [0, 1] to light; 1 is white."""

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_E: Final = (1 / 3, 1 / 3)
_DCI: Final = (0.314, 0.351)


class Chromaticities(NamedTuple):
    """CIE 1931 x and y of a colour space's white point and primaries."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


SRGB: Final = Chromaticities(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))

_SMPTE_170M: Final = Chromaticities(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))

PRIMARIES: Final = {
    1: SRGB,  # BT.709
    4: Chromaticities(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),  # BT.470 System M
    5: Chromaticities(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),  # BT.470 System B, G
    6: _SMPTE_170M,  # BT.601
    7: _SMPTE_170M,  # SMPTE 240M
    8: Chromaticities(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),  # film
    9: Chromaticities(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    10: Chromaticities(_E, (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),  # SMPTE ST 428-1: CIE XYZ
    11: Chromaticities(_DCI, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # SMPTE RP 431-2: DCI-P3
    12: Chromaticities(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # SMPTE EG 432-1: Display P3
    22: Chromaticities(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),  # EBU Tech. 3213-E
}
"""Primaries of each supported number of ITU-T H.273, table 2."""

_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SMALLEST_WHITE_Y: Final = 0.01  # that of daylight is 0.33
_SMALLEST_DETERMINANT: Final = 1e-4  # that of sRGB's primaries is 0.1


def rgb_to_xyz(chromaticities: Chromaticities) -> Floats:
    """Return the matrix from linear RGB to CIE XYZ; white, (1, 1, 1), has Y = 1.

    Raises:
        ValueError: a chromaticity is not in [0, 1], the primaries lie on a line, or the white point is not inside
            their triangle.
    """
    if not all(0 <= number <= 1 for point in chromaticities for number in point):
        raise ValueError("its chromaticities are not between 0 and 1")
    primaries = np.array([_xyz(point) for point in chromaticities[1:]]).T
    if abs(np.linalg.det(primaries)) < _SMALLEST_DETERMINANT:
        raise ValueError("its primaries do not span a triangle")
    scale = np.linalg.solve(primaries, _white(chromaticities))
    if not (scale > 0).all():
        raise ValueError("its white point is not inside the triangle of its primaries")
    return primaries * scale


def matrix_to_srgb(chromaticities: Chromaticities) -> Floats:
    """Return the matrix from linear RGB to linear sRGB, with Bradford's adaptation from white point to white point.

    Each row sums to 1, so that greys stay grey.

    Raises:
        ValueError: the chromaticities are not those of a colour space, as in ``rgb_to_xyz``.
    """
    to_xyz = rgb_to_xyz(chromaticities)
    cones, srgb_cones = _BRADFORD @ _white(chromaticities), _BRADFORD @ _white(SRGB)
    if not (cones > 0).all():
        raise ValueError("its white point is not a colour near white")
    adaptation = np.linalg.solve(_BRADFORD, (srgb_cones / cones)[:, np.newaxis] * _BRADFORD)
    matrix = np.linalg.solve(rgb_to_xyz(SRGB), adaptation @ to_xyz)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _xyz(point: tuple[float, float]) -> list[float]:
    return [point[0], point[1], 1 - point[0] - point[1]]


def _white(chromaticities: Chromaticities) -> Floats:
    x, y = chromaticities.white
    if not y > _SMALLEST_WHITE_Y:
        raise ValueError("its white point is not a colour near white")
    return np.array(_xyz((x, y))) / y


def encode_srgb(light: Floats) -> Floats:
    """Convert linear values in [0, 1] to sRGB-encoded values, by the function of IEC 61966-2-1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def decode_srgb(values: Floats) -> Floats:
    """Convert sRGB-encoded values in [0, 1] to linear values, by the function of IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def power_function(exponent: float) -> TransferFunction:
    """Return the transfer function that raises values to an exponent."""
    return lambda values: values**exponent


def _camera_function(slope: float, offset: float, threshold: float) -> TransferFunction:
    """Return the inverse of a camera's function: linear up to a threshold of the light, then a power of 0.45."""

    def decode(values: Floats) -> Floats:
        return np.where(values < slope * threshold, values / slope, ((values + offset) / (1 + offset)) ** (1 / 0.45))

    return decode


def _log_function(decades: float) -> TransferFunction:
    """Return the inverse of a logarithm over some decades; 0 is black."""
    return lambda values: np.where(values > 0, 10.0 ** (decades * (values - 1)), 0.0)


_BT709: Final = _camera_function(4.5, 0.09929682680944, 0.018053968510807)

TRANSFER_FUNCTIONS: Final[dict[int, TransferFunction]] = {
    1: _BT709,
    4: power_function(2.2),
    5: power_function(2.8),
    6: _BT709,  # BT.601
    7: _camera_function(4.0, 0.111572195921731, 0.022821585529445),  # SMPTE 240M
    8: power_function(1.0),
    9: _log_function(2.0),
    10: _log_function(2.5),
    11: _BT709,  # IEC 61966-2-4, which differs for negative values only
    12: _BT709,  # BT.1361, likewise
    13: decode_srgb,
    14: _BT709,  # BT.2020 with 10 bits
    15: _BT709,  # BT.2020 with 12 bits
    17: lambda values: values**2.6 * (52.37 / 48),  # SMPTE ST 428-1
}
"""Transfer function of each supported number of ITU-T H.273, table 3, without those of high dynamic range.

The numbers 1, 6, 14 and 15 have the inverse of the camera's function, as in Firefox and in ICC profiles for BT.709.
"""


def chromaticities_from(values: tuple[Any, ...]) -> Chromaticities:
    """Return chromaticities from x and y of white, red, green and blue."""
    pairs = [(float(x), float(y)) for x, y in zip(values[::2], values[1::2], strict=True)]
    return Chromaticities(*pairs)
