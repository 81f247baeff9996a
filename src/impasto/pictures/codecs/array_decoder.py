"""Conversion of NumPy arrays to decoded images, with checks of their values."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size
from impasto.pictures.metadata.provenance import NO_PROVENANCE

_LABEL: Final = "The array"


def decode_array(array: npt.NDArray[Any], max_pixels: int) -> DecodedImage:
    """Check an array and return its values unchanged.

    Args:
        array: height × width, × 1, × 3 or × 4 (RGB and alpha); uint8, uint16, or floats in [0, 1].
        max_pixels: pixel limit.

    Raises:
        PictureError: the shape, type or values are not supported.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PictureError(
            f"{_LABEL} has the shape {array.shape}; give it as height × width, or height × width × 1, 3 or 4."
        )
    check_size(array.shape[1], array.shape[0], max_pixels, _LABEL)
    if array.dtype.kind != "f" and array.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise PictureError(f"{_LABEL} is of type {array.dtype}; give it as uint8, uint16 or floats in [0, 1].")
    if array.dtype.kind == "f":
        check_floats(array, _LABEL)
    if array.ndim == 3 and array.shape[2] == 4:
        return DecodedImage(array[..., :3], array[..., 3], NO_PROVENANCE)
    return DecodedImage(array, None, NO_PROVENANCE)


def check_floats(values: npt.NDArray[Any], label: str) -> None:
    """Refuse floats outside [0, 1].

    Args:
        values: array of floats with at least one value.
        label: the picture's name in the message.

    Raises:
        PictureError: a value is not finite or not in [0, 1].
    """
    # An array that contains nan has nan as its extremes, so no array of flags is needed.
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PictureError(f"{label} has values that are infinite or not numbers (nan); replace them first.")
    if low < 0 or high > 1:
        raise PictureError(f"{label} has values from {low:.6g} to {high:.6g}; scale them to [0, 1] first.")


def narrow_to_uint16(values: npt.NDArray[Any], label: str) -> npt.NDArray[np.uint16]:
    """Convert integers of any type to uint16, the range of Pillow's mode "I".

    Args:
        values: array of integers with at least one value.
        label: the picture's name in the message.

    Raises:
        PictureError: a value is not in 0 to 65535.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(f"{label} has whole numbers from {low} to {high}; scale them to 0 to 65535 first.")
    return values.astype(np.uint16)


def hash_array(array: npt.NDArray[Any]) -> str:
    """Return the hexadecimal SHA-256 of an array's shape, type and bytes in C order."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
