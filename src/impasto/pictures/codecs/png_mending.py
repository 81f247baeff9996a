"""Mending of PNG files whose pixels are whole: damaged chunks beside them are dropped, as browsers do.

Pillow and libvips refuse a file for many such faults, and Pillow does not see damaged pixels if their checksum is the
only sign. A wrong checksum of pixels (CRC-32 of a chunk) is forgiven only if the checksum of the compressed data as a
whole (Adler-32) is right.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple

from impasto.pictures.codecs.backends import LARGEST_PROFILE, decoding_errors
from impasto.pictures.codecs.decoded_image import check_size
from impasto.pictures.codecs.pillow_decoder import animation_note

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_BLOCK: Final = 2**20  # bytes read at once
_LONGEST_TEXT: Final = 2**20  # bytes; Pillow refuses files with longer texts
_LONGEST_TEXTS: Final = 2**24  # bytes of all texts, decompressed
_LONGEST_CHUNK: Final = 2**26  # bytes of a chunk beside the pixels

_CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_REPEATABLE: Final = _TEXTS | {b"fcTL", b"fdAT", b"sPLT"}
_BEFORE_PIXELS: Final = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"hIST"})
_LENGTHS: Final = {
    b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"tIME": 7, b"acTL": 8,
    b"fcTL": 26,
}  # fmt: skip
"""Bytes of data in chunks whose length is fixed."""

_ZLIB_HEADER: Final = 2  # bytes
_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types
_CHANNELS: Final = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
_INTERLACING: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps across and down, of each pass."""


class _Chunk(NamedTuple):
    """A chunk of a file.

    Attributes:
        kind: its type.
        start: place of its data.
        length: bytes of its data that the file has.
        complete: the file has all of its data.
        intact: the file also has its checksum, and it is right.
    """

    kind: bytes
    start: int
    length: int
    complete: bool
    intact: bool


class _Header(NamedTuple):
    """The fields of the IHDR chunk."""

    width: int
    height: int
    depth: int
    colours: int
    compression: int
    filtering: int
    interlaced: int


def mended_png(file: BinaryIO, max_pixels: int, label: str, *, thorough: bool = False) -> tuple[BinaryIO, list[str]]:
    """Return a PNG file that decoders accept, if its pixels are whole.

    Args:
        file: open PNG file; its position changes.
        max_pixels: pixel limit of a file whose pixels must be compressed again.
        label: the picture's name in messages.
        thorough: compress the pixels again even if their chunks are intact.

    Returns:
        The file itself if nothing hinders decoding, otherwise a mended copy in memory; and notes, each a sentence, if
        damaged parts were ignored or the picture is an animation.

    Raises:
        PictureError: the pixels or the header are damaged or cut short.
    """
    with decoding_errors(label):
        chunks = list(_scan(file))
        if not chunks or chunks[0].kind != b"IHDR" or chunks[0].length != 13 or not chunks[0].intact:
            raise ValueError("its header is damaged")
        header = _Header(*struct.unpack(">LLBBBBB", _read(file, chunks[0])))
        kept, faulty = _select(file, chunks, header)
        frame = [] if thorough else _frame_behind(file, chunks, header)
        kept = [chunk for chunk in kept if chunk.kind not in _ANIMATION or chunk in frame]
        frames = _frame_count(file, chunks)
    pixels = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    damaged = [chunk for chunk in pixels if not chunk.intact]
    cut = chunks[-1].kind != b"IEND"
    if thorough or damaged:
        check_size(header.width, header.height, max_pixels, label)
    with decoding_errors(label):
        if thorough or damaged:
            proven = any(chunk.complete for chunk in damaged)
            data: Iterable[bytes] = [_recompressed(_blocks(file, pixels), header, check=proven)]
        else:
            data = (_read(file, chunk) for chunk in pixels)
        mended = file
        if thorough or damaged or cut or len(kept) < len(chunks):
            mended = _assembled(file, kept, data)
    notes = []
    if faulty:
        names = ", ".join(dict.fromkeys(faulty))
        notes.append(f"{label} has damaged parts beside its pixels ({names}), which were ignored.")
    if cut or not all(chunk.complete for chunk in damaged):
        notes.append(f"{label} is cut short, but its pixels are whole.")
    elif thorough or damaged:
        notes.append(f"{label} has a wrong checksum, but its pixels are whole.")
    return mended, notes + [animation_note(label)] * (frames > 1)


