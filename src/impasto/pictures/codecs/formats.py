"""Which kinds of picture file there are, how to tell them apart, and what each of them can hold."""

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
"""The format that each writable suffix stands for."""

SUFFIXES: Final[tuple[str, ...]] = tuple(WRITABLE)
"""The suffixes, in lower case and with their dot, of the files that ``write_picture`` writes."""

READABLE: Final = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF and HEIC"
"""The formats that ``read_picture`` reads, as a sentence names them."""

DEEP: Final = frozenset({"PNG", "TIFF"})
"""The formats that hold 16 bits per channel."""

TRANSPARENT: Final = frozenset({"PNG", "WEBP", "TIFF"})
"""The formats that hold transparency."""

LONGEST_SIDE: Final[dict[str, int]] = {"JPEG": 65_500, "WEBP": 16_383}
"""The most pixels that a side may have, for the formats with such a limit."""

SNIFFED: Final = 32
"""How many bytes from the start of a file ``sniff`` needs."""

_PNG_DEPTH_AT: Final = 24
_PNG_INTERLACE_AT: Final = 28
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def sniff(head: bytes) -> str | None:
    """Tell the format of a file from its content, whatever its name.

    Args:
        head: the first ``SNIFFED`` bytes of the file, or all of a shorter one.

    Returns:
        "JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF" or "HEIF"; None for anything else.
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
    # Two letters alone would take any text that begins with "BM" for a bitmap.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _sniff_boxes(head) if head[4:8] == b"ftyp" else None


def _sniff_boxes(head: bytes) -> str | None:
    """Tell AVIF from HEIC: both are ISO media files, and "mif1" as the major brand may mean either."""
    compatible = {head[start : start + 4] for start in range(16, len(head), 4)}
    if head[8:12] in _AVIF_BRANDS or compatible & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if head[8:12] in _HEIF_BRANDS or compatible & _HEIF_BRANDS else None


def png_depth(head: bytes) -> int:
    """The bits per channel of a PNG file; 0 when the file ends before it says.

    Args:
        head: its first ``SNIFFED`` bytes.
    """
    return int.from_bytes(head[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1])


def png_interlaced(head: bytes) -> bool:
    """Whether a PNG file can only be decoded as a whole.

    Args:
        head: its first ``SNIFFED`` bytes.
    """
    return head[_PNG_INTERLACE_AT : _PNG_INTERLACE_AT + 1] != b"\0"


def check_sides(kind: str, height: int, width: int, where: str) -> None:
    """Refuse a picture that is too long for its format.

    Args:
        kind: a value of ``WRITABLE``.
        height: in pixels.
        width: in pixels.
        where: the picture, as the sentence names it.

    Raises:
        PictureError: when a side is longer than the format can say.
    """
    limit = LONGEST_SIDE.get(kind)
    if limit is not None and max(height, width) > limit:
        raise PictureError(f"{where} cannot have a side longer than {limit} pixels; end the name in .png or .tif.")


def writable_format(path: Path, depth: int) -> str:
    """The format that a path's suffix asks for, once it is sure that it holds the wanted depth.

    Args:
        path: where the picture is to be written.
        depth: bits per channel, 8 or 16.

    Returns:
        A value of ``WRITABLE``.

    Raises:
        PictureError: for a suffix that is not in ``SUFFIXES``, a depth that is neither 8 nor 16, or 16 bits in a
            format that holds only 8.
    """
    kind = WRITABLE.get(path.suffix.lower())
    if kind is None:
        suffix = f'"{path.suffix}"' if path.suffix.isprintable() and path.suffix else "no suffix"
        raise PictureError(
            f"{shown(path)} ends in {suffix}, which impasto does not write; "
            f"end the name in one of {', '.join(SUFFIXES)}."
        )
    if depth not in (8, 16):
        raise PictureError(f"{shown(path)} cannot be written with {depth} bits per channel; choose a depth of 8 or 16.")
    if depth == 16 and kind not in DEEP:
        raise PictureError(
            f"{shown(path)} cannot hold 16 bits per channel; end the name in .png or .tif, or choose a depth of 8."
        )
    return kind
