"""Decoding with libvips: TIFF files, PNG files of 16 bits per channel, and large files strip by strip."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import PictureError
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.arrays import narrowed
from impasto.pictures.codecs.decoded import Decoded, check_size
from impasto.pictures.codecs.libraries import decoding, quiet_pillow, vips
from impasto.pictures.codecs.pillow import orientation_of, provenance_of
from impasto.pictures.codecs.reducing import Strip, strip_height
from impasto.pictures.metadata import png, tags
from impasto.pictures.metadata.provenance import Provenance, provenance_from
from impasto.pictures.picture import PictureWarning
from impasto.pictures.profiles import SrgbConverter, array_to_srgb
from impasto.pictures.sizes import oriented

_PREMULTIPLIED, _PLAIN = 1, 2  # alpha channels, in the values of TIFF's ExtraSamples tag
_YCBCR, _CIELAB = 6, 8  # values of TIFF's PhotometricInterpretation tag
_JPEG: Final = frozenset({6, 7})  # values of TIFF's Compression tag, as are those below
_ONLY_PILLOW: Final = frozenset({34925, 50000})  # LZMA and Zstandard
_LAB_SPACES: Final = frozenset({"lab", "labs", "labq"})
_NUMBERS: Final = {
    "uchar": "u1", "char": "i1", "ushort": "u2", "short": "i2", "uint": "u4", "int": "i4", "float": "f4",
    "double": "f8", "complex": "c8", "dpcomplex": "c16",
}  # fmt: skip


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
    header = _read_header(file, kind, max_pixels, where)
    with decoding(where):
        image = _load(file, kind)
        values = image.numpy()
    integers = _Integers(where)
    # By what our own reader found, as libvips' does not look behind a PNG file's pixels.
    whole = oriented(integers.of(values), header.orientation)
    integers.warn()
    colour, alpha = _split(whole, cmyk=image.interpretation == "cmyk", extra=header.extra)
    return Decoded(array_to_srgb(colour, header.icc, where), alpha, header.provenance)


@dataclass(frozen=True)
class StripReader:
    """A file that is read from top to bottom, once, while it is open.

    Attributes:
        size: height and width in pixels, as they are stored.
        orientation: how the stored picture has to be turned, as EXIF numbers it.
        provenance: the metadata worth keeping.
        strips: gives the rows, in sRGB; raises a ``PictureError`` when the file is damaged or cut short.
    """

    size: tuple[int, int]
    orientation: int
    provenance: Provenance
    strips: Callable[[], Iterator[Strip]]


def open_strips(file: BinaryIO, kind: str, max_pixels: int, where: str) -> StripReader | None:
    """Open a file for reading in strips.

    Args:
        file: the open file, which stays open for as long as it is read.
        kind: its format, as ``formats.sniff`` tells it.
        max_pixels: how many pixels may be held at once, and a hundredth of how many may be read.
        where: the picture, as a sentence names it.

    Returns:
        The reader; None for kinds of file that can only be decoded as a whole, such as progressive JPEG files.

    Raises:
        PictureError: when the header is damaged or cut short, or the picture too large even so.
    """
    with decoding(where), quiet_pillow():
        found = _strip_header(file, kind, where)
    if found is None:
        return None
    header, (width, height), held = found
    check_size(width, height, max_pixels, where, in_strips=True)
    check_size(width, min(height, held), max_pixels, f"A part of {where} that must be held at once")
    return StripReader(
        (height, width),
        header.orientation,
        header.provenance,
        lambda: _strips(file, kind, header, (width, height), where),
    )


_LEAST_HELD: Final = 16
"""Rows that a decoder holds at least: those of a JPEG file's blocks."""


def _strip_header(file: BinaryIO, kind: str, where: str) -> tuple[_Header, tuple[int, int], int] | None:
    """A file's header, its width and height, and how many rows its decoder holds at once; None where it is all."""
    file.seek(0)
    if kind == "TIFF":
        if not needs_vips(file, kind, where):
            return None
        main = tags.read_tags(file)
        size = int(main[tags.IMAGE_WIDTH]), int(main[tags.IMAGE_HEIGHT])
        return _tiff_header(main, file), size, max(_LEAST_HELD, int(main.get(tags.TILE_LENGTH, 0)))
    if kind == "PNG":
        interlaced = formats.png_interlaced(file.read(formats.SNIFFED))
        file.seek(0)
        image = Image.open(file, formats=[kind])
        return None if interlaced else (_png_header(image, file), image.size, _LEAST_HELD)
    if kind == "JPEG":
        image = Image.open(file, formats=[kind])
        if image.mode not in ("L", "RGB") or image.info.get("progressive"):
            return None
        icc = image.info.get("icc_profile")
        return _Header(provenance_of(image), icc, 0, orientation_of(image)), image.size, _LEAST_HELD
    return None


