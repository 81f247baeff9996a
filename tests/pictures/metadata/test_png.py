import io
import zlib

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image, PngImagePlugin

from impasto.pictures.metadata import png
from tests.pictures.samples import noise


def picture(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(4, 6, 3)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_chunks_replace_the_old_ones_and_pixels_stay():
    info = PngImagePlugin.PngInfo()
    info.add_text("Secret", "GPS")
    whole = png.with_chunks(
        picture(pnginfo=info, dpi=(1, 1)), [png.international_text("Author", "Zoë"), png.resolution_chunk((300, 72))]
    )
    image = Image.open(io.BytesIO(whole))
    image.load()
    assert image.text == {"Author": "Zoë"}
    assert image.info["dpi"] == pytest.approx((300, 72), abs=0.02)
    np.testing.assert_array_equal(np.asarray(image), noise(4, 6, 3))
    assert image.verify is not None
    Image.open(io.BytesIO(whole)).verify()  # checks every sum


def test_palettes_and_their_transparency_stay():
    buffer = io.BytesIO()
    Image.new("P", (2, 2), 1).save(buffer, "PNG", transparency=1)
    image = Image.open(io.BytesIO(png.with_chunks(buffer.getvalue(), [])))
    assert image.mode == "P"
    assert image.has_transparency_data


def test_profiles_are_read_by_pillow():
    image = Image.open(io.BytesIO(png.with_chunks(picture(), [png.profile_chunk("name", b"profile" * 100)])))
    assert image.info["icc_profile"] == b"profile" * 100


@given(st.text(st.characters()))
def test_any_text_comes_back(text):
    whole = png.with_chunks(picture(), [png.international_text("other", "x"), png.international_text("key", text)])
    assert png.find_text(io.BytesIO(whole), "key") == text


def test_absent_and_compressed_texts_are_none():
    assert png.find_text(io.BytesIO(picture()), "key") is None
    compressed = (b"iTXt", b"key\0\1\0\0\0" + zlib.compress(b"text"))
    assert png.find_text(io.BytesIO(png.with_chunks(picture(), [compressed])), "key") is None
    assert png.find_text(io.BytesIO(picture()[:20]), "key") is None
