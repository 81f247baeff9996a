"""TIFF files of any kind, encoded without a library, so that every expected value is known."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 317, 320, 322, 323, 324, 325
SUB_IFDS, INK_SET, EXTRA, SAMPLE_FORMAT, SUBSAMPLING, REFERENCE = 330, 332, 338, 339, 530, 532
SUBFILE_TYPE = 254

_BYTES, _SHORT, _LONG, _RATIONAL = 7, 3, 4, 5


@dataclass
class Page:
    """A page: its tags without those of the segments, and its segments (strips or tiles) in order.

    A value of a tag is a whole number, a sequence of whole numbers, bytes, or a sequence of floats (rationals).
    """

    tags: dict[int, Any]
    segments: Sequence[bytes]
    children: list[Page] = field(default_factory=list)


def page(values: np.ndarray, photometric: int, *, tiled: bool = False, tags: Mapping[int, Any] | None = None) -> Page:
    """Return an uncompressed page of height × width × channels values, in the values' own type and byte order.

    Args:
        values: the samples; ``tags`` may change how they are described.
        photometric: value of PhotometricInterpretation.
        tiled: use tiles of 16 × 16 instead of one strip for every three rows.
        tags: further tags; PlanarConfiguration 2 separates the channels. None removes a tag.
    """
    values = values if values.ndim == 3 else values[..., None]
    height, width, channels = values.shape
    kind = {"u": 1, "i": 2, "f": 3, "c": 6}[values.dtype.kind]
    all_tags: dict[int, Any] = {
        WIDTH: width, HEIGHT: height, BITS: (8 * values.dtype.itemsize,) * channels, COMPRESSION: 1,
        PHOTOMETRIC: photometric, SAMPLES: channels, SAMPLE_FORMAT: (kind,) * channels,
    }  # fmt: skip
    all_tags |= dict(tags or {})
    planes = [values[..., [c]] for c in range(channels)] if all_tags.get(PLANAR) == 2 else [values]
    if tiled:
        all_tags |= {TILE_WIDTH: 16, TILE_HEIGHT: 16}
        segments = [tile.tobytes() for plane in planes for tile in _tiles(plane)]
    else:
        rows = all_tags.setdefault(ROWS, 3)
        segments = [plane[row : row + rows].tobytes() for plane in planes for row in range(0, height, rows)]
    return Page({tag: value for tag, value in all_tags.items() if value is not None}, segments)


def packed(values: np.ndarray, bits: int, reverse: bool = False) -> bytes:
    """Pack rows of small values, each row padded to whole bytes; ``reverse`` is FillOrder 2."""
    rows = values.reshape(len(values), -1)
    planes = (rows[..., None] >> np.arange(bits)[::-1]) & 1
    return np.packbits(planes.reshape(len(rows), -1), axis=1, bitorder="little" if reverse else "big").tobytes()


def tiff(*pages: Page, order: str = "<") -> bytes:
    """Encode pages as a file; segments come first, so that a file without its directories is cut short.

    Args:
        pages: at least one page.
        order: "<" for little-endian or ">" for big-endian; values of several bytes must have it too.
    """
    body = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    pointer_at = 4
    for each in pages:
        start = _add_page(body, each, order)
        struct.pack_into(order + "L", body, pointer_at, start)
        pointer_at = len(body) - 4
    return bytes(body)


def _tiles(plane: np.ndarray) -> list[np.ndarray]:
    height, width, _ = plane.shape
    padded = np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0)))
    return [padded[y : y + 16, x : x + 16] for y in range(0, height, 16) for x in range(0, width, 16)]


def _add_page(body: bytearray, each: Page, order: str) -> int:
    tags = dict(each.tags)
    offsets = []
    for segment in each.segments:
        body += bytes(len(body) % 2)
        offsets.append(len(body))
        body += segment
    offsets_tag, counts_tag = (TILE_OFFSETS, TILE_COUNTS) if TILE_WIDTH in tags else (OFFSETS, COUNTS)
    tags.setdefault(offsets_tag, offsets)
    tags.setdefault(counts_tag, [len(segment) for segment in each.segments])
    if each.children:
        tags[SUB_IFDS] = [_add_page(body, child, order) for child in each.children]
    entries = b""
    for tag, value in sorted(tags.items()):
        kind, count, data = _encoded(tag, value, order)
        if len(data) > 4:
            body += bytes(len(body) % 2)
            place = len(body)
            body += data
            data = struct.pack(order + "L", place)
        entries += struct.pack(order + "HHL", tag, kind, count) + data.ljust(4, b"\0")
    body += bytes(len(body) % 2)
    start = len(body)
    body += struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return start


def _encoded(tag: int, value: Any, order: str) -> tuple[int, int, bytes]:
    if isinstance(value, bytes):
        return _BYTES, len(value), value
    values = [value] if isinstance(value, int | float) else list(value)
    if any(isinstance(each, float) for each in values):
        data = b"".join(struct.pack(order + "LL", round(each * 1000), 1000) for each in values)
        return _RATIONAL, len(values), data
    long = tag in (OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS, SUBFILE_TYPE) or max(values) > 65535
    return (_LONG if long else _SHORT), len(values), struct.pack(f"{order}{len(values)}{'L' if long else 'H'}", *values)
