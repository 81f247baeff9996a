"""Masks: their weights and coverage, and paintings with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import impasto
from drawings import draw_style
from impasto import PictureError, SettingsError
from impasto.encoders.layers import parse_layer
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.engine.distances import gaussian, wasserstein2
from impasto.engine.objective import make_objective
from impasto.engine.protection import Protected
from impasto.engine.statistics import exact_statistics
from impasto.engine.style_terms import layer_masks
from impasto.painting.regions import RegionMask, Regions, composited
from impasto.pictures import read_picture, resize, resize_by_area
from impasto.settings.fields import COLOURS
from impasto.settings.making import change_settings, make_settings
from impasto.settings.model import Losses
from tests.helpers import random_weights, smooth_picture

NAMES = ["rgb", "relu1_1", "relu3_1", "relu4_1"]


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a painting that takes a second."""
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 6, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


def halves(height, width, soft=0):
    """Return a mask that is white on the left and black on the right, with a ramp of some pixels in between."""
    ramp = (width / 2 - np.arange(width) - 0.5) / max(soft, 1e-6) + 0.5
    return np.repeat(ramp.clip(0, 1)[None].astype(np.float32), height, axis=0)


def tensor(height, width, seed, dtype=torch.float64):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None].to(dtype)


def mask_of(array, name="masks.1"):
    return RegionMask.from_picture(read_picture(array), name)


def regions(count, **masks):
    return Regions(count, {name.replace("_of_", "."): mask_of(array) for name, array in masks.items()})


@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99)
)  # fmt: skip
def test_resize_by_area_keeps_mean(height, width, new_height, new_width, seed):
    values = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    reduced = resize_by_area(values, new_height, new_width)
    assert reduced.shape == (new_height, new_width)
    assert values.min() - 1e-6 <= reduced.min() <= reduced.max() <= values.max() + 1e-6
    if new_height <= height and new_width <= width:
        assert reduced.mean() == pytest.approx(values.mean(), abs=1e-5)
        top, left = (int(edge) for edge in (height / new_height, width / new_width))
        if height % new_height == 0 and width % new_width == 0:
            assert reduced[0, 0] == pytest.approx(values[:top, :left].mean(), abs=1e-5)


def test_resize_by_area_keeps_black_and_white():
    hard = (halves(300, 400) > 0.5).astype(np.float32)
    reduced = resize_by_area(hard, 37, 53)
    assert set(np.unique(np.delete(reduced, 26, axis=1))) == {0.0, 1.0}
    assert reduced[0, 26] == pytest.approx(0.5)
    assert resize_by_area(np.ones((5, 7)), 64, 33).min() == 1


def test_mask_weights_are_luma_times_alpha():
    grey = np.repeat(np.array([[0, 51, 128, 255]], np.uint8)[..., None], 3, axis=2)
    np.testing.assert_array_equal(mask_of(grey).weights, np.float32([[0, 0.2, 128 / 255, 1]]))
    np.testing.assert_array_equal(mask_of(grey[..., 0]).weights, mask_of(grey).weights)
    sixteen = mask_of(grey[..., 0].astype(np.uint16) * 257)
    np.testing.assert_allclose(sixteen.weights, mask_of(grey).weights, atol=1e-7)
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    np.testing.assert_allclose(mask_of(colours).weights, [[0.2126, 0.7152, 0.0722]], atol=1e-6)
    cut = np.dstack([np.full((2, 4, 3), 255, np.uint8), np.array([[0, 0, 128, 255]] * 2, np.uint8)])
    np.testing.assert_allclose(mask_of(cut).weights, [[0, 0, 128 / 255, 1]] * 2, atol=1e-6)


