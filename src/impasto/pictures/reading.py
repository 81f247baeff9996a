"""Reading pictures, whatever they come as."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import PictureError
from impasto.files import Progress, opened, shown, tell_nobody
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.arrays import decode_array, digest_of
from impasto.pictures.codecs.decoded import Decoded, check_size, finished
from impasto.pictures.codecs.libraries import decoding
from impasto.pictures.codecs.pillow import decode_image, decode_with_pillow
from impasto.pictures.codecs.reducing import Strip, is_reduced, reduced, strips_of
from impasto.pictures.codecs.vips import StripReader, decode_with_vips, needs_vips, open_strips
from impasto.pictures.picture import Picture
from impasto.pictures.sizes import TURNED, oriented, scaled

PictureSource: TypeAlias = str | os.PathLike[str] | Image.Image | npt.NDArray[Any]
"""What ``read_picture`` takes: a path, a PIL image, or an array."""

MAX_PIXELS: Final = 100_000_000
"""How many pixels a picture may have unless more are asked for."""


_HASHED: Final = 0.1  # share of the time of reading a large file in strips
_BLOCK: Final = 2**20  # bytes


def read_picture(
    source: PictureSource,
    *,
    max_pixels: int = MAX_PIXELS,
    fit: int | None = None,
    on_progress: Progress | None = None,
) -> Picture:
    """Read a picture at its full depth, upright, in sRGB, and composited over white where it is transparent.

    Args:
        source: what to read:

            * the path of a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC file (this last with ``impasto[heic]``),
              told apart by content, not by name; of several images in a file, the first;
            * a PIL image of any mode; "F" must hold values in [0, 1], and "I" from 0 to 65535;
            * an array, height × width, × 1, × 3 or × 4 (RGB and alpha): uint8, uint16, or floats in [0, 1].

        max_pixels: the most pixels that are accepted; checked before decoding. A file that is shrunk strip by strip
            may have a hundred times as many.
        fit: the long side in pixels at which the picture is needed. A large picture (over 16 megapixels, and over
            twice as long) is shrunk to it while it is read, as ``resize`` would do it, but strip by strip; JPEG, PNG
            and TIFF files are not even decoded as a whole, unless they are progressive, interlaced or of rare kinds.
            Any other picture keeps all its pixels. None: all pixels are needed.
        on_progress: is told the share that is done; the last is 1.

    Returns:
        The picture; its pixels are float32 in [0, 1], height × width × 3.

    Raises:
        PictureError: when there is no picture, it is damaged, cut short or too large, or holds no sensible values.

    Warns:
        PictureWarning: when a colour profile was ignored, or floating-point values were clipped.
    """
    tell = on_progress or tell_nobody
    if isinstance(source, np.ndarray):
        picture = _finished(decode_array(source, max_pixels), None, digest_of(source), fit)
    elif isinstance(source, Image.Image):
        decoded, digest = decode_image(source, max_pixels)
        picture = _finished(decoded, None, digest, fit)
    elif isinstance(source, str | os.PathLike):
        picture = _read_file(Path(os.fsdecode(source)), max_pixels, fit, tell)
    else:
        raise PictureError(
            f"A picture cannot be read from a {type(source).__name__}; give a path, a PIL image, or a NumPy array."
        )
    tell(1.0)
    return picture


def _read_file(path: Path, max_pixels: int, fit: int | None, tell: Progress) -> Picture:
    where = shown(path)
    with opened(path) as file:
        # A disk may fail at any byte, and this reads them all.
        with decoding(where):
            digest = _digest_of_file(file, tell)
            file.seek(0)
            kind = formats.sniff(file.read(formats.SNIFFED))
        if kind is None:
            raise PictureError(f"{where} is not a picture that impasto knows; use {formats.READABLE}.")
        if fit is not None and (reader := _worthwhile_strips(file, kind, max_pixels, fit, where)):
            return _read_strips(reader, path.absolute(), digest, max_pixels, fit, tell)
        decode = decode_with_vips if needs_vips(file, kind, where) else decode_with_pillow
        file.seek(0)
        decoded = decode(file, kind, max_pixels, where)
        return _finished(decoded, path.absolute(), digest, fit)


def _digest_of_file(file: BinaryIO, tell: Progress) -> str:
    total = os.fstat(file.fileno()).st_size
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
        tell(_HASHED * min(1.0, file.tell() / total))
    return digest.hexdigest()


def _worthwhile_strips(file: BinaryIO, kind: str, max_pixels: int, fit: int, where: str) -> StripReader | None:
    """A reader in strips where the file allows for one, and it saves memory or the file would be refused otherwise."""
    reader = open_strips(file, kind, max_pixels, where)
    if reader is None:
        return None
    height, width = reader.size
    refused = height * width > max_pixels and max(height, width) > fit
    return reader if refused or is_reduced(height, width, fit) else None


def _read_strips(reader: StripReader, path: Path, digest: str, max_pixels: int, fit: int, tell: Progress) -> Picture:
    wanted = scaled(*reader.size, fit)
    check_size(wanted[1], wanted[0], max_pixels, f"{shown(path)} at a size of {fit}")
    depth = 8

    def watched() -> Iterator[Strip]:
        nonlocal depth
        done = 0
        for colour, alpha in reader.strips():
            depth = 8 if colour.dtype == np.uint8 else 16
            yield colour, alpha
            done += len(colour)
            if done < reader.size[0]:
                tell(1 - (1 - _HASHED) * (1 - done / reader.size[0]))

    pixels, alpha = reduced(watched(), reader.size, wanted)
    return Picture(
        pixels=oriented(pixels, reader.orientation),
        alpha=None if alpha is None else oriented(alpha, reader.orientation),
        depth=depth,
        provenance=reader.provenance,
        path=path,
        sha256=digest,
        reduced_from=reader.size[::-1] if reader.orientation in TURNED else reader.size,
    )


def _finished(decoded: Decoded, path: Path | None, digest: str, fit: int | None) -> Picture:
    """A picture of decoded values, shrunk where that is worthwhile."""
    height, width = decoded.colour.shape[:2]
    if fit is None or not is_reduced(height, width, fit):
        return finished(decoded, path, digest)
    pixels, alpha = reduced(strips_of(decoded), (height, width), scaled(height, width, fit))
    depth = 8 if decoded.colour.dtype == np.uint8 else 16
    return Picture(pixels, alpha, depth, decoded.provenance, path, digest, reduced_from=(height, width))
