"""Textures, which are painted without a photograph and may be seamless."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import impasto
from drawings import draw_style
from impasto import PictureError, SettingsError
from impasto.batches.fingerprints import FileHashes, record_fingerprint, work_fingerprint
from impasto.batches.works import Work
from impasto.engine.tiles import ALIGNMENT
from impasto.painting.events import Finished, Iteration, Started
from impasto.painting.painter import Painter
from impasto.pictures import read_picture, write_picture
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.runs.repeating import prepare, stored_record
from impasto.settings.fields import PRESETS
from impasto.settings.making import change_settings, make_settings, make_texture_settings
from tests.helpers import smooth_picture

SIDES = st.tuples(st.integers(56, 80), st.integers(56, 80))


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a texture that takes half a second."""
    return {"encoder": str(tiny_encoder), "size": (96, 64), "threads": 1, "device": "cpu",
            "optimization": {"iterations": 3, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


def seam_like_differences(picture, axis):
    """Average the absolute differences of every other pair of neighbouring lines; the last pair crosses the seam.

    Enlargement by two makes every other difference larger until iterations have levelled them, so the seam is compared
    with differences of its kind.
    """
    steps = np.abs(picture - np.roll(picture, -1, axis)).mean((1 - axis, 2))
    assert len(steps) % 2 == 0
    return steps[1::2]


def seam_among_steps(picture, axis):
    """Return the excess of the seam over the mean difference inside, in standard deviations."""
    *inside, seam = seam_like_differences(picture, axis)
    return (seam - np.mean(inside)) / np.std(inside)


def seam_over_largest_step(picture, axis):
    """Divide the difference across the seam by the largest inside."""
    *inside, seam = seam_like_differences(picture, axis)
    return seam / max(inside)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_seam_is_not_sharper_than_inside(seed):
    # Real output: the builtin encoder and a sample painting.
    style = draw_style("swirls", 160)
    options = {
        "size": (128, 96),
        "threads": 1,
        "optimization": {"iterations": 8, "coarse_factor": 1, "smallest_octave": 64},
    }
    seamless, ordinary = (impasto.texture(style, seamless=s, seed=seed, **options).array for s in (True, False))
    assert all(seam_among_steps(seamless, axis) < 2.5 for axis in (0, 1))
    assert all(seam_over_largest_step(seamless, axis) <= 1 for axis in (0, 1))
    assert all(seam_among_steps(ordinary, axis) > 6 for axis in (0, 1))  # proves that the above can fail
    assert all(seam_over_largest_step(ordinary, axis) > 1.2 for axis in (0, 1))


@settings(max_examples=15)
@given(data=st.data())
def test_texture_paints_any_settings(data, tiny_encoder):
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


def test_texture_reports_events_and_record(style, small):
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


def test_texture_varies_with_seed(style, small):
    one, same, other = (impasto.texture(style, **small, seed=seed).array for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_unpainted_texture_is_noise(style, small):
    painting = impasto.make_texture_painter(style, **small).painting()
    assert painting.array.shape == (64, 96, 3)
    np.testing.assert_allclose(painting.array.mean((0, 1)), style.mean((0, 1)), atol=0.03)


def test_texture_lowers_style_loss(style, small):
    history = impasto.texture(style, **small | {"size": 64}, init="noise").history
    assert history[-1].loss.style < 0.5 * history[0].loss.style


def test_texture_starts_from_init_picture(style, small, tmp_path):
    write_picture(tmp_path / "begin.png", smooth_picture(50, 50, seed=8))
    begun = impasto.texture(style, **small, init=str(tmp_path / "begin.png"))
    assert list(begun.named) == ["init"]
    assert not np.array_equal(begun.array, impasto.texture(style, **small).array)


RED, BLUE = np.array([1, 0.2, 0.1], np.float32), np.array([0.1, 0.2, 1], np.float32)


def test_texture_masks_place_styles(style, small):
    left = np.repeat((np.arange(48) < 24)[None], 32, axis=0)
    options = small | {
        "style_weights": (1, 3),
        "masks": {2: left},
        "optimization": {"iterations": 20, "max_octaves": 1},
    }
    for colour in ("style", "palette"):
        painter = impasto.make_texture_painter([style * BLUE, style * RED], **options, colour=colour)
        for painting in (painter.painting(), list(painter)[-1].painting):
            halves = painting.array[:, :40], painting.array[:, 56:]
            assert halves[0][..., 0].mean() > 2 * halves[0][..., 2].mean()
            assert halves[1][..., 2].mean() > 2 * halves[1][..., 0].mean()


def test_texture_style_mask_selects_part(style, small):
    two = np.hstack([style * RED, style * BLUE])
    part = np.repeat((np.arange(16) < 8)[None], 8, axis=0)
    painter = impasto.make_texture_painter(two, **small, style_masks={1: part})
    for painting in (painter.painting(), list(painter)[-1].painting):
        np.testing.assert_allclose(painting.array.mean((0, 1)), (style * RED).mean((0, 1)), atol=0.05)


def test_unusable_texture_masks_are_refused(style, small):
    with pytest.raises(PictureError, match=r"16×16 px and the texture 96×64 px \(masks={2: …}\)"):
        impasto.make_texture_painter([style, style], **small, masks={2: np.tri(16)})
    with pytest.raises(SettingsError, match=r"weight 0 .*\(masks=, style_weights=\)"):
        impasto.make_texture_painter([style, style], **small, masks={2: np.tri(64, 96)}, style_weights=(1, 0))
    with pytest.raises(SettingsError, match=r"could stay: leave out protect="):
        impasto.make_texture_painter(style, **small, protect=np.tri(64, 96))


def test_texture_workload_counts_all_pictures(album, style, small):
    masks = {"masks": {2: np.tri(64, 96)}, "style_masks": {1: np.tri(80)}}
    painter = impasto.make_texture_painter([style, style], **small, colours_from=str(album / "colours.png"), **masks)
    assert painter.workload.sources == [(80, 80), (80, 80), (60, 40)]
    assert painter.workload.masks == {"masks.2": (64, 96), "style_masks.1": (80, 80)}


def test_rounded_sides_give_remark(style, small):
    painter = impasto.make_texture_painter(style, **small | {"size": (100, 50)}, seamless=True)
    assert painter.remarks[0] == (
        "The sides of a seamless texture are multiples of 16 px, so it is painted at 96×48, not at 100×50."
    )


def test_enlarged_style_gives_remark(style, small):
    (remark,) = impasto.make_texture_painter(style, **small | {"size": (100, 50)}).remarks
    assert remark.startswith("At stroke size 1 the style given is enlarged from 80 to 100 px")
    assert "a smaller stroke size, would paint sharper ones" in remark
    assert not impasto.make_texture_painter(style, **small | {"size": (100, 50)}, stroke_size=0.5).remarks


def test_tiled_seamless_texture_equals_untiled(style, small):
    options = small | {"size": (128, 96), "optimization": {"iterations": 2, "max_octaves": 1}}
    whole, parts = (impasto.texture(style, **options, seamless=True, tile=tile) for tile in (None, 64))
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
def test_texture_refuses_settings_of_photos(style, small, changes, words):
    with pytest.raises(SettingsError, match=words):
        impasto.texture(style, **small | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"size": "96x64"}, "The size 96x64 is for textures"), ({"seamless": True}, "Only a texture can be seamless")],
)
def test_photo_refuses_settings_of_textures(photo, style, small, changes, words):
    with pytest.raises(SettingsError, match=words):
        impasto.paint(photo, style, **small | {"size": 64} | changes)


