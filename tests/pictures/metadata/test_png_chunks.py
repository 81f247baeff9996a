import io
import zlib

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image, PngImagePlugin

from impasto.pictures.metadata import png_chunks
from tests.pictures.samples import noise, png_chunk


def encoded_png(seed: int = 0, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(4, 6, 3, seed=seed)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def insert_after_header(png: bytes, kind: bytes, data: bytes) -> bytes:
    return png[:33] + png_chunk(kind, data) + png[33:]


def test_with_metadata_of_replaces_metadata_only():
    kept, dropped = PngImagePlugin.PngInfo(), PngImagePlugin.PngInfo()
    kept.add_itxt("Author", "Zoë, not an IDAT chunk")
    dropped.add_text("Secret", "GPS")
    metadata = encoded_png(1, pnginfo=kept, dpi=(300, 72), icc_profile=b"profile" * 100)
    combined = b"".join(png_chunks.with_metadata_of(metadata, encoded_png(2, pnginfo=dropped, dpi=(1, 1))))
    with Image.open(io.BytesIO(combined)) as image:
        image.load()
        assert image.text == {"Author": "Zoë, not an IDAT chunk"}
        assert image.info["dpi"] == pytest.approx((300, 72), abs=0.02)
        assert image.info["icc_profile"] == b"profile" * 100
        np.testing.assert_array_equal(np.asarray(image), noise(4, 6, 3, seed=2))
    Image.open(io.BytesIO(combined)).verify()  # checks the checksums


@given(st.text(st.characters()))
def test_find_text_returns_any_text(text):
    png = insert_after_header(encoded_png(), *png_chunks.text_chunk("key", text))
    png = insert_after_header(png, *png_chunks.text_chunk("other", "x"))
    assert png_chunks.find_text(io.BytesIO(png), "key") == text


def test_find_text_ignores_absent_and_compressed_texts():
    assert png_chunks.find_text(io.BytesIO(encoded_png()), "key") is None
    compressed = insert_after_header(encoded_png(), b"iTXt", b"key\0\1\0\0\0" + zlib.compress(b"text"))
    assert png_chunks.find_text(io.BytesIO(compressed), "key") is None
    assert png_chunks.find_text(io.BytesIO(encoded_png()[:20]), "key") is None


def test_find_exif_reads_block_after_pixels():
    png = encoded_png()
    assert png_chunks.find_exif(io.BytesIO(png)) is None
    assert png_chunks.find_exif(io.BytesIO(png[:-12] + png_chunk(b"eXIf", b"block") + png[-12:])) == b"block"
