"""Decoding with libvips: PNG and TIFF files of more than 8 bits per channel, which Pillow would cut to 8 or refuse."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import tags
from impasto.pictures.colour import deep_to_srgb
from impasto.pictures.decoded import Decoded, check_size
from impasto.pictures.libraries import decoding, quiet_pillow, vips
from impasto.pictures.picture import PictureWarning
from impasto.pictures.provenance import Provenance, provenance_from

_PNG_DEPTH_AT: Final = 24
_LAB_SPACES: Final = frozenset({"lab", "labs", "labq"})


def is_deep(file: BinaryIO, kind: str, where: str) -> bool:
    """Whether a file has more than 8 bits per channel, from its header alone.

    Args:
        file: the open file; it is left at any place.
        kind: its format.
        where: the picture, as a sentence names it.

    Raises:
        PictureError: when the header is damaged or cut short.
    """
    if kind not in ("PNG", "TIFF"):
        return False
    with decoding(where), quiet_pillow():
        if kind == "PNG":
            file.seek(_PNG_DEPTH_AT)
            return file.read(1) == b"\x10"
        bits = tags.read_tags(file).get(tags.BITS_PER_SAMPLE, 1)
        return any(depth > 8 for depth in (bits if isinstance(bits, tuple) else (bits,)))


def decode_deep_file(file: BinaryIO, kind: str, max_pixels: int, where: str) -> Decoded:
    """Decode the first image of a PNG or TIFF file at its full depth.

    Args:
        file: the open file.
        kind: "PNG" or "TIFF".
        max_pixels: how many pixels are allowed; checked before decoding.
        where: the picture, as a sentence names it.

    Returns:
        Its values as ``uint16``, upright, in sRGB.

    Raises:
        PictureError: when it is too large, damaged or cut short, or of a kind of number that makes no picture.
    """
    pyvips = vips()
    width, height, provenance, extra = _describe(file, kind, where)
    check_size(width, height, max_pixels, where)
    with decoding(where):
        file.seek(0)
        source = pyvips.Source.new_from_descriptor(file.fileno())
        load = pyvips.Image.pngload_source if kind == "PNG" else pyvips.Image.tiffload_source
        image = load(source, fail_on="error").autorot()
        if image.interpretation in _LAB_SPACES:
            image = image.colourspace("rgb16")
        icc = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else None
        values = image.numpy()
    deep = _as_uint16(values, where)
    colour, alpha = _split(deep, cmyk=image.interpretation == "cmyk", extra=extra)
    return Decoded(deep_to_srgb(colour, icc, where), alpha, provenance)


def _describe(file: BinaryIO, kind: str, where: str) -> tuple[int, int, Provenance, int]:
    """Width, height, provenance, and what the channel after the colours is: a value of TIFF's ExtraSamples tag."""
    with decoding(where), quiet_pillow():
        file.seek(0)
        if kind == "PNG":
            image = Image.open(file, formats=[kind])
            exif = image.getexif()
            return *image.size, provenance_from(exif, _inner(exif), image.info), 2
        main = tags.read_tags(file)
        inner: Mapping[int, Any] = {}
        with contextlib.suppress(Exception):  # damaged metadata counts as none
            inner = tags.read_exif_tags(file, main) or {}
        extra = main.get(tags.EXTRA_SAMPLES, 0)
        extra = extra[0] if isinstance(extra, tuple) else extra
        return main[tags.IMAGE_WIDTH], main[tags.IMAGE_HEIGHT], provenance_from(main, inner, {}), extra


def _inner(exif: Image.Exif) -> Mapping[int, Any]:
    with contextlib.suppress(Exception):  # damaged metadata counts as none
        return exif.get_ifd(tags.EXIF_IFD)
    return {}


def _as_uint16(values: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint16]:
    """Values of any kind that a picture can have, on the scale from 0 to 65535."""
    if values.dtype == np.uint16:
        return values
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * 257
    if values.dtype == np.uint32:
        return (values >> 16).astype(np.uint16)
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


def _split(
    values: npt.NDArray[np.uint16], cmyk: bool, extra: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16] | None]:
    """Part the colours from the alpha channel; channels of any other meaning are left out."""
    if values.ndim == 2:
        return values, None
    colours = 4 if cmyk else 1 if values.shape[2] < 3 else 3
    colour = values[..., 0] if colours == 1 else values[..., :colours]
    if values.shape[2] == colours or extra not in (1, 2):
        return colour, None
    alpha = values[..., colours]
    return (_unpremultiplied(colour, alpha) if extra == 1 else colour), alpha


def _unpremultiplied(colour: npt.NDArray[np.uint16], alpha: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Colours that were stored multiplied by their alpha, as they were before."""
    opacity = alpha if colour.ndim == 2 else alpha[..., np.newaxis]
    whole = np.maximum(opacity, 1).astype(np.uint32)
    plain: npt.NDArray[np.uint32] = (colour.astype(np.uint32) * 65535 + whole // 2) // whole
    np.minimum(plain, 65535, out=plain)
    return plain.astype(np.uint16)
