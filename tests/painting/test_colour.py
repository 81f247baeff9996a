import numpy as np
import pytest
from hypothesis import given, strategies as st

import impasto
from impasto import PictureError, SettingsError
from impasto.painting.colour import oklab, palette as palettes
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
from impasto.painting.colour.palette import in_palette, palette_of
from impasto.painting.colour.plan import plan_colours
from impasto.painting.colour.transfer import (
    KNOTS,
    LEAST_DEVIATION,
    _quantiles,
    matching,
    mean_and_covariance,
    recolouring,
)
from impasto.painting.events import Iteration
from impasto.painting.regions import RegionMask, Regions
from impasto.pictures import read_picture, write_picture
from impasto.settings.fields import COLOUR_SOURCES, COLOURS
from impasto.settings.making import make_settings
from tests.helpers import smooth_picture


@pytest.fixture
def small(tiny_encoder):
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 5, "smallest_octave": 48}}  # fmt: skip


def chroma(picture):
    return np.linalg.norm(to_oklab(picture.astype(np.float64))[..., 1:], axis=-1)


def colourful(height=40, width=50, seed=0):
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def moments(picture):
    flat = picture.reshape(-1, 3).astype(np.float64)
    return flat.mean(0), np.cov(flat.T, ddof=0)


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


def test_the_gamut_keeps_hue_and_lightness_and_as_much_chroma_as_there_is():
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
    inside = to_oklab(colourful().astype(np.float64))
    np.testing.assert_array_equal(into_gamut(inside), inside)


def test_lightness_and_its_grey_picture():
    light = lightness(colourful())
    picture = grey(light)
    assert np.ptp(picture, axis=-1).max() == 0
    np.testing.assert_allclose(lightness(picture), light, atol=1e-5)


def test_mean_and_covariance_strip_by_strip(monkeypatch):
    picture = smooth_picture(61, 37) * 0.01 + 0.9
    expected = moments(picture)
    monkeypatch.setattr(oklab, "STRIP", 100)
    for one, other in zip(mean_and_covariance(picture), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
    alpha = np.zeros((61, 37), np.float32)
    alpha[:20] = 1
    for one, other in zip(mean_and_covariance(picture, alpha), moments(picture[:20]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(mean_and_covariance(picture, 0 * alpha)[0], mean_and_covariance(picture)[0])


@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)), gain=st.floats(0.1, 1))
def test_matched_colours_have_the_targets_mean_and_covariance(seeds, gain):
    source, target = (colourful(seed=seed) for seed in seeds)
    target = target @ np.array([[1, 0.3, 0], [0, 0.5, 0.2], [0.1, 0, 0.7]], np.float32) * np.float32(gain)
    move = matching(mean_and_covariance(source), mean_and_covariance(target))
    mean, covariance = moments(move(source.astype(np.float64)))
    np.testing.assert_allclose(mean, moments(target)[0], atol=1e-5)
    np.testing.assert_allclose(covariance, moments(target)[1], atol=1e-5)


def test_matching_to_itself_changes_nothing():
    picture = colourful()
    move = matching(mean_and_covariance(picture), mean_and_covariance(picture))
    np.testing.assert_allclose(move(picture), picture, atol=1e-5)


def test_grey_and_flat_pictures_are_matched_without_stretching_their_noise():
    plain = grey(lightness(colourful()))
    noisy = plain + np.random.default_rng(1).normal(0, 0.15 * LEAST_DEVIATION, plain.shape).astype(np.float32)
    target = colourful(seed=5)
    for source in (plain, noisy):
        moved = matching(mean_and_covariance(source), mean_and_covariance(target))(source.astype(np.float64))
        mean, covariance = moments(moved)
        np.testing.assert_allclose(mean, moments(target)[0], atol=1e-5)
        assert np.linalg.eigvalsh(covariance)[:2].max() < 0.001 * np.linalg.eigvalsh(covariance)[2]
    back = matching(mean_and_covariance(target), mean_and_covariance(plain))(target.astype(np.float64))
    assert np.ptp(back, axis=-1).max() < 1e-6
    flat = np.full((5, 5, 3), 0.3, np.float32)
    np.testing.assert_allclose(
        matching(mean_and_covariance(flat), mean_and_covariance(target))(flat)[0, 0], moments(target)[0], atol=1e-6
    )


