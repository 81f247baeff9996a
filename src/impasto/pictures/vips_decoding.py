"""Decoding with libvips: TIFF files, and PNG files of 16 bits per channel."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import PictureError
from impasto.pictures import formats, png, tags
from impasto.pictures.arrays import narrowed
from impasto.pictures.colour import array_to_srgb
from impasto.pictures.decoded import Decoded, check_size
from impasto.pictures.libraries import decoding, quiet_pillow, vips
from impasto.pictures.picture import PictureWarning
from impasto.pictures.provenance import Provenance, provenance_from

_PREMULTIPLIED, _PLAIN = 1, 2  # alpha channels, in the values of TIFF's ExtraSamples tag
_YCBCR, _CIELAB = 6, 8  # values of TIFF's PhotometricInterpretation tag
_JPEG: Final = frozenset({6, 7})  # values of TIFF's Compression tag, as are those below
_ONLY_PILLOW: Final = frozenset({34925, 50000})  # LZMA and Zstandard
_LAB_SPACES: Final = frozenset({"lab", "labs", "labq"})


def needs_vips(file: BinaryIO, kind: str, where: str) -> bool:
    """Whether a file is one for libvips, from its header alone.

    Pillow would cut PNG files of 16 bits to 8, refuse many TIFF files, and let libtiff write to stderr; but it knows
    some kinds of TIFF file that libvips refuses or, worse, takes for RGB.

    Args:
        file: the open file; it is left at any place.
        kind: its format, as ``formats.sniff`` tells it.
        where: the picture, as a sentence names it.

    Raises:
        PictureError: when the header is damaged or cut short.
    """
    with decoding(where), quiet_pillow():
        file.seek(0)
        if kind != "TIFF":
            return kind == "PNG" and formats.png_depth(file.read(formats.SNIFFED)) == 16
        found = tags.read_tags(file)
        bits = found.get(tags.BITS_PER_SAMPLE, 1)
        if any(depth > 8 for depth in (bits if isinstance(bits, tuple) else (bits,))):
            return True
        colours, compression = found.get(tags.PHOTOMETRIC), found.get(tags.COMPRESSION, 1)
        strange = colours == _CIELAB or (colours == _YCBCR and compression not in _JPEG)
        return not strange and compression not in _ONLY_PILLOW


def decode_with_vips(file: BinaryIO, kind: str, max_pixels: int, where: str) -> Decoded:
    """Decode the first image of a PNG or TIFF file at its full depth.

    Args:
        file: the open file.
        kind: "PNG" or "TIFF".
        max_pixels: how many pixels are allowed; checked before decoding.
        where: the picture, as a sentence names it.

    Returns:
        Its values as uint8 or, for more than 8 bits, as uint16; upright, in sRGB.

    Raises:
        PictureError: when it is too large, damaged or cut short, or of a kind of number that makes no picture.
    """
    pyvips = vips()
    header = _read_header(file, kind, max_pixels, where)
    with decoding(where):
        file.seek(0)
        source = pyvips.Source.new_from_descriptor(file.fileno())
        load = pyvips.Image.pngload_source if kind == "PNG" else pyvips.Image.tiffload_source
        image = load(source, fail_on="error").autorot()
        if image.interpretation in _LAB_SPACES:
            image = image.colourspace("rgb16")
        values = image.numpy()
    whole = _as_integers(values, where)
    colour, alpha = _split(whole, cmyk=image.interpretation == "cmyk", extra=header.extra)
    return Decoded(array_to_srgb(colour, header.icc, where), alpha, header.provenance)


@dataclass(frozen=True)
class _Header:
    """What Pillow reads out of a file for us, without decoding its pixels."""

    provenance: Provenance
    icc: bytes | None
    extra: int  # what the channel after the colours is


def _read_header(file: BinaryIO, kind: str, max_pixels: int, where: str) -> _Header:
    with decoding(where), quiet_pillow():
        file.seek(0)
        if kind == "PNG":
            image = Image.open(file, formats=[kind])
            check_size(*image.size, max_pixels, where)
            return _png_header(image, file)
        main = tags.read_tags(file)
        if tags.IMAGE_WIDTH not in main or tags.IMAGE_HEIGHT not in main:
            raise ValueError("it does not say how large it is")
        check_size(main[tags.IMAGE_WIDTH], main[tags.IMAGE_HEIGHT], max_pixels, where)
        return _tiff_header(main, file)


def _png_header(image: Image.Image, file: BinaryIO) -> _Header:
    if exif := png.find_exif(file):
        image.info["exif"] = exif
    main: Mapping[int, Any] = {}
    inner: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # damaged metadata counts as none
        # The method that PNG images have of their own would decode the pixels, to be sure to find the block.
        main = Image.Image.getexif(image)
        inner = Image.Image.getexif(image).get_ifd(tags.EXIF_IFD)
    return _Header(provenance_from(main, inner, image.info), image.info.get("icc_profile"), _PLAIN)


def _tiff_header(main: ImageFileDirectory_v2, file: BinaryIO) -> _Header:
    inner: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # damaged metadata counts as none
        inner = tags.read_exif_tags(file, main) or {}
    icc, extra = main.get(tags.ICC_PROFILE), main.get(tags.EXTRA_SAMPLES, 0)
    return _Header(
        provenance=provenance_from(main, inner, {}),
        icc=icc if isinstance(icc, bytes) else None,
        extra=extra[0] if isinstance(extra, tuple) else extra,
    )


def _as_integers(values: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Values of any kind that a picture can have, as uint8 or uint16 over their full range."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype == np.uint32:
        return (values >> 16).astype(np.uint16)
    if values.dtype == np.int32:
        return narrowed(values, where)
    if values.dtype.kind != "f":
        raise PictureError(f"{where} holds numbers of type {values.dtype}; save it with 8 or 16 bits per channel.")
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PictureError(f"{where} has values that are infinite or not numbers (nan); replace them first.")
    if low < 0 or high > 1:
        warnings.warn(
            f"{where} has floating-point values from {low:.6g} to {high:.6g}; those outside 0 to 1 were clipped.",
            PictureWarning,
            stacklevel=2,
        )
    clipped: npt.NDArray[np.uint16] = (values.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
    return clipped


def _split(values: npt.NDArray[Any], cmyk: bool, extra: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Part the colours from the alpha channel; channels of any other meaning are left out."""
    if values.ndim == 2:
        return values, None
    colours = 4 if cmyk else 1 if values.shape[2] < 3 else 3
    colour = values[..., 0] if colours == 1 else values[..., :colours]
    if values.shape[2] == colours or extra not in (_PREMULTIPLIED, _PLAIN):
        return colour, None
    # libvips has undone the multiplication already.
    return colour, values[..., colours]
