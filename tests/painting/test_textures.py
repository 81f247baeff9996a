"""Textures: painted without a photograph, seamless where that is wanted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import impasto
from impasto import PictureError, SettingsError
from impasto.batches.fingerprints import FileHashes, record_fingerprint, work_fingerprint
from impasto.batches.works import Work
from impasto.demo.gallery import draw_style
from impasto.encoders.layers import parse_layer
from impasto.encoders.network import Architecture, Encoder
from impasto.engine.objective import make_objective
from impasto.engine.penalties import add_total_variation, total_variation
from impasto.engine.style_terms import layer_masks
from impasto.engine.targets import measure_style
from impasto.engine.tiled_encoder import TiledEncoder
from impasto.engine.tiles import ALIGNMENT
from impasto.painting.colour.plan import noise
from impasto.painting.colour.transfer import mean_and_covariance
from impasto.painting.events import Finished, Iteration, Started
from impasto.painting.octaves import LEAST_SIDE, plan_octaves, resized
from impasto.painting.painter import Painter
from impasto.painting.regions import RegionMask, Regions
from impasto.pictures import read_picture, write_picture
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.runs.repeating import prepare, stored_record
from impasto.settings.fields import PRESETS
from impasto.settings.making import change_settings, make_settings, make_texture_settings
from impasto.settings.model import Losses
from tests.helpers import random_weights, smooth_picture

SIDES = st.tuples(st.integers(56, 80), st.integers(56, 80))
BY_NAME = {name: parse_layer(name) for name in (*Losses().style, "relu1_2")}
LAYERS = {"rgb": 1.0, "relu1_2": 1.0, "relu3_1": 1.0, "relu5_1": 1.0}


@pytest.fixture
def small(tiny_encoder):
    """Settings of a texture of half a second."""
    return {"encoder": str(tiny_encoder), "size": (96, 64), "threads": 1, "device": "cpu",
            "optimization": {"iterations": 3, "smallest_octave": 32}}  # fmt: skip


def tensor(height, width, seed):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None].double()


def seamless_objective(height, width, styles, *, tile=None, encoder=None, masks=(), style_masks=(), **losses):
    encoder = encoder or Encoder(random_weights()).double()
    blank = torch.zeros(1, 3, 1, 1, dtype=torch.float64).expand(1, 3, height, width)
    how = Losses(style=LAYERS, total_variation=0.3, **losses)
    return make_objective(
        encoder,
        blank,
        styles,
        (1.0,) * len(styles),
        how,
        0.0,
        4.0,
        tile=tile,
        wrap=True,
        masks=masks,
        style_masks=style_masks,
    )


# The periodic loss


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
@pytest.mark.parametrize("shift", [(16, 0), (0, 48), (-32, 16)])
def test_shifted_by_the_networks_stride_a_seamless_loss_stays(distance, shift):
    objective = seamless_objective(64, 96, [tensor(70, 50, 2)], style_distance=distance)
    image = tensor(64, 96, 1)
    loss, gradient = objective.value_and_gradient(image)
    shifted, shifted_gradient = objective.value_and_gradient(image.roll(shift, (-2, -1)))
    assert shifted.total == pytest.approx(loss.total, rel=1e-10)
    assert (shifted_gradient - gradient.roll(shift, (-2, -1))).norm() < 1e-9 * gradient.norm()


def test_shifted_an_ordinary_loss_changes():
    # So that the test above can fail: with borders it matters what is where.
    blank, image = tensor(64, 96, 3), tensor(64, 96, 1)
    objective = make_objective(
        Encoder(random_weights()).double(), blank, [tensor(70, 50, 2)], (1.0,), Losses(style=LAYERS), 0.0, 4.0
    )
    losses = [objective.value_and_gradient(x)[0].total for x in (image, image.roll((32, 16), (-2, -1)))]
    assert losses[1] != pytest.approx(losses[0], rel=1e-4)


def test_the_seamless_gradient_against_finite_differences():
    encoder = Encoder(random_weights(), Architecture(pooling="max")).double()
    for objective in (
        seamless_objective(48, 64, [tensor(40, 61, 2), tensor(64, 64, 3)]),
        seamless_objective(48, 64, [tensor(40, 61, 2)], encoder=encoder, style_distance="gram"),
    ):
        image = tensor(48, 64, 1)
        _, gradient = objective.value_and_gradient(image)
        edge = torch.zeros_like(image)
        edge[..., :2, :], edge[..., -1] = 1, 1
        for mask in (edge, 1 - edge):
            d = 1e-6 * gradient * mask / gradient.norm()
            ends = [objective.value_and_gradient(image + step)[0].total for step in (d, -d)]
            np.testing.assert_allclose((ends[0] - ends[1]) / 2, (gradient * d).sum().item(), rtol=1e-4)


@settings(max_examples=20)
@given(
    units=st.tuples(st.integers(2, 7), st.integers(2, 7)),
    tile=st.integers(32, 80),
    pooling=st.sampled_from(["average", "max"]),
    padding=st.sampled_from(["zeros", "reflect"]),
)
def test_in_tiles_a_seamless_loss_is_the_untiled_one(units, tile, pooling, padding):
    # Down to pictures that are much smaller than a tile's halo, which then goes around more than once.
    height, width = (ALIGNMENT * unit for unit in units)
    encoder = Encoder(random_weights(), Architecture(pooling=pooling, padding=padding, padding_scope="all")).double()
    image, styles = tensor(height, width, 1), [tensor(70, 50, 2)]
    whole, parts = (
        seamless_objective(height, width, styles, tile=side, encoder=encoder).value_and_gradient(image)
        for side in (None, tile)
    )
    assert parts[0].total == pytest.approx(whole[0].total, rel=1e-10)
    assert (parts[1] - whole[1]).norm() < 1e-9 * whole[1].norm()


def test_wrapped_features_are_those_amid_copies_of_the_picture():
    encoder, image = Encoder(random_weights()).double(), tensor(32, 48, 1)
    names = ["relu1_1", "conv3_2", "relu5_1"]
    wrapped, amid = encoder(image, names, wrap=True), encoder(image.repeat(1, 1, 7, 5), names)
    for name in names:
        h, w = wrapped[name].shape[-2:]
        torch.testing.assert_close(wrapped[name], amid[name][..., 3 * h : 4 * h, 2 * w : 3 * w], rtol=1e-10, atol=1e-10)


def test_the_paintings_statistics_are_not_wrapped():
    style = tensor(48, 64, 2)
    seamless = seamless_objective(64, 64, [style]).encoder
    ordinary = TiledEncoder(seamless.encoders[0], LAYERS)
    found, expected = (measure_style(encoder, style, LAYERS).statistics for encoder in (seamless, ordinary))
    for name, sums in expected.items():
        for one, other in zip(sums, found[name], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_total_variation_of_a_periodic_image_counts_the_seam():
    image, gradient = tensor(20, 31, 1).requires_grad_(True), torch.zeros(1, 3, 20, 31, dtype=torch.float64)
    expected = (image - image.roll(1, -1)).abs().sum() + (image - image.roll(1, -2)).abs().sum()
    assert add_total_variation(image.detach(), 0.7, gradient, wrap=True) == pytest.approx(expected.item(), rel=1e-12)
    assert expected.item() > total_variation(image.detach(), "sum").item()
    (slope,) = torch.autograd.grad(0.7 * expected, image)
    torch.testing.assert_close(gradient, slope)


@settings(max_examples=30)
@given(
    units=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    after=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    shift=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_a_periodic_image_stays_periodic_when_it_is_resized(units, after, shift):
    height, width = (ALIGNMENT * unit for unit in after)
    image = tensor(*(ALIGNMENT * unit for unit in units), 1)
    found = resized(image, height, width, wrap=True)
    assert found.shape[-2:] == (height, width)
    # Amid copies of itself it is not near any border.
    amid = resized(image.repeat(1, 1, 3, 3), 3 * height, 3 * width)[..., height : 2 * height, width : 2 * width]
    torch.testing.assert_close(found, amid, rtol=1e-9, atol=1e-9)
    twice = resized(image, 2 * image.shape[-2], 2 * image.shape[-1], wrap=True)
    rolled = resized(image.roll(shift, (-2, -1)), *twice.shape[-2:], wrap=True)
    torch.testing.assert_close(rolled, twice.roll((2 * shift[0], 2 * shift[1]), (-2, -1)), rtol=1e-9, atol=1e-9)


@settings(max_examples=60)
@given(height=st.integers(32, 3000), width=st.integers(32, 3000), ratio=st.floats(1.2, 4))
def test_every_octave_of_a_seamless_texture_wraps(height, width, ratio):
    octaves = plan_octaves(
        height, width, iterations=5, coarse_factor=1.5, smallest=64, ratio=ratio, alignment=ALIGNMENT
    )
    assert all(side % ALIGNMENT == 0 and side >= LEAST_SIDE for octave in octaves for side in octave[:2])
    assert abs(octaves[-1].height - height) <= ALIGNMENT // 2
    assert abs(octaves[-1].width - width) <= ALIGNMENT // 2


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_with_masks_a_seamless_loss_wraps_too_in_tiles_as_well(distance):
    rng = np.random.default_rng(5)
    masks = Regions(2, {"masks.2": RegionMask(rng.random((64, 96)).astype(np.float32), None, None)})
    styles, image = [tensor(70, 50, 2), 0.5 * tensor(48, 64, 3)], tensor(64, 96, 1)
    part = layer_masks(torch.from_numpy(rng.random((48, 64))), BY_NAME)

    def objective(shift=(0, 0), tile=None):
        maps = [torch.from_numpy(np.roll(m, shift, (0, 1))).double() for m in masks.coverage(64, 96)]
        by_layer = [layer_masks(m, BY_NAME) for m in maps]
        return seamless_objective(
            64, 96, styles, tile=tile, style_distance=distance, masks=by_layer, style_masks=[None, part]
        )

    loss, gradient = objective().value_and_gradient(image)
    shifted, shifted_gradient = objective((16, -32)).value_and_gradient(image.roll((16, -32), (-2, -1)))
    assert shifted.total == pytest.approx(loss.total, rel=1e-10)
    assert (shifted_gradient - gradient.roll((16, -32), (-2, -1))).norm() < 1e-9 * gradient.norm()
    tiled, tiled_gradient = objective(tile=32).value_and_gradient(image)
    assert tiled.total == pytest.approx(loss.total, rel=1e-10)
    assert (tiled_gradient - gradient).norm() < 1e-9 * gradient.norm()
    unmoved, _ = objective((16, -32)).value_and_gradient(image)  # so that the above can fail
    assert unmoved.total != pytest.approx(loss.total, rel=1e-4)


# Runs


def steps_like_the_seam(picture, axis):
    """Mean absolute differences of every other pair of neighbouring lines, the last of them across the seam.

    Enlargement by two makes every other step larger until iterations have evened that out, so that the seam is compared
    with its like.
    """
    steps = np.abs(picture - np.roll(picture, -1, axis)).mean((1 - axis, 2))
    assert len(steps) % 2 == 0
    return steps[1::2]


def seam_among_steps(picture, axis):
    """By how many deviations the seam is larger than the steps inside."""
    *inside, seam = steps_like_the_seam(picture, axis)
    return (seam - np.mean(inside)) / np.std(inside)


def seam_over_largest_step(picture, axis):
    """The seam's mean absolute difference, divided by the largest of its like inside."""
    *inside, seam = steps_like_the_seam(picture, axis)
    return seam / max(inside)