def test_coverage_divides_photograph_among_styles():
    left, whole = halves(8, 16), np.ones((8, 16), np.float32)
    # Styles without a mask share the remainder equally.
    first, second = regions(2, masks_of_2=left).coverage(8, 16)
    np.testing.assert_array_equal(first, 1 - left)
    np.testing.assert_array_equal(second, left)
    a, _, c = regions(3, masks_of_2=left).coverage(8, 16)
    assert a is c
    np.testing.assert_allclose(a, (1 - left) / 2)
    # If every style has a mask, style 1 takes the remainder; overlaps are divided.
    first, second = regions(2, masks_of_1=0.5 * left, masks_of_2=left).coverage(8, 16)
    np.testing.assert_allclose(first, np.where(left > 0, 1 / 3, 1), atol=1e-6)
    np.testing.assert_allclose(second, np.where(left > 0, 2 / 3, 0), atol=1e-6)
    assert regions(2).coverage(8, 16) is None
    # A held position has no weight, but still has colours.
    held = regions(2, masks_of_2=whole * 0.5, protect=left)
    np.testing.assert_allclose(sum(held.coverage(8, 16)), 1 - left, atol=1e-6)
    np.testing.assert_allclose(sum(held.coverage(8, 16, protected=False)), 1, atol=1e-6)
    np.testing.assert_array_equal(held.held(8, 16), left)
    np.testing.assert_array_equal(regions(1, protect=np.float32([[0.5, 0.9, 1]])).held(1, 3), [[0, 0, 1]])
    assert all(part.min() >= 0 for part in held.coverage(8, 16))


@given(data=st.data())
def test_coverage_sums_to_one_outside_held(data):
    count = data.draw(st.integers(1, 3))
    sides = st.integers(1, 40)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    names = [*(f"masks.{n + 1}" for n in range(count)), "protect"]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True))
    masks = {name: mask_of(rng.random((data.draw(sides), data.draw(sides))) ** 0.3) for name in chosen}
    drawn = Regions(count, masks)
    height, width = data.draw(sides), data.draw(sides)
    coverage, held = drawn.coverage(height, width), drawn.held(height, width)
    assert (coverage is None) == (not masks)
    if coverage is not None:
        assert all(part.dtype == np.float32 and part.min() >= 0 for part in coverage)
        np.testing.assert_allclose(sum(coverage), 1 - (0 if held is None else held), atol=1e-5)


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_masked_objective_is_exact_in_tiles(distance):
    height, width = 107, 150
    encoder = Encoder(random_weights("conv4_1", channels=(3, 4, 4, 5))).double()
    layers = {name: parse_layer(name) for name in NAMES}
    masked = regions(3, masks_of_2=halves(60, 84, soft=20), style_masks_of_1=halves(9, 13), protect=halves(107, 150, 40)[::-1, ::-1] * 0.98)  # fmt: skip
    styles = [tensor(80, 61, 3), tensor(50, 97, 4), tensor(64, 64, 5)]
    parts = [masked.style_mask(n, *style.shape[2:]) for n, style in enumerate(styles)]

    def by_layer(arrays):
        made = {id(a): None if a is None else layer_masks(torch.from_numpy(a).double(), layers) for a in arrays}
        return [made[id(a)] for a in arrays]

    losses = Losses(style=dict.fromkeys(Losses().style, 0.0) | dict.fromkeys(NAMES, 1.0), style_distance=distance)
    photo, layer = tensor(height, width, 1), tensor(height, width, 2)
    held = torch.from_numpy(masked.held(height, width)).double()
    results = []
    for tile in (None, 48):
        objective = make_objective(
            encoder, photo, styles, (1.0, 2.0, 3.0), losses, 0.7, 5.0, tile=tile,
            masks=by_layer(masked.coverage(height, width)), style_masks=by_layer(parts),
        )  # fmt: skip
        protected = Protected(objective, photo, held)
        results.append(protected.value_and_gradient(layer))
    assert len(objective.tiles) > 1
    (whole, slope), (tiled, tiled_slope) = results
    assert tiled.total == pytest.approx(whole.total, rel=1e-10)
    assert (tiled_slope - slope).norm() <= 1e-9 * slope.norm()
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        half = torch.rand(layer.shape, generator=generator, dtype=torch.float64) < 0.5
        d = 1e-6 * slope * half / slope.norm()
        rise = [protected.value_and_gradient(layer + sign * d)[0].total for sign in (1, -1)]
        assert (rise[0] - rise[1]) / 2 == pytest.approx((slope * d).sum().item(), rel=2e-4)
    assert (slope[..., held == 1] == 0).all()
    np.testing.assert_array_equal(protected.shown(layer)[..., held == 1], photo[..., held == 1])


