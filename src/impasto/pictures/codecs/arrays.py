"""Pictures out of NumPy arrays."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.pictures.codecs.decoded import Decoded, check_size
from impasto.pictures.metadata.provenance import Provenance

_WHERE: Final = "The array"


def decode_array(array: npt.NDArray[Any], max_pixels: int) -> Decoded:
    """Take an array as a picture.

    Args:
        array: height × width, × 1, × 3 or × 4 (RGB and alpha); uint8, uint16, or floats in [0, 1].
        max_pixels: how many pixels are allowed.

    Returns:
        The values, unchanged.

    Raises:
        PictureError: for any other shape, type or value.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PictureError(
            f"{_WHERE} has the shape {array.shape}; give it as height × width, or height × width × 1, 3 or 4."
        )
    check_size(array.shape[1], array.shape[0], max_pixels, _WHERE)
    if array.dtype.kind != "f" and array.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise PictureError(f"{_WHERE} is of type {array.dtype}; give it as uint8, uint16 or floats in [0, 1].")
    if array.dtype.kind == "f":
        check_floats(array, _WHERE)
    if array.ndim == 3 and array.shape[2] == 4:
        return Decoded(array[..., :3], array[..., 3], Provenance())
    return Decoded(array, None, Provenance())


def check_floats(values: npt.NDArray[Any], where: str) -> None:
    """Make sure that floats are numbers from 0 to 1.

    Args:
        values: any array of floats with at least one value.
        where: the picture, as the sentence names it.

    Raises:
        PictureError: when a value is not finite or not in [0, 1].
    """
    # The extremes of an array that holds nan are nan, so this needs no array of flags.
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PictureError(f"{where} has values that are infinite or not numbers (nan); replace them first.")
    if low < 0 or high > 1:
        raise PictureError(f"{where} has values from {low:.6g} to {high:.6g}; scale them to [0, 1] first.")


def narrowed(values: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint16]:
    """Integers of any type as the 16-bit values that they stand for, as in Pillow's mode "I".

    Args:
        values: any array of integers with at least one value.
        where: the picture, as the sentence names it.

    Raises:
        PictureError: when a value is not in 0 to 65535.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(f"{where} has whole numbers from {low} to {high}; scale them to 0 to 65535 first.")
    return values.astype(np.uint16)


def digest_of(array: npt.NDArray[Any]) -> str:
    """The hexadecimal SHA-256 of an array's shape, type and bytes in C order."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
