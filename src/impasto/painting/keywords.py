"""Types of the keywords of :func:`impasto.paint` and its relatives, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Mapping

from impasto.painting.inputs import PictureLike
from impasto.settings.keywords import CommonKeywords


class PaintingKeywords(CommonKeywords, total=False):
    """Keywords of all settings; the masks are files or pictures in memory."""

    masks: Mapping[int, PictureLike | None]
    style_masks: Mapping[int, PictureLike | None]
    protect: PictureLike | None
