"""Decoding with Pillow: files of 8 bits per channel, a few kinds of TIFF among them, and PIL images."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from impasto.errors import PictureError
from impasto.pictures.codecs.arrays import check_floats, narrowed
from impasto.pictures.codecs.decoded import Decoded, check_size
from impasto.pictures.codecs.libraries import decoding, quiet_pillow
from impasto.pictures.metadata.provenance import Provenance, provenance_from
from impasto.pictures.profiles import array_to_srgb, image_to_srgb

_IMAGE: Final = "The PIL image"


def decode_with_pillow(file: BinaryIO, kind: str, max_pixels: int, where: str) -> Decoded:
    """Decode the first image of a file of 8 bits per channel.

    Args:
        file: the open file, at its start.
        kind: its format, as ``formats.sniff`` tells it.
        max_pixels: how many pixels are allowed; checked before decoding.
        where: the picture, as a sentence names it.

    Returns:
        Its values, upright, in sRGB.

    Raises:
        PictureError: when it is too large, damaged or cut short, or HEIC without the plug-in.
    """
    with decoding(where), quiet_pillow():
        image = _open_heif(file, where) if kind == "HEIF" else Image.open(file, formats=[kind])
    return _decode(image, max_pixels, where, ours=True)


def decode_image(image: Image.Image, max_pixels: int) -> tuple[Decoded, str]:
    """Take a PIL image of any mode as a picture.

    Args:
        image: the image; one of mode "F" must hold values in [0, 1], one of mode "I" from 0 to 65535.
        max_pixels: how many pixels are allowed; checked before decoding, when the image is not loaded yet.

    Returns:
        Its values, upright, in sRGB, and the SHA-256 of its mode, size, palette and bytes.

    Raises:
        PictureError: when it is too large, out of range, or its file is damaged.
    """
    decoded = _decode(image, max_pixels, _IMAGE, ours=False)
    palette = image.getpalette(None) if image.mode in ("P", "PA") else None
    digest = hashlib.sha256(f"{image.mode} {image.size} {palette} ".encode())
    digest.update(image.tobytes())
    return decoded, digest.hexdigest()


def _open_heif(file: BinaryIO, where: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise PictureError(
            f'{where} is a HEIC picture, which needs a plug-in; run pip install "impasto[heic]", or save it as JPEG.'
        ) from None
    image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call, unused-ignore]
    return image


def _decode(image: Image.Image, max_pixels: int, where: str, ours: bool) -> Decoded:
    check_size(*image.size, max_pixels, where)
    with decoding(where), quiet_pillow():
        image.load()
        provenance = provenance_of(image)
        icc = image.info.get("icc_profile")
        image = _upright(image, in_place=ours)
        # Most images of these modes are grey of 16 bits, which Pillow's own conversions would cut to 8.
        deep = image.mode == "F" or image.mode.startswith("I")
        flat, alpha = (image, None) if deep else _without_alpha(image)
        opacity = None if alpha is None else np.asarray(alpha)
    if flat.mode == "F":
        values: npt.NDArray[Any] = np.asarray(flat)
        check_floats(values, where)
        return Decoded(values, None, provenance)
    if deep:
        return Decoded(array_to_srgb(narrowed(np.asarray(flat), where), icc, where), None, provenance)
    return Decoded(np.asarray(image_to_srgb(flat, icc, where)), opacity, provenance)


def _upright(image: Image.Image, in_place: bool) -> Image.Image:
    """The image turned as its EXIF orientation says; one that cannot be made out is passed over."""
    try:
        if in_place:
            ImageOps.exif_transpose(image, in_place=True)
            return image
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF makes Pillow raise nearly anything
        return image


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """An image's colours, in mode L, RGB, CMYK or LAB, and its alpha channel if it has one."""
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data and image.mode not in ("CMYK", "LAB"):
        # The premultiplied modes know one conversion only, to their plain counterparts.
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def orientation_of(image: Image.Image) -> int:
    """How an image has to be turned, as EXIF numbers it; 1, as it is, where that cannot be made out."""
    with contextlib.suppress(Exception):  # as in _upright
        # The method that PNG images have of their own would decode the pixels, to be sure to find the block.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    return 1


def provenance_of(image: Image.Image) -> Provenance:
    """What an image's metadata says; damaged metadata counts as none."""
    main: Mapping[int, Any] = {}
    exif: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # as in _upright
        main = image.getexif()
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
    info = dict(image.info)
    if image.format in ("JPEG", "MPO") and info.get("jfif_unit") not in (1, 2):
        # Pillow has taken it from EXIF whatever the unit, or made it up.
        info.pop("dpi", None)
    return provenance_from(main, exif, info)