def test_texture_presets_start_from_noise():
    for preset in set(PRESETS) - {"instant"}:  # which needs a photograph
        settings = make_texture_settings(preset=preset)
        assert (settings.init, settings.weights[0], settings.preset) == ("noise", 0, preset)
    assert make_texture_settings(init="begin.png").init == "begin.png"
    assert make_settings().init == "content"


# Repeated and resumed textures


@pytest.fixture
def album(tmp_path, style, small):
    """Return a folder with two paintings, and the texture of the first in the colours of the second."""
    write_picture(tmp_path / "style.png", style)
    write_picture(tmp_path / "colours.png", smooth_picture(60, 40, seed=5) ** 2)
    made = impasto.texture(tmp_path / "style.png", **small, seamless=True, colours_from=str(tmp_path / "colours.png"))
    made.save(tmp_path / "made.png")
    return tmp_path


def test_repeated_texture_is_identical(album):
    repeat = prepare(album / "made.png")
    assert repeat.content is None
    assert repeat.settings.seamless
    again = Painter(repeat.content, repeat.styles, repeat.settings, plan=repeat.plan)
    *_, last = again
    last.painting.save(album / "again.png")
    one, other = (read_picture(album / name).pixels for name in ("made.png", "again.png"))
    np.testing.assert_array_equal(one, other)


