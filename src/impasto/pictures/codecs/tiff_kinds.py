"""Kinds of TIFF file: which library decodes them, and which are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from PIL.ExifTags import Base

from impasto.errors import PictureError

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
"""Supported values of PhotometricInterpretation."""

_COLOURS: Final = {
    WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3
}  # fmt: skip
"""Channels of each supported value of PhotometricInterpretation."""

_UNSUPPORTED_COLOURS: Final = {
    4: "a transparency mask", 10: "ITU L*a*b* colours", 32803: "a sensor's colour filter array",
    32844: "LogL luminances", 32845: "LogLuv colours", 34892: "linear raw colours", 51177: "a depth map",
    52527: "a photometric mask",
}  # fmt: skip

_JPEG: Final = 7
_FOR_VIPS: Final = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50001})
_FOR_PILLOW: Final = frozenset({34925, 50000})
_COMPRESSIONS: Final = {
    6: "old-style JPEG", 7: "JPEG", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 34712: "JPEG 2000",
    33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34925: "LZMA", 34933: "PNG", 34934: "JPEG XR",
    22610: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL", 32766: "NeXT RLE",
    32809: "ThunderScan", 32908: "Pixar film", 32909: "Pixar log", 32771: "CCITT RLE",
}  # fmt: skip
_BITS: Final = {1: frozenset({8, 16, 32}), 2: frozenset({32}), 3: frozenset({16, 32}), 4: frozenset({8, 16, 32})}
"""Supported bits per sample for each value of SampleFormat: unsigned, signed, floating point, undefined."""

_NUMBERS: Final = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers", 4: "values of no type"}
_LIMITS: Final = {
    WHITE_IS_ZERO: (32, "values that are 0 for white"), PALETTE: (8, "palette indices"), CMYK: (16, "CMYK colours"),
    YCBCR: (8, "YCbCr colours"), CIELAB: (16, "L*a*b* colours"), ICCLAB: (16, "ICC L*a*b* colours"),
}  # fmt: skip
"""Most bits of whole numbers, and the values' name, for values of PhotometricInterpretation with such a limit."""

_FEW_BITS: Final = frozenset({1, 2, 4})  # supported for a single channel
_FLOAT, _COMPLEX_INTEGER, _COMPLEX = 3, 5, 6  # values of SampleFormat
_ALPHA: Final = frozenset({1, 2})  # values of ExtraSamples: premultiplied and straight
_SEPARATE: Final = 2  # value of PlanarConfiguration
_INK_SET, _OTHER_INKS = 332, 2


def decoder_of(tags: Mapping[int, Any], label: str) -> Literal["vips", "pillow"]:
    """Return the library that decodes a TIFF page, from its tags.

    libvips keeps 16 bits and supports more kinds. Pillow converts YCbCr and 8-bit CIELab, which libvips mistakes for
    RGB or refuses, and decompresses LZMA and Zstandard.

    Args:
        tags: the page's tags by number.
        label: the picture's name in messages.

    Raises:
        PictureError: the page is of a kind that is not supported; the message names it.
    """
    photometric, compression = first(tags, Base.PhotometricInterpretation), first(tags, Base.Compression, 1)
    problem = _compression_problem(compression) or _colour_problem(tags, photometric) or _number_problem(tags)
    # Few programs separate channels into planes. libvips does not read tiles of them and mixes up half floats, and
    # Pillow does not read YCbCr.
    separate = first(tags, Base.PlanarConfiguration, 1) == _SEPARATE and _channels(tags) > 1
    half = first(tags, Base.SampleFormat, 1) == _FLOAT and max(_bits(tags)) == 16
    if not problem and separate and (Base.TileOffsets in tags or photometric == YCBCR or half):
        problem = "stores its channels as separate planes", "save it with interleaved channels"
    pillow = _is_for_pillow(tags, photometric, compression)
    if not problem and compression in _FOR_PILLOW and not pillow:
        name = _COMPRESSIONS[compression]
        problem = f"combines {name} compression with such values", "save it with Deflate or LZW compression"
    if problem:
        what, advice = problem
        raise PictureError(f"{label} is a TIFF file that {what}, which impasto does not read; {advice}.")
    return "pillow" if pillow else "vips"