def _scan(file: BinaryIO) -> Iterator[_Chunk]:
    """Yield the chunks up to the end of the picture or of the file."""
    size = file.seek(0, io.SEEK_END)
    start, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        file.seek(start)
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or not kind.isalpha():
            return
        checksum, left = zlib.crc32(kind), min(length, size - start - 8)
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            checksum = zlib.crc32(block, checksum)
            left -= len(block)
        complete = start + 8 + length <= size
        intact = complete and file.read(4) == checksum.to_bytes(4, "big")
        yield _Chunk(kind, start + 8, min(length, size - start - 8), complete, intact)
        start += 12 + length


def _read(file: BinaryIO, chunk: _Chunk) -> bytes:
    file.seek(chunk.start)
    return file.read(chunk.length)


def _blocks(file: BinaryIO, chunks: list[_Chunk]) -> Iterator[bytes]:
    """Yield the data of chunks in blocks of limited size."""
    for chunk in chunks:
        for start in range(chunk.start, chunk.start + chunk.length, _BLOCK):
            file.seek(start)
            yield file.read(min(_BLOCK, chunk.start + chunk.length - start))


def _select(file: BinaryIO, chunks: list[_Chunk], header: _Header) -> tuple[list[_Chunk], list[str]]:
    """Return the chunks to keep, and the names of those that are left out because they are faulty.

    Long texts are left out as well.

    Raises:
        ValueError: a chunk that the pixels need is damaged or unknown.
    """
    kept: list[_Chunk] = []
    faulty: list[str] = []
    seen: set[bytes] = set()
    texts = 0
    for chunk in chunks:
        kind, name = chunk.kind, chunk.kind.decode()
        if kind in _CRITICAL:
            if kind in (b"IHDR", b"PLTE") and (not chunk.intact or kind in seen):
                raise ValueError(f"its chunk {name} is damaged")
            kept.append(chunk)
        elif not kind[0] & 32:
            raise ValueError(f"its chunk {name} is unknown, but necessary")
        elif kind in _TEXTS:
            texts += (length := _text_length(file, chunk))
            if not chunk.intact or length < 0:
                faulty.append(name)
            elif length <= _LONGEST_TEXT and texts <= _LONGEST_TEXTS:
                kept.append(chunk)
        else:
            late = kind in _BEFORE_PIXELS and b"IDAT" in seen
            repeated = kind in seen and kind not in _REPEATABLE
            if chunk.intact and not late and not repeated and _is_sound(file, chunk, header, chunks):
                kept.append(chunk)
            else:
                faulty.append(name)
        seen.add(kind)
    return kept, faulty


def _is_sound(file: BinaryIO, chunk: _Chunk, header: _Header, chunks: list[_Chunk]) -> bool:
    """Return whether an intact chunk beside the pixels has a form that decoders accept."""
    if chunk.length > _LONGEST_CHUNK:
        return False
    if chunk.kind == b"tRNS":
        if header.colours == _PALETTE:
            colours = sum(each.length for each in chunks if each.kind == b"PLTE") // 3
            return 1 <= chunk.length <= colours
        return chunk.length == {_GREY: 2, _RGB: 6}.get(header.colours)
    if chunk.kind == b"iCCP":
        _, _, rest = _read(file, chunk).partition(b"\0")
        return rest[:1] == b"\0" and 0 < _inflated_length(rest[1:], LARGEST_PROFILE) <= LARGEST_PROFILE
    return chunk.length == _LENGTHS.get(chunk.kind, chunk.length)


def _text_length(file: BinaryIO, chunk: _Chunk) -> int:
    """Return the length of a text, counted up to just beyond the limit; -1 if it cannot be decompressed."""
    if chunk.length > _LONGEST_TEXT:
        return _LONGEST_TEXT + 1
    _, _, rest = _read(file, chunk).partition(b"\0")
    if chunk.kind == b"zTXt":
        return _inflated_length(rest[1:], _LONGEST_TEXT)
    if chunk.kind == b"iTXt" and rest[:1] == b"\1":
        return _inflated_length(rest[2:].split(b"\0", 2)[-1], _LONGEST_TEXT)
    return chunk.length


def _inflated_length(data: bytes, limit: int) -> int:
    """Return the length of decompressed data, counted up to just beyond a limit; -1 if they are damaged."""
    try:
        return len(zlib.decompressobj().decompress(data, limit + 1))
    except zlib.error:
        return -1


