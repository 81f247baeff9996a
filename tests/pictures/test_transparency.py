import hypothesis.extra.numpy as arrays
import numpy as np
from hypothesis import given, strategies as st

from impasto.pictures import extend_colours, off_white, over_white
from impasto.pictures.transparency import composite_over_white


def test_composite_over_white_works_in_place():
    pixels = np.array([[[0.2, 0.5, 0.9]] * 3], np.float32)
    same = pixels
    composite_over_white(pixels, np.array([[0.0, 0.5, 1.0]], np.float32))
    assert same is pixels
    np.testing.assert_allclose(pixels[0], [[1, 1, 1], [0.6, 0.75, 0.95], [0.2, 0.5, 0.9]], atol=1e-6)


def test_opaque_picture_is_returned_unchanged():
    pixels = np.full((2, 2, 3), 0.5, np.float32)
    assert over_white(pixels, None) is pixels
    assert off_white(pixels, None) is pixels


def test_over_white_does_not_modify_input():
    pixels, alpha = np.full((2, 2, 3), 0.5, np.float32), np.array([[0, 0.5], [1, 1]], np.float32)
    np.testing.assert_allclose(over_white(pixels, alpha)[..., 0], [[1, 0.75], [0.5, 0.5]])
    assert (pixels == 0.5).all()


bytes_ = arrays.arrays(np.uint8, (4, 5, 4))


@given(bytes_)
def test_off_white_inverts_over_white(rgba):
    values = rgba.astype(np.float32) / 255
    back = off_white(over_white(values[..., :3], values[..., 3]), values[..., 3])
    seen = rgba[..., 3] > 0
    np.testing.assert_array_equal(np.floor(back * 255 + 0.5)[seen], rgba[..., :3][seen])
    assert (back[~seen] == 1).all()


@given(bytes_, st.integers(0, 255))
def test_off_white_matches_appearance_or_is_black(rgba, level):
    shown, alpha = rgba[..., :3].astype(np.float32) / 255, np.maximum(rgba[..., 3], level).astype(np.float32) / 255
    colours = off_white(shown, alpha)
    assert colours.min() >= 0
    assert colours.max() <= 1
    seen = alpha > 0
    np.testing.assert_allclose(
        over_white(colours, alpha)[seen], np.maximum(shown, 1 - alpha[..., None])[seen], atol=1e-6
    )


def test_extend_colours_fills_transparent_part_with_edge_colour():
    colours = np.zeros((40, 60, 3), np.float32)
    colours[:, :20] = 0.8, 0.4, 0.1
    alpha = np.zeros((40, 60), np.float32)
    alpha[:, :20] = 1
    filled = extend_colours(colours, alpha)
    np.testing.assert_allclose(filled, np.broadcast_to(colours[0, 0], filled.shape), atol=1e-6)


def test_extend_colours_fills_sides_with_own_colours():
    colours = np.zeros((33, 65, 3), np.float32)
    colours[:, :8], colours[:, -8:] = (1, 0, 0), (0, 0, 1)
    alpha = np.zeros((33, 65), np.float32)
    alpha[:, :8] = alpha[:, -8:] = 1
    filled = extend_colours(colours, alpha)
    assert filled[16, 8, 0] > 0.9
    assert filled[16, -9, 2] > 0.9
    np.testing.assert_allclose(filled.sum(axis=2), 1, atol=1e-5)


def test_extend_colours_of_empty_picture_is_white():
    assert (extend_colours(np.zeros((3, 5, 3), np.float32), np.zeros((3, 5), np.float32)) == 1).all()


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4)), elements=st.integers(0, 255)),
)
def test_extend_colours_keeps_visible_colours_and_range(rgba):
    values = rgba.astype(np.float32) / 255
    colours, alpha = values[..., :3], values[..., 3]
    filled = extend_colours(colours, alpha)
    trusted = rgba[..., 3] > 0
    assert np.array_equal(filled[trusted], colours[trusted])
    assert filled.min() >= 0
    assert filled.max() <= 1 + 1e-6
