"""Decoding of Netpbm files (PBM, PGM, PPM) at their full depth, and of PFM files."""

from __future__ import annotations

import re
import warnings
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from impasto.pictures.codecs.backends import decoding_errors
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size
from impasto.pictures.codecs.vips_decoder import IntegerConverter
from impasto.pictures.metadata.provenance import NO_PROVENANCE
from impasto.pictures.picture import PictureWarning

_GAP: Final = rb"(?:\s|#[^\r\n]*[\r\n])+"  # white space and comments
_HEADER: Final = re.compile(rb"P([1-6Ff])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})")
_MAXIMUM: Final = re.compile(_GAP + rb"(\d{1,9})")
_SCALE: Final = re.compile(rb"\s+([-+0-9.eE]{1,40})")
_COMMENT: Final = re.compile(rb"#[^\r\n]*")
_NUMBERS: Final = re.compile(rb"[\d\s]*")
_NEXT: Final = re.compile(rb"\s*P[1-6Ff]\s")
_LONGEST_HEADER: Final = 2**16  # bytes


def decode_pnm(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> DecodedImage:
    """Decode the first picture of a file.

    Args:
        file: open file, at its start.
        file_format: not used; every decoder receives it.
        max_pixels: pixel limit; checked before decoding.
        label: the picture's name in messages.

    Returns:
        The values as uint8 if the file's greatest value is at most 255, otherwise as uint16; taken as sRGB.

    Raises:
        PictureError: the file is too large, damaged or cut short.

    Warns:
        PictureWarning: floating-point values were clipped, or the file has further pictures.
    """
    with decoding_errors(label):
        head = file.read(_LONGEST_HEADER)
        found = _HEADER.match(head)
        if found is None:
            raise ValueError("its header is damaged")
    kind, width, height = found[1].decode(), int(found[2]), int(found[3])
    check_size(width, height, max_pixels, label)
    with decoding_errors(label):
        if kind in "Ff":
            values, end = _floats(file, head, found.end(), (height, width, 3 if kind == "F" else 1))
        elif kind in "14":
            values, end = _bits(file, found.end(), (height, width), plain=kind == "1")
        else:
            shape = height, width, 3 if kind in "36" else 1
            values, end = _integers(file, head, found.end(), shape, plain=kind in "23")
        file.seek(end)
        further = _NEXT.match(file.read(16)) is not None
    integers = IntegerConverter(label)
    colour = integers.convert(values)
    integers.warn_if_clipped()
    if further:
        warnings.warn(f"{label} has several pictures; only the first was read.", PictureWarning, stacklevel=2)
    return DecodedImage(colour, None, NO_PROVENANCE)


def _bits(file: BinaryIO, start: int, shape: tuple[int, int], *, plain: bool) -> tuple[npt.NDArray[Any], int]:
    height, width = shape
    if plain:
        file.seek(start)
        digits = b"".join(_COMMENT.sub(b"", file.read()).split())[: height * width]
        bits, end = np.frombuffer(digits, np.uint8) - ord("0"), file.tell()
        if bits.size < height * width or bits.max() > 1:
            raise ValueError("its pixels are cut short or damaged")
    else:
        packed, end = _raster(file, start + 1, (height, (width + 7) // 8), np.dtype("u1"))
        bits = np.unpackbits(packed, axis=1)[:, :width]
    return (1 - bits.reshape(height, width)) * np.uint8(255), end


def _integers(
    file: BinaryIO, head: bytes, start: int, shape: tuple[int, int, int], *, plain: bool
) -> tuple[npt.NDArray[Any], int]:
    found = _MAXIMUM.match(head, start)
    if found is None or not 1 <= int(found[1]) <= 65535:
        raise ValueError("its greatest value is missing or not in 1 to 65535")
    maximum = int(found[1])
    if plain:
        file.seek(found.end())
        numbers = _NUMBERS.match(_COMMENT.sub(b"", file.read()))
        end = file.tell()
        values = np.fromstring(numbers[0].decode() if numbers else "", np.int64, sep=" ")[: np.prod(shape)]
        if values.size < np.prod(shape):
            raise ValueError("its pixels are cut short or damaged")
        values = values.reshape(shape)
    else:
        values, end = _raster(file, found.end() + 1, shape, np.dtype("u1" if maximum < 256 else ">u2"))
    if values.max() > maximum:
        raise ValueError(f"it has values above its greatest, {maximum}")
    return _scaled(values, maximum), end


def _scaled(values: npt.NDArray[Any], maximum: int) -> npt.NDArray[Any]:
    """Scale values to the full range of 8 or 16 bits, rounded to the nearest."""
    dtype, top = (np.uint8, 255) if maximum < 256 else (np.uint16, 65535)
    if maximum == top:
        return values.astype(dtype)
    return ((values.astype(np.uint32) * top + maximum // 2) // maximum).astype(dtype)


def _floats(
    file: BinaryIO, head: bytes, start: int, shape: tuple[int, int, int]
) -> tuple[npt.NDArray[np.float32], int]:
    """Read the rows, which a PFM file stores from bottom to top; the sign of its scale tells the byte order."""
    found = _SCALE.match(head, start)
    if found is None:
        raise ValueError("its scale is missing")
    order = "<" if float(found[1]) < 0 else ">"
    values, end = _raster(file, found.end() + 1, shape, np.dtype(order + "f4"))
    return values[::-1].astype(np.float32), end


def _raster(file: BinaryIO, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], int]:
    """Read binary values after the single white space that ends the header; return them and their end."""
    length = int(np.prod(shape)) * dtype.itemsize
    file.seek(start)
    data = file.read(length)
    if len(data) < length:
        raise ValueError("its pixels are cut short")
    return np.frombuffer(data, dtype).reshape(shape), start + length
