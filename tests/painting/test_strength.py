"""How a painting changes with the strength of the style."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.color import rgb2lab

import impasto
from benchmarks.measures import content
from benchmarks.pairs import to_tensor
from impasto.encoders.loading import load_encoder
from impasto.engine.objective import make_objective
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, resize
from impasto.samples import photos, style_path
from impasto.settings.making import make_settings
from impasto.settings.model import Losses
from tests.helpers import smooth_picture

pytestmark = pytest.mark.xdist_group("strength")  # which makes the paintings once

PAIR = {"size": 128, "threads": 1, "device": "cpu", "optimization": {"iterations": 12, "coarse_factor": 1.5}}
"""Settings of a painting of two seconds."""


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a painting of one second."""
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 5, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


@pytest.fixture(scope="module")
def pair():
    """Return a photo and a painting of 128 px."""
    return photos.load_photo("chelsea"), style_at(128)


def style_at(side):
    """Return the swirls at a size."""
    style = read_picture(style_path("swirls")).pixels
    return resize(style, *(round(side / max(style.shape[:2]) * length) for length in style.shape[:2]))


@pytest.fixture(scope="module")
def painted(pair):
    """Return paintings by strength."""
    return {s: impasto.paint(*pair, **PAIR, strength=s).array for s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}


def chroma(picture):
    """Return the chroma of each pixel in CIELAB."""
    return np.hypot(*np.moveaxis(rgb2lab(picture)[..., 1:], -1, 0))


def test_strength_trades_content_for_style(pair, painted):
    losses = make_settings().losses
    photo = to_tensor(resize(pair[0], *painted[0.0].shape[:2]))
    objective = make_objective(load_encoder("builtin-slim").encoder, photo, [to_tensor(pair[1])], [1], losses, 1, 1)
    found = [objective.value_and_gradient(to_tensor(array))[0] for array in painted.values()]
    assert [loss.content for loss in found] == sorted(loss.content for loss in found)
    assert found[0].style > 1.3 * found[1].style > 1.3**2 * found[2].style


def test_each_step_of_the_strength_loses_structure_of_the_photo(pair, painted):
    photo = to_tensor(resize(pair[0], *painted[0.0].shape[:2]))
    scores = np.array([content(to_tensor(array), photo) for array in painted.values()])
    assert np.diff(scores).max() < -0.03


@pytest.mark.parametrize("strength", [0.0, 0.2])
def test_chroma_at_low_strength_lies_between_photo_and_style(pair, painted, strength):
    photo = resize(pair[0], *painted[0.0].shape[:2])
    least, found, most = (chroma(picture).max() for picture in (photo, painted[strength], pair[1]))
    assert least < 0.8 * most
    assert least - 1 < found < most


def test_default_strength_is_that_of_no_strength(photo, style, small):
    plain, given = (impasto.paint(photo, style, **small, **how).array for how in ({}, {"strength": 0.5}))
    np.testing.assert_array_equal(plain, given)


def first_image(photo, style, options):
    """Return the image of the first iteration."""
    for event in impasto.make_painter(photo, style, **options):
        if isinstance(event, Iteration):
            return event.image()
    raise AssertionError("nothing was painted")


def fine_detail(picture):
    """Return the difference of a picture to its mean over 9×9 px."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (9, 9), (0, 1))
    return (picture[4:-4, 4:-4] - windows.mean((3, 4))).ravel()


def test_high_strength_starts_without_fine_detail_of_the_photo(photo, style, small):
    options = small | {"optimization": {"iterations": 1, "max_octaves": 1, "start_noise": 0}, "borders": "cut"}
    options["losses"] = {"recolour": 0, "local_contrast": 0}  # noise has the same share in the detail of every photo
    plain, strong, strongest = (first_image(photo, style, options | {"strength": s}) for s in (0.5, 0.7, 1))
    kept = [np.corrcoef(fine_detail(image), fine_detail(plain))[0, 1] for image in (strong, strongest)]
    assert kept[0] > 0.9 > 0.3 > kept[1]
    assert np.abs(strongest - plain).mean() < 0.06  # its forms and colours remain


def test_protected_part_keeps_the_photo_at_high_strength(photo, style, small):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, :48] = 255
    painted = impasto.paint(photo, style, **small, strength=1, protect=mask).array
    np.testing.assert_allclose(painted[:, :40], photo[:, :40], atol=1e-6)
    assert np.abs(painted[:, 60:] - photo[:, 60:]).mean() > 0.02


def test_small_painting_of_high_strength_is_the_start_of_a_larger_one(photo, style, small):
    octaves = {}
    for size in (48, 96):
        painter = impasto.make_painter(photo, style, **small | {"size": size}, strength=0.9)
        octaves[size] = [e.loss.total for e in painter if isinstance(e, Iteration) and e.octave == 1]
    assert octaves[48] == octaves[96]


@pytest.mark.parametrize("strength", [0.1, 0.9])
def test_tiles_paint_the_same_at_any_strength(photo, style, small, strength):
    options = small | {"strength": strength, "size": 96}
    whole, tiled = (impasto.paint(photo, style, **options, tile=tile) for tile in (None, 64))
    assert tiled.octaves[-1].tile == 64
    np.testing.assert_allclose(tiled.history[0].loss.total, whole.history[0].loss.total, rtol=1e-3)
    assert np.abs(tiled.array - whole.array).mean() < 0.01


@pytest.mark.parametrize("tile", [None, 64])
@pytest.mark.parametrize("regions", [False, True])
def test_first_style_distance_is_the_square_of_the_share(photo, style, small, regions, tile):
    losses = {
        "recolour": 0,
        "local_contrast": 0,
        "relative": False,
        "style": dict.fromkeys(Losses().style, 0.0) | {"rgb": 1.0, "relu2_1": 1.0},
    }
    options = small | {"tile": tile, "losses": losses}
    styles = [style, smooth_picture(70, 90, seed=5) ** 2]
    if regions:
        left = np.zeros((72, 96), np.uint8)
        left[:, :32] = 255
        options |= {"masks": {1: left, 2: 255 - left}}
    found = []
    for strength in (0.5, 0.1):
        settings = make_settings(strength=strength)
        loss = impasto.paint(photo, styles, **options, strength=strength).history[0].loss
        found.append(loss.style / settings.style_share**2)
    # Of a photo that has not moved, each layer's distance is the squared share, if its own region was measured.
    assert found[1] == pytest.approx(found[0], rel=0.03)


def test_region_below_the_deepest_layers_resolution_is_painted(photo, style, small):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[30:33, 40:43] = 255
    painted = impasto.paint(photo, [style, style], **small, masks={2: mask}, strength=0.1)
    assert np.isfinite(painted.array).all()
    assert all(math.isfinite(step.loss.total) for step in painted.history)
