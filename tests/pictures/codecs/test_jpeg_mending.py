import io
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture
from tests.pictures.samples import assert_one_sentence, noise

kinds = pytest.mark.parametrize("kind", ["baseline", "progressive", "restarts", "grey", "CMYK"])


def jpeg(kind: str = "baseline") -> bytes:
    buffer = io.BytesIO()
    options = {"progressive": {"progressive": True}, "restarts": {"restart_marker_blocks": 2}}.get(kind, {})
    image = Image.fromarray(noise(40, 50) if kind == "grey" else noise(40, 50, 3))
    image = image.convert("CMYK") if kind == "CMYK" else image
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def read(tmp_path, data: bytes):
    (tmp_path / "x.jpg").write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = read_picture(tmp_path / "x.jpg")
    return picture, [str(warning.message) for warning in caught]


def refused(tmp_path, data: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x.jpg")
    assert_one_sentence(refusal.value, "x.jpg", "damaged")


@kinds
@pytest.mark.parametrize("missing", [1, 2])
def test_jpeg_without_end_is_read(tmp_path, kind, missing):
    whole, _ = read(tmp_path, jpeg(kind))
    picture, messages = read(tmp_path, jpeg(kind)[:-missing])
    np.testing.assert_array_equal(picture.pixels, whole.pixels)
    assert len(messages) == 1
    assert "x.jpg is cut short, but its pixels are whole" in messages[0]


@kinds
def test_jpeg_without_pixels_is_refused(tmp_path, kind):
    data = jpeg(kind)
    for missing in [3, 4, 10, *range(50, len(data) - 30, len(data) // 23)]:
        refused(tmp_path, data[:-missing])


def test_progressive_jpeg_cut_between_scans_is_refused(tmp_path):
    data = jpeg("progressive")
    scans = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for scan in scans[1:]:
        refused(tmp_path, data[:scan])


def test_jpeg_without_end_is_read_in_strips(tmp_path):
    large = np.full((4200, 4100), 77, np.uint8)
    Image.fromarray(large).save(tmp_path / "x.jpg")
    data = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(data[:-2])
    with pytest.warns(PictureWarning, match="cut short"):
        picture = read_picture(tmp_path / "x.jpg", fit=64)
    np.testing.assert_allclose(picture.pixels, 77 / 255, atol=1e-5)


@pytest.mark.parametrize("tail", [b"\0" * 10, b"trailer", jpeg()])
def test_bytes_after_jpeg_are_ignored_silently(tmp_path, tail):
    whole, _ = read(tmp_path, jpeg())
    picture, messages = read(tmp_path, jpeg() + tail)
    np.testing.assert_array_equal(picture.pixels, whole.pixels)
    assert messages == []


@given(junk=st.binary(min_size=1, max_size=1024).filter(lambda junk: b"\xff\xd8" not in junk and junk[-1] != 0xFF))
def test_bytes_before_jpeg_are_skipped(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("junk")
    whole, _ = read(folder, jpeg())
    # Zero bytes first, as the junk may be the signature of another format.
    picture, messages = read(folder, b"\0" + junk[1:] + jpeg())
    np.testing.assert_array_equal(picture.pixels, whole.pixels)
    assert len(messages) == 1
    assert f"x.jpg has {len(junk)} other bytes before its picture" in messages[0]


def test_jpeg_far_inside_another_file_is_not_read(tmp_path):
    (tmp_path / "x").write_bytes(b"\1" * 1025 + jpeg())
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x")
    assert_one_sentence(refusal.value, "not a picture that impasto knows")
