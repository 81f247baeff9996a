import io
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures.codecs import formats
from tests.pictures.samples import assert_one_sentence


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_sniff_recognises_files_of_pillow(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, kind)
    assert formats.sniff(buffer.getvalue()[: formats.SNIFFED]) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", None),
        (b"hello, world", None),
        (b"BM stands for bitmap, but this is a text", None),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"MM\0+\0\x08\0\0", "TIFF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", None),
    ],
)
def test_sniff_recognises_first_bytes(head, kind):
    assert formats.sniff(head) == kind


def test_suffixes_are_the_writable_ones():
    assert formats.SUFFIXES == (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PNG", "PNG"), ("a.b.jpeg", "JPEG"), ("a.TIF", "TIFF"), ("a.webp", "WEBP")]
)
def test_suffix_selects_format(name, kind):
    assert formats.writable_format(Path(name), 8) == kind


@pytest.mark.parametrize("name", ["a.bmp", "a.gif", "a", "a.", "a.\n", ".png"])
def test_unknown_suffix_error_lists_valid_suffixes(name):
    with pytest.raises(PictureError) as refused:
        formats.writable_format(Path(name), 8)
    assert_one_sentence(refused.value, *formats.SUFFIXES)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_sixteen_bits_require_png_or_tiff(name):
    with pytest.raises(PictureError) as refused:
        formats.writable_format(Path(name), 16)
    assert_one_sentence(refused.value, name, ".png", ".tif")


def test_writable_format_rejects_other_depths():
    with pytest.raises(PictureError) as refused:
        formats.writable_format(Path("a.png"), 12)
    assert_one_sentence(refused.value, "12")


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_png_depth_reads_bits_per_channel(mode):
    buffer = io.BytesIO()
    Image.new(mode, (3, 2)).save(buffer, "PNG")
    assert formats.png_depth(buffer.getvalue()) == (8 if mode == "RGB" else 16)
    assert formats.png_depth(b"") == 0
