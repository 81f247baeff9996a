from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import impasto
from impasto import PictureError, SettingsError
from impasto.painting.colour.oklab import grey, lightness, to_oklab
from impasto.painting.colour.palette import palette_of
from impasto.painting.colour.plan import ColourInputs, noise, plan_colours, plan_content
from impasto.painting.colour.transfer import moments_of, recolouring
from impasto.painting.events import Iteration
from impasto.painting.inputs import Inputs
from impasto.painting.regions import RegionMask, Regions
from impasto.painting.scaled_inputs import ScaledInputs, to_array
from impasto.pictures import read_picture, write_picture
from impasto.settings.fields import COLOUR_SOURCES, COLOURS
from impasto.settings.making import make_settings
from tests.helpers import smooth_picture
from tests.painting.colour.samples import chroma, colourful_picture


@pytest.fixture
def small(tiny_encoder):
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 5, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    mode=st.sampled_from(COLOURS),
    levels=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_plan_colours_accepts_any_pictures(height, width, mode, levels, seed):
    def picture(number):
        return (np.round(colourful_picture(height, width, seed + number) * levels) / levels).astype(np.float32)

    colours = plan_colours(mode, ColourInputs([picture(1), picture(2)], [1, 2], Regions(2, {}), picture(0)))
    results = [
        colours.content(picture(0)),
        *(recolour(picture(i + 1)) for i, recolour in enumerate(colours.styles)),
        colours.result(picture(3), lambda: picture(0)),
    ]
    for result in results:
        assert result.shape == (height, width, 3)
        assert result.dtype == np.float32
        assert (result >= 0).all()
        assert (result <= 1).all()


def test_colour_keep_has_chroma_of_photo(photo, style, small):
    tinted = style * np.array([1.0, 0.5, 0.2], np.float32)
    tinted_result, kept = (impasto.paint(photo, tinted, **small, colour=mode).array for mode in ("style", "keep"))
    assert (chroma(kept) <= chroma(photo) + 0.002).all()
    assert chroma(kept).mean() > 0.95 * chroma(photo).mean()
    hues = [to_oklab(p)[..., 1:].mean((0, 1)) for p in (photo, kept, tinted_result)]
    assert np.linalg.norm(hues[1] - hues[0]) < 0.1 * np.linalg.norm(hues[2] - hues[0])
    assert np.abs(lightness(kept) - lightness(photo)).mean() > 0.01
    assert abs(lightness(kept).mean() - lightness(photo).mean()) < 0.05


def test_colour_keep_of_grey_photo_is_grey(photo, style, small):
    plain = impasto.paint(grey(lightness(photo)), style, **small, colour="keep").array
    assert np.ptp(plain, axis=-1).max() < 1e-3


def test_colour_match_has_mean_of_photo(photo, style, small):
    options = small | {"content_weight": 0, "style_weight": 10}
    styles = [style * np.array([0.3, 1.0, 0.2], np.float32), style[:60] * np.array([1.0, 0.2, 0.2], np.float32)]
    paintings = (impasto.paint(photo, styles, **options, colour=mode).array for mode in ("match", "style"))
    distances = [np.abs(p.mean((0, 1)) - photo.mean((0, 1))).max() for p in paintings]
    assert distances[0] < 0.03 < 0.1 < distances[1]


def test_colour_palette_has_colours_of_style(photo, style, small):
    # A recoloured photo has more colours halfway between two of the palette, and misses the bound by 0.0007.
    painting = impasto.paint(photo, style, **small, colour="palette", losses={"recolour": 0}).array
    palette = palette_of([style], [1.0])
    lab = to_oklab(painting).reshape(-1, 1, 3)
    spacing = np.linalg.norm(palette[:, None] - palette + 9 * np.eye(len(palette))[..., None], axis=-1).min(1).mean()
    assert np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean() < 0.2 * spacing


@pytest.mark.parametrize("mode", ["keep", "match", "palette"])
def test_images_of_events_have_result_colours(photo, style, small, mode):
    images = {}
    for event in impasto.make_painter(photo, style, **small, colour=mode):
        if isinstance(event, Iteration):
            images[event.loss.total if event.octave == 2 else None] = event.image()
    best = min(key for key in images if key is not None)
    np.testing.assert_array_equal(images[best], event.painting.array)
    assert images[None].shape == (36, 48, 3)


