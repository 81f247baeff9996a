"""Boxes of HEIF files, of which AVIF and HEIC are kinds: the properties of the primary image.

The boxes are those of ISO/IEC 14496-12 (the ISO base media file format) and ISO/IEC 23008-12 (HEIF).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_LARGEST: Final = 2**24  # bytes of metadata that are read; real files have a few kilobytes


def primary_properties(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    """Return type and content of each property of a HEIF file's primary image, in the file's order.

    Args:
        file: open file; its position changes.

    Returns:
        The properties; none if the boxes are missing or damaged, as the decoder reports damage better.
    """
    try:
        return _read_properties(file)
    except (struct.error, IndexError, KeyError):
        return []


def _read_properties(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    file.seek(0)
    meta = _children(_find(file, b"meta")[4:])  # after the version and flags
    (primary,) = struct.unpack_from(">L" if meta[b"pitm"][0] else ">H", meta[b"pitm"], 4)
    container = io.BytesIO(meta[b"iprp"])
    boxes = [(kind, container.read(length)) for kind, length in _boxes(container)]
    shared = io.BytesIO(dict(boxes)[b"ipco"])
    properties = [(kind, shared.read(length)) for kind, length in _boxes(shared)]
    numbers = [number for kind, data in boxes if kind == b"ipma" for number in _numbers_of(data, primary)]
    return [properties[number - 1] for number in numbers if number > 0]  # 0 means no property


def _numbers_of(associations: bytes, item: int) -> list[int]:
    """Return the numbers of an item's properties, counted from 1, in the content of an ``ipma`` box."""
    item_format = ">L" if associations[0] else ">H"
    number_format, mask = (">H", 0x7FFF) if associations[3] & 1 else (">B", 0x7F)
    (count,) = struct.unpack_from(">L", associations, 4)
    at, numbers = 8, []
    for _ in range(count):
        (number,) = struct.unpack_from(item_format, associations, at)
        at += struct.calcsize(item_format)
        for _ in range(associations[at]):
            if number == item:
                numbers.append(struct.unpack_from(number_format, associations, at + 1)[0] & mask)
            at += struct.calcsize(number_format)
        at += 1
    return numbers


def _find(file: BinaryIO, wanted: bytes) -> bytes:
    for kind, length in _boxes(file):
        if kind == wanted and length <= _LARGEST:
            return file.read(length)
    raise KeyError(wanted)


def _children(content: bytes) -> dict[bytes, bytes]:
    file = io.BytesIO(content)
    return {kind: file.read(length) for kind, length in _boxes(file)}


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and content length of each box from the file's position on, which is then the content's start."""
    start = file.tell()
    end = file.seek(0, io.SEEK_END)
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">L4s", file.read(8))
        if size == 1:  # the size follows in 64 bits
            (size,) = struct.unpack(">Q", file.read(8))
        size = size or end - start  # 0 means that the box is the last
        content = file.tell()
        if not content <= start + size <= end:
            return
        yield kind, start + size - content
        start += size
