"""Writing pictures."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.files import Progress, replace_file, replacing, shown, tell_nobody
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.libraries import encoding
from impasto.pictures.codecs.reducing import WHOLE
from impasto.pictures.codecs.strips import STREAMED, Outline, encode_strips
from impasto.pictures.codecs.whole import Extras, encode
from impasto.pictures.metadata.provenance import NO_PROVENANCE, Provenance
from impasto.pictures.picture import PictureWarning

_ROWS: Final = 128  # few enough that a block of rows stays in the processor's cache


@dataclass(frozen=True)
class Strips:
    """A picture that comes in strips, so that it need never be in memory as a whole.

    Attributes:
        height: in pixels.
        width: in pixels.
        rows: the strips from top to bottom, each any number of rows × width × 3, sRGB-encoded floats; taken once.
    """

    height: int
    width: int
    rows: Iterable[npt.NDArray[np.floating[Any]]]


def write_picture(
    path: str | os.PathLike[str],
    pixels: npt.NDArray[np.floating[Any]] | Strips,
    *,
    alpha: npt.NDArray[np.floating[Any]] | None = None,
    depth: Literal[8, 16] = 8,
    provenance: Provenance = NO_PROVENANCE,
    record: str | None = None,
    quality: int = 95,
    on_progress: Progress | None = None,
) -> None:
    """Write a picture with an sRGB profile; an existing file is replaced in one step, or not at all.

    Pictures of more than 16 megapixels are rounded and encoded strip by strip (WebP has no way to do so, and holds
    them as integers); large TIFF files have tiles, and those of more than 4 GB are BigTIFF files.

    Args:
        path: where to; the suffix, one of ``SUFFIXES``, decides on the format.
        pixels: height × width × 3, sRGB-encoded floats, or the same in strips; values outside [0, 1] are clipped.
            Where the picture is transparent they are its colours as such, not yet composited over anything.
        alpha: height × width, floats, where 1 is opaque; None for an opaque picture. JPEG has no transparency: there
            the picture is composited over white.
        depth: bits per channel, 8 or, for PNG and TIFF only, 16; values are rounded to the nearest.
        provenance: the original's metadata that is to be kept.
        record: a text, meant to be JSON, that ``read_record`` gives back; None for none.
        quality: of JPEG and WebP, from 1 to 100.
        on_progress: is told the share that is done; the last is 1.

    Raises:
        PictureError: when the format cannot hold the picture, an argument makes no sense, or the file cannot be
            written.

    Warns:
        PictureWarning: when transparency was lost because the format has none.
    """
    path = Path(path)
    where = shown(path)
    kind = formats.writable_format(path, depth)
    shape = (pixels.height, pixels.width, 3) if isinstance(pixels, Strips) else pixels.shape
    _check(shape, alpha, quality, kind, where)
    for array in (pixels, alpha):
        if isinstance(array, np.ndarray):
            _check_values(array, where)
    if alpha is not None and kind not in formats.TRANSPARENT:
        warnings.warn(
            f"{where} cannot hold transparency, so the picture was put on white; end the name in .png to keep it.",
            PictureWarning,
            stacklevel=2,
        )
    tell = on_progress or tell_nobody
    transparent = alpha is not None and kind in formats.TRANSPARENT
    outline = Outline(shape[0], shape[1], 4 if transparent else 3, depth)
    strips = _told(_quantised(pixels, alpha, depth, transparent, where), outline, tell)
    extras = Extras(provenance, record, quality)
    if outline.height * outline.width > WHOLE and kind in STREAMED:
        with replacing(path) as file:
            encode_strips(file, strips, outline, kind, extras, where)
    else:
        whole = _joined(strips, outline, where)
        with encoding(where):
            data = encode(whole, kind, extras)
        replace_file(path, data)
    tell(1.0)


def _check(shape: tuple[int, ...], alpha: npt.NDArray[Any] | None, quality: int, kind: str, where: str) -> None:
    """Refuse arguments that no picture can be made of."""
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        raise PictureError(f"{where} cannot be written from the shape {shape}; give height × width × 3.")
    if alpha is not None and alpha.shape != shape[:2]:
        raise PictureError(f"{where} cannot be written with an alpha of shape {alpha.shape}; give it as {shape[:2]}.")
    if not 1 <= quality <= 100:
        raise PictureError(f"{where} cannot be written with quality {quality}; choose one from 1 to 100.")
    formats.check_sides(kind, *shape[:2], where)


def _check_values(array: npt.NDArray[Any], where: str) -> None:
    """Refuse values that are no colours."""
    if array.dtype.kind != "f":
        raise PictureError(f"{where} cannot be written from type {array.dtype}; give floats in [0, 1].")
    # The sum is finite only if every value is, and needs no array of flags.
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise PictureError(f"{where} cannot be written from values that are not finite; replace them first.")


def _quantised(
    pixels: npt.NDArray[Any] | Strips, alpha: npt.NDArray[Any] | None, depth: int, transparent: bool, where: str
) -> Iterator[npt.NDArray[Any]]:
    """Blocks of integers of a depth, with the alpha as fourth channel where the format is transparent."""
    top = 2**depth - 1
    start = 0
    for block in _blocks(pixels, where):
        rows = slice(start, start + len(block))
        start += len(block)
        block = np.clip(block, 0, 1)
        values = np.empty((*block.shape[:2], 4 if transparent else 3), np.uint8 if depth == 8 else np.uint16)
        if alpha is not None:
            opacity = np.clip(alpha[rows], 0, 1)[..., np.newaxis]
            if transparent:
                values[..., 3:] = opacity * top + 0.5
            else:
                block = (block - 1) * opacity + 1
        values[..., :3] = block * top + 0.5
        yield values


def _blocks(pixels: npt.NDArray[Any] | Strips, where: str) -> Iterator[npt.NDArray[Any]]:
    """The picture in few rows at a time, so that the floats are never copied as a whole."""
    if isinstance(pixels, np.ndarray):
        for start in range(0, len(pixels), _ROWS):
            yield pixels[start : start + _ROWS]
        return
    seen = 0
    for strip in pixels.rows:
        seen += len(strip)
        if strip.ndim != 3 or strip.shape[1:] != (pixels.width, 3) or seen > pixels.height:
            raise PictureError(
                f"{where} cannot be written from a strip of shape {strip.shape} that ends in row {seen}; "
                f"give rows × {pixels.width} × 3, {pixels.height} rows in all."
            )
        _check_values(strip, where)
        for start in range(0, len(strip), _ROWS):
            yield strip[start : start + _ROWS]
    if seen < pixels.height:
        raise PictureError(f"{where} cannot be written from {seen} rows; give {pixels.height}.")


def _told(strips: Iterator[npt.NDArray[Any]], outline: Outline, tell: Progress) -> Iterator[npt.NDArray[Any]]:
    """The strips, with word of how many are gone."""
    done = 0
    for strip in strips:
        yield strip
        done += len(strip)
        if done < outline.height:  # the file is whole only later
            tell(done / outline.height)


def _joined(strips: Iterator[npt.NDArray[Any]], outline: Outline, where: str) -> npt.NDArray[Any]:
    with encoding(where):
        values = np.empty((outline.height, outline.width, outline.channels), outline.dtype)
    start = 0
    for strip in strips:
        values[start : start + len(strip)] = strip
        start += len(strip)
    return values
