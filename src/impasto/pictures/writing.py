"""Writing pictures."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.pictures import formats
from impasto.pictures.encoders import Extras, encode
from impasto.pictures.files import replace_file, shown
from impasto.pictures.libraries import encoding
from impasto.pictures.picture import PictureWarning
from impasto.pictures.provenance import NO_PROVENANCE, Provenance

_ROWS: Final = 128  # few enough that a block of rows stays in the processor's cache


def write_picture(
    path: str | os.PathLike[str],
    pixels: npt.NDArray[np.floating[Any]],
    *,
    alpha: npt.NDArray[np.floating[Any]] | None = None,
    depth: Literal[8, 16] = 8,
    provenance: Provenance = NO_PROVENANCE,
    record: str | None = None,
    quality: int = 95,
) -> None:
    """Write a picture with an sRGB profile; an existing file is replaced in one step, or not at all.

    Args:
        path: where to; the suffix, one of ``SUFFIXES``, decides on the format.
        pixels: height × width × 3, sRGB-encoded floats; values outside [0, 1] are clipped. Where the picture is
            transparent they are its colours as such, not yet composited over anything.
        alpha: height × width, floats, where 1 is opaque; None for an opaque picture. JPEG has no transparency: there
            the picture is composited over white.
        depth: bits per channel, 8 or, for PNG and TIFF only, 16; values are rounded to the nearest.
        provenance: the original's metadata that is to be kept.
        record: a text, meant to be JSON, that ``read_record`` gives back; None for none.
        quality: of JPEG and WebP, from 1 to 100.

    Raises:
        PictureError: when the format cannot hold the picture, an argument makes no sense, or the file cannot be
            written.

    Warns:
        PictureWarning: when transparency was lost because the format has none.
    """
    path = Path(path)
    where = shown(path)
    kind = formats.writable_format(path, depth)
    _check(pixels, alpha, quality, kind, where)
    if alpha is not None and kind not in formats.TRANSPARENT:
        warnings.warn(
            f"{where} cannot hold transparency, so the picture was put on white; end the name in .png to keep it.",
            PictureWarning,
            stacklevel=2,
        )
    with encoding(where):
        values = _quantised(pixels, alpha, depth, kind in formats.TRANSPARENT)
        data = encode(values, kind, Extras(provenance, record, quality))
    replace_file(path, data)


def _check(pixels: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, quality: int, kind: str, where: str) -> None:
    """Refuse arguments that no picture can be made of."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise PictureError(f"{where} cannot be written from the shape {pixels.shape}; give height × width × 3.")
    if alpha is not None and alpha.shape != pixels.shape[:2]:
        raise PictureError(
            f"{where} cannot be written with an alpha of shape {alpha.shape}; give it as {pixels.shape[:2]}."
        )
    for array in (pixels, alpha):
        if array is not None and array.dtype.kind != "f":
            raise PictureError(f"{where} cannot be written from type {array.dtype}; give floats in [0, 1].")
        # The sum is finite only if every value is, and needs no array of flags.
        if array is not None and not np.isfinite(array.sum(dtype=np.float64)):
            raise PictureError(f"{where} cannot be written from values that are not finite; replace them first.")
    if not 1 <= quality <= 100:
        raise PictureError(f"{where} cannot be written with quality {quality}; choose one from 1 to 100.")
    limit = formats.LONGEST_SIDE.get(kind)
    if limit is not None and max(pixels.shape) > limit:
        raise PictureError(f"{where} cannot have a side longer than {limit} pixels; end the name in .png or .tif.")


def _quantised(
    pixels: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, depth: int, transparent: bool
) -> npt.NDArray[Any]:
    """Integers of a depth, with the alpha as fourth channel where the format is transparent.

    Block by block, so that the floats are never copied as a whole.
    """
    channels = 4 if alpha is not None and transparent else 3
    top = 2**depth - 1
    values = np.empty((*pixels.shape[:2], channels), np.uint8 if depth == 8 else np.uint16)
    for start in range(0, len(pixels), _ROWS):
        rows = slice(start, start + _ROWS)
        block = np.clip(pixels[rows], 0, 1)
        if alpha is not None:
            opacity = np.clip(alpha[rows], 0, 1)[..., np.newaxis]
            if transparent:
                values[rows, :, 3:] = opacity * top + 0.5
            else:
                block = (block - 1) * opacity + 1
        values[rows, :, :3] = block * top + 0.5
    return values
