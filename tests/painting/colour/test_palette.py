import numpy as np

from impasto.painting.colour.oklab import to_oklab, to_srgb
from impasto.painting.colour.palette import PALETTE, in_palette, palette_of
from tests.helpers import smooth_picture
from tests.painting.colour.samples import colourful_picture


def test_palette_contains_few_colours_of_picture():
    colours = np.array([[0.9, 0.1, 0.1], [0.1, 0.6, 0.2], [0.2, 0.2, 0.8], [1, 1, 1]], np.float32)
    picture = colours[np.random.default_rng(0).integers(0, 4, (90, 70))]
    palette = palette_of([picture], [1.0])
    found = to_srgb(palette)[np.argsort(to_srgb(palette)[:, 0])]
    np.testing.assert_allclose(found, colours[np.argsort(colours[:, 0])], atol=1e-3)
    assert len(palette_of([np.full((3, 3, 3), 0.5, np.float32)], [1.0])) == 1
    both = palette_of([picture, np.zeros((4, 4, 3), np.float32)], [1.0, 0.0])
    np.testing.assert_array_equal(both, palette)


def test_in_palette_moves_colours_near_palette():
    palette = palette_of([smooth_picture(60, 60)], [1.0])
    assert palette.shape == (PALETTE, 3)

    def distance(picture):
        lab = to_oklab(picture).reshape(-1, 1, 3)
        return np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean()

    picture = colourful_picture(seed=3)
    assert distance(in_palette(picture, palette)) < 0.15 * distance(picture)
    own = to_srgb(palette)[None].clip(0, 1).astype(np.float32)
    assert np.abs(to_oklab(in_palette(own, palette)) - palette).max() < 0.02