def test_styles_pull_in_proportion_to_areas():
    # Both styles are one picture, so that only areas and weights differ.
    encoder = Encoder(random_weights("conv2_1")).double()
    photo, style = tensor(40, 64, 1), tensor(40, 64, 2)
    losses = Losses(style=dict.fromkeys(Losses().style, 0.0) | {"rgb": 1.0})

    def terms(weights, **masks):
        coverage = regions(2, **masks).coverage(40, 64)
        by_layer = [layer_masks(torch.from_numpy(m).double(), {"rgb": parse_layer("rgb")}) for m in coverage]
        objective = make_objective(encoder, photo, [style, style], weights, losses, 0.0, 1.0, masks=by_layer)
        return [term.share for term in objective.style_terms]

    small = np.zeros((40, 64), np.float32)
    small[:10, :16] = 1
    assert terms((1, 1), masks_of_2=small) == pytest.approx([15 / 16, 1 / 16])
    assert terms((1, 3), masks_of_2=small) == pytest.approx([15 / 18, 3 / 18])
    assert sum(terms((1, 3), masks_of_2=small, protect=halves(40, 64)[:, ::-1])) == pytest.approx(0.5)


def test_masked_halves_resemble_own_styles():
    encoder = load_encoder("builtin").encoder
    photo = resize(smooth_picture(96, 128, 1), 96, 128)
    styles = [draw_style("swirls", 128), draw_style("woodcut", 128)]
    painted = impasto.paint(
        photo, styles, masks={1: halves(96, 128), 2: halves(96, 128)[:, ::-1]}, size=128, threads=1, device="cpu",
        strength=0.7, optimization={"iterations": 25, "max_octaves": 1},
    ).array  # fmt: skip

    def sums(picture, columns, name):
        image = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
        features = encoder(image, [name])[name]
        width = features.shape[-1]
        return exact_statistics(features[..., int(columns[0] * width) : int(columns[1] * width)])

    for name in ("rgb", "relu1_1", "relu2_1", "relu3_1"):
        targets = [gaussian(sums(style, (0, 1), name)) for style in styles]
        for half, columns in enumerate([(0, 0.45), (0.55, 1)]):
            before, after = ([wasserstein2(sums(p, columns, name), target).item() for target in targets] for p in (photo, painted))  # fmt: skip
            assert after[half] < 0.5 * before[half]
            assert after[half] < 0.5 * after[1 - half]


def test_style_mask_selects_part_of_painting(photo, small):
    two = np.full((60, 80, 3), [0.9, 0.2, 0.1], np.float32)
    two[:, 40:] = [0.1, 0.2, 0.9]
    two = (two + 0.05 * smooth_picture(60, 80)).clip(0, 1)
    options = small | {"content_weight": 0, "style_weight": 10, "optimization": {"iterations": 20}}
    red = impasto.paint(photo, two, **options, style_masks={1: halves(60, 80)}).array
    blue = impasto.paint(photo, two, **options, style_masks={1: halves(30, 40)[:, ::-1]}).array
    means = [part.mean((0, 1)) for part in (two[:, :40], two[:, 40:])]
    for painted, (own, other) in ((red, means), (blue, means[::-1])):
        off = [np.linalg.norm(painted.mean((0, 1)) - mean) for mean in (own, other)]
        assert off[0] < 0.2 * off[1]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("init", ["content", "noise"])
def test_protected_part_equals_photo(photo, style, small, colour, init):
    mask = halves(72, 96, soft=12)
    painting = impasto.paint(photo, style, **small, colour=colour, init=init, protect=mask)
    np.testing.assert_array_equal(painting.array[mask == 1], photo[mask == 1])
    eight = np.asarray(painting.image, np.float64) / 255
    assert np.abs(eight - photo)[mask == 1].max() < 1 / 255
    assert np.abs(painting.array - photo)[mask == 0].mean() > 0.01


def test_protection_mask_may_have_other_size(photo, style, small):
    mask = np.zeros((720, 960), bool)
    mask[200:500, 300:700] = True
    painting = impasto.paint(photo, style, **small | {"size": 80}, protect=mask)
    at_size, kept = resize(photo, 60, 80), resize_by_area(mask.astype(np.float32), 60, 80)
    np.testing.assert_array_equal(painting.array[kept == 1], at_size[kept == 1])
    assert (kept == 1).sum() > 700


