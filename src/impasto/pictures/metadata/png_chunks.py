"""PNG chunks: text in full Unicode, EXIF after the pixels, and metadata of one file combined with pixels of another."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

_SIGNATURE_LENGTH: Final = 8
_HEADER_END: Final = 33  # end of the signature and the IHDR chunk
_TEXT_FLAGS: Final = b"\0\0\0\0\0"  # ends the keyword: not compressed, no language, no translated keyword


def text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Return type and data of an uncompressed text chunk in UTF-8.

    Args:
        keyword: 1 to 79 Latin-1 characters.
        text: any text. Lone surrogates are kept, which Pillow's ``add_itxt`` refuses.
    """
    return b"iTXt", keyword.encode("latin-1") + _TEXT_FLAGS + text.encode("utf-8", "surrogatepass")


def find_text(file: BinaryIO, keyword: str) -> str | None:
    """Return the text of the first chunk that ``text_chunk`` made with a keyword.

    Args:
        file: open PNG file; its position changes.
        keyword: keyword of the text.

    Returns:
        The text; None if no chunk has the keyword.
    """
    prefix = keyword.encode("latin-1") + _TEXT_FLAGS
    for data in _read_chunks(file, b"iTXt"):
        if data.startswith(prefix):
            return data[len(prefix) :].decode("utf-8", "surrogatepass")
    return None


def find_exif(file: BinaryIO) -> bytes | None:
    """Return the EXIF block of a PNG file, before or after the pixels; None if there is none.

    Args:
        file: open PNG file; its position changes.
    """
    return next(_read_chunks(file, b"eXIf"), None)


def find_before_pixels(file: BinaryIO, lengths: Mapping[bytes, int]) -> dict[bytes, bytes]:
    """Return the data of some chunks before the pixels by type; of several of one type, the first.

    Args:
        file: open PNG file; its position changes.
        lengths: length of the data for each wanted type; a chunk of another length is ignored.
    """
    found: dict[bytes, bytes] = {}
    for kind, start, length in _chunks(file):
        if kind == b"IDAT":
            break
        if length == lengths.get(kind) and kind not in found:
            file.seek(start + 8)
            found[kind] = file.read(length)
    return {kind: data for kind, data in found.items() if len(data) == lengths[kind]}


def with_metadata_of(source: bytes, png: bytes) -> list[bytes | memoryview]:
    """Combine the metadata of one PNG file with the size and pixels of another; both without palette.

    Args:
        source: file whose chunks between header and pixels are used.
        png: file whose header and pixels are used.

    Returns:
        The parts of the new file, in order.
    """
    return [png[:_HEADER_END], source[_HEADER_END : _pixels_start(source)], memoryview(png)[_pixels_start(png) :]]


def _pixels_start(png: bytes) -> int:
    return next(start for kind, start, _ in _chunks(io.BytesIO(png)) if kind == b"IDAT")


def _read_chunks(file: BinaryIO, wanted: bytes) -> Iterator[bytes]:
    """Yield the data of each chunk of one type; other chunks are skipped without being read."""
    for kind, start, length in _chunks(file):
        if kind == wanted:
            file.seek(start + 8)
            yield file.read(length)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and data length of each chunk."""
    start = file.seek(_SIGNATURE_LENGTH)
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">L4s", header)
        yield kind, start, length
        start = file.seek(start + 12 + length)
