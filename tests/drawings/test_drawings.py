"""The drawings as a whole, and that the sample paintings of the package came from them."""

import numpy as np
import pytest
from PIL import Image

from drawings import draw_style
from drawings.__main__ import main
from impasto.pictures import read_picture
from impasto.samples import STYLE_NAMES, style_path

slow = pytest.mark.slow


def rms(difference):
    return 255 * np.sqrt(np.mean(difference**2))


@pytest.mark.parametrize(
    "name", ["woodcut", *(pytest.param(name, marks=slow) for name in STYLE_NAMES if name != "woodcut")]
)
def test_sample_painting_is_the_drawing(name):
    """JPEG at this quality changes a pixel by 4 to 7 of 255 levels (rms), and colours on average by 0.3."""
    shipped = read_picture(style_path(name)).pixels
    difference = shipped - draw_style(name)
    assert 2 < rms(difference) < 7.5
    assert np.abs(255 * difference.mean(axis=(0, 1))).max() < 0.5
    assert rms(shipped - draw_style(name, seed=1)) > 15


def test_main_writes_four_jpegs(tmp_path):
    main([str(tmp_path / "new"), "--long-side", "64"])
    for name in STYLE_NAMES:
        with Image.open(tmp_path / "new" / f"{name}.jpg") as image:
            assert image.format == "JPEG"
            assert image.layer[0][1:3] == image.layer[1][1:3] == (1, 1)  # chroma is not subsampled
            pixels = np.asarray(image, np.float32) / 255
        assert rms(pixels - draw_style(name, 64)) < 12


@pytest.mark.parametrize("name", STYLE_NAMES)
def test_draw_style_returns_floats_of_size(name):
    drawing = draw_style(name, long_side=96, seed=1)
    assert drawing.dtype == np.float32
    assert max(drawing.shape) == 96


def test_draw_style_rejects_unknown_name():
    with pytest.raises(ValueError, match="no style 'cubism'"):
        draw_style("cubism")