def test_recoloured_it_has_the_others_colours_and_their_distribution():
    # A few yellow lights on a dark blue ground: mean and covariance alone would make it a fog.
    rng = np.random.default_rng(3)
    lights = (rng.random((60, 60)) < 0.1)[..., None]
    target = np.where(lights, [0.9, 0.8, 0.2], [0.1, 0.15, 0.4]) + 0.02 * rng.standard_normal((60, 60, 3))
    target = target.clip(0, 1).astype(np.float32)
    source = smooth_picture(50, 70, seed=4)
    found = recolouring(source, target)(source)
    linear = matching(moments(source), moments(target))(source).clip(0, 1)

    def off(picture):
        """How far the sorted values of each channel lie from the target's."""
        shares = np.linspace(0.01, 0.99, 50)
        ends = (np.quantile(p.reshape(-1, 3), shares, axis=0) for p in (picture, target))
        return np.abs(np.subtract(*ends)).mean()

    np.testing.assert_allclose(moments(found)[0], moments(target)[0], atol=0.02)
    assert off(found) < 0.03 < 0.06 < off(linear)


def test_recoloured_to_itself_it_stays():
    picture = smooth_picture(40, 50, seed=4)
    np.testing.assert_allclose(recolouring(picture, picture)(picture), picture, atol=0.01)


def test_recolouring_does_not_stretch_noise():
    rng, shade = np.random.default_rng(0), smooth_picture(40, 50)[..., :1]
    grey_picture = np.repeat(shade, 3, axis=-1) + 0.002 * rng.standard_normal((40, 50, 3))
    for flat in (grey_picture.astype(np.float32), np.full((40, 50, 3), 0.4, np.float32)):
        found = recolouring(flat, colourful())(flat)
        quiet = recolouring(flat, colourful())(
            flat + np.float32(0.002) * rng.choice([-1, 1], (40, 50, 3)).astype(np.float32)
        )
        assert np.abs(found - quiet).max() < 0.1
        assert np.isfinite(found).all()


def test_of_recoloured_paintings_noise_stays_in_the_range():
    found = recolouring(colourful(), smooth_picture(30, 30))(colourful(seed=5) * 3 - 1)
    assert 0 <= found.min() <= found.max() <= 1


def test_chroma_of_one_picture_and_lightness_of_another(monkeypatch):
    painted, photo = colourful(seed=1), smooth_picture(40, 50)
    result = with_chroma_of(painted, photo)
    assert result.dtype == np.float32
    np.testing.assert_allclose(lightness(result), lightness(painted), atol=0.005)
    assert (chroma(result) <= chroma(photo) + 0.002).all()
    np.testing.assert_allclose(with_chroma_of(photo, photo), photo, atol=1e-4)
    monkeypatch.setattr(oklab, "STRIP", 130)
    np.testing.assert_allclose(with_chroma_of(painted, photo), result, atol=1e-6)


def test_a_palette_finds_the_colours_of_a_picture_of_few():
    colours = np.array([[0.9, 0.1, 0.1], [0.1, 0.6, 0.2], [0.2, 0.2, 0.8], [1, 1, 1]], np.float32)
    picture = colours[np.random.default_rng(0).integers(0, 4, (90, 70))]
    palette = palette_of([picture], [1.0])
    found = to_srgb(palette)[np.argsort(to_srgb(palette)[:, 0])]
    np.testing.assert_allclose(found, colours[np.argsort(colours[:, 0])], atol=1e-3)
    assert len(palette_of([np.full((3, 3, 3), 0.5, np.float32)], [1.0])) == 1
    both = palette_of([picture, np.zeros((4, 4, 3), np.float32)], [1.0, 0.0])
    np.testing.assert_array_equal(both, palette)


