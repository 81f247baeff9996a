"""Encoding pictures that come in strips, by libvips, which compresses what it is given as it comes."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError
from impasto.pictures.codecs.libraries import encoding, vips
from impasto.pictures.codecs.whole import Extras, encode, png_chunks, tiff_tags
from impasto.pictures.metadata import png, tags

STREAMED: Final = frozenset({"PNG", "JPEG", "TIFF"})
"""The formats that are encoded strip by strip."""

_TILE: Final = 256
_CLASSIC_TIFF: Final = 2**32 - 2**27  # bytes of pixels; compression may add some, and there is the metadata
_LONGEST_HEAD: Final = 2**16


@dataclass(frozen=True)
class Outline:
    """What is known of a picture before its pixels.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 3 or, with alpha, 4.
        depth: bits per channel, 8 or 16.
    """

    height: int
    width: int
    channels: int
    depth: int

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        """The type of its values."""
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def bytes(self) -> int:
        """What its values take."""
        return self.height * self.width * self.channels * self.depth // 8


def encode_strips(
    file: BinaryIO, strips: Iterator[npt.NDArray[Any]], outline: Outline, kind: str, extras: Extras, where: str
) -> None:
    """Encode strips into a file.

    Args:
        file: an empty file, open for writing and reading.
        strips: the picture from top to bottom: rows × width × channels, of the outline's type.
        outline: its size and kind of values.
        kind: one of ``STREAMED``.
        extras: what goes in besides.
        where: the file, as a sentence names it.

    Raises:
        PictureError: when it cannot be encoded, or as the strips raise it.
        OSError: when the file cannot be written.
    """
    save = {"PNG": _save_png, "JPEG": _save_jpeg, "TIFF": _save_tiff}[kind]
    calls = _Calls()
    try:
        with encoding(where):
            source = vips().SourceCustom()
            source.on_read(calls.guarded(_Pipe(_png_of(strips, outline)).read, b""))
            image = vips().Image.pngload_source(source, access="sequential", unlimited=True, fail_on="error")
            save(image, file, outline, extras, calls)
    except PictureError:
        if calls.failure is not None:
            raise calls.failure from None
        raise
    # libvips does not notice every failure of what it calls.
    if calls.failure is not None:
        raise calls.failure


class _Calls:
    """Keeps what is raised where libvips calls back, as no exception finds its way through libvips.

    Attributes:
        failure: the first exception; from then on every call fails.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None

    def guarded(self, function: Callable[..., Any], failed: Any) -> Callable[..., Any]:
        """A function that raises nothing and returns ``failed`` instead."""

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            if self.failure is None:
                try:
                    return function(*arguments)
                except Exception as error:
                    self.failure = error
            return failed

        return call


def _png_of(strips: Iterator[npt.NDArray[Any]], outline: Outline) -> Iterator[bytes]:
    """A PNG file without compression: the one format that libvips reads from a stream and that has every depth."""
    kind = 6 if outline.channels == 4 else 2
    yield png.SIGNATURE
    yield png.packed(b"IHDR", struct.pack(">LLBBBBB", outline.width, outline.height, outline.depth, kind, 0, 0, 0))
    compressor = zlib.compressobj(0)
    for strip in strips:
        values = np.ascontiguousarray(strip, f">u{outline.depth // 8}").view(np.uint8).reshape(len(strip), -1)
        lines = np.zeros((len(strip), 1 + values.shape[1]), np.uint8)  # each begins with the number of no filter
        lines[:, 1:] = values
        yield png.packed(b"IDAT", compressor.compress(lines.data))
    yield png.packed(b"IDAT", compressor.flush()) + png.packed(b"IEND", b"")


class _Pipe:
    """Pieces of any length, read in pieces of any other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, length: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        data = bytes(self._rest[:length])
        self._rest = self._rest[length:]
        return data


class _Beheaded:
    """Passes on what is written, with the file's head replaced."""

    def __init__(self, file: BinaryIO, replace: Callable[[bytes], tuple[bytes, bytes] | None]) -> None:
        self._file = file
        self._replace = replace
        self._head: bytes | None = b""

    def write(self, data: Any) -> int:
        """Take some bytes."""
        if self._head is None:
            self._file.write(data)
            return len(data)
        self._head += bytes(data)
        if parts := self._replace(self._head):
            self._file.writelines(parts)
            self._head = None
        elif len(self._head) > _LONGEST_HEAD:
            raise ValueError("its head has no end")
        return len(data)


def _target(write: Callable[..., Any], calls: _Calls) -> Any:
    target = vips().TargetCustom()
    target.on_write(calls.guarded(write, -1))
    return target


def _save_png(image: Any, file: BinaryIO, outline: Outline, extras: Extras, calls: _Calls) -> None:
    def replace(head: bytes) -> tuple[bytes, bytes] | None:
        at = head.find(b"IDAT") - 4
        return (png.with_chunks(head[:at], png_chunks(extras)), head[at:]) if at > 0 else None

    image.pngsave_target(_target(_Beheaded(file, replace).write, calls), keep="none", filter="all")


def _save_jpeg(image: Any, file: BinaryIO, outline: Outline, extras: Extras, calls: _Calls) -> None:
    # A picture of one pixel has the same metadata.
    wanted = encode(np.zeros((1, 1, 3), np.uint8), "JPEG", extras)
    segments = wanted[: _end_of_segments(wanted)]

    def replace(head: bytes) -> tuple[bytes, bytes] | None:
        at = _end_of_segments(head)
        return (segments, head[at:]) if at else None

    target = _target(_Beheaded(file, replace).write, calls)
    image.jpegsave_target(target, Q=extras.quality, subsample_mode="off", keep="none")


def _end_of_segments(jpeg: bytes) -> int:
    """Where a JPEG file's metadata ends; 0 when that is behind the bytes that are there."""
    at = 2
    while at + 4 <= len(jpeg):
        if jpeg[at] != 0xFF or not 0xE0 <= jpeg[at + 1] <= 0xEF:
            return at
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return 0


def _save_tiff(image: Any, file: BinaryIO, outline: Outline, extras: Extras, calls: _Calls) -> None:
    target = _target(file.write, calls)
    target.on_seek(calls.guarded(file.seek, -1))
    target.on_read(calls.guarded(file.read, b""))
    image.tiffsave_target(
        target,
        compression="deflate",
        predictor="horizontal",
        keep="none",
        tile=True,
        tile_width=_TILE,
        tile_height=_TILE,
        bigtiff=outline.bytes > _CLASSIC_TIFF,
    )
    if calls.failure is None:
        file.seek(0, io.SEEK_END)
        tags.add_tags(file, *tiff_tags(extras))
