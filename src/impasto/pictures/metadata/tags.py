"""TIFF tags: the metadata of TIFF files, and of the EXIF blocks (small TIFF files) inside JPEG, PNG and WebP.

Reading is Pillow's. Writing is here, because Pillow neither writes 16-bit colour TIFF files nor adds tags to the files
that libvips writes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final

from PIL.TiffImagePlugin import ImageFileDirectory_v2

IMAGE_WIDTH: Final = 256
IMAGE_HEIGHT: Final = 257
BITS_PER_SAMPLE: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
ORIENTATION: Final = 274
X_RESOLUTION: Final = 282
Y_RESOLUTION: Final = 283
RESOLUTION_UNIT: Final = 296
SOFTWARE: Final = 305
DATE: Final = 306
ARTIST: Final = 315
TILE_LENGTH: Final = 323
EXTRA_SAMPLES: Final = 338
XMP: Final = 700
COPYRIGHT: Final = 33432
EXIF_IFD: Final = 34665
ICC_PROFILE: Final = 34675
DATE_ORIGINAL: Final = 36867
DATE_DIGITISED: Final = 36868

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 1, 2, 3, 4, 5, 7, 16


@dataclass(frozen=True)
class Tag:
    """One tag: its number, its TIFF type, how many values it has, and the values packed in little-endian order."""

    number: int
    type: int
    count: int
    payload: bytes

    @classmethod
    def text(cls, number: int, value: str) -> Tag:
        """A string, in UTF-8 as almost every program reads it, though the standard says ASCII."""
        payload = value.encode("utf-8", "replace") + b"\0"
        return cls(number, _ASCII, len(payload), payload)

    @classmethod
    def short(cls, number: int, value: int) -> Tag:
        """A number from 0 to 65535."""
        return cls(number, _SHORT, 1, struct.pack("<H", value))

    @classmethod
    def long(cls, number: int, value: int) -> Tag:
        """A number from 0 to 2³² − 1."""
        return cls(number, _LONG, 1, struct.pack("<L", value))

    @classmethod
    def rational(cls, number: int, value: float) -> Tag:
        """A positive number, kept as a fraction."""
        fraction = Fraction(value).limit_denominator(10_000)
        return cls(number, _RATIONAL, 1, struct.pack("<LL", fraction.numerator, fraction.denominator))

    @classmethod
    def data(cls, number: int, value: bytes) -> Tag:
        """Bytes with a meaning of their own."""
        return cls(number, _BYTE if number == XMP else _UNDEFINED, len(value), value)


def read_tags(file: BinaryIO) -> ImageFileDirectory_v2:
    """Read the tags of a TIFF file's first page, BigTIFF included.

    Args:
        file: the open file; it is left at any place.

    Returns:
        The tags, by number.

    Raises:
        ValueError: when there are none, as in a file that is cut short; or what else Pillow raises for damaged ones.
    """
    file.seek(0)
    header = file.read(8)
    if header[2:4] in (b"+\0", b"\0+"):
        header += file.read(8)
    tags = ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    if not tags:
        raise ValueError("its directory of tags is missing")
    return tags


def read_exif_tags(file: BinaryIO, tags: ImageFileDirectory_v2) -> ImageFileDirectory_v2 | None:
    """Read the EXIF tags that a TIFF file's first page points to; None when there are none.

    Args:
        file: the open file; it is left at any place.
        tags: what ``read_tags`` returned for it.
    """
    offset = tags.get(EXIF_IFD)
    if not isinstance(offset, int):
        return None
    file.seek(0)
    exif = ImageFileDirectory_v2(file.read(16 if tags._bigtiff else 8))
    file.seek(offset)
    exif.load(file)
    return exif


def exif_block(tags: Sequence[Tag], exif_tags: Sequence[Tag] = ()) -> bytes:
    """An EXIF block: a TIFF file without pixels.

    Args:
        tags: the main tags.
        exif_tags: those of the inner directory for what only EXIF knows.

    Returns:
        The block, without the "Exif" marker that some formats put before it.
    """
    start, directories = _directories(tags, exif_tags, offset=8)
    return b"II*\0" + struct.pack("<L", start) + directories


def with_tags(tiff: bytes, tags: Sequence[Tag], exif_tags: Sequence[Tag] = ()) -> bytes:
    """Add tags to a little-endian TIFF file of one page, replacing those that it has already.

    Args:
        tiff: the file. Its pixels stay where they are.
        tags: the tags to add.
        exif_tags: as in ``exif_block``.

    Returns:
        The new file, with a new directory at its end.
    """
    file = io.BytesIO(tiff)
    add_tags(file, tags, exif_tags)
    return file.getvalue()


def add_tags(file: BinaryIO, tags: Sequence[Tag], exif_tags: Sequence[Tag] = ()) -> None:
    """Add tags to an open file as ``with_tags`` does; the file may be a BigTIFF.

    Args:
        file: the file, open for reading and writing; it is left at any place.
        tags: the tags to add.
        exif_tags: as in ``exif_block``.
    """
    file.seek(0)
    layout = {b"II*\0": _CLASSIC, b"II+\0": _BIG}.get(file.read(4))
    if layout is None:
        raise ValueError("only little-endian TIFF files can be given more tags")
    file.seek(layout.pointer_at)
    (old,) = layout.offset.unpack(file.read(layout.offset.size))
    file.seek(old)
    (count,) = layout.count.unpack(file.read(layout.count.size))
    table = file.read(layout.entry_size * count)
    numbers = {tag.number for tag in tags}
    kept = [table[at : at + layout.entry_size] for at in range(0, len(table), layout.entry_size)]
    kept = [entry for entry in kept if struct.unpack_from("<H", entry)[0] not in numbers]
    end = file.seek(0, io.SEEK_END)
    padding = bytes(end % 2)
    start, directories = _directories(tags, exif_tags, offset=end + len(padding), kept=kept, layout=layout)
    file.write(padding + directories)
    file.seek(layout.pointer_at)
    file.write(layout.offset.pack(start))


@dataclass(frozen=True)
class _Layout:
    """How a kind of TIFF file writes its directories.

    Attributes:
        pointer_at: where in the file it says where the main directory is.
        offset: a place in the file.
        count: of the entries of a directory.
        entry: number, type and count of a tag; the value, or its place, follows and is as long as an offset.
        pointer_type: that of a tag which holds a place in the file.
    """

    pointer_at: int
    offset: struct.Struct
    count: struct.Struct
    entry: struct.Struct
    pointer_type: int

    @property
    def entry_size(self) -> int:
        """Bytes of an entry of a directory."""
        return self.entry.size + self.offset.size


_CLASSIC: Final = _Layout(4, struct.Struct("<L"), struct.Struct("<H"), struct.Struct("<HHL"), _LONG)
_BIG: Final = _Layout(8, struct.Struct("<Q"), struct.Struct("<Q"), struct.Struct("<HHQ"), _LONG8)


def _directories(
    tags: Sequence[Tag],
    exif_tags: Sequence[Tag],
    offset: int,
    kept: Sequence[bytes] = (),
    layout: _Layout = _CLASSIC,
) -> tuple[int, bytes]:
    """The main directory with the EXIF directory before it: where the main one starts, and the bytes of both."""
    inner = _directory(exif_tags, offset, (), layout) if exif_tags else b""
    if inner:
        tags = [*tags, Tag(EXIF_IFD, layout.pointer_type, 1, layout.offset.pack(offset))]
    start = offset + len(inner)
    return start, inner + _directory(tags, start, kept, layout)


def _directory(tags: Sequence[Tag], offset: int, kept: Sequence[bytes], layout: _Layout) -> bytes:
    """One directory that begins at an offset, followed by the values too long to stand in it."""
    entries = list(kept)
    room = layout.offset.size
    place = offset + layout.count.size + layout.entry_size * (len(tags) + len(kept)) + room
    values = b""
    for tag in tags:
        field = tag.payload.ljust(room, b"\0")
        if len(tag.payload) > room:
            field = layout.offset.pack(place + len(values))
            values += tag.payload + b"\0" * (len(tag.payload) % 2)
        entries.append(layout.entry.pack(tag.number, tag.type, tag.count) + field)
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    return layout.count.pack(len(entries)) + b"".join(entries) + bytes(room) + values
