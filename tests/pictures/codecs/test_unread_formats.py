import pytest

from impasto.errors import PictureError
from impasto.pictures import read_picture
from tests.pictures.codecs.test_jpeg_mending import jpeg
from tests.pictures.samples import assert_one_sentence


def refused(tmp_path, data: bytes, *parts: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x")
    assert_one_sentence(refusal.value, *parts)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"FUJIFILMCCD-RAW 0201FF", "RAF"), (b"IIRO\x08\0\0\0", "ORF"), (b"IIU\0\x18\0\0\0", "RW2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"), (b"FOVb", "X3F"), (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
    ],
)  # fmt: skip
def test_camera_files_with_previews_are_refused(tmp_path, head, name):
    refused(tmp_path, head + bytes(64) + jpeg(), name, "raw", "export it as TIFF or JPEG")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\x0a\x7f\x00", "JPEG XL"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"8BPS\0\2", "PSB"),
        (b"v/1\x01\2\0\0\0", "OpenEXR"), (b"#?RADIANCE\n", "Radiance"), (b"P7\nWIDTH 3", "PAM"),
        (b"%PDF-1.7", "PDF"), (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "film"), (b"\0\0\0\x14ftypqt  ", "film"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="">', "SVG"), (b"\xef\xbb\xbf<svg>", "SVG"),
        (b"\n<!DOCTYPE HTML><html>", "web page"), (b"PK\3\4", "ZIP"), (b"\0\0\1\0\1\0\x10\x10", "icon"),
    ],
)  # fmt: skip
def test_other_kinds_are_refused_by_name(tmp_path, head, name):
    refused(tmp_path, head + bytes(64), name, "which impasto does not read")
