import json
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, strategies as st

from impasto.pictures.metadata import xmp

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values, st.booleans(), st.sampled_from([None, 2, "\t"]))
def test_packet_preserves_any_json(value, ascii_only, indent):
    record = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert xmp.find_record([xmp.packet(record)]) == record


@given(st.text(st.characters()))
@example("")
@example(" \r\n\r \n\t ")
@example("]]> & < > \" ' <!-- -->")
@example("\x00\x0b\ufffe\ud800\U0010ffff")
def test_packet_preserves_any_text(text):
    assert xmp.find_record([xmp.packet(text)]) == text


def test_packet_is_xml_naming_software():
    data = xmp.packet('{"a": "é"}')
    assert '{"a": "é"}'.encode() in data
    root = ElementTree.fromstring(data)
    assert root.find(".//{http://ns.adobe.com/xap/1.0/}CreatorTool").text == "impasto"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<broken",
        b"<other/>",
        b'<x xmlns:i="urn:impasto:xmp:1.0/"><i:record64>?</i:record64></x>',
        b'<x xmlns:i="urn:impasto:xmp:1.0/"><i:record64>gA==</i:record64></x>',
    ],
)
def test_find_record_skips_foreign_packets(data):
    assert xmp.find_record([data]) is None
    assert xmp.find_record([data, xmp.packet("found")]) == "found"


@pytest.mark.parametrize("length", [10, xmp.JPEG_LIMIT, xmp.JPEG_LIMIT + 1, 130_000, 200_000])
def test_long_packet_is_split_and_joined(length):
    data = xmp.packet("x").ljust(length)
    main, extra = xmp.jpeg_segments(data)
    assert len(main) <= max(xmp.JPEG_LIMIT, 0)
    segments = []
    while extra:
        size = int.from_bytes(extra[2:4])
        assert extra[:2] == b"\xff\xe1"
        segments.append(("APP1", extra[4 : 2 + size]))
        extra = extra[2 + size :]
    assert bool(segments) == (len(data) > xmp.JPEG_LIMIT)
    found = [main] if not segments else xmp.extended_packets([("APP0", b"JFIF"), *reversed(segments)])
    assert found == [data]
    if segments:
        assert b"HasExtendedXMP" in main
        assert xmp.extended_packets(segments[1:]) == [], "an incomplete packet is none"
