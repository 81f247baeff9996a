"""Decoding with libvips: TIFF files, PNG files of 16 bits per channel, and large files strip by strip."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import mmap
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import PictureError
from impasto.pictures.codecs import formats, tiff_kinds
from impasto.pictures.codecs.array_decoder import narrow_to_uint16
from impasto.pictures.codecs.backends import decoding_errors, quiet_pillow, vips
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size
from impasto.pictures.codecs.pillow_decoder import orientation_of, provenance_of
from impasto.pictures.codecs.strip_reducer import Strip, strip_height
from impasto.pictures.metadata import png_chunks, tiff_tags
from impasto.pictures.metadata.colour_signals import ColourSignals, read_signals
from impasto.pictures.metadata.provenance import Provenance, provenance_from
from impasto.pictures.picture import PictureWarning
from impasto.pictures.profiles import SrgbConverter, array_to_srgb
from impasto.pictures.sizes import oriented

_PREMULTIPLIED, _STRAIGHT = 1, 2  # values of TIFF's ExtraSamples tag that mean alpha
_DTYPES: Final = {
    "uchar": "u1", "char": "i1", "ushort": "u2", "short": "i2", "uint": "u4", "int": "i4", "float": "f4",
    "double": "f8", "complex": "c8", "dpcomplex": "c16",
}  # fmt: skip


def needs_vips(file: BinaryIO, file_format: str, label: str) -> bool:
    """Return whether a file should be decoded by libvips, from its header alone.

    Pillow cuts 16-bit PNG files to 8 bits and refuses many TIFF files. But it supports some kinds of TIFF file that
    libvips refuses or mistakes for RGB.

    Args:
        file: open file; its position changes.
        file_format: format that ``formats.sniff`` recognised.
        label: the picture's name in messages.

    Raises:
        PictureError: the header is damaged or cut short, or the TIFF file is of a kind that is not supported.
    """
    with decoding_errors(label), quiet_pillow():
        file.seek(0)
        if file_format != "TIFF":
            return file_format == "PNG" and formats.png_depth(file.read(formats.SNIFFED)) == 16
        return tiff_kinds.decoder_of(tiff_tags.read_tags(file), label) == "vips"


def decode_with_vips(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> DecodedImage:
    """Decode the first image of a PNG or TIFF file at its full depth.

    Args:
        file: open file.
        file_format: "PNG" or "TIFF".
        max_pixels: pixel limit; checked before decoding.
        label: the picture's name in messages.

    Returns:
        The values as uint8 or, for more than 8 bits, as uint16; upright, in sRGB.

    Raises:
        PictureError: the file is too large, damaged, cut short, or has an unsupported number type.
    """
    header = _read_header(file, file_format, max_pixels, label)
    with decoding_errors(label):
        image = _load(file, file_format, header.lab)
        values = image.numpy()
    integers = IntegerConverter(label)
    # libvips does not see an orientation that follows a PNG file's pixels, so the header's is used.
    upright = oriented(integers.convert(values), header.orientation)
    integers.warn_if_clipped()
    colour, alpha = _split_alpha(upright, header.extras)
    return DecodedImage(array_to_srgb(colour, header.signals, label), alpha, header.provenance)


@dataclass(frozen=True)
class StripReader:
    """A file that is read once, from top to bottom, while it is open.

    Attributes:
        size: stored height and width in pixels.
        orientation: EXIF orientation of the stored picture.
        provenance: metadata to keep.
        strips: yields the rows in sRGB; raises ``PictureError`` if the file is damaged or cut short.
    """

    size: tuple[int, int]
    orientation: int
    provenance: Provenance
    strips: Callable[[], Iterator[Strip]]


def open_strips(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> StripReader | None:
    """Open a file for reading in strips.

    Args:
        file: open file, which must stay open during reading.
        file_format: format that ``formats.sniff`` recognised.
        max_pixels: limit of pixels held at once; the file may have ``STRIP_FACTOR`` times as many.
        label: the picture's name in messages.

    Returns:
        The reader; None if the file can only be decoded as a whole, as progressive JPEG files can.

    Raises:
        PictureError: the header is damaged or cut short, or the picture exceeds the limits.
    """
    with decoding_errors(label), quiet_pillow():
        found = _strip_header(file, file_format, label)
    if found is None:
        return None
    header, (width, height), rows_held = found
    check_size(width, height, max_pixels, label, in_strips=True)
    check_size(width, min(height, rows_held), max_pixels, f"A part of {label} that must be held at once")
    return StripReader(
        (height, width),
        header.orientation,
        header.provenance,
        lambda: _read_strips(file, file_format, header, (width, height), label),
    )


_MIN_ROWS_HELD: Final = 16
"""Fewest rows that a decoder holds: those of a JPEG file's blocks."""