def test_the_seam_is_no_sharper_than_the_inside():
    # Real output: the encoder that ships, and a painting that the project draws.
    style = draw_style("swirls", 160)
    how = {"size": (128, 96), "threads": 1, "optimization": {"iterations": 8, "smallest_octave": 64}}
    for seed in (0, 1):
        seamless, ordinary = (impasto.texture(style, seamless=s, seed=seed, **how).array for s in (True, False))
        assert all(seam_among_steps(seamless, axis) < 2.5 for axis in (0, 1))
        assert all(seam_over_largest_step(seamless, axis) <= 1 for axis in (0, 1))
        assert all(seam_among_steps(ordinary, axis) > 6 for axis in (0, 1))  # so that the above can fail
        assert all(seam_over_largest_step(ordinary, axis) > 1.2 for axis in (0, 1))


@settings(max_examples=15)
@given(data=st.data())
def test_any_texture_can_be_painted(data, tiny_encoder):
    draw = data.draw
    width, height = draw(st.tuples(st.integers(48, 80), st.integers(48, 80)))
    seamless = draw(st.booleans())
    styles = [smooth_picture(*draw(SIDES), seed=s) for s in range(draw(st.integers(1, 2)))]
    tile = draw(st.sampled_from([None, 64]))
    painting = impasto.texture(
        styles,
        encoder=str(tiny_encoder),
        size=draw(st.sampled_from([f"{width}x{height}", f"{width}×{height}", (width, height)])),
        seamless=seamless,
        preset=draw(st.sampled_from(["quick", "default", "fine"])),
        stroke_size=draw(st.sampled_from([0.5, 1.0, 2.0])),
        colour=draw(st.sampled_from(["style", "palette"])),
        tile=tile,
        seed=draw(st.integers(0, 9)),
        threads=1,
        device="cpu",
        optimization={"iterations": draw(st.integers(1, 2)), "method": draw(st.sampled_from(["lbfgs", "adam"]))},
    )
    expected = tuple(ALIGNMENT * max(2, round(side / ALIGNMENT)) if seamless else side for side in (height, width))
    assert painting.array.shape == (*expected, 3)
    assert np.isfinite(painting.array).all()
    assert 0 <= painting.array.min() < painting.array.max() <= 1
    assert painting.content is None
    assert all(step.loss.content == 0 for step in painting.history)


