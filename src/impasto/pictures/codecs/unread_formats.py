"""Kinds of file that impasto does not read, with the reason, so that a refusal can name them."""

from __future__ import annotations

import re
from typing import Final

_CAMERAS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"FUJIFILMCCD-RAW", "RAF"), (0, b"IIRO", "ORF"), (0, b"IIRS", "ORF"), (0, b"MMOR", "ORF"),
    (0, b"IIU\0", "RW2"), (4, b"ftypcrx ", "CR3"), (0, b"FOVb", "X3F"), (6, b"HEAPCCDR", "CRW"), (0, b"\0MRM", "MRW"),
)  # fmt: skip
"""Place, signature and name of the raw formats of cameras; those that are TIFF files are recognised by their tags."""

_OTHERS: Final[tuple[tuple[int, bytes, str, str], ...]] = (
    (0, b"\xff\x0a", "a JPEG XL picture", "save it as PNG or JPEG"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", "save it as PNG or JPEG"),
    (0, b"8BPS\0\2", "a Photoshop document of the large kind (PSB)", "save it as TIFF or PNG"),
    (0, b"gimp xcf", "a GIMP document", "export it as PNG or TIFF"),
    (0, b"v/1\x01", "an OpenEXR picture", "save it as TIFF with 16 bits per channel"),
    (0, b"#?RADIANCE", "a Radiance picture", "save it as TIFF with 16 bits per channel"),
    (0, b"#?RGBE", "a Radiance picture", "save it as TIFF with 16 bits per channel"),
    (0, b"P7\n", "a PAM picture", "save it as PNG"),
    (0, b"II\xbc", "a JPEG XR picture", "save it as PNG or TIFF"),
    (0, b"qoif", "a QOI picture", "save it as PNG"),
    (0, b"DDS ", "a DDS texture", "save it as PNG"),
    (0, b"\0\0\1\0", "an icon", "save it as PNG"),
    (0, b"%PDF", "a PDF document", "export its page as PNG"),
    (0, b"%!PS", "a PostScript document", "export its page as PNG"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript document", "export its page as PNG"),
    (0, b"PK\3\4", "a ZIP archive or an office document", "unpack or export the picture"),
    (0, b"ID3", "a sound", "choose a picture"),
    (0, b"\x1aE\xdf\xa3", "a film", "save one of its frames as PNG"),
    (4, b"ftypisom", "a film", "save one of its frames as PNG"),
    (4, b"ftypmp4", "a film", "save one of its frames as PNG"),
    (4, b"ftypqt", "a film", "save one of its frames as PNG"),
)  # fmt: skip
"""Place, signature, name and advice of other kinds."""

_MARKUP: Final = re.compile(rb"\s*(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*<svg[\s>]", re.DOTALL)
_WEB_PAGE: Final = re.compile(rb"\s*<(!doctype\s+html|html|head|body)", re.IGNORECASE)


def camera_format(head: bytes) -> str | None:
    """Return the name of the raw format of a camera; None if a file is not one, or is also a TIFF file.

    Args:
        head: start of the file.
    """
    return next((name for place, signature, name in _CAMERAS if head.startswith(signature, place)), None)


def unread_format(head: bytes) -> tuple[str, str] | None:
    """Return the name, with its article, of a known kind of file that is not read, and advice; None for others.

    Args:
        head: start of the file, some hundred bytes.
    """
    for place, signature, name, advice in _OTHERS:
        if head.startswith(signature, place):
            return name, advice
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(text):
        return "an SVG drawing", "export it as PNG"
    if _WEB_PAGE.match(text):
        return "a web page", "save the picture itself"
    return None
