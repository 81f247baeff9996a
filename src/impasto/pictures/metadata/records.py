"""The record of a painting, embedded in the picture's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image
from PIL.ExifTags import Base

from impasto.errors import PictureError
from impasto.files import shown
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.backends import decoding_errors, quiet_pillow
from impasto.pictures.metadata import png_chunks, tiff_tags, xmp
from impasto.pictures.metadata.provenance import SOFTWARE
from impasto.pictures.opening import open_picture

KEYWORD: Final = "impasto"
"""Keyword of the PNG text that holds the record."""


def read_record(path: str | os.PathLike[str]) -> str | None:
    """Read the record that ``write_picture`` stored in a picture.

    Args:
        path: picture of any format that ``read_picture`` supports; its pixels are not decoded.

    Returns:
        The JSON text exactly as it was stored; None if the picture has none.

    Raises:
        PictureError: the file is missing, not a picture, or damaged before the record.
    """
    path = Path(path)
    with open_picture(path) as file:
        label = shown(path)
        with decoding_errors(label), quiet_pillow():
            file_format = formats.sniff(file.read(formats.SNIFFED))
            if file_format is not None:
                file.seek(0)
                return _read_record(file, file_format)
    raise PictureError(f"{label} is not a picture that impasto knows; name a picture that impasto painted.")


def stored_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return height and width in pixels from a picture's header, before it is turned upright.

    Raises:
        PictureError: the file is missing, or Pillow does not know its format.
    """
    path = Path(path)
    with open_picture(path) as file, decoding_errors(shown(path)), quiet_pillow():
        width, height = Image.open(file).size
        return height, width


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a picture that impasto wrote, with a record or without."""
    path = Path(path)
    try:
        with open_picture(path) as file, decoding_errors(shown(path)), quiet_pillow():
            image = Image.open(file)
            return SOFTWARE in (image.info.get("Software"), image.getexif().get(Base.Software))
    except PictureError:
        return False


def _read_record(file: BinaryIO, file_format: str) -> str | None:
    if file_format == "PNG":
        return png_chunks.find_text(file, KEYWORD)
    if file_format == "TIFF":
        return xmp.find_record([_only_bytes(tiff_tags.read_tags(file).get(Base.XMLPacket))])
    if file_format in ("JPEG", "WEBP"):
        image = Image.open(file, formats=[file_format])
        extended = xmp.extended_packets(getattr(image, "applist", []))
        return xmp.find_record([_only_bytes(image.info.get("xmp")), *extended])
    return None


def _only_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