def test_a_texture_is_a_run_like_others(style, small):
    events = list(impasto.make_texture_painter(style, **small))
    assert isinstance(events[0], Started)
    assert [(o.height, o.width) for o in events[0].octaves] == [(32, 48), (64, 96)]
    steps = [event for event in events if isinstance(event, Iteration)]
    assert steps[-1].share == pytest.approx(1)
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.painting.complete
    record = json.loads(json.dumps(last.painting.record(Path("/"))))
    assert "content" not in record
    assert record["settings"]["size"] == "96x64"
    second = [step.loss.style for step in last.painting.history if step.octave == 2]
    assert second[-1] < second[0]


def test_the_seed_gives_variations(style, small):
    one, same, other = (impasto.texture(style, **small, seed=seed).array for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_it_starts_from_noise_in_the_paintings_colours(style):
    dull, bright = style * 0.2, 0.7 + style * 0.3
    found = noise([dull, bright], (1, 3), 200, 200, seed=1)
    moments = [mean_and_covariance(picture) for picture in (dull, bright)]
    mean, covariance = mean_and_covariance(found)
    np.testing.assert_allclose(mean, (moments[0][0] + 3 * moments[1][0]) / 4, atol=0.01)
    np.testing.assert_allclose(covariance, (moments[0][1] + 3 * moments[1][1]) / 4, atol=0.002)


def test_before_its_first_step_it_is_that_noise(style, small):
    painting = impasto.make_texture_painter(style, **small).painting()
    assert painting.array.shape == (64, 96, 3)
    np.testing.assert_allclose(painting.array.mean((0, 1)), style.mean((0, 1)), atol=0.03)


def test_a_texture_of_a_painting_is_nearer_to_it_than_noise(style, small):
    history = impasto.texture(style, **small | {"size": 64}, init="noise").history
    assert history[-1].loss.style < 0.5 * history[0].loss.style


def test_it_can_begin_with_a_picture(style, small, tmp_path):
    write_picture(tmp_path / "begin.png", smooth_picture(50, 50, seed=8))
    begun = impasto.texture(style, **small, init=str(tmp_path / "begin.png"))
    assert list(begun.named) == ["init"]
    assert not np.array_equal(begun.array, impasto.texture(style, **small).array)


RED, BLUE = np.array([1, 0.2, 0.1], np.float32), np.array([0.1, 0.2, 1], np.float32)


def test_each_style_has_its_place_in_a_texture_from_the_noise_on(style, small):
    left = np.repeat((np.arange(48) < 24)[None], 32, axis=0)
    how = small | {"style_weights": (1, 3), "masks": {2: left}, "optimization": {"iterations": 20, "max_octaves": 1}}
    for colour in ("style", "palette"):
        painter = impasto.make_texture_painter([style * BLUE, style * RED], **how, colour=colour)
        for painting in (painter.painting(), list(painter)[-1].painting):
            halves = painting.array[:, :40], painting.array[:, 56:]
            assert halves[0][..., 0].mean() > 2 * halves[0][..., 2].mean()
            assert halves[1][..., 2].mean() > 2 * halves[1][..., 0].mean()


def test_a_texture_of_a_part_of_a_painting_is_of_that_part_alone(style, small):
    two = np.hstack([style * RED, style * BLUE])
    part = np.repeat((np.arange(16) < 8)[None], 8, axis=0)
    painter = impasto.make_texture_painter(two, **small, style_masks={1: part})
    for painting in (painter.painting(), list(painter)[-1].painting):
        np.testing.assert_allclose(painting.array.mean((0, 1)), (style * RED).mean((0, 1)), atol=0.05)


def test_masks_of_a_texture_have_its_proportions(style, small):
    with pytest.raises(PictureError, match=r"16×16 px and the texture 96×64 px \(masks={2: …}\)"):
        impasto.make_texture_painter([style, style], **small, masks={2: np.tri(16)})
    with pytest.raises(SettingsError, match=r"weight 0 .*\(--mask, --style-weights\)"):
        impasto.make_texture_painter([style, style], **small, masks={2: np.tri(64, 96)}, style_weights=(1, 0))
    with pytest.raises(SettingsError, match=r"could stay: leave out protect="):
        impasto.make_texture_painter(style, **small, protect=np.tri(64, 96))


def test_the_plan_counts_all_that_goes_in(album, style, small):
    masks = {"masks": {2: np.tri(64, 96)}, "style_masks": {1: np.tri(80)}}
    painter = impasto.make_texture_painter([style, style], **small, colours_from=str(album / "colours.png"), **masks)
    assert painter.workload.sources == [(80, 80), (80, 80), (60, 40)]
    assert painter.workload.masks == {"masks.2": (64, 96), "style_masks.1": (80, 80)}


def test_sides_that_do_not_wrap_are_told(style, small):
    painter = impasto.make_texture_painter(style, **small | {"size": (100, 50)}, seamless=True)
    assert painter.remarks[0] == (
        "The sides of a seamless texture are multiples of 16 px, so it is painted at 96×48, not at 100×50."
    )


def test_a_painting_with_fewer_pixels_than_the_texture_is_told(style, small):
    (remark,) = impasto.make_texture_painter(style, **small | {"size": (100, 50)}).remarks
    assert remark.startswith("At stroke size 1 the style given is enlarged from 80 to 100 px")
    assert "a smaller stroke size, would paint sharper ones" in remark
    assert not impasto.make_texture_painter(style, **small | {"size": (100, 50)}, stroke_size=0.5).remarks


def test_in_tiles_a_seamless_texture_is_the_untiled_one(style, small):
    how = small | {"size": (128, 96), "optimization": {"iterations": 2, "max_octaves": 1}}
    whole, parts = (impasto.texture(style, **how, seamless=True, tile=tile) for tile in (None, 64))
    assert parts.octaves[0].tile == 64
    np.testing.assert_allclose(parts.array, whole.array, atol=2e-3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": "original"}, "no photograph to take its size from"),
        ({"init": "content"}, "no photograph to begin from"),
        ({"content_weight": 1.0}, "there is no strength, and the content_weight is 0"),
        ({"strength": 0.5, "content_weight": None}, "there is no strength"),
        ({"colour": "keep"}, "colour keep takes the colours of the photograph"),
        ({"colour": "match"}, "colour match takes the colours of the photograph"),
        ({"size": "640x"}, "size = '640x' is not valid"),
        ({"size": (31, 64)}, "size = '31x64' is not valid"),
        ({"size": "12x5000000"}, "is not valid"),
    ],
)
def test_what_needs_a_photograph_is_refused(style, small, changes, words):
    with pytest.raises(SettingsError, match=words):
        impasto.texture(style, **small | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"size": "96x64"}, "The size 96x64 is for textures"), ({"seamless": True}, "Only a texture can be seamless")],
)
def test_what_needs_a_texture_is_refused(photo, style, small, changes, words):
    with pytest.raises(SettingsError, match=words):
        impasto.paint(photo, style, **small | {"size": 64} | changes)


