"""TIFF tags: reading them, and adding tags to the TIFF files that libvips writes.

Pillow reads and encodes single directories. It cannot add tags to a TIFF file, and it does not write 16-bit colour.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_MOST_TAGS = 65535
_BIG_TIFF = (b"+\0", b"\0+")  # version number in a BigTIFF file's header, little-endian and big-endian


def read_tags(file: BinaryIO, offset: int | None = None) -> ImageFileDirectory_v2:
    """Read the tags of a page of a TIFF or BigTIFF file.

    Args:
        file: open file; its position changes.
        offset: start of the page's directory; None for the first page.

    Returns:
        The tags by number.

    Raises:
        ValueError: there are no tags, as in a file that is cut short. Pillow raises other exceptions for damaged tags.
    """
    tags = _empty_directory(file)
    file.seek(tags.next if offset is None else offset)
    tags.load(file)
    if not tags:
        raise ValueError("its directory of tags is missing")
    return tags


def page_offsets(file: BinaryIO) -> Iterator[int]:
    """Yield the start of each page's directory, up to the first that is outside the file, or that was visited before.

    Args:
        file: open file; its position may change between the pages.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start, visited = pointer_at(file.read(4)), set[int]()
    while (offset := _read_pointer(file, start)) not in visited and 8 <= offset < size:
        visited.add(offset)
        yield offset
        start = next_pointer_at(file, offset)


def next_pointer_at(file: BinaryIO, offset: int) -> int:
    """Return the place of a page's pointer to the next page; behind the file's end if the page is cut short.

    Args:
        file: open file; its position changes.
        offset: start of the page's directory.
    """
    start, count, entry_size, _ = _layout(file, offset)
    return start + count * entry_size


def numbers(file: BinaryIO, offset: int) -> set[int]:
    """Return the numbers of a page's tags, also of those whose values cannot be read.

    Args:
        file: open file; its position changes.
        offset: start of the page's directory.
    """
    start, count, entry_size, order = _layout(file, offset)
    file.seek(start)
    entries = file.read(min(count, _MOST_TAGS) * entry_size)
    return {struct.unpack_from(order + "H", entries, at)[0] for at in range(0, len(entries) - 1, entry_size)}


def _layout(file: BinaryIO, offset: int) -> tuple[int, int, int, str]:
    """Return the place of a page's first tag, the number of tags, the bytes of each, and the byte order."""
    file.seek(0)
    header = file.read(4)
    count_size, entry_size = (8, 20) if header[2:4] in _BIG_TIFF else (2, 12)
    little = header[:2] == b"II"
    file.seek(offset)
    count = int.from_bytes(file.read(count_size), "little" if little else "big")
    return offset + count_size, count, entry_size, "<" if little else ">"


def is_last(file: BinaryIO, offset: int) -> bool:
    """Return whether a page has no pointer to a next page."""
    return _read_pointer(file, next_pointer_at(file, offset)) == 0


def _read_pointer(file: BinaryIO, start: int) -> int:
    """Return the pointer at a place; 0 behind the file's end."""
    file.seek(0)
    header = file.read(4)
    size = len(pointer(header, 0))
    file.seek(min(start, 2**62))
    data = file.read(size)
    return int.from_bytes(data, "little" if header[:2] == b"II" else "big") if len(data) == size else 0


def pointer_at(header: bytes) -> int:
    """Return the place of the pointer to the first page in a file's header: 8 in BigTIFF files, otherwise 4."""
    return 8 if header[2:4] in _BIG_TIFF else 4


def pointer(header: bytes, offset: int) -> bytes:
    """Return a pointer to a page as a file stores it.

    Args:
        header: first four bytes of the file.
        offset: start of the page's directory.
    """
    return struct.pack(("<" if header[:2] == b"II" else ">") + ("Q" if header[2:4] in _BIG_TIFF else "L"), offset)


def read_exif_tags(file: BinaryIO, tags: ImageFileDirectory_v2) -> ImageFileDirectory_v2 | None:
    """Read the EXIF tags of the first page of a TIFF file; None if there are none.

    Args:
        file: open file; its position changes.
        tags: tags that ``read_tags`` returned for it.
    """
    offset = tags.get(IFD.Exif)
    if not isinstance(offset, int):
        return None
    exif = _empty_directory(file)
    file.seek(offset)
    exif.load(file)
    return exif


def _empty_directory(file: BinaryIO) -> ImageFileDirectory_v2:
    """Return a directory without tags, in the byte order and version of a file."""
    file.seek(0)
    header = file.read(8)
    return ImageFileDirectory_v2(header + file.read(8) if header[2:4] in _BIG_TIFF else header)


def with_tags(tiff: bytes, exif: Image.Exif) -> list[bytes | memoryview]:
    """Add tags to a little-endian TIFF or BigTIFF file of one page, replacing existing tags of the same number.

    Args:
        tiff: the file. Its pixels keep their place, and it gets a new directory at its end.
        exif: tags to add, the inner EXIF directory included.

    Returns:
        The parts of the new file, in order.

    Raises:
        ValueError: the file is not a little-endian TIFF file.
    """
    version = tiff[:4]
    if version not in (b"II*\0", b"II+\0"):
        raise ValueError("tags can be added only to little-endian TIFF files")
    big = version == b"II+\0"
    offset_format, count_format, pointer_at, entry_size = ("<Q", "<Q", 8, 20) if big else ("<L", "<H", 4, 12)
    header_size, count_size = pointer_at + struct.calcsize(offset_format), struct.calcsize(count_format)

    added = ImageFileDirectory_v2(tiff[:header_size])
    added.update(exif)
    if inner := exif.get_ifd(IFD.Exif):
        added[IFD.Exif] = inner

    def entries(directory: bytes, start: int) -> list[bytes]:
        (count,) = struct.unpack_from(count_format, directory, start)
        first = start + count_size
        return [directory[at : at + entry_size] for at in range(first, first + count * entry_size, entry_size)]

    def number(entry: bytes) -> int:
        return int.from_bytes(entry[:2], "little")

    (old,) = struct.unpack_from(offset_format, tiff, pointer_at)
    kept = [entry for entry in entries(tiff, old) if number(entry) not in added]
    padding = bytes(len(tiff) % 2)
    start = len(tiff) + len(padding)
    # Pillow places long values behind its own entries; the kept entries shift them.
    encoded = added.tobytes(start + len(kept) * entry_size)
    table = sorted(entries(encoded, 0) + kept, key=number)
    return [
        tiff[:pointer_at] + struct.pack(offset_format, start),
        memoryview(tiff)[header_size:],
        padding + struct.pack(count_format, len(table)) + b"".join(table),
        encoded[count_size + len(added) * entry_size :],
    ]
