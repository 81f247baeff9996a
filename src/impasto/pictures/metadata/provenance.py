"""What is kept of the original file's metadata."""

from __future__ import annotations

import datetime
import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from impasto.pictures.metadata import tags
from impasto.pictures.metadata.tags import Tag

SOFTWARE: Final = "impasto"
"""What impasto's pictures name as the software that made them."""

_LONGEST_TEXT: Final = 8_000  # bytes; three such texts still fit in a JPEG segment


@dataclass(frozen=True)
class Provenance:
    """What is kept of the original file's metadata. Where it was taken (GPS) is never among it.

    Attributes:
        copyright: the copyright notice.
        artist: who made it.
        date: when it was made, as EXIF writes it: "YYYY:MM:DD HH:MM:SS".
        dpi: horizontal and vertical resolution in dots per inch.
    """

    copyright: str | None = None
    artist: str | None = None
    date: str | None = None
    dpi: tuple[float, float] | None = None


NO_PROVENANCE: Final = Provenance()
"""That of a picture about which nothing is known."""


def provenance_from(main: Mapping[int, Any], exif: Mapping[int, Any], info: Mapping[Any, Any]) -> Provenance:
    """Gather the provenance from what a file says about itself; whatever makes no sense is left out.

    Args:
        main: TIFF tags by number.
        exif: tags of the inner EXIF directory by number.
        info: Pillow's ``Image.info``: PNG texts by keyword, and "dpi".

    Returns:
        The provenance; EXIF tags are preferred to PNG texts.
    """
    date = exif.get(tags.DATE_ORIGINAL) or exif.get(tags.DATE_DIGITISED) or main.get(tags.DATE)
    return Provenance(
        copyright=_text(main.get(tags.COPYRIGHT)) or _text(info.get("Copyright")),
        artist=_text(main.get(tags.ARTIST)) or _text(info.get("Author")) or _text(info.get("Artist")),
        date=_text(date) or _exif_date(_text(info.get("Creation Time"))),
        dpi=_tagged_dpi(main) or sensible_dpi(info.get("dpi")),
    )


def provenance_tags(provenance: Provenance) -> tuple[list[Tag], list[Tag]]:
    """A provenance as TIFF tags, together with impasto's name as the software.

    Args:
        provenance: what is to be kept.

    Returns:
        The main tags, and the tags of the inner EXIF directory.
    """
    main = [Tag.text(tags.SOFTWARE, SOFTWARE)]
    texts = ((tags.DATE, provenance.date), (tags.ARTIST, provenance.artist), (tags.COPYRIGHT, provenance.copyright))
    main += [Tag.text(number, _shortened(text)) for number, text in texts if text]
    if dpi := sensible_dpi(provenance.dpi):
        main += resolution_tags(dpi, unit=2)
    return main, [Tag.text(tags.DATE_ORIGINAL, _shortened(provenance.date))] if provenance.date else []


def resolution_tags(resolution: tuple[float, float], unit: int) -> list[Tag]:
    """A resolution as TIFF tags.

    Args:
        resolution: horizontal and vertical, in dots per unit.
        unit: 2 for inches, 3 for centimetres, 1 for none: then it only gives the pixels' shape.
    """
    across, down = resolution
    return [
        Tag.rational(tags.X_RESOLUTION, across),
        Tag.rational(tags.Y_RESOLUTION, down),
        Tag.short(tags.RESOLUTION_UNIT, unit),
    ]


def sensible_dpi(value: object) -> tuple[float, float] | None:
    """A resolution, if it is two numbers that can be one; None otherwise."""
    try:
        across, down = (float(side) for side in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sensible = all(math.isfinite(side) and 1 <= side <= 100_000 for side in (across, down))
    return (across, down) if sensible else None


def _text(value: object) -> str | None:
    """A text as it was meant: TIFF strings come as Latin-1 although most are UTF-8, and may hold null bytes."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        value = str(value)
    # EXIF keeps the photographer's and the editor's copyright in one text, with a null byte between them.
    parts = (part.strip() for part in value.split("\0"))
    return "; ".join(part for part in parts if part) or None


def _shortened(text: str) -> str:
    """A text cut to what every format has room for."""
    return text.replace("\0", " ").encode("utf-8", "replace")[:_LONGEST_TEXT].decode("utf-8", "ignore")


def _exif_date(text: str | None) -> str | None:
    """A PNG file's creation time, in RFC 1123's or ISO 8601's words, as EXIF writes it."""
    for parse in (email.utils.parsedate_to_datetime, datetime.datetime.fromisoformat):
        try:
            return parse(text or "").strftime("%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
    return None


def _tagged_dpi(main: Mapping[int, Any]) -> tuple[float, float] | None:
    """The resolution that TIFF tags give; None without a unit, because then they only give the pixels' shape."""
    per_inch = {2: 1.0, 3: 2.54}.get(main.get(tags.RESOLUTION_UNIT, 2))
    if per_inch is None:
        return None
    dpi = sensible_dpi((main.get(tags.X_RESOLUTION), main.get(tags.Y_RESOLUTION)))
    return (dpi[0] * per_inch, dpi[1] * per_inch) if dpi else None
