"""The chunks of PNG files, which carry everything but the pixels; no library writes all of them at both depths."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ESSENTIAL: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})

Chunk = tuple[bytes, bytes]
"""A chunk's type, of four letters, and its data."""


def with_chunks(png: bytes, chunks: Iterable[Chunk]) -> bytes:
    """Replace everything in a PNG file but its pixels.

    Args:
        png: the file.
        chunks: what to put between the header and the pixels.

    Returns:
        The new file.
    """
    parts = [SIGNATURE]
    for kind, start, end in _spans(png):
        if kind in _ESSENTIAL:
            parts.append(png[start:end])
        if kind == b"IHDR":
            parts.extend(packed(kind, data) for kind, data in chunks)
    return b"".join(parts)


def international_text(keyword: str, text: str) -> Chunk:
    """A text chunk in UTF-8, uncompressed.

    Args:
        keyword: 1 to 79 Latin-1 characters.
        text: any text; lone surrogates are kept too, though strictly they have no place in UTF-8.
    """
    return b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "surrogatepass")


def find_text(file: BinaryIO, keyword: str) -> str | None:
    """The text of the first chunk that ``international_text`` made with a keyword.

    Args:
        file: the open PNG file; it is left at any place.
        keyword: the keyword.

    Returns:
        The text; None when no chunk has it.
    """
    prefix = keyword.encode("latin-1") + b"\0\0\0\0\0"
    for data in _found(file, b"iTXt"):
        if data.startswith(prefix):
            return data[len(prefix) :].decode("utf-8", "surrogatepass")
    return None


def find_exif(file: BinaryIO) -> bytes | None:
    """The EXIF block of a PNG file, wherever it stands; None when there is none.

    Args:
        file: the open PNG file; it is left at any place.
    """
    return next(_found(file, b"eXIf"), None)


def profile_chunk(name: str, icc: bytes) -> Chunk:
    """A chunk with a colour profile.

    Args:
        name: the profile's name, 1 to 79 Latin-1 characters.
        icc: the profile.
    """
    return b"iCCP", name.encode("latin-1") + b"\0\0" + zlib.compress(icc, 9)


def resolution_chunk(dpi: tuple[float, float]) -> Chunk:
    """A chunk with a resolution, which PNG keeps in whole pixels per metre.

    Args:
        dpi: horizontal and vertical resolution in dots per inch.
    """
    across, down = (round(side / 0.0254) for side in dpi)
    return b"pHYs", struct.pack(">LLB", across, down, 1)


def _found(file: BinaryIO, wanted: bytes) -> Iterator[bytes]:
    """The data of each chunk of one type; the others are skipped without being read."""
    file.seek(len(SIGNATURE))
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">L4s", header)
        if kind == wanted:
            yield file.read(length)
        else:
            file.seek(length, 1)
        file.seek(4, 1)


def packed(kind: bytes, data: bytes) -> bytes:
    """A chunk as it stands in a file."""
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def _spans(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's type, where it starts, and where it ends."""
    start = len(SIGNATURE)
    while start + 12 <= len(png):
        length, kind = struct.unpack_from(">L4s", png, start)
        yield kind, start, start + 12 + length
        start += 12 + length
