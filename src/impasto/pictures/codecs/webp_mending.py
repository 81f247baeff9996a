"""Mending of WebP files that are cut short behind their pixels, which libwebp refuses."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Final

from impasto.pictures.codecs.backends import decoding_errors

_HEADER: Final = 12  # bytes
_EXTENDED: Final = b"VP8X"
_PIXELS: Final = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_FLAGS: Final = {b"XMP ": 4, b"EXIF": 8}  # bits of the extended header that promise a chunk behind the pixels


def mended_webp(file: BinaryIO, label: str) -> tuple[BinaryIO, list[str]]:
    """Return a WebP file that decoders accept, if its pixels are whole.

    Args:
        file: open file; its position changes.
        label: the picture's name in messages.

    Returns:
        The file itself if it is as long as it says, or if its pixels are cut short; otherwise a mended copy in memory
        and a note.
    """
    with decoding_errors(label):
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if 8 + struct.unpack("<4xL", file.read(8))[0] <= size:
            return file, []
        file.seek(0)
        data = file.read()
        kept: dict[int, bytes] = {}
        start = _HEADER
        while start + 8 <= len(data):
            kind, length = struct.unpack_from("<4sL", data, start)
            if start + 8 + length > len(data):
                break
            kept[start] = kind
            start += 8 + length + length % 2
        if not _PIXELS & set(kept.values()):
            return file, []
        body = bytearray(data[_HEADER:start].ljust(start - _HEADER, b"\0"))
        if kept.get(_HEADER) == _EXTENDED:
            for kind, flag in _FLAGS.items():
                body[8] &= 255 if kind in kept.values() else ~flag
    head = b"RIFF" + struct.pack("<L", len(body) + 4) + b"WEBP"
    return io.BytesIO(head + body), [f"{label} is cut short, but its pixels are whole."]