def test_in_a_palette_colours_lie_near_it_and_its_own_colours_stay():
    palette = palette_of([smooth_picture(60, 60)], [1.0])
    assert palette.shape == (palettes.PALETTE, 3)

    def distance(picture):
        lab = to_oklab(picture).reshape(-1, 1, 3)
        return np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean()

    picture = colourful(seed=3)
    assert distance(in_palette(picture, palette)) < 0.15 * distance(picture)
    own = to_srgb(palette)[None].clip(0, 1).astype(np.float32)
    assert np.abs(to_oklab(in_palette(own, palette)) - palette).max() < 0.02


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    way=st.sampled_from(COLOURS),
    levels=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_any_pictures_can_be_coloured(height, width, way, levels, seed):
    def picture(number):
        return (np.round(colourful(height, width, seed + number) * levels) / levels).astype(np.float32)

    colours = plan_colours(way, picture(0), None, [picture(1), picture(2)], [1, 2])
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


def test_kept_colours_are_the_photos(photo, style, small):
    tinted = style * np.array([1.0, 0.5, 0.2], np.float32)
    taken, kept = (impasto.paint(photo, tinted, **small, colour=way).array for way in ("style", "keep"))
    assert (chroma(kept) <= chroma(photo) + 0.002).all()
    assert chroma(kept).mean() > 0.95 * chroma(photo).mean()
    hues = [to_oklab(p)[..., 1:].mean((0, 1)) for p in (photo, kept, taken)]
    assert np.linalg.norm(hues[1] - hues[0]) < 0.1 * np.linalg.norm(hues[2] - hues[0])
    assert np.abs(lightness(kept) - lightness(photo)).mean() > 0.01
    assert abs(lightness(kept).mean() - lightness(photo).mean()) < 0.05


def test_of_a_grey_photograph_kept_colours_are_none(photo, style, small):
    plain = impasto.paint(grey(lightness(photo)), style, **small, colour="keep").array
    assert np.ptp(plain, axis=-1).max() < 1e-3


def test_matched_each_style_gives_the_photos_colours(photo, style, small):
    how = small | {"content_weight": 0, "style_weight": 10}
    styles = [style * np.array([0.3, 1.0, 0.2], np.float32), style[:60] * np.array([1.0, 0.2, 0.2], np.float32)]
    matched, taken = (impasto.paint(photo, styles, **how, colour=way).array for way in ("match", "style"))
    off = [np.abs(p.mean((0, 1)) - photo.mean((0, 1))).max() for p in (matched, taken)]
    assert off[0] < 0.03 < 0.1 < off[1]


def test_in_the_paintings_palette(photo, style, small):
    painting = impasto.paint(photo, style, **small, colour="palette").array
    palette = palette_of([style], [1.0])
    lab = to_oklab(painting).reshape(-1, 1, 3)
    spacing = np.linalg.norm(palette[:, None] - palette + 9 * np.eye(len(palette))[..., None], axis=-1).min(1).mean()
    assert np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean() < 0.2 * spacing


@pytest.mark.parametrize("way", ["keep", "match", "palette"])
def test_on_its_way_a_painting_looks_like_the_result(photo, style, small, way):
    images = {}
    for event in impasto.make_painter(photo, style, **small, colour=way):
        if isinstance(event, Iteration):
            images[event.loss.total if event.octave == 2 else None] = event.image()
    best = min(key for key in images if key is not None)
    np.testing.assert_array_equal(images[best], event.painting.array)
    assert images[None].shape == (36, 48, 3)


def test_a_painting_that_starts_elsewhere_is_recoloured_too(photo, style, small):
    painted = impasto.paint(photo, style, **small, colour="keep", init="noise").array
    assert (chroma(painted) <= chroma(photo) + 0.002).all()


