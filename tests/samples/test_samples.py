import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.pictures import read_picture
from impasto.samples import PHOTO_OF_STYLE, STYLE_NAMES, photos, style_path


@pytest.mark.parametrize("name", STYLE_NAMES)
def test_sample_painting_is_1024_pixels_long(name):
    picture = read_picture(style_path(name))
    assert max(picture.pixels.shape) == 1024
    assert picture.pixels.std() > 0.1


def test_sample_paintings_take_two_megabytes():
    sizes = [style_path(name).stat().st_size for name in STYLE_NAMES]
    assert 1_000_000 < sum(sizes) <= 2_000_000


def test_style_path_rejects_unknown_name():
    with pytest.raises(ValueError, match="no sample painting 'cubism'"):
        style_path("cubism")


def test_every_style_has_a_photo():
    assert tuple(PHOTO_OF_STYLE) == STYLE_NAMES
    assert set(PHOTO_OF_STYLE.values()) <= set(photos.PHOTO_NAMES)


@pytest.mark.parametrize("name", photos.PHOTO_NAMES)
def test_load_photo_returns_floats(name):
    photo = photos.load_photo(name)
    assert photo.dtype == np.float32
    assert photo.ndim == 3
    assert 0 <= photo.min() < photo.max() <= 1


def test_load_photo_rejects_unknown_name():
    with pytest.raises(ValueError, match="no sample photograph 'nobody'"):
        photos.load_photo("nobody")


def test_load_photo_names_missing_extra(monkeypatch):
    monkeypatch.setattr(photos, "find_spec", lambda name: None)
    with pytest.raises(PictureError, match=r'pip install "impasto\[demo\]"'):
        photos.load_photo("chelsea")
