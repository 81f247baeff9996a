"""Writing pictures to files."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.files import replacing, shown
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.backends import encoding_errors
from impasto.pictures.codecs.encoding import Extras, encode
from impasto.pictures.metadata.provenance import NO_PROVENANCE, Provenance
from impasto.pictures.picture import PictureWarning
from impasto.pictures.progress import ProgressCallback, ignore_progress

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
    on_progress: ProgressCallback | None = None,
) -> None:
    """Write a picture with an sRGB profile; an existing file is replaced atomically.

    TIFF files of more than 16 megapixels have tiles, and those of more than 4 GB are BigTIFF files.

    Args:
        path: file to write; the suffix, one of ``SUFFIXES``, selects the format.
        pixels: height × width × 3, sRGB-encoded floats; values outside [0, 1] are clipped. For a transparent picture
            these are its own colours, not yet composited over anything.
        alpha: height × width, floats, 1 is opaque; None for an opaque picture. JPEG does not support transparency:
            the picture is composited over white.
        depth: bits per channel, 8 or, for PNG and TIFF only, 16; values are rounded to the nearest.
        provenance: metadata of the original to keep.
        record: text, usually JSON, that ``read_record`` returns; None for none.
        quality: quality of JPEG and WebP, from 1 to 100.
        on_progress: receives the share that is written, 0 first and 1 last. Files that libvips encodes (TIFF, and PNG
            of 16 bits or more than 16 megapixels) report shares in between.

    Raises:
        PictureError: the format does not support the picture, an argument is not valid, or the file cannot be
            written.

    Warns:
        PictureWarning: transparency was lost because the format does not support it.
    """
    path = Path(path)
    label = shown(path)
    file_format = formats.writable_format(path, depth)
    _check(pixels, alpha, quality, file_format, label)
    if alpha is not None and file_format not in formats.TRANSPARENT:
        warnings.warn(
            f"{label} cannot hold transparency, so the picture was put on white; end the name in .png to keep it.",
            PictureWarning,
            stacklevel=2,
        )
    report = on_progress or ignore_progress
    report(0.0)
    with encoding_errors(label):
        values = _quantise(pixels, alpha, depth, transparent=alpha is not None and file_format in formats.TRANSPARENT)
    parts = encode(values, file_format, Extras(provenance, record, quality), label, report)
    with replacing(path) as file:
        file.writelines(parts)
    report(1.0)


def _check(
    pixels: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, quality: int, file_format: str, label: str
) -> None:
    """Refuse arguments that do not make a picture."""
    shape = pixels.shape
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        raise PictureError(f"{label} cannot be written from the shape {shape}; give height × width × 3.")
    if alpha is not None and alpha.shape != shape[:2]:
        raise PictureError(f"{label} cannot be written with an alpha of shape {alpha.shape}; give it as {shape[:2]}.")
    if not 1 <= quality <= 100:
        raise PictureError(f"{label} cannot be written with quality {quality}; choose one from 1 to 100.")
    formats.check_sides(file_format, *shape[:2], label)
    _check_values(pixels, label)
    if alpha is not None:
        _check_values(alpha, label)


def _check_values(array: npt.NDArray[Any], label: str) -> None:
    """Refuse values that are not finite floats."""
    if array.dtype.kind != "f":
        raise PictureError(f"{label} cannot be written from type {array.dtype}; give floats in [0, 1].")
    # The sum is finite only if every value is, and it needs no array of flags.
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise PictureError(f"{label} cannot be written from values that are not finite; replace them first.")


def _quantise(
    pixels: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, depth: int, transparent: bool
) -> npt.NDArray[Any]:
    """Round a picture to integers, block by block, so that its floats are never copied as a whole.

    Returns:
        Height × width × 3, or × 4 with alpha as the last channel if ``transparent``; uint8 or uint16. Otherwise a
        picture with alpha is composited over white.
    """
    top = 2**depth - 1
    values = np.empty((*pixels.shape[:2], 4 if transparent else 3), np.uint8 if depth == 8 else np.uint16)
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