def _frame_behind(file: BinaryIO, chunks: list[_Chunk], header: _Header) -> list[_Chunk]:
    """Return the chunks of an animation's first frame if it is sound and not the picture itself; otherwise none."""
    parts = [chunk for chunk in chunks if chunk.kind in _ANIMATION or chunk.kind == b"IDAT"]
    controls = [place for place, chunk in enumerate(parts) if chunk.kind == b"fcTL"]
    frame = parts[controls[0] : controls[1] if len(controls) > 1 else None] if controls else []
    if len(frame) < 2 or [chunk.kind for chunk in parts[:2]] != [b"acTL", b"IDAT"]:
        return []
    if not all(chunk.intact for chunk in (parts[0], *frame)) or frame[0].length != _LENGTHS[b"fcTL"]:
        return []
    if any(_read(file, chunk)[:4] != number.to_bytes(4, "big") for number, chunk in enumerate(frame)):
        return []
    width, height, left, top = struct.unpack_from(">4L", _read(file, frame[0]), 4)
    fits = 0 < width <= header.width - left and 0 < height <= header.height - top
    return [parts[0], *frame] if fits else []


def _frame_count(file: BinaryIO, chunks: list[_Chunk]) -> int:
    """Return the number of frames; 0 if the file has no animation."""
    control = next((chunk for chunk in chunks if chunk.kind == b"acTL" and chunk.intact and chunk.length == 8), None)
    return 0 if control is None else int.from_bytes(_read(file, control)[:4], "big")


def _recompressed(blocks: Iterator[bytes], header: _Header, *, check: bool) -> bytes:
    """Compress pixels again, after checking that they are whole.

    Args:
        blocks: the compressed pixels.
        header: the file's header.
        check: the checksum of the compressed data must be present and right.

    Raises:
        ValueError: the pixels are damaged or cut short.
    """
    left, start, end, adler = _pixels_length(header), b"", b"", 1
    # Without zlib's own check of the checksum, the pixels before a wrong one are not lost.
    source, target = zlib.decompressobj(-zlib.MAX_WBITS), zlib.compressobj(1)
    parts: list[bytes] = []
    for block in blocks:
        missing = max(0, _ZLIB_HEADER - len(start))
        start, block = start + block[:missing], block[missing:]
        while block and not source.eof:
            try:
                pixels = source.decompress(block, _BLOCK)
            except zlib.error:
                raise ValueError("its pixels are damaged") from None
            adler = zlib.adler32(pixels, adler)
            parts.append(target.compress(pixels[:left]))
            left = max(0, left - len(pixels))
            block = source.unconsumed_tail
        end += source.unused_data if source.eof and not end else block
    if check and (int.from_bytes(start, "big") % 31 or end[:4] != adler.to_bytes(4, "big")):
        raise ValueError("its pixels are damaged")
    if left > 0:
        raise ValueError("its pixels are cut short")
    return b"".join([*parts, target.flush()])


def _pixels_length(header: _Header) -> int:
    """Return the bytes of the filtered rows of all passes."""
    bits = header.depth * _CHANNELS.get(header.colours, 4)
    passes = _INTERLACING if header.interlaced else ((0, 0, 1, 1),)
    length = 0
    for left, top, across, down in passes:
        columns, rows = -(-(header.width - left) // across), -(-(header.height - top) // down)
        if columns > 0 and rows > 0:
            length += rows * (1 + (columns * bits + 7) // 8)
    return length


def _assembled(file: BinaryIO, kept: list[_Chunk], pixels: Iterable[bytes]) -> BinaryIO:
    """Return a copy of some chunks in memory, with other pixels and right checksums."""
    copy = io.BytesIO()
    copy.write(_SIGNATURE)

    def write(kind: bytes, data: bytes) -> None:
        copy.write(struct.pack(">L", len(data)) + kind)
        copy.write(data)
        copy.write(struct.pack(">L", zlib.crc32(data, zlib.crc32(kind))))

    written = False
    for chunk in kept:
        if chunk.kind == b"IDAT" and not written:
            for data in pixels:
                write(b"IDAT", data)
            written = True
        elif chunk.kind not in (b"IDAT", b"IEND"):
            write(chunk.kind, _read(file, chunk))
    write(b"IEND", b"")
    copy.seek(0)
    return copy
