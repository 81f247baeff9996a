"""Colour profiles: conversion of pictures to sRGB, and the profile of written pictures."""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from impasto.files import reason
from impasto.pictures.codecs.backends import quiet_pillow, vips
from impasto.pictures.picture import PictureWarning

_MODES: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
"""Pillow's mode for each colour space of a profile."""

_DATE_IN_PROFILE: Final = slice(24, 36)
_FLAGS: Final = ImageCms.Flags.BLACKPOINTCOMPENSATION
_INTENT: Final = ImageCms.Intent.RELATIVE_COLORIMETRIC


@functools.cache
def srgb_profile() -> bytes:
    """Return the sRGB profile of written pictures, with a fixed date, so that equal pictures give equal files."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE_IN_PROFILE] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()
    return bytes(profile)


def image_to_srgb(image: Image.Image, icc: bytes | None, label: str) -> Image.Image:
    """Convert an 8-bit image to sRGB.

    Args:
        image: image of mode L, RGB, CMYK or LAB.
        icc: its embedded profile; None for none.
        label: the picture's name in warnings.

    Returns:
        An image of mode RGB, or L for grey without a profile. A profile that is damaged or made for another colour
        space is ignored with a ``PictureWarning``. CMYK without a profile is converted as ideal inks on white.
    """
    return _apply(image, _conversion(icc, image.mode, label))


def _apply(image: Image.Image, conversion: _Conversion | None) -> Image.Image:
    if conversion is None:
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    source = image if image.mode == conversion.mode else image.convert(conversion.mode)
    with quiet_pillow():
        result = ImageCms.applyTransform(source, conversion.transform)
    assert result is not None, "only conversions in place return nothing"
    return result


def array_to_srgb(values: npt.NDArray[Any], icc: bytes | None, label: str) -> npt.NDArray[Any]:
    """Convert values of 8 or 16 bits to sRGB at their full depth.

    Args:
        values: height × width (grey), × 3 (RGB) or × 4 (CMYK, 0 is no ink); uint8 or uint16.
        icc: the embedded profile; None for none.
        label: the picture's name in warnings.

    Returns:
        Height × width × 3, or height × width for grey without a profile; of the same type. Profiles are ignored as in
        ``image_to_srgb``.
    """
    return SrgbConverter(icc, label)(values)


class SrgbConverter:
    """A converter for the strips of one picture; equals ``array_to_srgb`` of the whole, but warns only once."""

    def __init__(self, icc: bytes | None, label: str) -> None:
        self._icc = icc
        self._label = label
        self._conversions: dict[str, _Conversion | None] = {}

    def __call__(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert some rows to sRGB; arguments and result as in ``array_to_srgb``."""
        mode = "L" if values.ndim == 2 else {3: "RGB", 4: "CMYK"}[values.shape[2]]
        if mode not in self._conversions:
            self._conversions[mode] = _conversion(self._icc, mode, self._label)
        conversion = self._conversions[mode]
        if values.dtype == np.uint8:
            if conversion is None and mode != "CMYK":
                return values
            size = values.shape[1], values.shape[0]
            return np.asarray(_apply(Image.frombytes(mode, size, values.tobytes()), conversion))
        if conversion is None or self._icc is None:
            return _cmyk_to_rgb(values) if mode == "CMYK" else values
        if mode == "L" and conversion.mode == "RGB":
            values = np.repeat(values[..., np.newaxis], 3, axis=2)
        return _convert_16_bits(values, self._icc)


def _convert_16_bits(values: npt.NDArray[np.uint16], icc: bytes) -> npt.NDArray[np.uint16]:
    """Convert 16-bit values through floating-point Lab.

    libvips' ``icc_transform`` looks colours up in a coarse table, with errors up to 11/255. The way through Lab stays
    within 1/255, mostly a hundred times closer.
    """
    image = vips_image(values)
    image.set_type(vips().GValue.blob_type, "icc-profile-data", icc)
    options = {"intent": "relative", "black_point_compensation": True, "pcs": "lab"}
    lab = image.icc_import(embedded=True, **options)
    converted: npt.NDArray[np.uint16] = lab.icc_export(output_profile="srgb", depth=16, **options).numpy()
    return converted


def vips_image(values: npt.NDArray[Any]) -> Any:
    """Return a libvips image of 8-bit or 16-bit values: grey, RGB, RGB with alpha (uint8) or CMYK (uint16).

    Args:
        values: height × width, or height × width × bands, uint8 or uint16.

    Returns:
        A ``pyvips.Image`` that shares the array's memory if the array is contiguous.
    """
    values = np.ascontiguousarray(values)
    bands = 1 if values.ndim == 2 else values.shape[2]
    height, width = values.shape[:2]
    deep = values.dtype == np.uint16
    image = vips().Image.new_from_memory(values.data, width, height, bands, "ushort" if deep else "uchar")
    names = {1: "grey16", 3: "rgb16", 4: "cmyk"} if deep else {1: "b-w", 3: "srgb", 4: "srgb"}
    return image.copy(interpretation=names[bands])


def _cmyk_to_rgb(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Convert ideal inks to RGB, as Pillow does at 8 bits."""
    rest = 65535 - values.astype(np.uint32)
    # The products are at most 65535²; with the half added for rounding they just fit in 32 bits.
    return ((rest[..., :3] * rest[..., 3:] + 32767) // 65535).astype(np.uint16)


@dataclass(frozen=True)
class _Conversion:
    """A transform from the colours of one Pillow mode to sRGB."""

    mode: str
    transform: ImageCms.ImageCmsTransform


def _conversion(icc: bytes | None, mode: str, label: str) -> _Conversion | None:
    """Return the conversion to sRGB; None if there is no profile, or it is sRGB already, or it is ignored."""
    if not icc or icc == srgb_profile():
        return _conversion_from(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))) if mode == "LAB" else None
    try:
        conversion = _conversion_from(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, ValueError, KeyError) as error:
        _warn_of_profile(label, reason(error))
        return _conversion(None, mode, label)
    # Grey pictures often carry the profile of the RGB space in which they were edited.
    if conversion.mode != mode and (mode, conversion.mode) != ("L", "RGB"):
        _warn_of_profile(label, f"it is for {conversion.mode} colours")
        return _conversion(None, mode, label)
    return conversion


def _conversion_from(profile: ImageCms.ImageCmsProfile) -> _Conversion:
    mode = _MODES[profile.profile.xcolor_space.strip()]
    target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    return _Conversion(mode, ImageCms.buildTransform(profile, target, mode, "RGB", _INTENT, _FLAGS))


def _warn_of_profile(label: str, why: str) -> None:
    warnings.warn(
        f"The colour profile of {label} cannot be used ({why}) and was ignored; its colours are taken as sRGB.",
        PictureWarning,
        stacklevel=2,
    )
