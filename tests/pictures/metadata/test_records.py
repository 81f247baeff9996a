import json

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import SUFFIXES, read_record, write_picture
from impasto.pictures.codecs import formats
from tests.pictures.samples import assert_one_sentence

PIXELS = np.full((3, 4, 3), 0.5)
RECORD = json.dumps(
    {"text": "é 絵 😀 <&>\"' ]]>", "complete": False, "loss": [1.5, None]}, ensure_ascii=False, indent=2
)
PLACES = [(suffix, depth) for suffix in SUFFIXES for depth in (8, 16) if depth == 8 or suffix in (".png", ".tif")]


@pytest.mark.parametrize(("suffix", "depth"), PLACES)
@pytest.mark.parametrize(
    "record", [RECORD, "", "{}", "\r\n\t{} \r", '"\x00\ud800\ufffe"', "x" * 70_000, "絵" * 100_000]
)
def test_record_survives_exactly(tmp_path, suffix, depth, record):
    write_picture(tmp_path / f"x{suffix}", PIXELS, depth=depth, record=record)
    assert read_record(tmp_path / f"x{suffix}") == record


@given(text=st.text(st.characters()), place=st.sampled_from(PLACES))
def test_record_survives_any_text(tmp_path_factory, text, place):
    path = tmp_path_factory.getbasetemp() / f"any{place[0]}"
    write_picture(path, PIXELS, depth=place[1], record=text)
    assert read_record(path) == text


@pytest.mark.parametrize(("suffix", "depth"), PLACES)
def test_missing_record_is_none(tmp_path, suffix, depth):
    write_picture(tmp_path / f"x{suffix}", PIXELS, depth=depth)
    assert read_record(tmp_path / f"x{suffix}") is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif"])
def test_foreign_picture_has_no_record(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    xmp = {"xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"} if suffix in (".jpg", ".webp") else {}
    Image.new("RGB", (3, 4)).save(path, **xmp)
    assert read_record(str(path)) is None


def test_read_record_ignores_suffix(tmp_path):
    write_picture(tmp_path / "x.png", PIXELS, record=RECORD)
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    assert read_record(tmp_path / "x.jpg") == RECORD


def test_record_is_readable_by_pillow(tmp_path):
    write_picture(tmp_path / "x.png", PIXELS, record=RECORD)
    with Image.open(tmp_path / "x.png") as image:
        assert image.text["impasto"] == RECORD
    write_picture(tmp_path / "x.jpg", PIXELS, record='{"a": 1}')
    with Image.open(tmp_path / "x.jpg") as image:
        assert b'<impasto:record>{"a": 1}</impasto:record>' in image.info["xmp"]


@pytest.mark.parametrize("content", [None, b"", b"text", b"BM"])
def test_read_record_rejects_other_files(tmp_path, content):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PictureError) as refused:
        read_record(path)
    assert_one_sentence(refused.value, str(path))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
def test_read_record_rejects_truncated_files(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    write_picture(path, PIXELS, record=RECORD)
    path.write_bytes(path.read_bytes()[: formats.SNIFFED + 10])
    with pytest.raises(PictureError) as refused:
        read_record(path)
    assert_one_sentence(refused.value, str(path))
