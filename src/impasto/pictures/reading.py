"""Reading pictures, whatever they come as."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import formats
from impasto.pictures.arrays import decode_array, digest_of
from impasto.pictures.decoded import finished
from impasto.pictures.files import opened, shown
from impasto.pictures.libraries import decoding
from impasto.pictures.picture import Picture
from impasto.pictures.pillow_decoding import decode_image, decode_with_pillow
from impasto.pictures.vips_decoding import decode_with_vips, needs_vips

PictureSource: TypeAlias = str | os.PathLike[str] | Image.Image | npt.NDArray[Any]
"""What ``read_picture`` takes: a path, a PIL image, or an array."""

MAX_PIXELS: Final = 100_000_000
"""How many pixels a picture may have unless more are asked for."""


def read_picture(source: PictureSource, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture at its full depth, upright, in sRGB, and composited over white where it is transparent.

    Args:
        source: what to read:

            * the path of a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC file (this last with ``impasto[heic]``),
              told apart by content, not by name; of several images in a file, the first;
            * a PIL image of any mode; "F" must hold values in [0, 1], and "I" from 0 to 65535;
            * an array, height × width, × 1, × 3 or × 4 (RGB and alpha): uint8, uint16, or floats in [0, 1].

        max_pixels: the most pixels that are accepted; checked before decoding.

    Returns:
        The picture; its pixels are float32 in [0, 1], height × width × 3.

    Raises:
        PictureError: when there is no picture, it is damaged, cut short or too large, or holds no sensible values.

    Warns:
        PictureWarning: when a colour profile was ignored, or floating-point values were clipped.
    """
    if isinstance(source, np.ndarray):
        return finished(decode_array(source, max_pixels), None, digest_of(source))
    if isinstance(source, Image.Image):
        decoded, digest = decode_image(source, max_pixels)
        return finished(decoded, None, digest)
    if isinstance(source, str | os.PathLike):
        return _read_file(Path(os.fsdecode(source)), max_pixels)
    raise PictureError(
        f"A picture cannot be read from a {type(source).__name__}; give a path, a PIL image, or a NumPy array."
    )


def _read_file(path: Path, max_pixels: int) -> Picture:
    where = shown(path)
    with opened(path) as file:
        # A disk may fail at any byte, and this reads them all.
        with decoding(where):
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            kind = formats.sniff(file.read(formats.SNIFFED))
        if kind is None:
            raise PictureError(f"{where} is not a picture that impasto knows; use {formats.READABLE}.")
        decode = decode_with_vips if needs_vips(file, kind, where) else decode_with_pillow
        file.seek(0)
        decoded = decode(file, kind, max_pixels, where)
        return finished(decoded, path.absolute(), digest)
