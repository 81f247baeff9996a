"""The record of how a painting was made, kept inside the picture's own file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image

from impasto.errors import PictureError
from impasto.files import opened, shown
from impasto.pictures.codecs import formats
from impasto.pictures.codecs.libraries import decoding, quiet_pillow
from impasto.pictures.metadata import png, tags, xmp
from impasto.pictures.metadata.provenance import SOFTWARE

KEYWORD: Final = "impasto"
"""The keyword of the PNG text that holds the record."""


def read_record(path: str | os.PathLike[str]) -> str | None:
    """Read the record that ``write_picture`` stored in a picture.

    Args:
        path: a picture of any kind that ``read_picture`` reads; its pixels are not decoded.

    Returns:
        The JSON text, character for character as it was stored; None when the picture has none.

    Raises:
        PictureError: when the file is missing, not a picture, or damaged before the place of the record.
    """
    path = Path(path)
    with opened(path) as file:
        where = shown(path)
        with decoding(where), quiet_pillow():
            kind = formats.sniff(file.read(formats.SNIFFED))
            if kind is not None:
                file.seek(0)
                return _record_in(file, kind)
    raise PictureError(f"{where} is not a picture that impasto knows; name a picture that impasto painted.")


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a picture that impasto wrote, with a record or without."""
    path = Path(path)
    try:
        with opened(path) as file, decoding(shown(path)), quiet_pillow():
            image = Image.open(file)
            return SOFTWARE in (image.info.get("Software"), image.getexif().get(tags.SOFTWARE))
    except PictureError:
        return False


def _record_in(file: BinaryIO, kind: str) -> str | None:
    if kind == "PNG":
        return png.find_text(file, KEYWORD)
    if kind == "TIFF":
        return xmp.record_in([_as_bytes(tags.read_tags(file).get(tags.XMP))])
    if kind in ("JPEG", "WEBP"):
        image = Image.open(file, formats=[kind])
        extended = xmp.extended_packets(getattr(image, "applist", []))
        return xmp.record_in([_as_bytes(image.info.get("xmp")), *extended])
    return None


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
