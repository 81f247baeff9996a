"""Colour profiles: bringing every picture to sRGB, and the profile that impasto's own pictures carry."""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from impasto.pictures.files import reason
from impasto.pictures.libraries import quiet_pillow, vips
from impasto.pictures.picture import PictureWarning

_SPACES: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
"""Pillow's mode for each colour space that a profile can describe."""

_DATE_IN_PROFILE: Final = slice(24, 36)
_FLAGS: Final = ImageCms.Flags.BLACKPOINTCOMPENSATION
_INTENT: Final = ImageCms.Intent.RELATIVE_COLORIMETRIC


@functools.cache
def srgb_profile() -> bytes:
    """The sRGB profile of written pictures: the same bytes every time, so that equal pictures make equal files."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE_IN_PROFILE] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()
    return bytes(profile)


def image_to_srgb(image: Image.Image, icc: bytes | None, where: str) -> Image.Image:
    """Convert an 8-bit image to sRGB.

    Args:
        image: an image of mode L, RGB, CMYK or LAB.
        icc: the profile that came with it; None for none.
        where: the picture, as a warning names it.

    Returns:
        An image of mode RGB, or L when it was grey and had no profile. A profile that is damaged or meant for other
        colours is passed over with a ``PictureWarning``; CMYK without a profile is taken as ideal inks on white.
    """
    profile = _profile(icc, image.mode, where)
    if profile is None and image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if profile is not None:
        try:
            return _converted(image, profile)
        except (ImageCms.PyCMSError, ValueError, OSError) as error:
            _warn_of_profile(where, reason(error))
    return image if image.mode == "L" else image.convert("RGB")


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    mode = _SPACES[profile.profile.xcolor_space.strip()]
    source = image if image.mode == mode else image.convert(mode)
    target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    with quiet_pillow():
        result = ImageCms.profileToProfile(source, profile, target, _INTENT, "RGB", flags=_FLAGS)
    assert result is not None, "only conversions in place return nothing"
    return result


def deep_to_srgb(values: npt.NDArray[np.uint16], icc: bytes | None, where: str) -> npt.NDArray[np.uint16]:
    """Convert 16-bit values to sRGB at their full depth.

    Args:
        values: height × width (grey), × 3 (RGB) or × 4 (CMYK, where 0 is no ink), from 0 to 65535.
        icc: the profile that came with them; None for none.
        where: the picture, as a warning names it.

    Returns:
        Height × width × 3, or height × width when the picture is grey and has no profile. Profiles are passed over
        as in ``image_to_srgb``.
    """
    mode = {2: "L"}.get(values.ndim) or {3: "RGB", 4: "CMYK"}[values.shape[2]]
    profile = _profile(icc, mode, where)
    if profile is not None and icc is not None:
        pyvips = vips()
        try:
            return _deep_converted(values, icc, grey_as_rgb=profile.profile.xcolor_space.strip() == "RGB")
        except pyvips.Error as error:
            _warn_of_profile(where, reason(error))
    return _cmyk_to_rgb(values) if mode == "CMYK" else values


def _deep_converted(values: npt.NDArray[np.uint16], icc: bytes, grey_as_rgb: bool) -> npt.NDArray[np.uint16]:
    if values.ndim == 2 and grey_as_rgb:
        values = np.repeat(values[..., np.newaxis], 3, axis=2)
    image = vips_image(values)
    image.set_type(vips().GValue.blob_type, "icc-profile-data", icc)
    converted = image.icc_transform(
        "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=16, pcs="xyz"
    )
    result: npt.NDArray[np.uint16] = converted.numpy()
    return result


def vips_image(values: npt.NDArray[Any]) -> Any:
    """A libvips image of 8-bit or 16-bit values: grey, RGB with or without alpha, or, for 4 bands of ``uint16``, CMYK.

    Args:
        values: height × width, or height × width × bands, of type uint8 or uint16.

    Returns:
        A ``pyvips.Image`` that shares the array's memory where it can.
    """
    values = np.ascontiguousarray(values)
    bands = 1 if values.ndim == 2 else values.shape[2]
    height, width = values.shape[:2]
    deep = values.dtype == np.uint16
    image = vips().Image.new_from_memory(values.data, width, height, bands, "ushort" if deep else "uchar")
    names = {1: "grey16", 3: "rgb16", 4: "cmyk"} if deep else {1: "b-w", 3: "srgb", 4: "srgb"}
    return image.copy(interpretation=names[bands])


def _cmyk_to_rgb(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """The colours of ideal inks, as Pillow converts them at 8 bits."""
    rest = 65535 - values.astype(np.uint32)
    # The products reach 65535², which, with the half that rounds them, just fits in 32 bits.
    return ((rest[..., :3] * rest[..., 3:] + 32767) // 65535).astype(np.uint16)


def _profile(icc: bytes | None, mode: str, where: str) -> ImageCms.ImageCmsProfile | None:
    """The profile to convert from, or None where there is none, none is needed, or it is of no use."""
    if not icc or icc == srgb_profile():
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        _warn_of_profile(where, reason(error))
        return None
    # Grey pictures often carry the profile of the RGB space that they were edited in.
    if _SPACES.get(space) != mode and (mode, space) != ("L", "RGB"):
        _warn_of_profile(where, f"it is for {space} colours")
        return None
    return profile


def _warn_of_profile(where: str, why: str) -> None:
    warnings.warn(
        f"The colour profile of {where} is of no use ({why}) and was ignored; its colours are taken as sRGB.",
        PictureWarning,
        stacklevel=2,
    )
