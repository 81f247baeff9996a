"""Decoding with Pillow: files of 8 bits per channel, a few kinds of TIFF, and PIL images."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from impasto.errors import PictureError
from impasto.pictures.codecs.array_decoder import check_floats, narrow_to_uint16
from impasto.pictures.codecs.backends import decoding_errors, quiet_pillow
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size
from impasto.pictures.codecs.psd_structure import has_transparency, without_white
from impasto.pictures.metadata.colour_signals import ColourSignals, read_signals, signals_from_info
from impasto.pictures.metadata.provenance import Provenance, provenance_from
from impasto.pictures.picture import PictureWarning
from impasto.pictures.profiles import array_to_srgb, image_to_srgb

_LABEL: Final = "The PIL image"
_TGA_FLAGS_AT: Final = 17
_TGA_ALPHA_BITS: Final = 15  # mask of the number of alpha bits in the flags
_ANIMATED: Final = frozenset({"GIF", "WEBP", "AVIF"})  # PNG animations are noticed when their chunks are checked


def decode_with_pillow(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> DecodedImage:
    """Decode the first image of a file of 8 bits per channel.

    Args:
        file: open file, at its start.
        file_format: format that ``formats.sniff`` recognised.
        max_pixels: pixel limit; checked before decoding.
        label: the picture's name in messages.

    Returns:
        The values, upright and in sRGB.

    Raises:
        PictureError: the file is too large, damaged or cut short, or HEIC without the plug-in.
    """
    with decoding_errors(label), quiet_pillow():
        transparent = file_format == "PSD" and has_transparency(file, label)
        signals = read_signals(file, file_format)
        file.seek(0)
        image = _open_heif(file, label) if file_format == "HEIF" else _open(file, file_format)
        if getattr(image, "default_image", False):  # of a PNG file: a substitute that is not part of the animation
            with contextlib.suppress(Exception):  # as in _is_animated
                image.seek(1)
        animated = file_format in _ANIMATED and _is_animated(image)
    check_size(*image.size, max_pixels, label)
    with decoding_errors(label), quiet_pillow():
        if file_format == "PSD" and image.mode == "RGBA":
            image = without_white(image) if transparent else image.convert("RGB")
        if file_format == "TGA" and not _has_tga_alpha(file):
            image = image.convert("L" if image.mode in ("L", "LA") else "RGB")
    decoded = _decode(image, signals, max_pixels, label, in_place=True)
    if animated:
        warnings.warn(animation_note(label), PictureWarning, stacklevel=2)
    return decoded


def _has_tga_alpha(file: BinaryIO) -> bool:
    """Return whether a TGA file says that its fourth channel is alpha, which Pillow takes for granted."""
    file.seek(_TGA_FLAGS_AT)
    return file.read(1)[0] & _TGA_ALPHA_BITS != 0


def decode_image(image: Image.Image, max_pixels: int) -> tuple[DecodedImage, str]:
    """Decode a PIL image of any mode.

    Args:
        image: the image. Mode "F" must hold values in [0, 1], mode "I" from 0 to 65535.
        max_pixels: pixel limit; checked before decoding, if the image is not loaded yet.

    Returns:
        The values, upright and in sRGB, and the SHA-256 of the image's mode, size, palette and bytes.

    Raises:
        PictureError: the image is too large, out of range, or its file is damaged.
    """
    decoded = _decode(image, signals_from_info(image.info), max_pixels, _LABEL, in_place=False)
    palette = image.getpalette(None) if image.mode in ("P", "PA") else None
    digest = hashlib.sha256(f"{image.mode} {image.size} {palette} ".encode())
    digest.update(image.tobytes())
    return decoded, digest.hexdigest()


def animation_note(label: str) -> str:
    """Return the sentence that only the first frame of an animation was read."""
    return f"{label} is an animation; only its first frame was read."


def _is_animated(image: Image.Image) -> bool:
    """Return whether an image has a second frame that can be read."""
    with contextlib.suppress(Exception):  # a damaged second frame makes Pillow raise almost any exception
        return bool(getattr(image, "is_animated", False))
    return False


def _open(file: BinaryIO, file_format: str) -> Image.Image:
    # Pillow's own reader of uncompressed TIFF files ignores the subsampling and the range of YCbCr colours.
    previous, TiffImagePlugin.READ_LIBTIFF = TiffImagePlugin.READ_LIBTIFF, True
    try:
        return Image.open(file, formats=[file_format])
    finally:
        TiffImagePlugin.READ_LIBTIFF = previous


def _open_heif(file: BinaryIO, label: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise PictureError(
            f'{label} is a HEIC picture, which needs a plug-in; run pip install "impasto[heic]", or save it as JPEG.'
        ) from None
    image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call, unused-ignore]
    return image


def _decode(image: Image.Image, signals: ColourSignals, max_pixels: int, label: str, in_place: bool) -> DecodedImage:
    check_size(*image.size, max_pixels, label)
    with decoding_errors(label), quiet_pillow():
        image.load()
        provenance = provenance_of(image)
        signals = dataclasses.replace(signals, icc=image.info.get("icc_profile"))
        image = _upright(image, in_place)
        # Most images of these modes are 16-bit grey, which Pillow's own conversions would cut to 8 bits.
        deep = image.mode == "F" or image.mode.startswith("I")
        flat, alpha = (image, None) if deep else _split_alpha(image)
        opacity = None if alpha is None else np.asarray(alpha)
    if flat.mode == "F":
        values: npt.NDArray[Any] = np.asarray(flat)
        check_floats(values, label)
        return DecodedImage(values, None, provenance)
    if deep:
        grey = narrow_to_uint16(np.asarray(flat), label)
        return DecodedImage(array_to_srgb(grey, signals, label), None, provenance)
    return DecodedImage(np.asarray(image_to_srgb(flat, signals, label)), opacity, provenance)


def _upright(image: Image.Image, in_place: bool) -> Image.Image:
    """Turn an image as its EXIF orientation says; an unreadable orientation is ignored."""
    try:
        if in_place:
            ImageOps.exif_transpose(image, in_place=True)
            return image
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF makes Pillow raise almost any exception
        return image


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return an image's colours, in mode L, RGB, CMYK or LAB, and its alpha channel if it has one."""
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data and image.mode not in ("CMYK", "LAB"):
        # The premultiplied modes convert only to their plain counterparts.
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def orientation_of(image: Image.Image) -> int:
    """Return an image's EXIF orientation; 1 (upright) if it has none or it is unreadable."""
    with contextlib.suppress(Exception):  # as in _upright
        # PNG images override this method with one that decodes the pixels to find the block.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    return 1


def provenance_of(image: Image.Image) -> Provenance:
    """Return the provenance in an image's metadata; damaged metadata is ignored."""
    main: Mapping[int, Any] = {}
    exif: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # as in _upright
        main = image.getexif()
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
    info = dict(image.info)
    if image.format in ("JPEG", "MPO") and info.get("jfif_unit") not in (1, 2):
        # Pillow took this value from EXIF without checking its unit, or made it up.
        info.pop("dpi", None)
    return provenance_from(main, exif, info)
