"""Conversion to sRGB of pictures whose colours are stated by numbers instead of an ICC profile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from impasto.pictures import hdr
from impasto.pictures.colorimetry import (
    PRIMARIES,
    SRGB,
    TRANSFER_FUNCTIONS,
    Chromaticities,
    Floats,
    TransferFunction,
    chromaticities_from,
    encode_srgb,
    matrix_to_srgb,
    power_function,
    rgb_to_xyz,
)
from impasto.pictures.metadata.colour_signals import CodePoints

_UNSPECIFIED: Final = 2  # number of unspecified primaries and transfer functions in ITU-T H.273
_BT709_PRIMARIES, _SRGB_FUNCTION = 1, 13
_BLOCK: Final = 2**16  # pixels converted at once, few enough for the processor's cache
_STEPS: Final = 2**20  # of the table of sRGB's function

_SRGB_GAMMA: Final = 1 / 2.2  # the nearest power to sRGB's function, which the PNG specification gives for gAMA
_GAMMA_TOLERANCE: Final = 0.01
_CHROMATICITY_TOLERANCE: Final = 0.001


class SignalledConversion:
    """A conversion of grey or RGB values to sRGB by transfer function, matrix and clipping.

    Attributes:
        high_range: name of the picture's high-dynamic-range transfer function; None for the standard range.
    """

    def __init__(
        self,
        chromaticities: Chromaticities,
        decode: TransferFunction,
        *,
        compress: Callable[[Floats], Floats] | None = None,
        full_range: bool = True,
        high_range: str | None = None,
    ) -> None:
        """Prepare the conversion.

        Args:
            chromaticities: primaries and white point of the values.
            decode: converts encoded values to light.
            compress: converts decoded RGB, n × 3, to light in [0, 1]; None for the standard range.
            full_range: as in ``CodePoints``.
            high_range: name of the high-dynamic-range transfer function, if any.

        Raises:
            ValueError: the chromaticities are not those of a colour space.
        """
        matrix = matrix_to_srgb(chromaticities)
        self._matrix = None if chromaticities == SRGB else np.ascontiguousarray(matrix.T, np.float32)
        self._tables: dict[np.dtype[Any], npt.NDArray[np.float32]] = {}
        self._decode = decode
        self._compress = compress
        self._full_range = full_range
        self.high_range = high_range

    def __call__(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert values to sRGB.

        Args:
            values: height × width (grey) or × 3 (RGB); uint8 or uint16.

        Returns:
            Values of the same shape and type.
        """
        light = self._light(values.dtype)
        if values.ndim == 2 or (self._matrix is None and self._compress is None):
            table = self._encode(np.repeat(light[:, np.newaxis], 3, axis=1), values.dtype)
            return np.ascontiguousarray(table[:, 1])[values]
        result = np.empty_like(values, order="C")
        flat, converted = values.reshape(-1, 3), result.reshape(-1, 3)
        for start in range(0, len(flat), _BLOCK):
            part = slice(start, start + _BLOCK)
            converted[part] = self._encode(light.take(flat[part]), values.dtype)
        return result

    def _light(self, dtype: np.dtype[Any]) -> npt.NDArray[np.float32]:
        """Return the decoded light of each integer of a type."""
        if dtype not in self._tables:
            self._tables[dtype] = self._decode(self._levels(dtype)).astype(np.float32)
        return self._tables[dtype]

    def _levels(self, dtype: np.dtype[Any]) -> Floats:
        """Return the encoded value in [0, 1] of each integer of a type."""
        top = np.iinfo(dtype).max
        integers = np.arange(top + 1, dtype=np.float64)
        if self._full_range:
            return integers / top
        unit = (top + 1) // 256
        return np.clip((integers - 16 * unit) / (219 * unit), 0, 1)

    def _encode(self, light: npt.NDArray[np.float32], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Convert decoded RGB, n × 3, to integers of a type in sRGB."""
        if self._compress is not None:
            light = self._compress(light.astype(np.float64)).astype(np.float32)
        if self._matrix is not None:
            # The rows sum to 1; in this form greys stay grey despite rounding.
            green = light[:, 1:2]
            light = np.add(green, (light - green) @ self._matrix, dtype=np.float32)
        roots = np.sqrt(np.clip(light, 0, 1))
        return _encoding_table(dtype).take((roots * _STEPS + 0.5).astype(np.int32))


@functools.cache
def _encoding_table(dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return integers of a type in sRGB for evenly spaced square roots of the light, within 0.05 of a 16-bit step."""
    light = (np.arange(_STEPS + 1) / _STEPS) ** 2
    return (encode_srgb(light) * np.iinfo(dtype).max + 0.5).astype(dtype)


def from_code_points(points: CodePoints, peak: float | None) -> SignalledConversion | None:
    """Return the conversion to sRGB from the colours of some code points.

    Unspecified primaries are those of BT.709, and an unspecified transfer function is sRGB's, as in MIAF.

    Args:
        points: the code points.
        peak: highest luminance of a high-dynamic-range picture in cd/m²; None for ``hdr.USUAL_PEAK``.

    Returns:
        The conversion; None if the colours are sRGB already.

    Raises:
        ValueError: a code point is not supported.
    """
    if points.matrix != 0:
        raise ValueError(f"its matrix has the number {points.matrix} instead of 0")
    primaries = _BT709_PRIMARIES if points.primaries == _UNSPECIFIED else points.primaries
    transfer = _SRGB_FUNCTION if points.transfer == _UNSPECIFIED else points.transfer
    if primaries not in PRIMARIES:
        raise ValueError(f"its primaries have the unknown number {primaries}")
    chromaticities, full = PRIMARIES[primaries], points.full_range
    if (chromaticities, transfer, full) == (SRGB, _SRGB_FUNCTION, True):
        return None
    if transfer in TRANSFER_FUNCTIONS:
        return SignalledConversion(chromaticities, TRANSFER_FUNCTIONS[transfer], full_range=full)
    if transfer == hdr.PQ:
        compress = functools.partial(hdr.tone_map, peak=peak or hdr.USUAL_PEAK)
        return SignalledConversion(chromaticities, hdr.decode_pq, compress=compress, full_range=full, high_range="PQ")
    if transfer == hdr.HLG:
        compress = functools.partial(hdr.tone_map_hlg, luminance_weights=rgb_to_xyz(chromaticities)[1])
        return SignalledConversion(chromaticities, hdr.decode_hlg, compress=compress, full_range=full, high_range="HLG")
    raise ValueError(f"its transfer function has the unknown number {transfer}")


def is_unspecified(points: CodePoints) -> bool:
    """Return whether code points state neither primaries nor a transfer function."""
    return points.primaries == points.transfer == _UNSPECIFIED


def from_gamma(gamma: float, chromaticities: tuple[float, ...] | None) -> SignalledConversion | None:
    """Return the conversion to sRGB from the colours of a PNG file's gAMA and cHRM chunks.

    Args:
        gamma: encoding exponent. 1/2.2 with the primaries of sRGB means sRGB itself, as the PNG specification says.
        chromaticities: x and y of white, red, green and blue; None for those of sRGB.

    Returns:
        The conversion; None if the colours are sRGB already.

    Raises:
        ValueError: the gamma is not positive, or the chromaticities are not those of a colour space.
    """
    if not gamma > 0:
        raise ValueError("its gamma is 0")
    given = SRGB if chromaticities is None else chromaticities_from(chromaticities)
    if np.abs(np.subtract(given, SRGB)).max() < _CHROMATICITY_TOLERANCE:
        given = SRGB
    srgb_curve = given == SRGB and abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_TOLERANCE
    return None if srgb_curve else SignalledConversion(given, power_function(1 / gamma))
