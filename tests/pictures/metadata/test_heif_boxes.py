import io
import struct

import pytest
from hypothesis import given, strategies as st

from impasto.pictures.metadata.heif_boxes import primary_properties


def box(kind: bytes, *content: bytes, size: int | None = None) -> bytes:
    data = b"".join(content)
    return struct.pack(">L", len(data) + 8 if size is None else size) + kind + data


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return box(kind, bytes([version, 0, 0, flags]), *content)


def heif(*, version: int = 0, flags: int = 0, primary: int = 7) -> bytes:
    """Return the boxes of a file with two images, whose properties are numbered from 1."""
    shared = box(b"ipco", box(b"ispe", b"size"), box(b"colr", b"other"), box(b"colr", b"mine"), box(b"clli", b"light"))
    item, number = (">L" if version else ">H"), (">H" if flags else ">B")
    essential = 0x8000 if flags else 0x80
    associations = struct.pack(">L", 2)
    for identity, numbers in ((5, (1, 2)), (7, (1, 3 | essential, 0, 4))):
        associations += struct.pack(item, identity) + bytes([len(numbers)])
        associations += b"".join(struct.pack(number, each) for each in numbers)
    meta = full_box(
        b"meta", 0, 0, full_box(b"pitm", version, 0, struct.pack(item, primary)),
        box(b"iprp", shared, full_box(b"ipma", version, flags, associations)),
    )  # fmt: skip
    return box(b"ftyp", b"avif") + meta + box(b"mdat", bytes(100))


MINE = [(b"ispe", b"size"), (b"colr", b"mine"), (b"clli", b"light")]


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("flags", [0, 1])
def test_properties_of_primary_image_are_read(version, flags):
    assert primary_properties(io.BytesIO(heif(version=version, flags=flags))) == MINE
    other = primary_properties(io.BytesIO(heif(version=version, flags=flags, primary=5)))
    assert other == [(b"ispe", b"size"), (b"colr", b"other")]


def test_large_sizes_are_read():
    content = heif()
    ftyp, rest = content[:12], content[12:]
    wide = struct.pack(">L4sQ", 1, b"free", 20) + b"four" + rest
    assert primary_properties(io.BytesIO(ftyp + wide)) == MINE
    last = bytearray(ftyp + rest[:-108])
    last[12:16] = bytes(4)  # up to the end of the file
    assert primary_properties(io.BytesIO(bytes(last))) == MINE


@pytest.mark.parametrize("cut", range(0, len(heif()) - 108, 7))  # the last 108 bytes are the pixels' box
def test_cut_boxes_give_no_properties(cut):
    assert primary_properties(io.BytesIO(heif()[:cut])) == []


@given(st.lists(st.tuples(st.integers(0, len(heif()) - 101), st.integers(0, 255)), min_size=1))
def test_damaged_boxes_raise_nothing(changes):
    content = bytearray(heif())
    for place, value in changes:
        content[place] = value
    assert isinstance(primary_properties(io.BytesIO(bytes(content))), list)
