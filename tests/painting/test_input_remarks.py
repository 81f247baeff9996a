"""Remarks on pictures that were probably not meant."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from impasto.painting.input_remarks import remarks_on_pictures
from impasto.pictures import read_picture, write_picture
from tests.helpers import smooth_picture

STYLE = smooth_picture(64, 64, 5)


def picture(array):
    return read_picture(np.asarray(array, np.float32))


def remark_on(content, style):
    (remark,) = remarks_on_pictures(content, [style])
    return remark


def test_ordinary_pictures_get_no_remark():
    photo, style = picture(smooth_picture(48, 64, 1)), picture(STYLE)
    assert remarks_on_pictures(photo, [style, style]) == ()
    assert remarks_on_pictures(None, [style]) == ()
    assert remarks_on_pictures(picture(smooth_picture(64, 64, 6)), [style]) == ()


def test_flat_style_is_noted():
    photo = picture(smooth_picture(48, 64, 1))
    flat = np.full((40, 40, 3), 0.4)
    flat[3, 3] += 1 / 255
    assert "is a single colour" in remark_on(photo, picture(flat))
    assert "is a single colour" in remark_on(None, picture(flat))
    flat[3, 3] += 0.1
    assert remarks_on_pictures(photo, [picture(flat)]) == ()


def test_transparent_style_is_noted():
    photo = picture(smooth_picture(48, 64, 1))
    alpha = np.zeros((64, 64, 1))
    assert "fully transparent" in remark_on(photo, picture(np.dstack([STYLE, alpha])))
    alpha[0, 0] = 1
    assert remarks_on_pictures(photo, [picture(np.dstack([STYLE, alpha]))]) == ()


@pytest.mark.parametrize("name", ["copy.png", "copy.jpg", "smaller.png"])
def test_photo_that_is_the_style_is_noted(name, tmp_path):
    write_picture(tmp_path / "style.png", STYLE)
    image = Image.open(tmp_path / "style.png")
    (image.resize((40, 40), Image.Resampling.LANCZOS) if name == "smaller.png" else image).save(
        tmp_path / name, quality=95, subsampling=0
    )
    remark = remark_on(read_picture(tmp_path / name), read_picture(tmp_path / "style.png"))
    assert remark.startswith("The photo and the style style.png are the same picture")


def test_painted_photo_is_noted(tmp_path):
    write_picture(tmp_path / "painted.png", smooth_picture(48, 64, 1), record="{}")
    assert "The photo painted.png was painted by impasto" in remark_on(
        read_picture(tmp_path / "painted.png"), picture(STYLE)
    )


def test_only_first_frame_of_animation_is_noted(tmp_path):
    frames = [Image.fromarray((smooth_picture(48, 64, seed) * 255).astype(np.uint8)) for seed in (1, 2)]
    for suffix in ("gif", "webp", "png"):
        frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
        with pytest.warns(UserWarning, match="is an animation; only its first frame was read"):
            read_picture(tmp_path / f"moving.{suffix}")
