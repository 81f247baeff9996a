import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.pictures import read_picture
from impasto.samples import STYLE_NAMES, photo_path, photos, style_path


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


def test_sample_photo_is_credited_small_and_faithful():
    assert photo_path().stat().st_size <= 60_000
    difference = read_picture(photo_path()).pixels - photos.load_photo("chelsea")
    assert 255 * np.sqrt(np.mean(difference**2)) < 3
    credits = photo_path().with_name("CREDITS.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in credits for path in photo_path().parent.glob("*.jpg"))


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
    with pytest.raises(PictureError, match="pip install scikit-image"):
        photos.load_photo("chelsea")