def _strip_header(file: BinaryIO, file_format: str, label: str) -> tuple[_Header, tuple[int, int], int] | None:
    """Return a file's header, its width and height, and the rows its decoder holds; None if it holds all."""
    file.seek(0)
    if file_format == "TIFF":
        if not needs_vips(file, file_format, label):
            return None
        main = tiff_tags.read_tags(file)
        size = int(main[Base.ImageWidth]), int(main[Base.ImageLength])
        return _tiff_header(main, file), size, max(_MIN_ROWS_HELD, int(main.get(Base.TileLength, 0)))
    if file_format == "PNG":
        interlaced = formats.png_interlaced(file.read(formats.SNIFFED))
        file.seek(0)
        image = Image.open(file, formats=[file_format])
        return None if interlaced else (_png_header(image, file), image.size, _MIN_ROWS_HELD)
    if file_format == "JPEG":
        image = Image.open(file, formats=[file_format])
        if image.mode not in ("L", "RGB") or image.info.get("progressive"):
            return None
        signals = ColourSignals(icc=image.info.get("icc_profile"))
        header = _Header(provenance_of(image), signals, orientation=orientation_of(image))
        return header, image.size, _MIN_ROWS_HELD
    return None


def _read_strips(
    file: BinaryIO, file_format: str, header: _Header, size: tuple[int, int], label: str
) -> Iterator[Strip]:
    """Yield the rows of a file in sRGB."""
    width, height = size
    integers, to_srgb = IntegerConverter(label), SrgbConverter(header.signals, label)
    with decoding_errors(label):
        image = _load(file, file_format, header.lab, access="sequential")
        if (image.width, image.height) != size:
            raise ValueError("its header contradicts its content")
        region = vips().Region.new(image)
    dtype = np.dtype(_DTYPES[image.format])
    rows = strip_height(width)
    for start in range(0, height, rows):
        count = min(rows, height - start)
        with decoding_errors(label):
            values = np.frombuffer(region.fetch(0, start, width, count), dtype).reshape(count, width, image.bands)
        values = values[..., 0] if image.bands == 1 else values
        colour, alpha = _split_alpha(integers.convert(values), header.extras)
        yield to_srgb(colour), alpha
    integers.warn_if_clipped()


def _load(file: BinaryIO, file_format: str, lab: int | None, **options: Any) -> Any:
    """Open a file as a libvips image without decoding it; L*a*b* colours become sRGB."""
    if file_format == "TIFF":
        # libtiff refuses to hold more than 50 MB at once, too little for files of a single strip. A strip cannot be
        # longer than its file, but a tile may claim any size, so only files without tiles are exempt.
        with quiet_pillow():
            options["unlimited"] = Base.TileLength not in tiff_tags.read_tags(file)
    image = vips().Image
    loaders = {"PNG": image.pngload_source, "TIFF": image.tiffload_source, "JPEG": image.jpegload_source}
    file.seek(0)
    loaded = loaders[file_format](_source(file), fail_on="error", **options)
    return loaded if lab is None else _lab_to_srgb(loaded, lab)


def _source(file: BinaryIO) -> Any:
    """Return a libvips source for a file, or for a mended copy of one in memory."""
    if isinstance(file, mmap.mmap):
        return vips().Source.new_from_memory(file)
    if isinstance(file, io.BytesIO):
        return vips().Source.new_from_memory(file.getbuffer())
    return vips().Source.new_from_descriptor(file.fileno())


def _lab_to_srgb(image: Any, photometric: int) -> Any:
    """Convert L*a*b* colours, which are relative to D50, to sRGB of 8 bits, or 16 bits if they have more.

    libvips leaves the ICC encoding as it is stored: 255 or 65280 is white, and 128 or 32768 is neutral (Adobe, TIFF
    Technical Notes 4). It converts the CIE encoding.
    """
    depth = 8 if image.format == "uchar" else 16
    lab = image.extract_band(0, n=3)
    if photometric == tiff_kinds.ICCLAB:
        unit = 1 if depth == 8 else 256
        lab = lab.cast("float").linear([100 / (255 * unit), 1 / unit, 1 / unit], [0, -128, -128])
    else:
        lab = lab.colourspace("lab")
    lab = lab.copy(interpretation="lab")
    return lab.icc_export(
        output_profile="srgb", depth=depth, intent="relative", black_point_compensation=True, pcs="lab"
    )