def test_colour_keep_from_noise_has_photo_chroma(photo, style, small):
    painted = impasto.paint(photo, style, **small, colour="keep", init="noise").array
    assert (chroma(painted) <= chroma(photo) + 0.002).all()


@pytest.fixture
def dark_red(tmp_path):
    write_picture(tmp_path / "red.png", smooth_picture(50, 40, seed=7) * np.array([0.8, 0.2, 0.1], np.float32))
    return tmp_path / "red.png"


def test_colours_from_gives_colours_of_picture(photo, style, small, dark_red):
    options = small | {"content_weight": 0, "style_weight": 10, "colours_from": str(dark_red)}
    target = read_picture(dark_red).pixels.mean((0, 1))
    for mode in ("style", "palette"):
        painting = impasto.paint(photo, [style, style[:60]], **options, colour=mode)
        assert np.abs(painting.array.mean((0, 1)) - target).max() < 0.05
        assert painting.named["colours_from"].path == dark_red
    palette = palette_of([read_picture(dark_red).pixels], [1.0])
    lab = to_oklab(painting.array).reshape(-1, 1, 3)
    assert np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean() < 0.02


def test_colours_from_uses_masked_part_of_style(style, photo, dark_red):
    other = read_picture(dark_red).pixels
    left = np.repeat((np.arange(80) < 30)[None], 80, axis=0).astype(np.float32)
    two = style * np.where(left[..., None] > 0, np.float32([0.2, 1, 0.3]), np.float32([0.9, 0.1, 0.9]))
    regions = Regions(1, {"style_masks.1": RegionMask(left, None, None)})
    (recolour,) = plan_colours("style", ColourInputs([two], [1], regions, photo, other=other)).styles
    alone = recolouring(two[:, :30], other)
    np.testing.assert_allclose(recolour(two)[:, :30], alone(two[:, :30]), atol=0.01)
    assert np.abs(recolouring(two, other)(two)[:, :30] - recolour(two)[:, :30]).mean() > 0.03
    np.testing.assert_array_equal(recolouring(two, other, np.ones((80, 80)))(two), recolouring(two, other)(two))


@pytest.mark.parametrize("mode", COLOURS)
def test_colours_from_combines_as_documented(mode):
    if COLOUR_SOURCES[mode].takes_other:
        assert make_settings(colour=mode, colours_from="x.png").colours_from == "x.png"
    else:
        with pytest.raises(
            SettingsError, match=f"settings colours_from and colour = {mode}, which takes the photo's colours"
        ):
            make_settings(colour=mode, colours_from="x.png")


def test_missing_colours_from_picture_is_reported(photo, style, small):
    with pytest.raises(PictureError, match=r"nowhere\.png"):
        impasto.paint(photo, style, **small, colours_from="nowhere.png")


@pytest.mark.parametrize("mode", ["keep", "match"])
def test_transparent_photo_parts_are_ignored(photo, style, mode):
    alpha = np.ones(photo.shape[:2], np.float32)
    alpha[:, 40:] = 0
    white = photo.copy()
    white[:, 40:] = 1
    inputs = ColourInputs([style], [1], Regions(1, {}), white)
    (transparent,) = plan_colours(mode, replace(inputs, alpha=alpha)).styles
    (cropped,) = plan_colours(mode, replace(inputs, photo=photo[:, :40])).styles
    (opaque,) = plan_colours(mode, inputs).styles
    np.testing.assert_allclose(transparent(style), cropped(style), atol=1e-5)
    assert np.abs(opaque(style) - cropped(style)).mean() > 0.05


def coloured(picture, *factors):
    return picture * np.array(factors, np.float32)


def recolouring_only(share=1.0, **settings):
    """Make settings that change the photo's colours before painting, and not its detail."""
    return make_settings(losses={"recolour": share, "local_contrast": 0}, **settings)


def test_content_takes_mean_of_styles_in_each_region(photo, style):
    styles = [coloured(style, 1, 0.3, 0.2), coloured(style, 0.2, 0.3, 1), 0.5 * style]
    left = np.zeros(photo.shape[:2], np.float32)
    left[:, :40] = 1
    regions = Regions(3, {"masks.2": RegionMask(left, None, None)})
    inputs = ColourInputs(styles, [1, 1, 3], regions, photo)
    moved = plan_content(recolouring_only(), inputs)(photo)
    means = [s.mean((0, 1)) for s in styles]
    np.testing.assert_allclose(moved[:, :40].mean((0, 1)), means[1], atol=0.01)
    np.testing.assert_allclose(moved[:, 40:].mean((0, 1)), (means[0] + 3 * means[2]) / 4, atol=0.01)