def test_repeated_texture_keeps_kind_with_preset(album):
    settings = prepare(album / "made.png", changes={"preset": "quick", "size": 128}).settings
    assert settings.init == "noise"
    assert settings.weights[0] == 0
    assert settings.size == 128


def test_repeated_texture_refuses_photograph(album):
    with pytest.raises(PictureError, match="is a texture, which has no photograph"):
        prepare(album / "made.png", content=album / "style.png")


def test_repeated_texture_notices_changed_colours(album):
    (album / "colours.png").write_bytes((album / "style.png").read_bytes())
    with pytest.raises(PictureError, match=r"picture of the colours .* has changed since"):
        prepare(album / "made.png")
    assert prepare(album / "made.png", changes={"colours_from": str(album / "style.png")}).settings.colours_from


def test_resumed_texture_is_identical(album, small, tmp_path):
    options = small | {"seamless": True, "colours_from": str(album / "colours.png")}
    options |= {"style_masks": {1: str(album / "part.png")}}
    write_picture(album / "part.png", np.tri(80)[..., None].astype(np.float32).repeat(3, axis=2))
    whole = impasto.texture(album / "style.png", **options)
    painter = impasto.make_texture_painter(album / "style.png", **options)
    with CheckpointWriter(tmp_path / "run", least_seconds=0, times_writing=0) as writer:
        for event in painter:
            writer.see(event)
            if isinstance(event, Iteration) and (event.octave, event.iteration) == (2, 1):
                painter.stop()
    resumed = impasto.resume_painter(tmp_path / "run")
    assert resumed.content is None
    *_, last = resumed
    assert last.painting.complete
    np.testing.assert_array_equal(last.painting.array, whole.array)


def test_resumed_texture_notices_changed_colours(album, small, tmp_path):
    painter = impasto.make_texture_painter(album / "style.png", **small, colours_from=str(album / "colours.png"))
    with CheckpointWriter(tmp_path / "run", least_seconds=0, times_writing=0) as writer:
        for event in painter:
            writer.see(event)
            if isinstance(event, Iteration):
                painter.stop()
    (album / "colours.png").write_bytes((album / "style.png").read_bytes())
    with pytest.raises(impasto.CheckpointError, match=r"The picture of the colours .* differs from the one"):
        impasto.resume_painter(tmp_path / "run")


def test_texture_fingerprint_equals_record_fingerprint(album, style):
    repeat, hashes = prepare(album / "made.png"), FileHashes()
    work = Work(None, repeat.styles, repeat.settings, album / "made.png")
    assert work_fingerprint(work, hashes.sha256) == record_fingerprint(stored_record(album / "made.png"))
    other = Work(
        None, repeat.styles, change_settings(repeat.settings, colours_from=str(album / "style.png")), work.output
    )
    assert work_fingerprint(other, hashes.sha256) != work_fingerprint(work, hashes.sha256)
