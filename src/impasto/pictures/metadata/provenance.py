"""Provenance: the metadata of the original that painted pictures keep."""

from __future__ import annotations

import datetime
import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

SOFTWARE: Final = "impasto"
"""Name of the software in the metadata of written pictures."""

_LONGEST_TEXT: Final = 8_000  # bytes; three such texts still fit in a JPEG segment


@dataclass(frozen=True)
class Provenance:
    """The metadata of the original that is kept. The place (GPS) is never kept.

    Attributes:
        copyright: copyright notice.
        artist: author of the original.
        date: date and time of the original as in EXIF: "YYYY:MM:DD HH:MM:SS".
        dpi: horizontal and vertical resolution in dots per inch.
    """

    copyright: str | None = None
    artist: str | None = None
    date: str | None = None
    dpi: tuple[float, float] | None = None


NO_PROVENANCE: Final = Provenance()
"""Provenance of a picture without metadata."""


def provenance_from(main: Mapping[int, Any], exif: Mapping[int, Any], info: Mapping[Any, Any]) -> Provenance:
    """Collect the provenance from a file's metadata; values that make no sense are ignored.

    Args:
        main: TIFF tags by number.
        exif: tags of the inner EXIF directory by number.
        info: Pillow's ``Image.info``: PNG texts by keyword, and "dpi".

    Returns:
        The provenance. EXIF tags take precedence over PNG texts.
    """
    date = exif.get(Base.DateTimeOriginal) or exif.get(Base.DateTimeDigitized) or main.get(Base.DateTime)
    return Provenance(
        copyright=_text(main.get(Base.Copyright)) or _text(info.get("Copyright")),
        artist=_text(main.get(Base.Artist)) or _text(info.get("Author")) or _text(info.get("Artist")),
        date=_text(date) or _exif_date(_text(info.get("Creation Time"))),
        dpi=_tagged_dpi(main) or sensible_dpi(info.get("dpi")),
    )


def provenance_to_exif(provenance: Provenance) -> Image.Exif:
    """Return a provenance as EXIF, with impasto as the software.

    Texts are in UTF-8, as almost every program reads them, although the standard says ASCII.
    """
    exif = Image.Exif()
    exif[Base.Software] = SOFTWARE
    texts = {
        Base.DateTime: provenance.date,
        Base.Artist: provenance.artist,
        Base.Copyright: provenance.copyright,
    }
    exif.update({tag: _shortened(text) for tag, text in texts.items() if text})
    if dpi := sensible_dpi(provenance.dpi):
        across, down = (IFDRational(Fraction(side).limit_denominator(10_000)) for side in dpi)
        exif.update({Base.XResolution: across, Base.YResolution: down, Base.ResolutionUnit: 2})
    if provenance.date and provenance.date.isascii():  # Pillow would take other texts for binary data
        exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = _shortened(provenance.date).decode()
    return exif


def sensible_dpi(value: object) -> tuple[float, float] | None:
    """Return a resolution if it is two plausible numbers; None otherwise."""
    try:
        across, down = (float(side) for side in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sensible = all(math.isfinite(side) and 1 <= side <= 100_000 for side in (across, down))
    return (across, down) if sensible else None


def _text(value: object) -> str | None:
    """Decode a text: Pillow reads TIFF strings as Latin-1, although most are UTF-8 and may hold null bytes."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        value = str(value)
    # EXIF separates the photographer's and the editor's copyright by a null byte.
    parts = (part.strip() for part in value.split("\0"))
    return "; ".join(part for part in parts if part) or None


def _shortened(text: str) -> bytes:
    """Encode a text in UTF-8, cut to a length that every format supports."""
    encoded = text.replace("\0", " ").encode("utf-8", "replace")[:_LONGEST_TEXT]
    return encoded.decode("utf-8", "ignore").encode()


def _exif_date(text: str | None) -> str | None:
    """Convert a PNG file's creation time, in RFC 1123 or ISO 8601 format, to the format of EXIF."""
    for parse in (email.utils.parsedate_to_datetime, datetime.datetime.fromisoformat):
        try:
            return parse(text or "").strftime("%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
    return None


def _tagged_dpi(main: Mapping[int, Any]) -> tuple[float, float] | None:
    """Return the resolution in TIFF tags; None without a unit, as it then gives only the pixels' aspect ratio."""
    per_inch = {2: 1.0, 3: 2.54}.get(main.get(Base.ResolutionUnit, 2))
    if per_inch is None:
        return None
    dpi = sensible_dpi((main.get(Base.XResolution), main.get(Base.YResolution)))
    return (dpi[0] * per_inch, dpi[1] * per_inch) if dpi else None