def extra_samples(tags: Mapping[int, Any]) -> tuple[int, ...]:
    """Return the meaning of each channel after the colours: 1 premultiplied alpha, 2 straight alpha, 0 anything else.

    Args:
        tags: a page's tags by number; of a kind that ``decoder_of`` accepts.
    """
    count = _channels(tags) - _COLOURS[first(tags, Base.PhotometricInterpretation)]
    found = tags.get(Base.ExtraSamples, ())
    meanings = tuple(found) if isinstance(found, tuple) else (found,)
    return (meanings + (0,) * count)[:count]


def first(tags: Mapping[int, Any], tag: int, default: int = 0) -> int:
    """Return the first value of a numeric tag.

    Raises:
        ValueError: the value is not a number.
    """
    value = tags.get(tag, default)
    return int(value[0] if isinstance(value, tuple) and value else value)


def _channels(tags: Mapping[int, Any]) -> int:
    return first(tags, Base.SamplesPerPixel, 1)


def _bits(tags: Mapping[int, Any]) -> tuple[int, ...]:
    found = tags.get(Base.BitsPerSample, 1)
    return tuple(found) if isinstance(found, tuple) else (found,)


def _is_for_pillow(tags: Mapping[int, Any], photometric: int, compression: int) -> bool:
    if max(_bits(tags)) > 8 or photometric == ICCLAB:
        return False
    return photometric == CIELAB or (photometric == YCBCR and compression != _JPEG) or compression in _FOR_PILLOW


def _compression_problem(compression: int) -> tuple[str, str] | None:
    if compression in _FOR_VIPS | _FOR_PILLOW:
        return None
    name = _COMPRESSIONS.get(compression, f"an unknown method (number {compression})")
    return f"is compressed with {name}", "save it with Deflate, LZW or no compression"


def _colour_problem(tags: Mapping[int, Any], photometric: int) -> tuple[str, str] | None:
    if Base.PhotometricInterpretation not in tags:
        return "does not say what its values mean (PhotometricInterpretation is missing)", "save it again as RGB"
    colours = _COLOURS.get(photometric)
    if colours is None:
        name = _UNSUPPORTED_COLOURS.get(photometric, f"colours of an unknown kind (number {photometric})")
        return f"holds {name}", "save it as RGB"
    if photometric == CMYK and (_channels(tags) < colours or first(tags, _INK_SET, 1) == _OTHER_INKS):
        return "holds inks other than CMYK", "save it as RGB or CMYK"
    if _channels(tags) < colours:
        return f"has too few channels ({_channels(tags)} instead of {colours})", "save it again as RGB"
    if photometric in (CIELAB, ICCLAB) and set(extra_samples(tags)) & _ALPHA:
        return "combines L*a*b* colours with transparency", "save it as RGB"
    return None


def _number_problem(tags: Mapping[int, Any]) -> tuple[str, str] | None:
    bits, number, advice = _bits(tags), first(tags, Base.SampleFormat, 1), "save it with 8 or 16 bits per channel"
    photometric = first(tags, Base.PhotometricInterpretation)
    if number in (_COMPLEX_INTEGER, _COMPLEX):
        return "holds complex numbers", advice
    if len(set(bits)) > 1:
        return f"has channels of different depth ({', '.join(map(str, bits))} bits)", advice
    few = bits[0] in _FEW_BITS and _channels(tags) == 1 and number in (1, 4)
    if not few and bits[0] not in _BITS.get(number, frozenset()):
        return f"holds {_NUMBERS.get(number, 'numbers of an unknown kind')} of {bits[0]} bits", advice
    if number == _FLOAT and photometric in (WHITE_IS_ZERO, CMYK, ICCLAB):
        return f"holds {_LIMITS[photometric][1]} as floating-point numbers", "save it as RGB"
    limit, name = _LIMITS.get(photometric, (32, ""))
    if bits[0] > limit and number != _FLOAT:
        return f"holds {name} of {bits[0]} bits", advice
    return None
