import io
import struct

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from impasto.pictures.metadata import tags
from impasto.pictures.metadata.tags import Tag
from tests.pictures.samples import noise, vips_image


def test_pillow_reads_the_block():
    block = tags.exif_block(
        [Tag.text(tags.ARTIST, "Zoë"), Tag.rational(tags.X_RESOLUTION, 299.5), Tag.short(tags.RESOLUTION_UNIT, 2)],
        [Tag.text(tags.DATE_ORIGINAL, "2020:01:02 03:04:05")],
    )
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    assert exif[tags.ARTIST].encode("latin-1").decode("utf-8") == "Zoë"
    assert exif[tags.X_RESOLUTION] == 299.5
    assert exif[tags.RESOLUTION_UNIT] == 2
    assert exif.get_ifd(tags.EXIF_IFD) == {tags.DATE_ORIGINAL: "2020:01:02 03:04:05"}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=3))
def test_texts_of_any_length_are_kept(texts):
    numbers = (tags.SOFTWARE, tags.ARTIST, tags.COPYRIGHT)
    block = tags.exif_block([Tag.text(number, text) for number, text in zip(numbers, texts, strict=False)])
    found = tags.read_tags(io.BytesIO(block))
    for number, text in zip(numbers, texts, strict=False):
        assert str(found[number]).encode("latin-1").decode("utf-8") == text


@pytest.mark.parametrize("height", [3, 4])
def test_adding_tags_keeps_the_pixels_and_the_other_tags(height):
    values = noise(height, 5, 3)
    bare = vips_image(values, "srgb").tiffsave_buffer(compression="deflate")
    before = dict(tags.read_tags(io.BytesIO(bare)))
    added = [Tag.text(tags.ARTIST, "Zoe"), Tag.rational(tags.X_RESOLUTION, 72), Tag.data(tags.XMP, b"<packet>")]
    whole = tags.with_tags(bare, added, [Tag.text(tags.DATE_ORIGINAL, "2020:01:02 03:04:05")])
    file = io.BytesIO(whole)
    found = tags.read_tags(file)
    inner = tags.read_exif_tags(file, found)
    assert inner is not None
    assert inner[tags.DATE_ORIGINAL] == "2020:01:02 03:04:05"
    assert found[tags.XMP] == b"<packet>"
    expected = before | {tags.ARTIST: "Zoe", tags.X_RESOLUTION: 72, tags.XMP: b"<packet>"}
    assert {number: value for number, value in dict(found).items() if number != tags.EXIF_IFD} == expected
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(whole))), values)


def test_directories_are_in_order():
    block = tags.exif_block([Tag.short(number, 1) for number in (700, 282, 33432, 305)])
    count = struct.unpack_from("<H", block, 8)[0]
    numbers = [struct.unpack_from("<H", block, 10 + 12 * index)[0] for index in range(count)]
    assert numbers == [282, 305, 700, 33432]


def test_tags_of_big_tiff_files_are_read():
    big = vips_image(noise(3, 5, 3), "srgb").tiffsave_buffer(bigtiff=True)
    found = tags.read_tags(io.BytesIO(big))
    assert (found[tags.IMAGE_HEIGHT], found[tags.IMAGE_WIDTH]) == (3, 5)
    assert tags.read_exif_tags(io.BytesIO(big), found) is None


def test_other_files_get_no_tags():
    with pytest.raises(ValueError, match="little-endian"):
        tags.with_tags(b"MM\0*\0\0\0\x08", [])
