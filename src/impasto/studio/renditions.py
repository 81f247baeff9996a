"""Reduced copies of pictures for the page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.pictures import read_picture, resize, scaled_size
from impasto.studio.limits import PREVIEW_BYTES

Pixels = npt.NDArray[np.float32]

PREVIEW_SIDE_OF_JOB = 896
"""Longest side of a running job's preview in pixels."""

_QUALITIES = (88, 78, 66, 52)
_QUALITY = 88


def preview_jpeg(pixels: Pixels, side: int = PREVIEW_SIDE_OF_JOB) -> tuple[bytes, tuple[int, int]]:
    """Encode a picture as a JPEG file of at most :data:`~impasto.studio.limits.PREVIEW_BYTES`.

    Args:
        pixels: H×W×3 in [0, 1].
        side: longest side in pixels; it is halved until the file is small enough.

    Returns:
        The file, and its height and width in pixels.
    """
    while True:
        image = _reduced(pixels, side)
        for quality in _QUALITIES:
            data = _encoded(image, "JPEG", quality)
            if len(data) <= PREVIEW_BYTES:
                return data, (image.height, image.width)
        side //= 2


def rendition(path: Path, side: int, *, as_png: bool = False) -> bytes:
    """Read a picture, and encode it with a long side of at most ``side``.

    Args:
        path: file of the picture.
        side: longest side in pixels.
        as_png: encode a grey PNG, as for masks, instead of a JPEG over white.
    """
    picture = read_picture(path, fit=side)
    image = _reduced(picture.pixels, side)
    return _encoded(image.convert("L"), "PNG", _QUALITY) if as_png else _encoded(image, "JPEG", _QUALITY)


def _reduced(pixels: Pixels, side: int) -> Image.Image:
    height, width = pixels.shape[:2]
    if max(height, width) > side:
        pixels = resize(pixels, *scaled_size(height, width, side))
    return Image.fromarray((pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()