@dataclass(frozen=True)
class _Header:
    """The metadata that Pillow reads from a file without decoding its pixels."""

    provenance: Provenance
    signals: ColourSignals
    extras: tuple[int, ...] | None = None  # meaning of each channel after the colours; None for alpha if there is one
    orientation: int = 1  # EXIF orientation
    lab: int | None = None  # value of TIFF's PhotometricInterpretation tag if it means L*a*b*


def _read_header(file: BinaryIO, file_format: str, max_pixels: int, label: str) -> _Header:
    with decoding_errors(label), quiet_pillow():
        file.seek(0)
        if file_format == "PNG":
            image = Image.open(file, formats=[file_format])
            check_size(*image.size, max_pixels, label)
            return _png_header(image, file)
        main = tiff_tags.read_tags(file)
        if Base.ImageWidth not in main or Base.ImageLength not in main:
            raise ValueError("its size is missing")
        check_size(main[Base.ImageWidth], main[Base.ImageLength], max_pixels, label)
        return _tiff_header(main, file)


def _png_header(image: Image.Image, file: BinaryIO) -> _Header:
    if exif := png_chunks.find_exif(file):
        image.info["exif"] = exif
    main: Mapping[int, Any] = {}
    inner: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # damaged metadata is ignored
        # PNG images override this method with one that decodes the pixels to find the block.
        main = Image.Image.getexif(image)
        inner = Image.Image.getexif(image).get_ifd(IFD.Exif)
    signals = dataclasses.replace(read_signals(file, "PNG"), icc=image.info.get("icc_profile"))
    return _Header(provenance_from(main, inner, image.info), signals, orientation=orientation_of(image))


def _tiff_header(main: ImageFileDirectory_v2, file: BinaryIO) -> _Header:
    inner: Mapping[int, Any] = {}
    with contextlib.suppress(Exception):  # damaged metadata is ignored
        inner = tiff_tags.read_exif_tags(file, main) or {}
    icc, photometric = main.get(Base.InterColorProfile), tiff_kinds.first(main, Base.PhotometricInterpretation)
    lab = photometric in (tiff_kinds.CIELAB, tiff_kinds.ICCLAB)
    return _Header(
        provenance=provenance_from(main, inner, {}),
        signals=ColourSignals(icc=icc if isinstance(icc, bytes) and not lab else None),
        extras=() if lab else tiff_kinds.extra_samples(main),
        orientation=int(main.get(Base.Orientation, 1)),
        lab=photometric if lab else None,
    )


class IntegerConverter:
    """A converter of pixel values of any number type to uint8 or uint16 over their full range."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._low, self._high = 0.0, 1.0

    def convert(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert some of a picture's values."""
        if values.dtype in (np.uint8, np.uint16):
            return values
        if values.dtype == np.uint32:
            return (values >> 16).astype(np.uint16)
        if values.dtype == np.int32:
            return narrow_to_uint16(values, self._label)
        if values.dtype.kind != "f":
            raise PictureError(
                f"{self._label} holds numbers of type {values.dtype}; save it with 8 or 16 bits per channel."
            )
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise PictureError(f"{self._label} has values that are infinite or not numbers (nan); replace them first.")
        self._low, self._high = min(self._low, low), max(self._high, high)
        clipped: npt.NDArray[np.uint16] = (values.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
        return clipped

    def warn_if_clipped(self) -> None:
        """Warn, after the last values, if floating-point values were clipped."""
        if self._low < 0 or self._high > 1:
            warnings.warn(
                f"{self._label} has floating-point values from {self._low:.6g} to {self._high:.6g}; "
                "those outside 0 to 1 were clipped.",
                PictureWarning,
                stacklevel=2,
            )


def _split_alpha(
    values: npt.NDArray[Any], extras: tuple[int, ...] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Separate the colours from the alpha channel; channels of any other meaning are dropped."""
    if values.ndim == 2:
        return values, None
    channels = values.shape[2]
    if extras is None:
        extras = (_STRAIGHT,) if channels in (2, 4) else ()
    colours = channels - len(extras)
    colour = values[..., 0] if colours == 1 else values[..., :colours]
    # libvips has already undone the premultiplication.
    alphas = [colours + place for place, meaning in enumerate(extras) if meaning in (_PREMULTIPLIED, _STRAIGHT)]
    return colour, values[..., alphas[0]] if alphas else None