def test_region_of_weight_0_keeps_colours_of_content(photo, style):
    left = np.zeros(photo.shape[:2], np.float32)
    left[:, :48] = 1
    regions = Regions(2, {"masks.2": RegionMask(left, None, None)})
    moved = plan_content(make_settings(), ColourInputs([coloured(style, 1, 0.3, 0.2)] * 2, [1, 0], regions, photo))(
        photo
    )
    np.testing.assert_allclose(moved[:, :48], photo[:, :48], atol=1e-6)
    assert np.abs(moved[:, 48:] - photo[:, 48:]).mean() > 0.1


def test_content_moves_by_given_share(photo, style):
    inputs = ColourInputs([coloured(style, 0.9, 0.5, 0.3)], [1], Regions(1, {}), photo)
    half, whole = (plan_content(recolouring_only(share, colour="palette"), inputs)(photo) for share in (0.5, 1.0))
    np.testing.assert_allclose(half.mean((0, 1)), (photo.mean((0, 1)) + whole.mean((0, 1))) / 2, atol=0.01)
    assert plan_content(recolouring_only(0), inputs) is None


def test_content_takes_colours_of_other_picture(photo, style):
    other = coloured(style, 0.2, 0.9, 0.4)
    inputs = ColourInputs([style], [1], Regions(1, {}), photo, other=other)
    np.testing.assert_allclose(
        plan_content(recolouring_only(), inputs)(photo).mean((0, 1)), other.mean((0, 1)), atol=0.01
    )


@pytest.mark.parametrize("mode", ["keep", "match"])
def test_content_keeps_its_colours_if_styles_take_them(photo, style, mode):
    settings = recolouring_only(colour=mode)
    assert plan_content(settings, ColourInputs([style], [1], Regions(1, {}), photo)) is None


def test_transparent_parts_do_not_recolour_content(photo, style):
    alpha = np.ones(photo.shape[:2], np.float32)
    alpha[:, 40:] = 0
    white = photo.copy()
    white[:, 40:] = 1
    inputs = ColourInputs([style], [1], Regions(1, {}), white, alpha=alpha)
    cropped = plan_content(recolouring_only(), replace(inputs, photo=photo[:, :40], alpha=None))
    np.testing.assert_allclose(plan_content(recolouring_only(), inputs)(photo), cropped(photo), atol=1e-5)


def test_painting_starts_from_recoloured_photo(photo, style, small):
    tinted = coloured(style, 1.0, 0.6, 0.2)
    how = small | {"optimization": {"iterations": 1, "max_octaves": 1}}
    started = impasto.paint(photo, tinted, **how).array
    plain = impasto.paint(photo, tinted, **how, losses={"recolour": 0}).array
    assert np.abs(started.mean((0, 1)) - tinted.mean((0, 1))).max() < 0.02
    assert np.abs(plain.mean((0, 1)) - tinted.mean((0, 1))).max() > 0.1


def test_protected_part_is_not_recoloured(photo, style, small):
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[:, :48] = 1
    settings = make_settings(**small)
    inputs = Inputs(photo, [coloured(style, 1.0, 0.2, 0.1)], settings, {"protect": mask})
    recoloured = to_array(ScaledInputs(inputs, settings, torch.device("cpu")).content_image(*photo.shape[:2]))
    np.testing.assert_allclose(recoloured[:, :48], photo[:, :48], atol=1e-6)
    assert np.abs(recoloured[:, 48:] - photo[:, 48:]).mean() > 0.1


def test_noise_has_average_moments_of_styles(style):
    dull, bright = style * 0.2, 0.7 + style * 0.3
    moments = [moments_of(picture) for picture in (dull, bright)]
    mean, covariance = moments_of(noise(ColourInputs([dull, bright], (1, 3), Regions(2, {})), 200, 200, seed=1))
    np.testing.assert_allclose(mean, (moments[0][0] + 3 * moments[1][0]) / 4, atol=0.01)
    np.testing.assert_allclose(covariance, (moments[0][1] + 3 * moments[1][1]) / 4, atol=0.002)
