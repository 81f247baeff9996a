"""The result of a decoder, and its conversion to a picture of floats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.pictures.metadata.provenance import Provenance
from impasto.pictures.picture import Picture
from impasto.pictures.transparency import composite_over_white

STRIP_FACTOR: Final = 100
"""Factor by which the pixel limit is higher for a picture that is shrunk strip by strip; it bounds the time."""


@dataclass(frozen=True)
class DecodedImage:
    """Decoded values, already upright and in sRGB.

    Attributes:
        colour: height × width or height × width × 3; uint8, uint16, or floats in [0, 1].
        alpha: height × width, of one of the same types; None for none.
        provenance: metadata to keep.
    """

    colour: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    provenance: Provenance


def to_picture(decoded: DecodedImage, path: Path | None, sha256: str) -> Picture:
    """Convert decoded values to a picture: floats, composited over white.

    Args:
        decoded: the values.
        path: absolute path of the source; None for arrays and PIL images.
        sha256: hash of the source.
    """
    colour = decoded.colour if decoded.colour.ndim == 3 else decoded.colour[..., np.newaxis]
    pixels = np.empty((*colour.shape[:2], 3), np.float32)
    to_floats(colour, out=pixels)
    alpha = None
    if decoded.alpha is not None and decoded.alpha.min() < full_value(decoded.alpha):
        alpha = np.empty(decoded.alpha.shape, np.float32)
        to_floats(decoded.alpha, out=alpha)
        composite_over_white(pixels, alpha)
    return Picture(
        pixels=pixels,
        alpha=alpha,
        depth=8 if decoded.colour.dtype == np.uint8 else 16,
        provenance=decoded.provenance,
        path=path,
        sha256=sha256,
    )


def check_size(width: int, height: int, max_pixels: int, label: str, *, in_strips: bool = False) -> None:
    """Refuse a picture with too many pixels before allocating memory for it.

    Args:
        width: width in pixels.
        height: height in pixels.
        max_pixels: pixel limit.
        label: the picture's name in the message.
        in_strips: the picture is shrunk during reading; the limit is then ``STRIP_FACTOR`` times higher.

    Raises:
        PictureError: the picture exceeds the limit or has no pixels.
    """
    if width < 1 or height < 1:
        raise PictureError(f"{label} has no pixels ({width} × {height}); use a picture of at least 1 × 1.")
    factor, mode = (STRIP_FACTOR, "in strips") if in_strips else (1, "whole")
    if width * height > factor * max_pixels:
        raise PictureError(
            f"{label} has {width} × {height} = {width * height:,} pixels, more than the limit of "
            f"{factor * max_pixels:,} for pictures that are read {mode}; "
            f"make it smaller, or raise the limit with max_pixels={-(-width * height // factor)}."
        )


def to_floats(values: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
    """Convert values of any type in ``DecodedImage`` to floats in [0, 1]."""
    np.divide(values, np.float32(full_value(values)), out=out, dtype=np.float32, casting="same_kind")


def full_value(values: npt.NDArray[Any]) -> int:
    """Return the value of an array's type that represents 1."""
    return 1 if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)
