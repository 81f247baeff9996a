import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture
from tests.pictures.samples import assert_one_sentence, noise


def webp(**options: object) -> bytes:
    exif = Image.Exif()
    exif[0x013B] = "Zoe"
    buffer = io.BytesIO()
    Image.fromarray(noise(20, 30, 3)).save(buffer, "WEBP", exif=exif, xmp=b"<x/>" * 50, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_cut_behind_pixels_is_read(tmp_path, lossless):
    data, path = webp(lossless=lossless), tmp_path / "x.webp"
    path.write_bytes(data)
    whole = read_picture(path)
    metadata = len(data) - data.index(b"EXIF")
    for missing in range(1, metadata + 1, 7):
        path.write_bytes(data[:-missing])
        with pytest.warns(PictureWarning, match=r"x\.webp is cut short, but its pixels are whole"):
            picture = read_picture(path)
        np.testing.assert_array_equal(picture.pixels, whole.pixels)
    path.write_bytes(data[: -metadata - 9])
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    assert_one_sentence(refused.value, "x.webp", "damaged")


def test_author_of_cut_webp_is_kept(tmp_path):
    data, path = webp(), tmp_path / "x.webp"
    path.write_bytes(data[:-10])  # within XMP, behind EXIF
    with pytest.warns(PictureWarning, match="cut short"):
        assert read_picture(path).provenance.artist == "Zoe"


def test_animation_cut_within_later_frame_is_read(tmp_path):
    frames = [Image.fromarray(noise(20, 30, 3, seed=seed)) for seed in range(3)]
    path = tmp_path / "x.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_allclose(read_picture(path).pixels, np.asarray(frames[0]) / 255, atol=1e-6)
    assert [str(warning.message).split(" is ")[1][:5] for warning in caught] == ["an an", "cut s"]


def test_missing_padding_is_added(tmp_path):
    data = webp(lossless=True)
    start = data.index(b"VP8L")
    length = struct.unpack_from("<L", data, start + 4)[0]
    end = start + 8 + length
    plain = b"RIFF" + struct.pack("<L", 4 + 8 + length + length % 2) + b"WEBP" + data[start:end]
    (tmp_path / "x.webp").write_bytes(plain)
    expected = Image.open(io.BytesIO(webp(lossless=True))).convert("RGB")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PictureWarning)
        np.testing.assert_allclose(read_picture(tmp_path / "x.webp").pixels, np.asarray(expected) / 255, atol=1e-6)
