"""Mending of JPEG files whose pixels are whole: bytes before the picture are skipped, and its end marker is added."""

from __future__ import annotations

import hashlib
import io
import re
import struct
from typing import BinaryIO, Final

from PIL import Image

from impasto.pictures.codecs.backends import decoding_errors, quiet_pillow
from impasto.pictures.codecs.decoded_image import check_size

LONGEST_JUNK: Final = 1024
"""Bytes before the start of a picture that are skipped at most."""

_END: Final = b"\xff\xd9"
_START: Final = re.compile(rb"\xff\xd8\xff[\xc0-\xc2\xc4\xdb\xdd\xe0-\xef\xfe]")
_MARKER: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # within pixels; others are data or restart markers
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SCAN: Final = 0xDA
_COEFFICIENTS: Final = 64
_FILLER: Final = 64  # bytes


def find_jpeg(head: bytes) -> int | None:
    """Return where a JPEG picture starts after other bytes; None if none does.

    Args:
        head: start of a file, ``LONGEST_JUNK`` bytes and a few more.
    """
    found = _START.search(head)
    return found.start() if found and found.start() <= LONGEST_JUNK else None


def mended_jpeg(file: BinaryIO, start: int, max_pixels: int, label: str) -> tuple[BinaryIO, list[str]]:
    """Return a JPEG file that decoders accept, if its pixels are whole.

    Args:
        file: open file; its position changes.
        start: place of the picture in the file.
        max_pixels: pixel limit of a picture without an end marker.
        label: the picture's name in messages.

    Returns:
        The file itself if it starts and ends as it should, otherwise a mended copy in memory; and notes, each a
        sentence, if bytes before the picture were skipped or its end was added.

    Raises:
        PictureError: the picture is cut short.
    """
    with decoding_errors(label):
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - len(_END)))
        if start == 0 and file.read() == _END:
            return file, []
        file.seek(start)
        data = file.read()
        ended, complete = _examine(data)
        if not ended:
            data = data.rstrip(_END[:1])  # half an end marker
            if not complete or not _is_whole(data, max_pixels, label):
                raise ValueError("its pixels are cut short")
    if start > 0:
        end = b"" if ended else _END
        return io.BytesIO(data + end), [f"{label} has {start} other bytes before its picture, which were ignored."]
    return (file, []) if ended else (io.BytesIO(data + _END), [f"{label} is cut short, but its pixels are whole."])


def _examine(data: bytes) -> tuple[bool, bool]:
    """Return whether a picture has its end marker, and whether its scans hold all coefficients of all components."""
    at, components = 2, dict[int, set[int]]()
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _END[1]:
            return True, True
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker in _FRAMES and len(body) >= 6:
            components = {body[place]: set() for place in range(6, len(body) - 2, 3)}
        elif marker == _SCAN and body:
            _note_scan(body, components)
            found = _MARKER.search(data, at)
            if found is None:
                break
            at = found.end() - 2
    ended = data[at : at + 2] == _END
    return ended, bool(components) and all(len(found) == _COEFFICIENTS for found in components.values())


def _note_scan(body: bytes, components: dict[int, set[int]]) -> None:
    """Note the coefficients that a scan completes; in progressive files, only the scan of the last bit does."""
    count = body[0]
    if len(body) < 4 + 2 * count:
        return
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    if bits & 15 == 0:
        for place in range(1, 1 + 2 * count, 2):
            components.setdefault(body[place], set()).update(range(first, min(last, _COEFFICIENTS - 1) + 1))


def _is_whole(data: bytes, max_pixels: int, label: str) -> bool:
    """Return whether a file without an end marker has all its pixels.

    libjpeg replaces missing data by zeros, and ignores superfluous data. So if data are missing, the picture depends
    on the bytes that follow, and otherwise it does not.
    """
    digests = set()
    for filler in (b"", b"\x55" * _FILLER, b"\xaa" * _FILLER):
        with quiet_pillow():
            image = Image.open(io.BytesIO(data + filler + _END), formats=["JPEG"])
            check_size(*image.size, max_pixels, label)
            digests.add(hashlib.sha256(image.tobytes()).digest())
    return len(digests) == 1
