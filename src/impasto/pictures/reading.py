"""Reading pictures from files, PIL images and arrays."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import PictureError
from impasto.files import shown
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.array_decoder import decode_array, hash_array
from impasto.pictures.codecs.backends import decoding_errors, readable_formats
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size, to_picture
from impasto.pictures.codecs.jpeg_mending import LONGEST_JUNK, find_jpeg, mended_jpeg
from impasto.pictures.codecs.pillow_decoder import decode_image, decode_with_pillow
from impasto.pictures.codecs.png_mending import mended_png
from impasto.pictures.codecs.pnm_decoder import decode_pnm
from impasto.pictures.codecs.strip_reducer import Strip, is_reduced, reduce_strips, split_into_strips
from impasto.pictures.codecs.tiff_pages import raw_error, select_page
from impasto.pictures.codecs.unread_formats import camera_format, unread_format
from impasto.pictures.codecs.vips_decoder import StripReader, decode_with_vips, needs_vips, open_strips
from impasto.pictures.codecs.webp_mending import mended_webp
from impasto.pictures.opening import open_picture
from impasto.pictures.picture import Picture, PictureWarning
from impasto.pictures.progress import ProgressCallback, ignore_progress
from impasto.pictures.sizes import TRANSPOSING, oriented, scaled_size

PictureSource: TypeAlias = str | os.PathLike[str] | Image.Image | npt.NDArray[Any]
"""A source for ``read_picture``: a path, a PIL image, or an array."""

MAX_PIXELS: Final = 100_000_000
"""Default pixel limit of a picture."""

_HASHING_SHARE: Final = 0.1  # share of the time of reading a large file in strips
_BLOCK: Final = 2**20  # bytes hashed at once
_HEAD: Final = LONGEST_JUNK + formats.SNIFFED  # bytes from which the format is recognised


def read_picture(
    source: PictureSource,
    *,
    max_pixels: int = MAX_PIXELS,
    fit: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> Picture:
    """Read a picture at its full depth, upright, in sRGB, and composited over white if it is transparent.

    Args:
        source: picture to read:

            * the path of a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000, PBM, PGM, PPM, PFM, TGA, PSD or (with
              ``impasto[heic]``) HEIC file, recognised by content, not by name; of several pages or frames, the first;
            * a PIL image of any mode; "F" must hold values in [0, 1], and "I" from 0 to 65535;
            * an array, height × width, × 1, × 3 or × 4 (RGB and alpha): uint8, uint16, or floats in [0, 1].

        max_pixels: pixel limit, checked before decoding. A file that is shrunk strip by strip may have a hundred
            times as many pixels.
        fit: long side in pixels that is needed; None for all pixels. A large picture (over 16 megapixels, and over
            twice as long) is shrunk to it during reading, strip by strip, with the same result as ``resize``. JPEG,
            PNG and TIFF files are then never decoded as a whole, except progressive, interlaced and rare kinds. Any
            other picture keeps all its pixels.
        on_progress: receives the share that is read; the last is 1.

    Returns:
        The picture; its pixels are float32 in [0, 1], height × width × 3.

    Raises:
        PictureError: the source is not a picture, is damaged, cut short or too large, or its values are not valid.

    Warns:
        PictureWarning: a colour profile was ignored, floating-point values were clipped, only the first of several
            pages or frames was read, or damaged parts of the file beside its pixels were ignored.
    """
    report = on_progress or ignore_progress
    if isinstance(source, np.ndarray):
        picture = _reduce(decode_array(source, max_pixels), None, hash_array(source), fit)
    elif isinstance(source, Image.Image):
        decoded, digest = decode_image(source, max_pixels)
        picture = _reduce(decoded, None, digest, fit)
    elif isinstance(source, str | os.PathLike):
        picture = _read_file(Path(os.fsdecode(source)), max_pixels, fit, report)
    else:
        raise PictureError(
            f"A picture cannot be read from a {type(source).__name__}; give a path, a PIL image, or a NumPy array."
        )
    report(1.0)
    return picture


def _read_file(path: Path, max_pixels: int, fit: int | None, report: ProgressCallback) -> Picture:
    label = shown(path)
    with open_picture(path) as opened:
        file: BinaryIO = opened
        # A disk may fail at any byte, and hashing reads them all.
        with decoding_errors(label):
            digest = _hash_file(file, report)
            file.seek(0)
            head = file.read(_HEAD)
        file_format, start = _recognise(head, label)
        file, notes = _mended(file, file_format, start, max_pixels, label)
        if fit is not None and (reader := _useful_strips(file, file_format, max_pixels, fit, label)):
            picture = _read_strips(reader, path.absolute(), digest, max_pixels, fit, report)
        else:
            decoded, further = _decode(file, file_format, max_pixels, label)
            notes = further or notes
            picture = _reduce(decoded, path.absolute(), digest, fit)
    for note in notes:
        warnings.warn(note, PictureWarning, stacklevel=3)
    return picture


def _recognise(head: bytes, label: str) -> tuple[str, int]:
    """Return the format of a file, from its first bytes, and where the picture starts.

    Raises:
        PictureError: the file is of another kind; the message names it if it is known.
    """
    file_format = formats.sniff(head[: formats.SNIFFED])
    if file_format is not None:
        return file_format, 0
    if (camera := camera_format(head)) is not None:
        raise raw_error(label, camera)
    if (other := unread_format(head)) is not None:
        name, advice = other
        raise PictureError(f"{label} is {name}, which impasto does not read; {advice}.")
    if (start := find_jpeg(head)) is not None:
        return "JPEG", start
    raise PictureError(f"{label} is not a picture that impasto knows; use {readable_formats()}.")


def _mended(file: BinaryIO, file_format: str, start: int, max_pixels: int, label: str) -> tuple[BinaryIO, list[str]]:
    """Return a file that decoders accept, with the picture as its first page, and notes on what was ignored."""
    if file_format == "TIFF":
        return select_page(file, label)
    if file_format == "PNG":
        return mended_png(file, max_pixels, label)
    if file_format == "WEBP":
        return mended_webp(file, label)
    return mended_jpeg(file, start, max_pixels, label) if file_format == "JPEG" else (file, [])


def _decode(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> tuple[DecodedImage, list[str]]:
    """Decode a file; if that fails for a PNG file whose pixels are whole, decode a mended copy, which is noted."""
    if file_format == "PNM":
        decode = decode_pnm
    else:
        decode = decode_with_vips if needs_vips(file, file_format, label) else decode_with_pillow
    file.seek(0)
    try:
        return decode(file, file_format, max_pixels, label), []
    except PictureError as error:
        if file_format != "PNG":
            raise
        try:
            file, notes = mended_png(file, max_pixels, label, thorough=True)
        except PictureError:
            raise error from None
        return decode(file, file_format, max_pixels, label), notes


def _hash_file(file: BinaryIO, report: ProgressCallback) -> str:
    total = os.fstat(file.fileno()).st_size
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
        report(_HASHING_SHARE * min(1.0, file.tell() / total))
    return digest.hexdigest()


def _useful_strips(file: BinaryIO, file_format: str, max_pixels: int, fit: int, label: str) -> StripReader | None:
    """Return a strip reader if the format supports it, and if it saves memory or avoids the pixel limit."""
    reader = open_strips(file, file_format, max_pixels, label)
    if reader is None:
        return None
    height, width = reader.size
    over_limit = height * width > max_pixels and max(height, width) > fit
    return reader if over_limit or is_reduced(height, width, fit) else None


def _read_strips(
    reader: StripReader, path: Path, digest: str, max_pixels: int, fit: int, report: ProgressCallback
) -> Picture:
    new_size = scaled_size(*reader.size, fit)
    check_size(new_size[1], new_size[0], max_pixels, f"{shown(path)} at a size of {fit}")
    depth = 8

    def strips() -> Iterator[Strip]:
        nonlocal depth
        done = 0
        for colour, alpha in reader.strips():
            depth = 8 if colour.dtype == np.uint8 else 16
            yield colour, alpha
            done += len(colour)
            if done < reader.size[0]:
                report(1 - (1 - _HASHING_SHARE) * (1 - done / reader.size[0]))

    pixels, alpha = reduce_strips(strips(), reader.size, new_size)
    return Picture(
        pixels=oriented(pixels, reader.orientation),
        alpha=None if alpha is None else oriented(alpha, reader.orientation),
        depth=depth,
        provenance=reader.provenance,
        path=path,
        sha256=digest,
        reduced_from=reader.size[::-1] if reader.orientation in TRANSPOSING else reader.size,
    )


def _reduce(decoded: DecodedImage, path: Path | None, digest: str, fit: int | None) -> Picture:
    """Convert decoded values to a picture, shrunk if that saves memory."""
    height, width = decoded.colour.shape[:2]
    if fit is None or not is_reduced(height, width, fit):
        return to_picture(decoded, path, digest)
    pixels, alpha = reduce_strips(split_into_strips(decoded), (height, width), scaled_size(height, width, fit))
    depth = 8 if decoded.colour.dtype == np.uint8 else 16
    return Picture(pixels, alpha, depth, decoded.provenance, path, digest, reduced_from=(height, width))
