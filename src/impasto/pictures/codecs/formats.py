"""Picture file formats: suffixes, recognition from the first bytes, and limits of depth and size."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto.errors import PictureError
from impasto.files import shown

WRITABLE: Final[dict[str, str]] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Format of each writable suffix."""

SUFFIXES: Final[tuple[str, ...]] = tuple(WRITABLE)
"""Suffixes that ``write_picture`` supports, in lower case with their dot."""

READABLE: Final = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG 2000, PBM, PGM, PPM, PFM, TGA and PSD"
"""Formats that ``read_picture`` supports, for messages."""

DEEP: Final = frozenset({"PNG", "TIFF"})
"""Formats that support 16 bits per channel."""

TRANSPARENT: Final = frozenset({"PNG", "WEBP", "TIFF"})
"""Writable formats that support transparency."""

LONGEST_SIDE: Final[dict[str, int]] = {"JPEG": 65_500, "WEBP": 16_383}
"""Longest side in pixels, for the formats that have such a limit."""

SNIFFED: Final = 32
"""Bytes from the start of a file that ``sniff`` needs."""

_PNG_DEPTH_AT: Final = 24
_PNG_INTERLACE_AT: Final = 28
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_PNM_KINDS: Final = frozenset(bytes([kind]) for kind in b"123456Ff")
_PNM_GAPS: Final = frozenset(bytes([gap]) for gap in b" \t\r\n#")
_TGA_HEADER: Final = 18  # bytes
_TGA_BITS: Final = {1: (8,), 2: (16, 24, 32), 3: (8, 16), 9: (8,), 10: (16, 24, 32), 11: (8, 16)}
"""Bits per pixel for each kind of TGA file: palette, RGB and grey, then the same with compression."""

_TGA_PALETTE_BITS: Final = frozenset({16, 24, 32})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def sniff(head: bytes) -> str | None:
    """Recognise the format of a file from its content; the file's name plays no part.

    Args:
        head: first ``SNIFFED`` bytes of the file, or all of a shorter file.

    Returns:
        "JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PNM", "TGA" or "PSD"; None for
        anything else.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    # "BM" alone would match any text that begins with these letters.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")):
        return "JPEG2000"
    if head[:1] == b"P" and head[1:2] in _PNM_KINDS and head[2:3] in _PNM_GAPS:
        return "PNM"
    if head[:6] == b"8BPS\0\1":
        return "PSD"
    if head[4:8] == b"ftyp":
        return _sniff_boxes(head)
    return "TGA" if _is_tga(head) else None


def _is_tga(head: bytes) -> bool:
    """Recognise a TGA file, which has no signature, by the fields of its header."""
    if len(head) < _TGA_HEADER:
        return False
    has_palette, kind, depth, flags = head[1], head[2], head[16], head[17]
    sides = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    palette_fits = has_palette == (kind in (1, 9)) and (has_palette == 1) == (head[7] in _TGA_PALETTE_BITS)
    return palette_fits and depth in _TGA_BITS.get(kind, ()) and min(sides) > 0 and flags < 0x40


def _sniff_boxes(head: bytes) -> str | None:
    """Distinguish AVIF from HEIC; both are ISO media files, and the major brand "mif1" allows either."""
    compatible = {head[start : start + 4] for start in range(16, len(head), 4)}
    if head[8:12] in _AVIF_BRANDS or compatible & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if head[8:12] in _HEIF_BRANDS or compatible & _HEIF_BRANDS else None


def png_depth(head: bytes) -> int:
    """Return the bits per channel of a PNG file; 0 if the file is too short.

    Args:
        head: first ``SNIFFED`` bytes of the file.
    """
    return int.from_bytes(head[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1])


def png_interlaced(head: bytes) -> bool:
    """Return whether a PNG file is interlaced, so that it can only be decoded as a whole.

    Args:
        head: first ``SNIFFED`` bytes of the file.
    """
    return head[_PNG_INTERLACE_AT : _PNG_INTERLACE_AT + 1] != b"\0"


def check_sides(file_format: str, height: int, width: int, label: str) -> None:
    """Refuse a picture whose sides are too long for its format.

    Args:
        file_format: a value of ``WRITABLE``.
        height: height in pixels.
        width: width in pixels.
        label: the picture's name in the message.

    Raises:
        PictureError: a side exceeds the format's limit.
    """
    limit = LONGEST_SIDE.get(file_format)
    if limit is not None and max(height, width) > limit:
        raise PictureError(f"{label} cannot have a side longer than {limit} pixels; end the name in .png or .tif.")


def writable_format(path: Path, depth: int) -> str:
    """Return the format of a path's suffix, after checking that it supports a depth.

    Args:
        path: file to write.
        depth: bits per channel, 8 or 16.

    Returns:
        A value of ``WRITABLE``.

    Raises:
        PictureError: the suffix is not in ``SUFFIXES``, the depth is neither 8 nor 16, or the format supports only 8
            bits.
    """
    file_format = WRITABLE.get(path.suffix.lower())
    if file_format is None:
        suffix = f'"{path.suffix}"' if path.suffix.isprintable() else "a suffix"
        fault = f"ends in {suffix}, which impasto does not write" if path.suffix else "has no suffix"
        raise PictureError(f"{shown(path)} {fault}; end the name in one of {', '.join(SUFFIXES)}.")
    if depth not in (8, 16):
        raise PictureError(f"{shown(path)} cannot be written with {depth} bits per channel; use depth=8 or depth=16.")
    if depth == 16 and file_format not in DEEP:
        raise PictureError(
            f"{shown(path)} cannot hold 16 bits per channel; end the name in .png or .tif, or use depth=8."
        )
    return file_format