@pytest.fixture
def dark_red(tmp_path):
    write_picture(tmp_path / "red.png", smooth_picture(50, 40, seed=7) * np.array([0.8, 0.2, 0.1], np.float32))
    return tmp_path / "red.png"


def test_colours_come_from_another_picture(photo, style, small, dark_red):
    how = small | {"content_weight": 0, "style_weight": 10, "colours_from": str(dark_red)}
    target = read_picture(dark_red).pixels.mean((0, 1))
    for way in ("style", "palette"):
        painting = impasto.paint(photo, [style, style[:60]], **how, colour=way)
        assert np.abs(painting.array.mean((0, 1)) - target).max() < 0.05
        assert painting.named["colours_from"].path == dark_red
    palette = palette_of([read_picture(dark_red).pixels], [1.0])
    lab = to_oklab(painting.array).reshape(-1, 1, 3)
    assert np.linalg.norm(lab - palette, axis=-1).min(axis=1).mean() < 0.02


def test_only_the_part_that_is_taken_gets_the_other_pictures_colours(style, photo, dark_red):
    other = read_picture(dark_red).pixels
    left = np.repeat((np.arange(80) < 30)[None], 80, axis=0).astype(np.float32)
    two = style * np.where(left[..., None] > 0, np.float32([0.2, 1, 0.3]), np.float32([0.9, 0.1, 0.9]))
    regions = Regions(1, {"style_masks.1": RegionMask(left, None, None)})
    (found,) = plan_colours("style", photo, None, [two], [1], regions, other).styles
    alone = recolouring(two[:, :30], other)
    np.testing.assert_allclose(found(two)[:, :30], alone(two[:, :30]), atol=0.01)
    assert np.abs(recolouring(two, other)(two)[:, :30] - found(two)[:, :30]).mean() > 0.03
    np.testing.assert_array_equal(recolouring(two, other, np.ones((80, 80)))(two), recolouring(two, other)(two))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_quantiles_of_equal_shares_are_numpys(values):
    column = np.array(values)[:, None]
    shares = np.full(len(values), 1 / len(values))
    np.testing.assert_allclose(_quantiles(column, shares), np.quantile(column, KNOTS, axis=0), atol=1e-9)


def test_a_larger_share_counts_as_repetition_does():
    rng = np.random.default_rng(0)
    column, counts = rng.random((2000, 1)), rng.integers(1, 4, 2000)
    counts[column[:, 0] < 0.3] *= 3
    found = _quantiles(column, counts / counts.sum())
    np.testing.assert_allclose(found, np.quantile(np.repeat(column, counts, axis=0), KNOTS, axis=0), atol=0.005)
    assert np.abs(found - np.quantile(column, KNOTS, axis=0)).max() > 0.1


@pytest.mark.parametrize("way", COLOURS)
def test_colours_from_combines_as_the_table_says(way):
    if COLOUR_SOURCES[way].takes_other:
        assert make_settings(colour=way, colours_from="x.png").colours_from == "x.png"
    else:
        with pytest.raises(
            SettingsError, match=f"settings colours_from and colour = {way}, which takes the photo's colours"
        ):
            make_settings(colour=way, colours_from="x.png")


def test_a_missing_picture_of_the_colours_is_told(photo, style, small):
    with pytest.raises(PictureError, match=r"nowhere\.png"):
        impasto.paint(photo, style, **small, colours_from="nowhere.png")


@pytest.mark.parametrize("way", ["keep", "match"])
def test_transparent_parts_of_the_photo_do_not_count(photo, style, way):
    alpha = np.ones(photo.shape[:2], np.float32)
    alpha[:, 40:] = 0
    white = photo.copy()
    white[:, 40:] = 1
    (cut,) = plan_colours(way, white, alpha, [style], [1]).styles
    (own,) = plan_colours(way, photo[:, :40], None, [style], [1]).styles
    (with_white,) = plan_colours(way, white, None, [style], [1]).styles
    np.testing.assert_allclose(cut(style), own(style), atol=1e-5)
    assert np.abs(with_white(style) - own(style)).mean() > 0.05