def test_presets_of_textures():
    for preset in PRESETS:
        settings = make_texture_settings(preset=preset)
        assert (settings.init, settings.weights[0], settings.preset) == ("noise", 0, preset)
    assert make_texture_settings(init="begin.png").init == "begin.png"
    assert make_settings().init == "content"


# Again, resume, batches


@pytest.fixture
def album(tmp_path, style, small):
    """A folder with a painting, another one, and the texture of the first in the colours of the second."""
    write_picture(tmp_path / "style.png", style)
    write_picture(tmp_path / "colours.png", smooth_picture(60, 40, seed=5) ** 2)
    made = impasto.texture(tmp_path / "style.png", **small, seamless=True, colours_from=str(tmp_path / "colours.png"))
    made.save(tmp_path / "made.png")
    return tmp_path


def test_again_is_the_same_bit_for_bit(album):
    repeat = prepare(album / "made.png")
    assert repeat.content is None
    assert repeat.settings.seamless
    again = Painter(repeat.content, repeat.styles, repeat.settings, plan=repeat.plan)
    *_, last = again
    last.painting.save(album / "again.png")
    one, other = (read_picture(album / name).pixels for name in ("made.png", "again.png"))
    np.testing.assert_array_equal(one, other)


def test_again_with_a_preset_it_stays_a_texture(album):
    settings = prepare(album / "made.png", changes={"preset": "quick", "size": 128}).settings
    assert settings.init == "noise"
    assert settings.weights[0] == 0
    assert settings.size == 128


