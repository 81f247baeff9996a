"""A picture's values between decoding and the floats that the painter works on."""

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

IN_STRIPS: Final = 100
"""How many times more pixels a picture may have that is shrunk strip by strip while it is read: a guard of time."""


@dataclass(frozen=True)
class Decoded:
    """Values as a decoder hands them over, already upright and in sRGB.

    Attributes:
        colour: height × width or height × width × 3, of type uint8, uint16, or floating with values in [0, 1].
        alpha: height × width, of a type in the same list; None for none.
        provenance: the metadata worth keeping.
    """

    colour: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    provenance: Provenance


def finished(decoded: Decoded, path: Path | None, sha256: str) -> Picture:
    """Turn decoded values into a picture: floats, composited over white.

    Args:
        decoded: the values.
        path: where they were read from, absolute; None for values out of memory.
        sha256: their digest.
    """
    colour = decoded.colour if decoded.colour.ndim == 3 else decoded.colour[..., np.newaxis]
    pixels = np.empty((*colour.shape[:2], 3), np.float32)
    to_floats(colour, out=pixels)
    alpha = None
    if decoded.alpha is not None and decoded.alpha.min() < top(decoded.alpha):
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


def check_size(width: int, height: int, max_pixels: int, where: str, *, in_strips: bool = False) -> None:
    """Refuse a picture of too many pixels, before any memory is spent on them.

    Args:
        width: in pixels.
        height: in pixels.
        max_pixels: how many are allowed.
        where: the picture, as the sentence names it.
        in_strips: whether it is shrunk while it is read; it may then have ``IN_STRIPS`` times as many.

    Raises:
        PictureError: when there are more, or none at all.
    """
    if width < 1 or height < 1:
        raise PictureError(f"{where} has no pixels ({width} × {height}); use a picture of at least 1 × 1.")
    factor, how = (IN_STRIPS, "in strips") if in_strips else (1, "whole")
    if width * height > factor * max_pixels:
        raise PictureError(
            f"{where} has {width} × {height} = {width * height:,} pixels, more than the limit of "
            f"{factor * max_pixels:,} for pictures that are read {how}; "
            f"make it smaller, or set max_pixels to at least {-(-width * height // factor)}."
        )


def to_floats(values: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
    """Values of any type that ``Decoded`` holds as floats in [0, 1]."""
    np.divide(values, np.float32(top(values)), out=out, dtype=np.float32, casting="same_kind")


def top(values: npt.NDArray[Any]) -> int:
    """The value that stands for 1."""
    return 1 if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)
