"""TIFF files of several pages: choice of the page that is the picture, and refusal of camera raw files."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import PictureError
from impasto.pictures.codecs.backends import decoding_errors, quiet_pillow
from impasto.pictures.metadata import tiff_tags

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED: Final = 2  # value of the older tag SubfileType
_TRANSPARENCY_MASK: Final = 4  # value of PhotometricInterpretation
_SENSOR: Final = frozenset({32803, 34892})  # colour filter array and linear raw, values of PhotometricInterpretation
_SENSOR_COMPRESSIONS: Final = frozenset({32767, 32769, 32770, 34713, 34892, 65535})  # of Sony, Samsung, Nikon, …
_DNG_VERSION: Final = 50706
_CANON: Final = b"CR"  # after the header of a CR2 file
_MOST_PAGES: Final = 100  # pages whose tags are examined


def select_page(file: BinaryIO, label: str) -> tuple[BinaryIO, list[str]]:
    """Return a TIFF file whose only page is the picture.

    The picture is the first page that is neither a reduced version nor a mask of another page; failing that, a
    page of that kind among the pages' children; failing that, the largest reduced page.

    Args:
        file: open file; its position changes.
        label: the picture's name in messages.

    Returns:
        The file itself or a private copy, mapped into memory; and notes, each a sentence, if the file has further
        pages that are not reduced versions or masks of the picture.

    Raises:
        PictureError: the file holds the readings of a camera's sensor, or its first page is damaged.
    """
    with decoding_errors(label), quiet_pillow():
        file.seek(0)
        header = file.read(16)
        first = tiff_tags.read_tags(file)
        offsets = list(tiff_tags.page_offsets(file))
        pages = [(offsets[0], first), *_readable(file, offsets[1:_MOST_PAGES])]
        children = [child for _, tags in pages for child in _readable(file, _child_offsets(tags))]
        _refuse_raw(header, [tags for _, tags in pages + children], label)
        full = [page for page in pages if _is_full(page[1])]
        candidates = full or [page for page in children if _is_full(page[1])]
        offset, tags = candidates[0] if candidates else max(pages, key=lambda page: _area(page[1]))
        others = len(full) + max(0, len(offsets) - _MOST_PAGES) - 1
        notes = [f"{label} has {others + 1} pages; only the first was read."] if others > 0 else []
        if Base.InterColorProfile in tiff_tags.numbers(file, offset) and not tags.get(Base.InterColorProfile):
            notes.append(f"The colour profile of {label} is cut short and was ignored; its colours are taken as sRGB.")
        alone = offset == offsets[0] and tiff_tags.is_last(file, offset)
        return (file if alone else _with_only_page(file, offset)), notes


def _readable(file: BinaryIO, offsets: list[int]) -> Iterator[tuple[int, ImageFileDirectory_v2]]:
    """Yield the pages whose tags can be read, with their offsets."""
    for offset in offsets:
        with contextlib.suppress(Exception):  # damaged tags make Pillow raise almost any exception
            yield offset, tiff_tags.read_tags(file, offset)


def _child_offsets(tags: ImageFileDirectory_v2) -> list[int]:
    found: Any = ()
    with contextlib.suppress(Exception):  # as in _readable
        found = tags.get(Base.SubIFDs, ())
    values = found if isinstance(found, tuple) else (found,)
    return [offset for offset in values if isinstance(offset, int) and offset > 0][:_MOST_PAGES]


def _value(tags: ImageFileDirectory_v2, tag: int) -> int:
    """Return the first value of a numeric tag; 0 if it is missing or not a number."""
    with contextlib.suppress(Exception):  # as in _readable
        value: Any = tags.get(tag, 0)
        value = value[0] if isinstance(value, tuple) else value
        return int(value)
    return 0


def _is_full(tags: ImageFileDirectory_v2) -> bool:
    kind = _value(tags, Base.NewSubfileType)
    reduced = kind & (_REDUCED | _MASK) or _value(tags, Base.SubfileType) == _OLD_REDUCED
    return not reduced and _value(tags, Base.PhotometricInterpretation) != _TRANSPARENCY_MASK


def _area(tags: ImageFileDirectory_v2) -> int:
    mask = _value(tags, Base.PhotometricInterpretation) == _TRANSPARENCY_MASK
    return 0 if mask else _value(tags, Base.ImageWidth) * _value(tags, Base.ImageLength)


def _refuse_raw(header: bytes, pages: list[ImageFileDirectory_v2], label: str) -> None:
    if any(_DNG_VERSION in tags for tags in pages):
        kind = "DNG"
    elif header[8:10] == _CANON and header[:4] == b"II*\0":
        kind = "CR2"
    elif any(
        _value(tags, Base.PhotometricInterpretation) in _SENSOR
        or _value(tags, Base.Compression) in _SENSOR_COMPRESSIONS
        for tags in pages
    ):
        kind = "as NEF or ARW"
    else:
        return
    raise raw_error(label, kind)


def raw_error(label: str, kind: str) -> PictureError:
    """Return the error for a camera's raw file.

    Args:
        label: the picture's name.
        kind: name of the format, such as "CR2".
    """
    return PictureError(
        f"{label} is a camera's raw file ({kind}), which must be developed first; "
        "export it as TIFF or JPEG with a raw developer."
    )


def _with_only_page(file: BinaryIO, offset: int) -> BinaryIO:
    """Return a private copy of a file without its other pages, which libvips counts, and refuses if one is damaged."""
    # Only the memory pages that are patched are copied.
    copy = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    header, next_at = copy[:4], tiff_tags.next_pointer_at(file, offset)
    for start, target in ((tiff_tags.pointer_at(header), offset), (next_at, 0)):
        pointer = tiff_tags.pointer(header, target)[: len(copy) - start]
        copy[start : start + len(pointer)] = pointer
    return cast(BinaryIO, copy)
