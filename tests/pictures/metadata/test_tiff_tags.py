import io
import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base

from impasto.pictures.codecs.backends import quiet_pillow
from impasto.pictures.metadata import tiff_tags
from tests.pictures.samples import noise, vips_image


def bare_tiff(height: int = 3, **options: object) -> bytes:
    return vips_image(noise(height, 5, 3), "srgb").tiffsave_buffer(compression="deflate", **options)


BARE = bare_tiff()


def read_back(tiff: bytes) -> tuple[dict, dict]:
    file = io.BytesIO(tiff)
    tags = tiff_tags.read_tags(file)
    return dict(tags), dict(tiff_tags.read_exif_tags(file, tags) or {})


@pytest.mark.parametrize("height", [3, 4])
@pytest.mark.parametrize("layout", [{}, {"bigtiff": True}, {"tile": True}, {"tile": True, "bigtiff": True}])
def test_with_tags_keeps_pixels_and_other_tags(height, layout):
    bare = bare_tiff(height, **layout)
    before, _ = read_back(bare)
    added = Image.Exif()
    added.update({Base.Artist: b"Zoe", Base.XResolution: 72, Base.XMLPacket: b"<packet>", Base.ResolutionUnit: 3})
    added.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    header = 16 if layout.get("bigtiff") else 8
    whole = b"".join(tiff_tags.with_tags(bare, added))
    assert whole[header : len(bare)] == bare[header:]
    found, inner = read_back(whole)
    assert inner == {Base.DateTimeOriginal: "2020:01:02 03:04:05"}
    assert found.pop(IFD.Exif) > len(bare)
    assert found == before | dict(added) | {Base.Artist: "Zoe"}
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(whole))), noise(height, 5, 3))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=3, max_size=3))
def test_with_tags_keeps_texts_of_any_length(texts):
    numbers = (Base.Software, Base.Artist, Base.Copyright)
    added = Image.Exif()
    added.update({number: text.encode() for number, text in zip(numbers, texts, strict=True)})
    found, inner = read_back(b"".join(tiff_tags.with_tags(BARE, added)))
    for number, text in zip(numbers, texts, strict=True):
        assert found[number].encode("latin-1").decode("utf-8") == text
    assert inner == {}


def test_with_tags_sorts_directory():
    added = Image.Exif()
    added.update({Base.Copyright: b"c", Base.XMLPacket: b"x", Base.Software: b"s"})
    whole = b"".join(tiff_tags.with_tags(BARE, added))
    start = int.from_bytes(whole[4:8], "little")
    count = int.from_bytes(whole[start : start + 2], "little")
    numbers = [int.from_bytes(whole[at : at + 2], "little") for at in range(start + 2, start + 2 + 12 * count, 12)]
    assert len(numbers) > 10
    assert all(first < second for first, second in itertools.pairwise(numbers))


def test_read_tags_reads_big_tiff():
    found, inner = read_back(bare_tiff(bigtiff=True))
    assert (found[Base.ImageLength], found[Base.ImageWidth], inner) == (3, 5, {})


def test_read_tags_rejects_truncated_file():
    with quiet_pillow(), pytest.raises(ValueError, match="missing"):
        tiff_tags.read_tags(io.BytesIO(b"II*\0\x08\0\0\0"))


def test_with_tags_rejects_big_endian_file():
    with pytest.raises(ValueError, match="little-endian"):
        tiff_tags.with_tags(b"MM\0*\0\0\0\x08", Image.Exif())
