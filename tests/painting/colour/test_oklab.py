import numpy as np

from impasto.painting.colour import arrays
from impasto.painting.colour.oklab import (
    grey,
    into_gamut,
    lightness,
    to_encoded,
    to_linear,
    to_oklab,
    to_srgb,
    with_chroma_of,
)
from tests.helpers import smooth_picture
from tests.painting.colour.samples import chroma, colourful_picture


def test_encoding_and_oklab_have_inverses():
    x = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(to_encoded(to_linear(x)), x, atol=1e-7)
    cube = np.stack(np.meshgrid(*[np.linspace(0, 1, 12)] * 3), axis=-1)
    np.testing.assert_allclose(to_srgb(to_oklab(cube)), cube, atol=1e-6)
    np.testing.assert_allclose(to_srgb(to_oklab(cube.astype(np.float32))), cube, atol=1e-4)


def test_oklab_of_known_colours():
    # From the table of pairs and the values of CSS Color 4 (oklab of white, red, green, blue).
    known = {
        (1, 1, 1): (1, 0, 0),
        (1, 0, 0): (0.62796, 0.22486, 0.12585),
        (0, 1, 0): (0.86644, -0.23389, 0.17950),
        (0, 0, 1): (0.45201, -0.03246, -0.31153),
    }
    for rgb, lab in known.items():
        np.testing.assert_allclose(to_oklab(np.array(rgb, float)), lab, atol=2e-4)


def test_into_gamut_keeps_hue_and_largest_chroma():
    rng = np.random.default_rng(0)
    lab = np.column_stack([rng.uniform(0.05, 0.95, 500), rng.uniform(-0.4, 0.4, (500, 2))])
    mapped = into_gamut(lab)
    rgb = to_srgb(mapped)
    assert rgb.min() > -2e-4
    assert rgb.max() < 1 + 2e-5
    np.testing.assert_array_equal(mapped[:, 0], lab[:, 0])
    scale = np.linalg.norm(mapped[:, 1:], axis=1) / np.linalg.norm(lab[:, 1:], axis=1)
    np.testing.assert_allclose(mapped[:, 1:], lab[:, 1:] * scale[:, None], atol=1e-12)
    assert scale.max() <= 1
    reduced = scale < 1
    assert 50 < reduced.sum() < 500
    beyond = to_srgb(np.column_stack([lab[reduced, 0], mapped[reduced, 1:] * 1.002]))
    assert ((beyond < -1e-5) | (beyond > 1)).any(axis=1).all()
    inside = to_oklab(colourful_picture().astype(np.float64))
    np.testing.assert_array_equal(into_gamut(inside), inside)


def test_grey_has_lightness_without_chroma():
    light = lightness(colourful_picture())
    picture = grey(light)
    assert np.ptp(picture, axis=-1).max() == 0
    np.testing.assert_allclose(lightness(picture), light, atol=1e-5)


def test_with_chroma_of_combines_lightness_and_chroma(monkeypatch):
    painted, photo = colourful_picture(seed=1), smooth_picture(40, 50)
    result = with_chroma_of(painted, photo)
    assert result.dtype == np.float32
    np.testing.assert_allclose(lightness(result), lightness(painted), atol=0.005)
    assert (chroma(result) <= chroma(photo) + 0.002).all()
    np.testing.assert_allclose(with_chroma_of(photo, photo), photo, atol=1e-4)
    monkeypatch.setattr(arrays, "STRIP", 130)
    np.testing.assert_allclose(with_chroma_of(painted, photo), result, atol=1e-6)
