"""Encoding integer values as the bytes of a file, with colour profile, provenance and record."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from impasto.errors import PictureError
from impasto.pictures.codecs.backends import encoding_errors
from impasto.pictures.metadata import png_chunks, tiff_tags, xmp
from impasto.pictures.metadata.provenance import SOFTWARE, Provenance, provenance_to_exif, sensible_dpi
from impasto.pictures.metadata.records import KEYWORD
from impasto.pictures.profiles import srgb_profile, vips_image
from impasto.pictures.progress import ProgressCallback
from impasto.pictures.sizes import LARGE

Part: TypeAlias = bytes | memoryview
"""A part of a file's content."""

PNG_LEVEL: Final = 4
"""Level of zlib's compression: a painting takes 0.5 % more bytes than at zlib's default of 6, and 0.6 of the time."""

_TILE: Final = 256  # pixels
_CLASSIC_TIFF: Final = 2**32 - 2**27  # bytes of pixels; leaves room for metadata and incompressible pixels


@dataclass(frozen=True)
class Extras:
    """The content of a file besides its pixels.

    Attributes:
        provenance: metadata of the original.
        record: record of the painting; None for none.
        quality: quality of JPEG and WebP, from 1 to 100.
    """

    provenance: Provenance
    record: str | None
    quality: int


def encode(
    values: npt.NDArray[Any], file_format: str, extras: Extras, label: str, on_progress: ProgressCallback
) -> list[Part]:
    """Encode values as a file.

    Args:
        values: height × width × 3 or × 4 (RGB and alpha), uint8, or uint16 for PNG and TIFF.
        file_format: a value of ``formats.WRITABLE``.
        extras: metadata to embed.
        label: the file's name in messages.
        on_progress: receives the share that is encoded, below 1; only if libvips encodes.

    Returns:
        The parts of the file, in order.

    Raises:
        PictureError: the values cannot be encoded.
    """
    encoder = {"PNG": _encode_png, "JPEG": _encode_jpeg, "WEBP": _encode_webp, "TIFF": _encode_tiff}[file_format]
    return encoder(values, extras, label, on_progress)


def _encode_png(values: npt.NDArray[Any], extras: Extras, label: str, on_progress: ProgressCallback) -> list[Part]:
    if values.dtype == np.uint8 and not _is_large(values):
        return [_pillow_png(values, extras, label)]
    # Pillow does not write 16 bits, and libvips always writes a resolution; so libvips writes the pixels and Pillow
    # the metadata, with those of a single pixel.
    metadata = _pillow_png(np.zeros((1, 1, 3), np.uint8), extras, label)
    pixels = _save_with_vips(values, "pngsave_buffer", label, on_progress, filter="all")
    return png_chunks.with_metadata_of(metadata, pixels)


def _pillow_png(values: npt.NDArray[np.uint8], extras: Extras, label: str) -> bytes:
    provenance = extras.provenance
    texts = {
        "Software": SOFTWARE,
        "Author": provenance.artist,
        "Copyright": provenance.copyright,
    }
    chunks = PngInfo()
    for keyword, text in texts.items():
        if text:
            chunks.add(*png_chunks.text_chunk(keyword, text))
    if extras.record is not None:
        chunks.add(*png_chunks.text_chunk(KEYWORD, extras.record))
    options = {"pnginfo": chunks, "compress_level": PNG_LEVEL, **_dpi_option(provenance)}
    return _save_with_pillow(values, "PNG", extras, label, **options)


def _encode_jpeg(values: npt.NDArray[Any], extras: Extras, label: str, _: ProgressCallback) -> list[Part]:
    options = _dpi_option(extras.provenance)
    if extras.record is not None:
        options["xmp"], options["extra"] = xmp.jpeg_segments(xmp.packet(extras.record))
    return [_save_with_pillow(values, "JPEG", extras, label, quality=extras.quality, subsampling="4:4:4", **options)]


def _encode_webp(values: npt.NDArray[Any], extras: Extras, label: str, _: ProgressCallback) -> list[Part]:
    # Without "exact" the colours of fully transparent pixels would be lost.
    options: dict[str, Any] = {"quality": extras.quality, "method": 4, "exact": True}
    if extras.record is not None:
        options["xmp"] = xmp.packet(extras.record)
    return [_save_with_pillow(values, "WEBP", extras, label, **options)]


def _encode_tiff(values: npt.NDArray[Any], extras: Extras, label: str, on_progress: ProgressCallback) -> list[Part]:
    options: dict[str, Any] = {"compression": "deflate", "predictor": "horizontal"}
    if _is_large(values):
        options |= {"tile": True, "tile_width": _TILE, "tile_height": _TILE, "bigtiff": values.nbytes > _CLASSIC_TIFF}
    tiff = _save_with_vips(values, "tiffsave_buffer", label, on_progress, **options)
    exif = provenance_to_exif(extras.provenance)
    if Base.XResolution not in exif:
        # TIFF requires a resolution, and libvips writes one; without a unit it gives only the pixels' aspect ratio.
        exif.update({Base.XResolution: 1, Base.YResolution: 1, Base.ResolutionUnit: 1})
    exif[Base.InterColorProfile] = srgb_profile()
    if extras.record is not None:
        exif[Base.XMLPacket] = xmp.packet(extras.record)
    return tiff_tags.with_tags(tiff, exif)


def _is_large(values: npt.NDArray[Any]) -> bool:
    return values.shape[0] * values.shape[1] > LARGE


def _dpi_option(provenance: Provenance) -> dict[str, Any]:
    dpi = sensible_dpi(provenance.dpi)
    return {"dpi": dpi} if dpi else {}


def _save_with_pillow(
    values: npt.NDArray[np.uint8], file_format: str, extras: Extras, label: str, **options: Any
) -> bytes:
    """Encode 8-bit values with profile and EXIF."""
    buffer = io.BytesIO()
    with encoding_errors(label):
        exif = provenance_to_exif(extras.provenance)
        Image.fromarray(values).save(buffer, file_format, icc_profile=srgb_profile(), exif=exif, **options)
    return buffer.getvalue()


def _save_with_vips(
    values: npt.NDArray[Any], saver: str, label: str, on_progress: ProgressCallback, **options: Any
) -> bytes:
    """Encode values without metadata.

    Exceptions cannot pass through libvips, so an exception of the callback stops libvips and is raised afterwards.
    """
    failures: list[BaseException] = []

    def report(_: Any, progress: Any) -> None:
        try:
            if not failures and progress.percent < 100:
                on_progress(progress.percent / 100)
        except BaseException as failure:
            failures.append(failure)
            image.set_kill(True)

    data = b""
    try:
        with encoding_errors(label):
            # libvips would take four bands of 16 bits for CMYK.
            image = vips_image(values).copy(interpretation="rgb16" if values.dtype == np.uint16 else "srgb")
            image.set_progress(True)
            image.signal_connect("eval", report)
            data = getattr(image, saver)(keep="none", **options)
    except PictureError:
        if not failures:
            raise
    if failures:
        raise failures[0]
    return data
