"""Remarks on pictures that are valid inputs, but probably not the ones that were meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from impasto.errors import PictureError
from impasto.files import shown
from impasto.pictures import Picture, read_record, resize

FLAT_RANGE = 2 / 255
"""Largest difference of values, in [0, 1], in a picture that counts as a single colour."""

ALIKE_DIFFERENCE = 2 / 255
"""Largest mean difference of values, in [0, 1], between two pictures that count as the same."""

_THUMBNAIL_SIDE = 32
"""Side in pixels to which two pictures are reduced for their comparison."""


def remarks_on_pictures(content: Picture | None, styles: Sequence[Picture]) -> tuple[str, ...]:
    """Return a sentence for each doubt about the pictures of a painting.

    Args:
        content: the photograph; None for a texture.
        styles: the paintings.
    """
    remarks = [*_remarks_on_photo(content, styles)] if content else []
    return (*remarks, *(remark for style in styles if (remark := _remark_on_style(style))))


def _remarks_on_photo(content: Picture, styles: Sequence[Picture]) -> Iterator[str]:
    alike = next((style for style in styles if _are_alike(content, style)), None)
    if alike:
        yield f"The photo and the style {_name(alike)} are the same picture, so little will change: was another meant?"
    elif _is_painted(content):
        yield f"The photo {_name(content)} was painted by impasto: if photo and style are swapped, exchange them."


def _remark_on_style(style: Picture) -> str | None:
    if style.alpha is not None and not style.alpha.any():
        return f"The style {_name(style)} is fully transparent, so it counts as a white area: was another meant?"
    # A few pixels almost always differ already, and the whole of a large painting would take a second.
    if all(float(np.ptp(some, axis=(0, 1)).max()) <= FLAT_RANGE for some in (style.pixels[::16, ::16], style.pixels)):
        return f"The style {_name(style)} is a single colour, so there are no strokes to paint with: was another meant?"
    return None


def _are_alike(one: Picture, other: Picture) -> bool:
    """Return whether two pictures are the same, perhaps in other formats or sizes."""
    if one.sha256 == other.sha256:
        return True
    aspects = one.width / one.height, other.width / other.height
    if abs(aspects[0] / aspects[1] - 1) > 0.02 or (one.alpha is None) != (other.alpha is None):
        return False
    small = [resize(picture.pixels, _THUMBNAIL_SIDE, _THUMBNAIL_SIDE) for picture in (one, other)]
    return float(np.abs(small[0] - small[1]).mean()) <= ALIKE_DIFFERENCE


def _is_painted(picture: Picture) -> bool:
    try:
        return picture.path is not None and read_record(picture.path) is not None
    except PictureError:  # the file is gone since it was read
        return False


def _name(picture: Picture) -> str:
    return shown(picture.path.name) if picture.path else "from memory"