def test_again_refuses_a_photograph_for_a_texture(album):
    with pytest.raises(PictureError, match="is a texture, which has no photograph"):
        prepare(album / "made.png", content=album / "style.png")


def test_again_notices_that_the_colours_have_changed(album):
    (album / "colours.png").write_bytes((album / "style.png").read_bytes())
    with pytest.raises(PictureError, match=r"picture of the colours .* has changed since"):
        prepare(album / "made.png")
    assert prepare(album / "made.png", changes={"colours_from": str(album / "style.png")}).settings.colours_from


def test_resumed_it_is_the_same_bit_for_bit(album, small, tmp_path):
    how = small | {"seamless": True, "colours_from": str(album / "colours.png")}
    how |= {"style_masks": {1: str(album / "part.png")}}
    write_picture(album / "part.png", np.tri(80)[..., None].astype(np.float32).repeat(3, axis=2))
    whole = impasto.texture(album / "style.png", **how)
    painter = impasto.make_texture_painter(album / "style.png", **how)
    with CheckpointWriter(tmp_path / "run", least_seconds=0, times_writing=0).attend(painter):
        for event in painter:
            if isinstance(event, Iteration) and (event.octave, event.iteration) == (2, 1):
                painter.stop()
    resumed = impasto.resume_painter(tmp_path / "run")
    assert resumed.content is None
    *_, last = resumed
    assert last.painting.complete
    np.testing.assert_array_equal(last.painting.array, whole.array)


def test_resuming_notices_that_the_colours_have_changed(album, small, tmp_path):
    painter = impasto.make_texture_painter(album / "style.png", **small, colours_from=str(album / "colours.png"))
    with CheckpointWriter(tmp_path / "run", least_seconds=0, times_writing=0).attend(painter):
        for event in painter:
            if isinstance(event, Iteration):
                painter.stop()
    (album / "colours.png").write_bytes((album / "style.png").read_bytes())
    with pytest.raises(impasto.CheckpointError, match=r"The picture of the colours .* is not the one"):
        impasto.resume_painter(tmp_path / "run")


def test_its_fingerprint_is_that_of_its_record(album, style):
    repeat, hashes = prepare(album / "made.png"), FileHashes()
    work = Work(None, repeat.styles, repeat.settings, album / "made.png")
    assert work_fingerprint(work, hashes.sha256) == record_fingerprint(stored_record(album / "made.png"))
    other = Work(
        None, repeat.styles, change_settings(repeat.settings, colours_from=str(album / "style.png")), work.output
    )
    assert work_fingerprint(other, hashes.sha256) != work_fingerprint(work, hashes.sha256)
