"""Conversion of pictures to sRGB by their colour profile or other signals, and the profile of written pictures."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from impasto.files import reason
from impasto.pictures.codecs.backends import quiet_pillow, vips
from impasto.pictures.metadata.colour_signals import ColourSignals
from impasto.pictures.picture import PictureWarning
from impasto.pictures.signalled_colours import SignalledConversion, from_code_points, from_gamma, is_unspecified

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


def image_to_srgb(image: Image.Image, signals: ColourSignals, label: str) -> Image.Image:
    """Convert an 8-bit image to sRGB.

    Args:
        image: image of mode L, RGB, CMYK or LAB.
        signals: what its file states about its colours.
        label: the picture's name in warnings.

    Returns:
        An image of mode RGB, or L for grey without an ICC profile. A signal that is damaged, unknown or made for
        another kind of colours is ignored with a ``PictureWarning``, and the next counts. CMYK without a
        profile is converted as ideal inks on white.
    """
    conversion = _conversion(signals, image.mode, label)
    if conversion is None:
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    if isinstance(conversion, SignalledConversion):
        return Image.fromarray(conversion(np.asarray(image)))
    return conversion.convert_image(image)


def array_to_srgb(values: npt.NDArray[Any], signals: ColourSignals, label: str) -> npt.NDArray[Any]:
    """Convert values of 8 or 16 bits to sRGB at their full depth.

    Args:
        values: height × width (grey), × 3 (RGB) or × 4 (CMYK, 0 is no ink); uint8 or uint16.
        signals: what their file states about their colours.
        label: the picture's name in warnings.

    Returns:
        Height × width × 3, or height × width for grey without an ICC profile; of the same type. Signals are ignored
        as in ``image_to_srgb``.
    """
    return SrgbConverter(signals, label)(values)


class SrgbConverter:
    """A converter for the strips of one picture; equals ``array_to_srgb`` of the whole, but warns only once."""

    def __init__(self, signals: ColourSignals, label: str) -> None:
        self._signals = signals
        self._label = label
        self._conversions: dict[str, _Conversion | None] = {}

    def __call__(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert some rows to sRGB; arguments and result as in ``array_to_srgb``."""
        mode = "L" if values.ndim == 2 else {3: "RGB", 4: "CMYK"}[values.shape[2]]
        if mode not in self._conversions:
            self._conversions[mode] = _conversion(self._signals, mode, self._label)
        conversion = self._conversions[mode]
        if conversion is not None:
            return conversion(values)
        return _cmyk_to_rgb(values) if mode == "CMYK" else values


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


def _cmyk_to_rgb(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert ideal inks to RGB as Pillow does."""
    if values.dtype == np.uint8:
        return np.asarray(_image(values, "CMYK").convert("RGB"))
    rest = 65535 - values.astype(np.uint32)
    # The products are at most 65535²; with the half added for rounding they just fit in 32 bits.
    return ((rest[..., :3] * rest[..., 3:] + 32767) // 65535).astype(np.uint16)


def _image(values: npt.NDArray[np.uint8], mode: str) -> Image.Image:
    return Image.frombytes(mode, (values.shape[1], values.shape[0]), values.tobytes())


@dataclass(frozen=True)
class _IccConversion:
    """A conversion by an ICC profile, from the colours of one Pillow mode to sRGB."""

    icc: bytes
    mode: str
    transform: ImageCms.ImageCmsTransform

    def convert_image(self, image: Image.Image) -> Image.Image:
        """Convert an image of the profile's mode, or a grey image with the profile of an RGB space."""
        source = image if image.mode == self.mode else image.convert(self.mode)
        with quiet_pillow():
            result = ImageCms.applyTransform(source, self.transform)
        assert result is not None, "only conversions in place return nothing"
        return result

    def __call__(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert values of 8 or 16 bits."""
        if values.dtype == np.uint8:
            mode = "L" if values.ndim == 2 else self.mode
            return np.asarray(self.convert_image(_image(values, mode)))
        if values.ndim == 2 and self.mode == "RGB":
            values = np.repeat(values[..., np.newaxis], 3, axis=2)
        return _convert_16_bits(values, self.icc)


_Conversion: TypeAlias = _IccConversion | SignalledConversion


def _conversion(signals: ColourSignals, mode: str, label: str) -> _Conversion | None:
    """Return the conversion to sRGB by the first usable signal; None if colours are sRGB, or CMYK without a profile."""
    for name, build in _candidates(signals, mode):
        try:
            conversion = build()
        except (ImageCms.PyCMSError, OSError, ValueError, KeyError) as error:
            _warn(f"The {name} of {label} cannot be used ({reason(error)}) and was ignored.")
            continue
        if isinstance(conversion, SignalledConversion) and conversion.high_range:
            _warn(
                f"{label} has a high dynamic range ({conversion.high_range}); "
                "its highlights were compressed into the standard range."
            )
        return conversion
    if mode == "LAB":
        return _icc_conversion(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(), mode)
    return None


def _candidates(signals: ColourSignals, mode: str) -> Iterator[tuple[str, Callable[[], _Conversion | None]]]:
    """Yield name and conversion of each signal of a picture, the one that takes precedence first.

    ``ColourSignals`` gives the reasons for the order. Only profiles apply to colours other than grey and RGB.
    """
    rgb = mode in ("L", "RGB")
    if rgb and signals.cicp and not is_unspecified(signals.cicp):
        yield "cICP chunk", functools.partial(from_code_points, signals.cicp, signals.peak)
    if signals.icc:
        yield "colour profile", functools.partial(_icc_conversion, signals.icc, mode)
    if rgb and signals.nclx and not is_unspecified(signals.nclx):
        yield "nclx colour box", functools.partial(from_code_points, signals.nclx, signals.peak)
    if rgb and signals.srgb:
        yield "sRGB chunk", lambda: None
    if rgb and signals.gamma is not None:
        if signals.gamma > 0 and signals.chromaticities:
            yield "cHRM chunk", functools.partial(from_gamma, signals.gamma, signals.chromaticities)
        yield "gAMA chunk", functools.partial(from_gamma, signals.gamma, None)


def _icc_conversion(icc: bytes, mode: str) -> _IccConversion | None:
    """Return the conversion of an image mode by an ICC profile; None if it is the sRGB profile of written pictures.

    Raises:
        ValueError: the profile is made for other colours than those of the mode.
        ImageCms.PyCMSError: the profile is damaged; Pillow raises other exceptions too.
    """
    if icc == srgb_profile():
        return None
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    profile_mode = _MODES[profile.profile.xcolor_space.strip()]
    target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    # Grey pictures often carry the profile of the RGB space in which they were edited.
    if profile_mode != mode and (mode, profile_mode) != ("L", "RGB"):
        raise ValueError(f"it is for {profile_mode} colours")
    return _IccConversion(
        icc, profile_mode, ImageCms.buildTransform(profile, target, profile_mode, "RGB", _INTENT, _FLAGS)
    )


def _warn(message: str) -> None:
    warnings.warn(message, PictureWarning, stacklevel=2)
