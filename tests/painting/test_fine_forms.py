"""Fine forms of flat areas: a weave along the axes, which the painting does not have."""

import numpy as np
import pytest

import impasto
from impasto.encoders.strokes import LUMA
from impasto.pictures import read_picture, resize
from impasto.samples import photos, style_path

WINDOW = 32
"""Side of the windows of the spectra in pixels."""


def axis_ratio(picture):
    """Return the energy of waves of 2 to 3.3 px along the axes as a multiple of that along the diagonals."""
    luminance = picture @ np.array(LUMA)
    hann = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(luminance, (WINDOW, WINDOW))[:: WINDOW // 2, :: WINDOW // 2]
    centred = (windows - windows.mean((2, 3), keepdims=True)) * hann
    energy = (np.abs(np.fft.fft2(centred)) ** 2).mean((0, 1))
    down, across = np.meshgrid(*[np.fft.fftfreq(WINDOW)] * 2, indexing="ij")
    radius, angle = np.hypot(down, across), np.degrees(np.arctan2(np.abs(down), np.abs(across)))
    fine = (radius >= 0.3) & (radius < 0.5)
    along = fine & ((angle < 15) | (angle > 75))
    return energy[along].mean() / energy[fine & (np.abs(angle - 45) < 15)].mean()


def test_flat_sky_has_the_fine_forms_of_the_painting():
    options = {"size": 192, "preset": "quick", "precision": "float32", "threads": 1, "device": "cpu"}
    sky = photos.load_photo("rocket")
    painted = axis_ratio(impasto.paint(sky, "swirls", **options).array)
    woven = axis_ratio(impasto.paint(sky, "swirls", **options, losses={"style": {"gabor": 0}}).array)
    style = read_picture(style_path("swirls")).pixels
    scale = 192 / max(style.shape[:2])
    expected = axis_ratio(resize(style, *(round(scale * side) for side in style.shape[:2])))
    assert painted == pytest.approx(expected, rel=0.25)
    assert woven > 2.5 * expected