def test_images_of_events_show_protected_part(photo, style, small):
    mask = halves(72, 96)
    for event in impasto.make_painter(photo, style, **small, colour="keep", protect=mask):
        if hasattr(event, "image"):
            shown = event.image()
            at_size = resize(photo, *shown.shape[:2])
            np.testing.assert_array_equal(shown[:, : shown.shape[1] // 2 - 1], at_size[:, : shown.shape[1] // 2 - 1])


def test_composited_in_strips_equals_whole(monkeypatch):
    painted, photo, kept = smooth_picture(31, 20, 1), smooth_picture(31, 20, 2), halves(31, 20, soft=7)
    whole = composited(painted, photo, kept)
    monkeypatch.setattr("impasto.painting.regions.STRIP", 60)
    np.testing.assert_array_equal(composited(painted, photo, kept), whole)
    np.testing.assert_array_equal(whole[kept == 0], painted[kept == 0])


def test_colour_match_uses_region_of_style(photo, style, small):
    two = photo.copy()
    two[:, :48] *= np.array([1.0, 0.3, 0.2], np.float32)
    two[:, 48:] *= np.array([0.2, 0.3, 1.0], np.float32)
    painter = impasto.make_painter(two, [style, style], **small, colour="match", masks={2: halves(72, 96)})
    right, left = (recolour(style).mean((0, 1)) for recolour in painter._scaled.colours.styles)
    np.testing.assert_allclose(left, two[:, :48].mean((0, 1)), atol=0.03)
    np.testing.assert_allclose(right, two[:, 48:].mean((0, 1)), atol=0.03)


def test_colour_palette_uses_style_of_region(photo, small):
    red, blue = (smooth_picture(40, 40, 5) * np.array(c, np.float32) for c in ([1, 0.1, 0.1], [0.1, 0.1, 1]))
    painting = impasto.paint(photo, [red, blue], **small, colour="palette", masks={2: halves(72, 96)}).array
    assert painting[:, :44, 2].mean() > 3 * painting[:, :44, 0].mean()
    assert painting[:, 52:, 0].mean() > 3 * painting[:, 52:, 2].mean()


COMBINED = [
    {},
    *({"colour": colour} for colour in COLOURS),
    {"init": "noise", "seed": 3},
    {"stroke_size": 0.5, "detail": 0.1},
    {"stroke_size": 2, "detail": 0.9, "strength": 0.8},
    {"style_weights": (1, 0)},
    {"losses": {"style_distance": "gram"}},
    {"tile": 64},
    {"memory": "3G"},
    {"optimization": {"method": "adam", "iterations": 3}},
    *({"preset": preset, "losses": {"content": {"relu5_2": 0, "relu4_1": 1}}, "style_weight": 1e5, "optimization": {"iterations": 3}}
      for preset in ("tutorial", "tutorial-core")),
]  # fmt: skip


@pytest.mark.parametrize("changes", COMBINED, ids=str)
def test_masks_combine_with_every_setting(photo, style, small, changes):
    # The table in docs/control.md documents these combinations.
    alpha = np.ones((72, 96, 1), np.float32)
    alpha[:20, -20:] = 0.5
    protected = np.repeat((np.arange(72) < 24)[:, None], 96, axis=1)
    settings = small | changes
    settings["optimization"] = small["optimization"] | changes.get("optimization", {})
    painting = impasto.paint(
        np.dstack([photo, alpha]), [style, style[::-1]], **settings,
        masks={2: halves(36, 48, soft=4)}, style_masks={1: halves(40, 40)}, protect=protected,
    )  # fmt: skip
    assert painting.complete
    assert painting.history[-1].loss.total < painting.history[0].loss.total or changes.get("init") == "noise"
    opaque = protected & (alpha[..., 0] == 1)
    np.testing.assert_allclose(painting.array[opaque], photo[opaque], atol=1e-7)
    # Removing the white that a transparent photo was read over rounds its colours.
    np.testing.assert_allclose(painting.array[protected], photo[protected], atol=3e-7)
    np.testing.assert_array_equal(painting.alpha, alpha[..., 0])
    assert np.abs(painting.array - photo)[~protected].mean() > 0.003


def test_region_of_weight_0_changes_less(photo, style, small):
    options = small | {"strength": 0.8, "style_weights": (1, 0)}
    painted = impasto.paint(photo, [style, style], **options, masks={2: halves(72, 96)}).array
    change = np.abs(painted - photo)
    assert change[:, :36].mean() < 0.6 * change[:, 60:].mean()


WHITE = np.ones((12, 16), np.float32)
REFUSED = [
    ({"masks": {3: WHITE}}, 2, r"no style 3 .*masks={3: …}.*2 style pictures"),
    ({"style_masks": {2: WHITE}}, 1, r"no style 2 .*style_masks={2: …}.*one style picture"),
    ({"masks": {0: WHITE}}, 2, "masks .*0.*from 1"),
    ({"masks": {0: "a.png"}}, 2, "numbers of their styles, from 1"),
    ({"masks": {"sky": WHITE}}, 2, "sky"),
    ({"masks": {2: 0 * WHITE}}, 2, "black everywhere.*masks={2: …}"),
    ({"style_masks": {1: np.zeros((8, 8))}}, 1, "black everywhere.*style_masks={1: …}"),
    ({"protect": 0 * WHITE}, 1, "black everywhere.*protect="),
    ({"protect": WHITE}, 1, "nothing to paint.*protect="),
    ({"masks": {2: WHITE}}, 2, r"Style 1 counts nowhere.*masks={1: …}"),
    ({"masks": {1: halves(12, 16)}}, 1, "only style.*protect="),
    ({"masks": {2: WHITE[:6]}}, 2, r"16×6 px and the photo 96×72 px.*masks={2: …}"),
    ({"protect": WHITE.T}, 1, "12×16.*protect=.*proportions"),
    ({"style_masks": {1: WHITE}}, 1, "painting 80×80.*style_masks="),
    ({"masks": {2: "nowhere.png"}}, 2, r"nowhere\.png"),
    ({"protect": "nowhere.png"}, 1, r"nowhere\.png"),
    (
        {"masks": {2: halves(12, 16)}, "style_weights": (0, 1), "protect": np.arange(192).reshape(12, 16) % 16 < 10},
        2,
        "Style 2 counts nowhere",
    ),
]


@pytest.mark.parametrize(("changes", "count", "words"), REFUSED)
def test_unusable_masks_are_refused(photo, style, small, changes, count, words):
    with pytest.raises((SettingsError, PictureError), match=words) as caught:
        impasto.make_painter(photo, [style] * count, **small, **changes)
    assert "\n" not in str(caught.value)


def test_mask_proportions_may_differ_slightly(photo, style, small):
    for shape in ((7, 10), (540, 713), (1, 1)):  # within one pixel, within 2 %
        mask = np.full(shape, 0.5, np.float32)
        impasto.make_painter(photo, style, **small, protect=mask)
    with pytest.raises(PictureError, match="proportions"):
        impasto.make_painter(photo, style, **small, protect=np.ones((540, 700), np.float32))


def test_settings_store_mask_paths_without_none(tmp_path):
    stored = make_settings(masks={"2": "b.png", 1: Path("a.png")}, protect=Path("c.png"))
    assert stored.masks == {1: "a.png", 2: "b.png"}
    assert list(stored.named_files) == ["masks.1", "masks.2", "protect"]
    assert make_settings(**stored.model_dump(mode="json", exclude_none=True)) == stored
    assert change_settings(stored, masks={"2": "d.png"}).masks == {1: "a.png", 2: "d.png"}
    assert change_settings(stored, masks={1: "none"}, protect="none").named_files == {
        "masks.2": stored.named_files["masks.2"]
    }
    assert (
        change_settings(stored, masks={1: None}).masks
        == change_settings(stored, masks={"1": "none"}).masks
        == {2: "b.png"}
    )
    assert change_settings(stored, masks=None).masks == {}
    with pytest.raises(SettingsError, match=r"masks = .*'sky'.* numbers of their styles"):
        make_settings(masks={"sky": "a.png"})
