"""XMP packets, which hold the record of a painting in JPEG, WebP and TIFF files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
import struct
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree import ElementTree

from impasto.pictures.metadata.provenance import SOFTWARE

NAMESPACE: Final = "urn:impasto:xmp:1.0/"
"""XML namespace of impasto's own elements."""

JPEG_LIMIT: Final = 65_502
"""Longest packet that fits in one JPEG segment, in bytes."""

_NOTE: Final = "http://ns.adobe.com/xmp/note/"
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSION: Final = b"http://ns.adobe.com/xmp/extension/\0"
_PORTION: Final = 65_000
_DIGEST_LENGTH: Final = 32
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def packet(record: str) -> bytes:
    """Return an XMP packet that contains a record.

    Args:
        record: any text. It is stored as plain text, or in base 64 if it has characters that XML does not allow.

    Returns:
        The packet in UTF-8.
    """
    if _NOT_XML.search(record):
        encoded = base64.b64encode(record.encode("utf-8", "surrogatepass")).decode("ascii")
        element = f"<impasto:record64>{encoded}</impasto:record64>"
    else:
        # XML parsers read a bare carriage return as a line feed. The escape function of xml.sax would import urllib.
        escaped = html.escape(record, quote=False).replace("\r", "&#13;")
        element = f"<impasto:record>{escaped}</impasto:record>"
    creator = f"<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>"
    return _wrap(
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:impasto="{NAMESPACE}">{creator}{element}</rdf:Description>'
    )


def find_record(packets: Iterable[bytes]) -> str | None:
    """Return the record of the first packet that contains one; other packets and damaged ones are skipped."""
    for data in packets:
        try:
            root = ElementTree.fromstring(data.strip(b"\0 \t\r\n"))
            plain = root.find(f".//{{{NAMESPACE}}}record")
            encoded = root.find(f".//{{{NAMESPACE}}}record64")
            if plain is not None:
                return plain.text or ""
            if encoded is not None:
                return base64.b64decode(encoded.text or "", validate=True).decode("utf-8", "surrogatepass")
        except (ElementTree.ParseError, binascii.Error, ValueError):
            continue
    return None


def jpeg_segments(data: bytes) -> tuple[bytes, bytes]:
    """Split a packet that is too long for one JPEG segment, as the XMP standard specifies.

    Args:
        data: the packet.

    Returns:
        The packet for the main segment, and the further segments as they are stored; empty if the packet fits.
    """
    if len(data) <= JPEG_LIMIT:
        return data, b""
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest().upper().encode()
    segments = []
    for start in range(0, len(data), _PORTION):
        body = _EXTENSION + digest + struct.pack(">LL", len(data), start) + data[start : start + _PORTION]
        segments.append(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    pointer = f'xmlns:xmpNote="{_NOTE}" xmpNote:HasExtendedXMP="{digest.decode()}"></rdf:Description>'
    return _wrap(pointer), b"".join(segments)


def extended_packets(segments: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """Join the packets that ``jpeg_segments`` split.

    Args:
        segments: names and contents of a JPEG file's segments, as in Pillow's ``applist``.

    Returns:
        The complete packets.
    """
    portions: dict[bytes, dict[int, bytes]] = {}
    lengths: dict[bytes, int] = {}
    header = len(_EXTENSION) + _DIGEST_LENGTH + 8
    for name, body in segments:
        if name == "APP1" and body.startswith(_EXTENSION) and len(body) > header:
            digest = body[len(_EXTENSION) :][:_DIGEST_LENGTH]
            lengths[digest], start = struct.unpack_from(">LL", body, header - 8)
            portions.setdefault(digest, {})[start] = body[header:]
    joined = {digest: b"".join(parts[start] for start in sorted(parts)) for digest, parts in portions.items()}
    return [data for digest, data in joined.items() if len(data) == lengths[digest]]


def _wrap(description: str) -> bytes:
    """Return a packet with the attributes and content of its single description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about="" {description}'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()
