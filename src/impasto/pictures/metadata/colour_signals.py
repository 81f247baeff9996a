"""Colour signals: the ways in which files state what their values mean as colours."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from impasto.pictures.metadata import heif_boxes, png_chunks

_CHROMATICITY_UNIT: Final = 1e-5
_LUMINANCE_UNIT: Final = 1e-4
_CHUNKS: Final = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"cLLI": 8, b"mDCV": 24}
"""Length of each PNG chunk that is a colour signal."""


@dataclass(frozen=True)
class CodePoints:
    """Code points of ITU-T H.273 for the coding of colours.

    Attributes:
        primaries: number of the primaries and white point (ColourPrimaries).
        transfer: number of the transfer function (TransferCharacteristics).
        matrix: number of the conversion from YUV (MatrixCoefficients); 0 for RGB.
        full_range: whether values use the whole range of their type, instead of 16 to 235 of 255.
    """

    primaries: int
    transfer: int
    matrix: int = 0
    full_range: bool = True


@dataclass(frozen=True)
class ColourSignals:
    """The colour signals of one picture; all are optional.

    The first that is present and usable counts, in the order of the attributes; without any, colours are sRGB. This is
    the order of the PNG specification (third edition, section 4.3: cICP, iCCP, sRGB, gAMA with cHRM) and of MIAF
    (ISO/IEC 23000-22) for AVIF and HEIC, in which an ICC profile takes precedence over nclx. No format has both cICP
    and nclx.

    Attributes:
        cicp: code points in a PNG file's cICP chunk.
        icc: ICC profile, in any format.
        nclx: code points in the container of an AVIF or HEIC file. The decoder has already applied matrix and range.
        srgb: whether a PNG file has an sRGB chunk.
        gamma: encoding exponent in a PNG file's gAMA chunk; values are the light to this power.
        chromaticities: x and y of white, red, green and blue in a PNG file's cHRM chunk; used with ``gamma`` only.
        peak: highest luminance of a high-dynamic-range picture in cd/m².
    """

    cicp: CodePoints | None = None
    icc: bytes | None = None
    nclx: CodePoints | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    peak: float | None = None


NO_SIGNALS: Final = ColourSignals()
"""Signals of a picture that states nothing: its colours are sRGB."""


def read_signals(file: BinaryIO, file_format: str) -> ColourSignals:
    """Read the colour signals of a file that Pillow does not return; only these, so not its ICC profile.

    Args:
        file: open file; its position changes.
        file_format: format that ``formats.sniff`` recognised.
    """
    if file_format == "PNG":
        return _png_signals(png_chunks.find_before_pixels(file, _CHUNKS))
    if file_format in ("AVIF", "HEIF"):
        return _heif_signals(heif_boxes.primary_properties(file))
    return NO_SIGNALS


def signals_from_info(info: Mapping[Any, Any]) -> ColourSignals:
    """Return the colour signals in Pillow's ``Image.info``, which does not hold a PNG file's cICP chunk."""
    nclx = info.get("nclx_profile")
    return ColourSignals(
        icc=info.get("icc_profile"),
        nclx=CodePoints(nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None,
        srgb="srgb" in info,
        gamma=info.get("gamma"),
        chromaticities=info.get("chromaticity"),
    )


def _png_signals(chunks: Mapping[bytes, bytes]) -> ColourSignals:
    cicp, gamma, chromaticities = (chunks.get(kind) for kind in (b"cICP", b"gAMA", b"cHRM"))
    content, mastering = chunks.get(b"cLLI", bytes(8)), chunks.get(b"mDCV", bytes(24))
    return ColourSignals(
        cicp=CodePoints(cicp[0], cicp[1], cicp[2], cicp[3] != 0) if cicp else None,
        srgb=b"sRGB" in chunks,
        gamma=_numbers(gamma)[0] * _CHROMATICITY_UNIT if gamma else None,
        chromaticities=tuple(n * _CHROMATICITY_UNIT for n in _numbers(chromaticities)) if chromaticities else None,
        peak=_peak(_numbers(content)[0] * _LUMINANCE_UNIT, _numbers(mastering[16:])[0] * _LUMINANCE_UNIT),
    )


def _numbers(data: bytes) -> tuple[int, ...]:
    """Return big-endian numbers of 32 bits."""
    return struct.unpack(f">{len(data) // 4}L", data)


def _heif_signals(properties: list[tuple[bytes, bytes]]) -> ColourSignals:
    nclx = next((data[4:] for kind, data in properties if kind == b"colr" and data[:4] == b"nclx"), b"")
    content = next((data for kind, data in properties if kind == b"clli"), b"").ljust(4, b"\0")
    mastering = next((data for kind, data in properties if kind == b"mdcv"), b"").ljust(24, b"\0")
    return ColourSignals(
        nclx=CodePoints(*struct.unpack_from(">HH", nclx)) if len(nclx) >= 4 else None,
        peak=_peak(int.from_bytes(content[:2]), int.from_bytes(mastering[16:20]) * _LUMINANCE_UNIT),
    )


def _peak(content: float, mastering: float) -> float | None:
    """Return the luminance of the brightest pixel, or else that of the mastering display; 0 means unknown."""
    return content or mastering or None
