"""Photoshop documents: whether they hold a flat picture, and how its alpha channel is meant."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from PIL import Image

from impasto.errors import PictureError

_HEADER: Final = struct.Struct(">4sH6xHLLHH")
_MODES: Final = {0: "bitmap", 1: "grey", 2: "palette", 3: "RGB", 4: "CMYK", 9: "L*a*b*"}
_OTHER_MODES: Final = {7: "multichannel", 8: "duotone"}
_BEST_COMPRESSION: Final = 64  # pixels in a byte, in the run lengths of PackBits
_VERSION_INFO: Final = 0x0421  # resource whose fifth byte tells whether the flat picture is real


def has_transparency(file: BinaryIO, label: str) -> bool:
    """Check that a document's flat picture can be read, and return whether its first extra channel is transparency.

    Other extra channels are selections.

    Args:
        file: open document of version 1; its position changes.
        label: the picture's name in messages.

    Raises:
        PictureError: the document has no flat picture, or one of an unsupported kind.
        ValueError, struct.error: the document is cut short.
    """
    file.seek(0)
    _, _, channels, height, width, depth, mode = _HEADER.unpack(file.read(_HEADER.size))
    if mode not in _MODES:
        name = _OTHER_MODES.get(mode, f"unknown (number {mode})")
        raise PictureError(
            f"{label} is a Photoshop document whose colours are {name}, which impasto does not read; save it as RGB."
        )
    if depth != (1 if mode == 0 else 8):
        raise PictureError(
            f"{label} is a Photoshop document of {depth} bits per channel, which impasto does not read; "
            "save it as TIFF, or with 8 bits per channel."
        )
    if height * width * channels * depth // 8 > os.fstat(file.fileno()).st_size * _BEST_COMPRESSION:
        raise ValueError("its pixels are cut short")
    file.seek(_long(file), 1)  # palette
    for number, data in _resources(file):
        if number == _VERSION_INFO and data[4:5] == b"\0":
            raise PictureError(
                f"{label} is a Photoshop document without a flat picture; "
                'save it with "Maximize Compatibility", or as TIFF.'
            )
    if _long(file) == 0 or _long(file) == 0:  # layers and masks; layers
        return False
    return struct.unpack(">h", file.read(2))[0] < 0


def without_white(image: Image.Image) -> Image.Image:
    """Return an RGBA image with its own colours; Photoshop stores a flat picture composited over white."""
    values = np.asarray(image).astype(np.float32)
    opacity = values[..., 3:]
    colours = (values[..., :3] - 255) * 255
    np.divide(colours, opacity, out=colours, where=opacity > 0)
    straight = np.concatenate([(colours + 255).clip(0, 255).round(), opacity], axis=2)
    return Image.fromarray(straight.astype(np.uint8), "RGBA")


def _long(file: BinaryIO) -> int:
    return int(struct.unpack(">L", file.read(4))[0])


def _resources(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield number and data of each image resource, and leave the file behind them."""
    end = _long(file)
    end += file.tell()
    while file.tell() + 12 <= end:
        number, name_length = struct.unpack(">4xHB", file.read(7))
        file.seek(name_length + (name_length + 1) % 2, 1)
        length = _long(file)
        if file.tell() + length > end:
            break
        yield number, file.read(min(length, 16))
        file.seek(length + length % 2 - min(length, 16), 1)
    file.seek(end)
