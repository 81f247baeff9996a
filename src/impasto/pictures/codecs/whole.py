"""Encoding values into the bytes of a file, with colour profile, provenance and record."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.pictures.metadata import png, tags, xmp
from impasto.pictures.metadata.provenance import SOFTWARE, Provenance, provenance_tags, resolution_tags, sensible_dpi
from impasto.pictures.metadata.records import KEYWORD
from impasto.pictures.profiles import srgb_profile, vips_image


@dataclass(frozen=True)
class Extras:
    """What goes into a file besides its pixels.

    Attributes:
        provenance: the original's metadata.
        record: the record of how the painting was made; None for none.
        quality: of JPEG and WebP, from 1 to 100.
    """

    provenance: Provenance
    record: str | None
    quality: int


def encode(values: npt.NDArray[Any], kind: str, extras: Extras) -> bytes:
    """Encode values as a file.

    Args:
        values: height × width × 3 or × 4 (RGB and alpha), uint8, or uint16 for PNG and TIFF.
        kind: a value of ``formats.WRITABLE``.
        extras: what goes in besides.

    Returns:
        The bytes of the file.
    """
    return {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff}[kind](values, extras)


def png_chunks(extras: Extras) -> list[png.Chunk]:
    """The chunks of a PNG file that go between its header and its pixels."""
    provenance = extras.provenance
    chunks = [png.profile_chunk("sRGB", srgb_profile())]
    if dpi := sensible_dpi(provenance.dpi):
        chunks.append(png.resolution_chunk(dpi))
    chunks.append((b"eXIf", _exif(provenance)))
    texts = {"Software": SOFTWARE, "Author": provenance.artist, "Copyright": provenance.copyright}
    chunks += [png.international_text(keyword, text) for keyword, text in texts.items() if text]
    if extras.record is not None:
        chunks.append(png.international_text(KEYWORD, extras.record))
    return chunks


def _png(values: npt.NDArray[Any], extras: Extras) -> bytes:
    return png.with_chunks(_bare_png(values), png_chunks(extras))


def _bare_png(values: npt.NDArray[Any]) -> bytes:
    if values.dtype == np.uint16:
        deep: bytes = _vips_rgb(values).pngsave_buffer(keep="none", filter="all")
        return deep
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg(values: npt.NDArray[Any], extras: Extras) -> bytes:
    options: dict[str, Any] = {}
    if extras.record is not None:
        options["xmp"], options["extra"] = xmp.jpeg_segments(xmp.packet(extras.record))
    if dpi := sensible_dpi(extras.provenance.dpi):
        options["dpi"] = dpi
    buffer = io.BytesIO()
    Image.fromarray(values).save(
        buffer,
        "JPEG",
        quality=extras.quality,
        subsampling="4:4:4",
        icc_profile=srgb_profile(),
        exif=b"Exif\0\0" + _exif(extras.provenance),
        **options,
    )
    return buffer.getvalue()


def _webp(values: npt.NDArray[Any], extras: Extras) -> bytes:
    options = {} if extras.record is None else {"xmp": xmp.packet(extras.record)}
    buffer = io.BytesIO()
    Image.fromarray(values).save(
        buffer,
        "WEBP",
        quality=extras.quality,
        method=4,
        exact=True,  # without it the colours under full transparency would be lost
        icc_profile=srgb_profile(),
        exif=b"Exif\0\0" + _exif(extras.provenance),
        **options,
    )
    return buffer.getvalue()


def _tiff(values: npt.NDArray[Any], extras: Extras) -> bytes:
    bare = _vips_rgb(values).tiffsave_buffer(compression="deflate", predictor="horizontal", keep="none")
    return tags.with_tags(bare, *tiff_tags(extras))


def tiff_tags(extras: Extras) -> tuple[list[tags.Tag], list[tags.Tag]]:
    """The tags of a TIFF file besides those about its pixels: the main ones, and those of the EXIF directory."""
    main, exif = provenance_tags(extras.provenance)
    if not any(tag.number == tags.X_RESOLUTION for tag in main):
        # libvips always gives a resolution; TIFF demands one, but lets it be without a unit.
        main += resolution_tags((1, 1), unit=1)
    main.append(tags.Tag.data(tags.ICC_PROFILE, srgb_profile()))
    if extras.record is not None:
        main.append(tags.Tag.data(tags.XMP, xmp.packet(extras.record)))
    return main, exif


def _exif(provenance: Provenance) -> bytes:
    return tags.exif_block(*provenance_tags(provenance))


def _vips_rgb(values: npt.NDArray[Any]) -> Any:
    # Four bands of 16 bits would be taken for CMYK.
    return vips_image(values).copy(interpretation="rgb16" if values.dtype == np.uint16 else "srgb")