def _strips(file: BinaryIO, kind: str, header: _Header, size: tuple[int, int], where: str) -> Iterator[Strip]:
    """The rows of a file, in sRGB."""
    width, height = size
    integers, convert = _Integers(where), SrgbConverter(header.icc, where)
    with decoding(where):
        image = _load(file, kind, access="sequential")
        if (image.width, image.height) != size:
            raise ValueError("it gives two sizes")
        region = vips().Region.new(image)
    number, cmyk = np.dtype(_NUMBERS[image.format]), image.interpretation == "cmyk"
    rows = strip_height(width)
    for start in range(0, height, rows):
        count = min(rows, height - start)
        with decoding(where):
            values = np.frombuffer(region.fetch(0, start, width, count), number).reshape(count, width, image.bands)
        values = values[..., 0] if image.bands == 1 else values
        colour, alpha = _split(integers.of(values), cmyk=cmyk, extra=header.extra)
        yield convert(colour), alpha
    integers.warn()


def _load(file: BinaryIO, kind: str, **options: Any) -> Any:
    """A file as a libvips image, not yet decoded."""
    if kind == "TIFF":
        # libtiff would hold no more than 50 MB at once. That is too little for files of a single strip, which cannot
        # be longer than the file; a tile may claim to be of any size.
        file.seek(0)
        options["unlimited"] = tags.TILE_LENGTH not in tags.read_tags(file)
    image = vips().Image
    load = {"PNG": image.pngload_source, "TIFF": image.tiffload_source, "JPEG": image.jpegload_source}[kind]
    file.seek(0)
    loaded = load(vips().Source.new_from_descriptor(file.fileno()), fail_on="error", **options)
    return loaded.colourspace("rgb16") if loaded.interpretation in _LAB_SPACES else loaded


@dataclass(frozen=True)
class _Header:
    """What Pillow reads out of a file for us, without decoding its pixels."""

    provenance: Provenance
    icc: bytes | None
    extra: int  # what the channel after the colours is
    orientation: int = 1  # how the picture has to be turned, as EXIF numbers it


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
    icc = image.info.get("icc_profile")
    return _Header(provenance_from(main, inner, image.info), icc, _PLAIN, orientation_of(image))


def _tiff_header(main: ImageFileDirectory_v2, file: BinaryIO) -> _Header:
    inner: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # damaged metadata counts as none
        inner = tags.read_exif_tags(file, main) or {}
    icc, extra = main.get(tags.ICC_PROFILE), main.get(tags.EXTRA_SAMPLES, 0)
    return _Header(
        provenance=provenance_from(main, inner, {}),
        icc=icc if isinstance(icc, bytes) else None,
        extra=extra[0] if isinstance(extra, tuple) else extra,
        orientation=int(main.get(tags.ORIENTATION, 1)),
    )


class _Integers:
    """Makes uint8 or uint16 over their full range of values of any kind that a picture can have."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._low, self._high = 0.0, 1.0

    def of(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The integers that some of a picture's values stand for."""
        if values.dtype in (np.uint8, np.uint16):
            return values
        if values.dtype == np.uint32:
            return (values >> 16).astype(np.uint16)
        if values.dtype == np.int32:
            return narrowed(values, self._where)
        if values.dtype.kind != "f":
            raise PictureError(
                f"{self._where} holds numbers of type {values.dtype}; save it with 8 or 16 bits per channel."
            )
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise PictureError(f"{self._where} has values that are infinite or not numbers (nan); replace them first.")
        self._low, self._high = min(self._low, low), max(self._high, high)
        clipped: npt.NDArray[np.uint16] = (values.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
        return clipped

    def warn(self) -> None:
        """Say, once all values are seen, that some were clipped."""
        if self._low < 0 or self._high > 1:
            warnings.warn(
                f"{self._where} has floating-point values from {self._low:.6g} to {self._high:.6g}; "
                "those outside 0 to 1 were clipped.",
                PictureWarning,
                stacklevel=2,
            )


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
