import json
import math
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from safetensors.torch import save_file
from skimage import data

import impasto
from impasto import EncoderError, PaintingError, PictureError, SettingsError
from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Architecture
from impasto.engine.borders import trimmed
from impasto.engine.objective import Objective, make_objective
from impasto.engine.optimizers import WINDOW, has_converged
from impasto.painting.events import Finished, Iteration, OctaveStarted, Reading, Started
from impasto.painting.memory import memory_needed
from impasto.painting.method import make_optimizer
from impasto.painting.octaves import LEAST_SIDE, EarlierPlan, Octave
from impasto.painting.painter import Painter
from impasto.pictures import write_picture
from impasto.pictures.codecs import strip_reducer
from impasto.pictures.sizes import scaled_size
from impasto.settings.fields import COLOURS
from impasto.settings.making import change_settings, make_settings, make_texture_settings
from impasto.settings.model import Losses
from tests.helpers import random_weights, smooth_picture

BUILTIN = [pytest.param("builtin", marks=pytest.mark.slow), pytest.param("builtin-slim")]
"""Names of the built-in encoders; the second takes half the time of the first."""


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a painting of one second."""
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 5, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


def test_painter_lowers_loss_and_returns_picture(photo, style, small):
    painting = impasto.paint(photo, style, **small)
    assert painting.array.shape == (72, 96, 3)
    assert painting.array.dtype == np.float32
    assert 0 <= painting.array.min() < painting.array.max() <= 1
    assert painting.image.size == (96, 72)
    assert painting.complete
    first, last = painting.history[0], painting.history[-1]
    assert (first.octave, first.iteration, last.octave, last.iteration) == (1, 1, 2, 5)
    second = [step.loss.total for step in painting.history if step.octave == 2]
    assert second[-1] < 0.8 * second[0]


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_same_seed_gives_same_picture(photo, style, small, method):
    how = {**small, "init": "noise", "optimization": {**small["optimization"], "method": method}}
    pictures = [impasto.paint(photo, style, **how, seed=seed).array for seed in (3, 3, 4)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_events_are_in_order(photo, style, small):
    events = list(impasto.make_painter(photo, style, **small))
    assert isinstance(events[0], Started)
    assert [e.number for e in events if isinstance(e, OctaveStarted)] == [1, 2]
    assert isinstance(events[-1], Finished)
    steps = [e for e in events if isinstance(e, Iteration)]
    assert [s.share for s in steps] == sorted(s.share for s in steps)
    assert steps[-1].share == pytest.approx(1)
    assert steps[-1].remaining == pytest.approx(0)
    assert steps[0].remaining is None
    assert all(step.remaining >= 0 for step in steps[1:])
    assert len(steps) == sum(o.iterations for o in events[0].octaves) == len(events[-1].painting.history)


def test_iteration_returns_current_image(photo, style, small):
    for event in impasto.make_painter(photo, style, **small):
        if isinstance(event, Iteration):
            image = event.image()
            assert image.shape == ((36, 48, 3) if event.octave == 1 else (72, 96, 3))
            assert 0 <= image.min() <= image.max() <= 1


def test_image_with_lowest_loss_is_kept(photo, style, small, tiny_encoder):
    # Adam with a reckless rate jumps about, so the last image is not the best.
    how = {"method": "adam", "rate": 0.5, "iterations": 6, "coarse_factor": 1, "smallest_octave": 96}
    images = {}
    for event in impasto.make_painter(photo, style, **small | {"optimization": how}):
        if isinstance(event, Iteration):
            images[event.loss.total] = event.image()
    assert min(images) != event.painting.history[-1].loss.total
    assert np.array_equal(event.painting.array, images[min(images)])


def test_stopped_painter_returns_best_image_enlarged(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    for event in painter:
        if isinstance(event, Iteration) and event.iteration == 3:
            threading.Thread(target=painter.stop).start()
            while not painter._is_stopped:
                pass
    assert isinstance(event, Finished)
    assert not event.painting.complete
    assert "stopped in octave 1 of 2" in event.message
    assert event.painting.array.shape == (72, 96, 3)
    assert len(event.painting.history) == 3


def test_stop_in_last_iteration_is_complete(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    for event in painter:
        if isinstance(event, Iteration) and event.share > 0.999:
            painter.stop()
    assert event.painting.complete
    assert event.message == ""


def patient(small, tolerance, **how):
    """Return settings of many iterations, of which an octave uses those that it needs."""
    how = {"iterations": 100, "coarse_factor": 1.0, "octave_ratio": 1.3, "tolerance": tolerance} | how
    return {**small, "size": 64, "optimization": small["optimization"] | how}


def test_octave_ends_when_loss_stops_falling(photo, style, small):
    events = list(impasto.make_painter(photo, style, **patient(small, 0.05)))
    steps = [event for event in events if isinstance(event, Iteration)]
    whole = impasto.paint(photo, style, **patient(small, 0.0))
    assert [step.octave for step in whole.history] == [1] * 100 + [2] * 100
    for number in (1, 2):
        taken = [step.loss.total for step in steps if step.octave == number]
        assert WINDOW < len(taken) < 100
        assert has_converged(taken, 0.05)
        assert not has_converged(taken[:-1], 0.05)
        assert [step.converged for step in steps if step.octave == number] == [False] * (len(taken) - 1) + [True]
    assert steps[-1].share == pytest.approx(1)
    assert steps[-1].remaining == pytest.approx(0)
    assert (events[-1].message, events[-1].painting.complete) == ("", True)
    assert min(step.loss.total for step in steps) < 1.5 * min(step.loss.total for step in whole.history)


def test_tolerance_is_unused_while_loss_falls(photo, style, small):
    pictures = [
        impasto.paint(photo, style, **patient(small, tolerance, iterations=12)).array for tolerance in (0.0, 1e-6)
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize(("borders", "tolerance"), [("mirrored", 0.99), ("bleed", 0.99)])
def test_octave_at_last_iteration_has_not_converged(photo, style, small, borders, tolerance):
    settings = patient(small | {"borders": borders}, tolerance, iterations=WINDOW + 1)
    steps = [event for event in impasto.make_painter(photo, style, **settings) if isinstance(event, Iteration)]
    assert has_converged([step.loss.total for step in steps if step.octave == 1], tolerance)
    assert not any(step.converged for step in steps)


def test_adam_runs_all_iterations(photo, style, small):
    painting = impasto.paint(photo, style, **patient(small, 0.9, iterations=15, method="adam"))
    losses = [step.loss.total for step in painting.history if step.octave == 1]
    assert len(losses) == 15
    assert has_converged(losses[: WINDOW + 1], 0.9)


def test_infinite_loss_stops_with_last_good_image(photo, style, small, monkeypatch):

    good, calls = Objective.value_and_gradient, []

    def fails_later(self, image):
        calls.append(1)
        loss, gradient = good(self, image)
        return (loss, gradient) if len(calls) < 8 else (loss, gradient * math.nan)

    monkeypatch.setattr(Objective, "value_and_gradient", fails_later)
    *_, last = impasto.make_painter(photo, style, **small)
    assert "not finite in iteration 3 of octave 2" in last.message
    assert not last.painting.complete
    assert np.isfinite(last.painting.array).all()
    assert last.painting.array.std() > 0.02


def test_infinite_first_loss_is_refused(photo, style, small, loud_encoder):
    with pytest.raises(PaintingError, match="not finite before the first step"):
        impasto.paint(photo, style, **small | {"encoder": str(loud_encoder)})


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_mixed_styles_lie_between_single_styles(photo, style, small, distance):
    other = smooth_picture(64, 64, seed=9) * 0.4
    how = {**small, "losses": {"style_distance": distance}, "content_weight": 0, "style_weight": 10}
    one, both, two = (
        impasto.paint(photo, [style, other], **how, style_weights=w).array.mean() for w in ((1, 0), (1, 1), (0, 1))
    )
    assert two < both < one
    alone = impasto.paint(photo, style, **how).array
    assert np.array_equal(alone, impasto.paint(photo, [style, other], **how, style_weights=(2, 0)).array)


def test_noise_without_content_takes_style_colours(style, photo, small):
    how = {**small, "init": "noise", "content_weight": 0, "style_weight": 1, "losses": {"total_variation": 0}}
    how["optimization"] = {"iterations": 25, "coarse_factor": 1, "smallest_octave": 48}
    painting = impasto.paint(photo, style, **how)
    np.testing.assert_allclose(painting.array.mean((0, 1)), style.mean((0, 1)), atol=0.03)
    np.testing.assert_allclose(np.cov(painting.array.reshape(-1, 3).T), np.cov(style.reshape(-1, 3).T), atol=0.01)


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_black_style_can_be_painted(photo, small, distance):
    painting = impasto.paint(photo, np.zeros((64, 64, 3), np.float32), **small, losses={"style_distance": distance})
    assert painting.complete
    assert painting.array.mean() < 0.5 * photo.mean()


def test_painter_starts_from_given_picture(photo, style, small, tmp_path):
    path = tmp_path / "start.png"
    Image.new("RGB", (33, 44), (255, 0, 0)).save(path)
    how = small | {"init": str(path), "optimization": {"iterations": 1, "coarse_factor": 1, "smallest_octave": 96}}
    painting = impasto.paint(photo, style, **how)
    np.testing.assert_allclose(painting.array, np.broadcast_to([1, 0, 0], (72, 96, 3)), atol=1e-6)
    assert painting.record(tmp_path)["named"]["init"]["path"] == "start.png"


def first_images(painter):
    """Return the image that each octave begins with."""
    return [event.image() for event in painter if isinstance(event, Iteration) and event.iteration == 1]


@pytest.mark.parametrize("init", ["content", "picture"])
def test_octave_begins_with_detail_of_initial_picture(init, style, small, tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (72, 96, 3)).astype(np.uint8)
    path = tmp_path / "start.png"
    Image.fromarray(pixels).save(path)
    content = pixels if init == "content" else smooth_picture(72, 96)
    how = small | {"init": "content" if init == "content" else str(path), "content_weight": 1, "style_weight": 0}
    how["optimization"] = {"iterations": 1, "coarse_factor": 1, "smallest_octave": 48}
    coarse, fine = first_images(impasto.make_painter(content, style, make_settings(**how)))
    assert coarse.shape == (36, 48, 3)
    np.testing.assert_allclose(fine, pixels / 255, atol=1e-6)  # nothing was painted, so nothing is lost


def test_octave_begins_with_previous_result(photo, style, small):
    how = small | {"optimization": {"iterations": 5, "coarse_factor": 1, "smallest_octave": 48}, "style_weight": 7000}
    how["losses"] = {"coarse_content": 1, "recolour": 0, "local_contrast": 0}  # so that much changes
    painter = impasto.make_painter(photo, style, make_settings(**how))
    begun, coarse = {}, None
    for event in painter:
        if isinstance(event, Iteration) and event.iteration == 1:
            begun[event.octave] = event.image()
        elif isinstance(event, OctaveStarted) and event.number == 2:
            coarse = trimmed(painter._run.best, (36, 48)).clone()  # the best of the octave before
    small_again = torch.nn.functional.interpolate(
        torch.from_numpy(begun[2].transpose(2, 0, 1))[None], (36, 48), mode="bicubic", antialias=True
    )
    change = (coarse - torch.from_numpy(begun[1].transpose(2, 0, 1))[None]).abs().mean()
    assert (small_again - coarse).abs().mean() < 0.3 * change  # it is the painting, not the photograph


def test_initial_noise_adds_no_detail(photo, style, small):
    how = small | {"init": "noise", "optimization": {"iterations": 1, "coarse_factor": 1, "smallest_octave": 48}}
    coarse, fine = first_images(impasto.make_painter(photo, style, make_settings(**how)))
    enlarged = torch.nn.functional.interpolate(
        torch.from_numpy(coarse.transpose(2, 0, 1))[None], fine.shape[:2], mode="bicubic", antialias=True
    )
    np.testing.assert_allclose(fine, enlarged[0].clamp(0, 1).permute(1, 2, 0), atol=1e-6)


def test_seamless_octaves_do_not_repeat_initial_seam(style, small, tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 255, 96).astype(np.uint8)[None, :, None], (96, 1, 3))).save(
        tmp_path / "start.png"
    )
    how = small | {"size": 96, "seamless": True, "init": str(tmp_path / "start.png")}
    how["optimization"] = {"iterations": 1, "coarse_factor": 1, "smallest_octave": 48}
    painter = impasto.make_texture_painter(style, make_texture_settings(**how))
    coarse, fine = first_images(painter)
    across = [np.abs(image[:, 0] - image[:, -1]).mean() for image in (coarse, fine)]
    assert across[1] < 0.7 * across[0]  # enlarged around the seam, which softens it


def test_painting_keeps_alpha_of_content(style, small):
    content = np.dstack([smooth_picture(72, 96), np.linspace(0, 1, 96, dtype=np.float32) * np.ones((72, 1))]).astype(
        np.float32
    )
    painting = impasto.paint(content, style, **small)
    assert painting.alpha.shape == (72, 96)
    assert painting.image.mode == "RGBA"
    assert painting.alpha[:, 0].max() < 0.05 < 0.95 < painting.alpha[:, -1].min()


def test_transparent_colours_do_not_contain_white_background(small):
    """A dark disc with a soft edge stays dark in its edge; before, white was in it twice when it was looked at."""
    down, across = np.mgrid[:72, :96]
    alpha = np.clip(30.5 - np.hypot(down - 36, across - 48), 0, 12).astype(np.float32) / 12
    dark = np.broadcast_to(np.array([20, 30, 60], np.float32) / 255, (72, 96, 3))
    hardly = small | {"strength": 0, "optimization": small["optimization"] | {"iterations": 1}}
    painting = impasto.paint(np.dstack([dark, alpha]), dark, **hardly)
    edge = (alpha > 0.25) & (alpha < 0.75)
    assert np.abs(painting.array - dark)[edge].mean() < 0.02  # 0.4 with white in it


@pytest.mark.parametrize("encoder", BUILTIN)
def test_soft_edge_has_no_halo_after_dark_style(small, encoder):
    """A bright disc whose alpha falls from 255 to 0 over 30 px, after a dark painting."""
    down, across = np.mgrid[:128, :128]
    alpha = np.clip((60 - np.hypot(down - 63.5, across - 63.5)) / 30, 0, 1)
    bright = np.broadcast_to(np.array([255, 230, 120], np.uint8), (128, 128, 3))
    visible = np.where(alpha[..., None] > 0, bright, 0)
    soft = np.dstack([visible, np.rint(255 * alpha)]).astype(np.uint8)
    dark = 0.25 * smooth_picture(80, 80, seed=2)
    changes = small | {
        "size": 128,
        "encoder": encoder,
        "optimization": {"iterations": 8, "coarse_factor": 1, "smallest_octave": 64},
    }
    painting, opaque = (impasto.paint(photo, dark, **changes) for photo in (soft, np.ascontiguousarray(bright)))
    edge = (painting.alpha > 0.02) & (painting.alpha < 0.98)
    assert opaque.array[edge].mean() < 0.3  # painted dark
    for background in (np.ones(3), np.array([0, 0.6, 0])):
        one, other = (
            (background + painting.alpha[..., None] * (colours - background))[edge]
            for colours in (painting.array, opaque.array)
        )
        assert 255 * np.abs(one - other).mean() < 8
        assert 255 * np.abs((one - other).mean(axis=0)).max() < 3


@pytest.mark.parametrize(
    ("preset", "encoder"),
    [*[pytest.param("quick", *each.values, marks=each.marks) for each in BUILTIN], ("instant", None)],
)
def test_grey_photo_after_grey_style_stays_grey(preset, encoder):
    grey, style = (
        np.repeat(x.mean(2, keepdims=True), 3, 2) for x in (smooth_picture(96, 96, 1), smooth_picture(80, 80, 2))
    )
    options = {"preset": preset, "size": 96, "threads": 1} | ({"encoder": encoder} if encoder else {})
    painted = impasto.paint(grey, style, **options)
    assert np.ptp(painted.array, axis=2).max() < 1e-6
    assert np.abs(painted.array - grey).mean() > 0.01
    coloured = impasto.paint(grey, smooth_picture(80, 80, 2), **options)
    assert np.ptp(coloured.array, axis=2).max() > 0.1


def frame_strength(picture, margin=12):
    """Measure how far brightness near the borders changes in lines along them; 1 means in such lines alone."""
    grey = picture.mean(axis=2)
    sides = (side[:margin, margin:-margin] for side in (grey, grey[::-1], grey.T, grey.T[::-1]))
    changes = [np.diff(side, axis=0) for side in sides]
    return np.mean([np.abs(change.mean(axis=1)).mean() / np.abs(change).mean() for change in changes])


@pytest.mark.parametrize("encoder", BUILTIN)
def test_flat_photo_gets_no_frame_at_small_size(encoder):
    grey = np.full((128, 128, 3), 128, np.uint8)
    settings = {"preset": "quick", "size": 128, "threads": 1, "encoder": encoder}
    changes = {"max_octaves": 1, "start_noise": 0}
    framed = impasto.paint(grey, smooth_picture(128, 128, 2), **settings, optimization=changes)
    free = impasto.paint(grey, smooth_picture(128, 128, 2), **settings)
    assert frame_strength(free.array) < 0.7 * frame_strength(framed.array)


@pytest.mark.parametrize(
    "size", [pytest.param(128, marks=pytest.mark.slow), 160, pytest.param(192, marks=pytest.mark.slow)]
)
def test_noise_in_flat_photo_prevents_frames(size):
    grey = np.full((128, 128, 3), 128, np.uint8)
    settings = {"preset": "quick", "size": size, "threads": 1, "encoder": "builtin-slim"}
    settings["losses"] = {"style": {"gabor2": 0}}  # with it frames are faint even without noise
    framed, free = (
        impasto.paint(grey, smooth_picture(128, 128, 2), **settings, optimization={"start_noise": noise}).array
        for noise in (0, 0.01)
    )
    assert frame_strength(free) < 0.7 * frame_strength(framed)


def test_start_noise_leaves_other_areas_unchanged(tiny_encoder):
    photo = smooth_picture(64, 96, 1)
    photo[:, :48] = 0.5
    options = {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "precision": "float32"}
    settings = impasto.make_settings(
        **options,
        optimization={"start_noise": 0.05, "smallest_octave": 48},
        losses={"recolour": 0, "local_contrast": 0},
    )
    painter = impasto.painting.painter.Painter(photo, [smooth_picture(64, 64, 2)], settings)
    first = painter._scaled.first_image(64, 96)[0].permute(1, 2, 0).numpy()
    noise = first[:, :40] - photo[:, :40]
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    np.testing.assert_array_equal(noise[..., 0], noise[..., 2])
    np.testing.assert_allclose(first[:, 56:], photo[:, 56:], atol=1e-6)


def test_record_paths_are_relative_to_picture(style, small, tmp_path):
    for name in ("photo", "style"):
        Image.fromarray((smooth_picture(48, 64) * 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "out").mkdir()
    painting = impasto.paint(tmp_path / "photo.png", tmp_path / "style.png", **small)
    path = painting.save(tmp_path / "out" / "a.png")
    record = json.loads(impasto.pictures.read_record(path))
    assert record["content"]["path"] == "../photo.png"
    assert record["styles"][0]["sha256"] == impasto.files.sha256_of(tmp_path / "style.png")
    assert record["complete"] is True
    assert impasto.Settings.model_validate(record["settings"]) == painting.settings
    with pytest.raises(impasto.PictureError, match="exists"):
        painting.save(path, force=False)
    painting.save(path)
    with pytest.raises(impasto.PictureError, match="one of the pictures that are read"):
        painting.save(tmp_path / "photo.png")
    assert repr(painting) == "<Painting 96×72 px, photo.png as style.png>"


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"encoder": "nowhere.safetensors"}, EncoderError, "no encoder 'nowhere.safetensors'"),
        ({"losses": {"style": {"relu5_2": 1}}}, EncoderError, "has no layer relu5_2"),
        ({"style_weights": (1, 2)}, SettingsError, "style_weights are 2 and the style pictures 1"),
        ({"device": "cuda:99"}, SettingsError, "no device cuda:99"),
        ({"size": 100_000}, PaintingError, "GB of memory"),
        ({"init": "nowhere.png"}, impasto.PictureError, "nowhere.png"),
    ],
)
def test_bad_input_is_refused_before_painting(photo, style, small, changes, kind, words):
    with pytest.raises(kind) as error:
        impasto.make_painter(photo, style, **small | changes)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_style_is_refused(photo, small):
    with pytest.raises(SettingsError, match="At least one style"):
        impasto.paint(photo, [], **small)


def test_narrow_picture_is_refused_with_working_size(style, small):
    content = smooth_picture(12, 60)
    with pytest.raises(PaintingError, match="choose a size of at least 160"):
        impasto.paint(content, style, **small | {"size": 100})
    assert impasto.paint(content, style, **small | {"size": 160}).array.shape == (LEAST_SIDE, 160, 3)


def test_style_of_one_pixel_paints(photo, small):
    painting = impasto.paint(photo, np.full((1, 1, 3), 0.5, np.float32), **small)
    assert np.isfinite(painting.array).all()


@settings(max_examples=25)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.one_of(st.just("original"), st.integers(32, 90)),
    distance=st.sampled_from(["gaussian", "gram"]),
    method=st.sampled_from(["adam", "lbfgs"]),
    pooling=st.sampled_from([None, "average", "binomial", "max"]),
    padding=st.sampled_from([None, "zeros", "replicate", "reflect"]),
    scope=st.sampled_from([None, "first", "all"]),
    seed=st.integers(0, 9),
    control=st.tuples(st.sampled_from(COLOURS), st.floats(0.25, 2), st.floats(0, 1)),
)
def test_any_picture_is_painted_or_refused(
    style, tiny_encoder, height, width, size, distance, method, pooling, padding, scope, seed, control
):
    changes = {"pooling": pooling, "padding": padding, "padding_scope": scope}
    try:
        painting = impasto.paint(
            smooth_picture(height, width, seed),
            style,
            encoder=str(tiny_encoder),
            size=size,
            threads=1,
            **dict(zip(("colour", "stroke_size", "detail"), control, strict=True)),
            losses={"style_distance": distance},
            optimization={"method": method, "iterations": 2, "coarse_factor": 1, "smallest_octave": 48},
            **{name: value for name, value in changes.items() if value},
        )
    except PaintingError as error:
        assert "are needed: choose a size of at least" in str(error)  # noqa: PT017
        return
    side = max(height, width) if size == "original" else size
    assert max(painting.array.shape[:2]) == side
    assert np.isfinite(painting.array).all()


def test_clamped_image_stays_in_range(photo, style, small):
    how = {"method": "adam", "rate": 0.5, "iterations": 4, "max_octaves": 1, "clamp": "step", "keep": "last"}
    # Without gabor2, which holds colours back, a twentieth of the pixels is clamped.
    losses = {"overshoot": 0, "total_variation": 0, "style": {"gabor2": 0}}
    painter = impasto.make_painter(photo, style, **small | {"optimization": how, "losses": losses})
    images = [event.image() for event in painter if isinstance(event, Iteration)]
    last = painter.painting().array
    assert len(images) == 4
    assert np.abs(last - images[-1]).max() > 0.05
    assert ((last == 0) | (last == 1)).mean() > 0.05


@pytest.mark.parametrize("encoder", BUILTIN)
def test_bounds_do_not_slow_smooth_start(encoder):
    # Its first step leads into a hollow with next to no curvature, from where a free step goes a hundred times too far.
    photo, style, ends = data.chelsea(), smooth_picture(96, 96, 2), {}
    for clamp, overshoot in (("step", 0), ("octave", 2)):
        how = {"iterations": 20, "max_octaves": 1, "clamp": clamp}
        painting = impasto.paint(
            photo, style, size=96, threads=1, device="cpu", precision="float32", encoder=encoder,
            optimization=how, losses={"overshoot": overshoot},
        )  # fmt: skip
        ends[clamp] = min(step.loss.total for step in painting.history)
        assert ends[clamp] < 0.1 * painting.history[0].loss.total
    assert ends["step"] < 1.2 * ends["octave"]


def test_after_best_keeps_image_after_lowest_loss(photo, style, small):
    how = {"method": "adam", "rate": 0.5, "iterations": 6, "max_octaves": 1, "clamp": "step"}
    images, losses = [], []
    for event in impasto.make_painter(photo, style, **small | {"optimization": how | {"keep": "after-best"}}):
        if isinstance(event, Iteration):
            images.append(event.image())
            losses.append(event.loss.total)
    best = int(np.argmin(losses))
    assert best < 5
    assert np.array_equal(event.painting.array, images[best + 1])


def test_bilinear_resampling_matches_tensorflow(photo, style, small):
    # Half-pixel centres, no antialiasing: halving a picture averages pairs of neighbouring pixels.
    how = {"method": "adam", "iterations": 1, "max_octaves": 1}
    losses = {"recolour": 0, "local_contrast": 0}
    changes = small | {"size": 48, "resampling": "bilinear", "optimization": how, "losses": losses}
    painting = impasto.paint(photo, style, **changes)
    halved = photo.reshape(36, 2, 48, 2, 3).mean((1, 3))
    np.testing.assert_allclose(painting.array, halved, atol=1e-5)


def test_painting_restores_thread_count(photo, style, small):
    before = torch.get_num_threads()
    one, other = (impasto.make_painter(photo, style, **small | {"threads": threads}) for threads in (1, 2))
    for _ in zip(one, other, strict=True):  # between two steps as well
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_painting_uses_given_thread_count_from_128_px_on(photo, style, small, monkeypatch):
    good, small_octave, large_octave = Objective.value_and_gradient, set(), set()

    def noted(self, image):
        (large_octave if max(image.shape) >= 192 else small_octave).add(torch.get_num_threads())
        return good(self, image)

    monkeypatch.setattr(Objective, "value_and_gradient", noted)
    how = small["optimization"] | {"iterations": 2, "smallest_octave": 96}
    impasto.paint(photo, style, **small | {"threads": 3, "size": 192, "optimization": how})
    assert (small_octave, large_octave) == ({1}, {3})


def test_tiles_give_same_picture(photo, style, small):
    small = small | {
        "size": 160,
        "optimization": {"iterations": 2, "coarse_factor": 1, "smallest_octave": 80},
        "style_weight": 4,
    }
    small["losses"] = {"style_distance": "gram"}  # float32 eigendecompositions of tiny layers would amplify rounding
    tiled = impasto.make_painter(photo, style, **small, tile=64)
    assert [octave.tile for octave in tiled.octaves] == [64, 64]
    *_, last = tiled
    painting = last.painting
    np.testing.assert_allclose(painting.array, impasto.paint(photo, style, **small).array, atol=1e-3)
    assert [octave["tile"] for octave in painting.record(Path())["plan"]] == [64, 64]


@pytest.mark.parametrize(("borders", "tile"), [pytest.param("mirrored", 80, marks=pytest.mark.slow), ("bleed", 96)])
def test_low_memory_switches_to_adam_with_remark(photo, style, small, monkeypatch, borders, tile):
    from impasto.painting import painter as module, run as runs

    plan = Octave(144, 192, 12, tile=tile, method="adam")
    monkeypatch.setattr(module, "memory_budget", lambda workload, device: memory_needed(plan, workload))
    small = small | {
        "size": 192,
        "borders": borders,
        "optimization": {"iterations": 12, "smallest_octave": 90, "coarse_factor": 1},
    }
    made, methods = [], runs.make_optimizer
    monkeypatch.setattr(runs, "make_optimizer", lambda how, octave: made.append(methods(how, octave)) or made[-1])
    painter = impasto.make_painter(photo, style, **small)
    events = list(painter)
    assert [type(optimizer).__name__ for optimizer in made] == ["LBFGS", "Adam"]
    assert painter.octaves[-1] == plan
    assert events[0].warnings == painter.remarks
    assert "From 192×144 px on Adam paints" in painter.remarks[0]
    second = [step.loss.total for step in events[-1].painting.history if step.octave == 2]
    assert min(second) < second[0]


def test_earlier_plan_is_followed(photo, style, small):
    first = impasto.make_painter(photo, style, **small, tile=80)
    again = Painter(photo, [style], impasto.make_settings(**small), plan=EarlierPlan(tiling=first.octaves))
    assert [octave.tile for octave in again.octaves] == [None, 80]


def test_lbfgs_history_is_at_most_iterations():
    how = impasto.make_settings().optimization
    assert make_optimizer(how).history == 20
    assert make_optimizer(how, Octave(50, 50, 7)).history == 7
    assert make_optimizer(how, Octave(50, 50, 70, history=10)).history == 10


def test_large_files_are_reduced_on_reading(tmp_path, small, monkeypatch):
    monkeypatch.setattr(strip_reducer, "LARGE", 0)
    photo, style = tmp_path / "photo.png", tmp_path / "style.png"
    write_picture(photo, smooth_picture(301, 403, seed=1))
    write_picture(style, smooth_picture(333, 311, seed=2))
    told = []
    how = make_settings(**small, max_pixels=20_000)
    painter = Painter(photo, [style], how, on_event=told.append)
    assert painter.content.size == painter.octaves[-1][:2] == scaled_size(301, 403, 96)
    assert painter.styles[0].size == scaled_size(333, 311, 96)
    assert painter.content.original_size == (301, 403)
    assert [event.path for event in told if event.share == 1] == [photo, style]
    assert all(isinstance(event, Reading) for event in told)
    # Without antialiasing every pixel may count, and at the original size every pixel does.
    for changes in ({"resampling": "bilinear"}, {"size": "original"}):
        painter = Painter(photo, [style], change_settings(how, max_pixels=200_000, **changes))
        assert painter.content.size == (301, 403)
    with pytest.raises(PictureError, match="max_pixels"):
        Painter(photo, [style], change_settings(how, size="original"))


def test_reduced_photo_paints_like_full_photo(tmp_path, small, monkeypatch):
    write_picture(tmp_path / "photo.png", smooth_picture(301, 403, seed=1))
    small["optimization"] |= {"iterations": 3}  # more would tell more of the random encoder than of the photograph
    whole = impasto.paint(tmp_path / "photo.png", smooth_picture(80, 80, seed=2), **small)
    monkeypatch.setattr(strip_reducer, "LARGE", 0)
    reduced = impasto.paint(tmp_path / "photo.png", smooth_picture(80, 80, seed=2), **small)
    assert reduced.content == whole.content
    assert np.abs(reduced.array - whole.array).mean() < 0.01


def spectral_centroid(picture):
    """Mean spatial frequency of a picture's grey values, in cycles per pixel, weighted by power."""
    grey = picture.mean(axis=2) - picture.mean()
    window = np.hanning(grey.shape[0])[:, None] * np.hanning(grey.shape[1])
    power = np.abs(np.fft.rfft2(grey * window)) ** 2
    frequencies = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1]))
    return (power * frequencies).sum() / power.sum()


def spots(side, period):
    """Return a grey picture of spots that lie about so many pixels apart."""
    noise = np.fft.fft2(np.random.default_rng(0).standard_normal((side, side)))
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    picture = np.fft.ifft2(noise * np.exp(-(((frequencies * period - 1) / 0.15) ** 2))).real
    return np.repeat((0.5 + 0.2 * picture / picture.std()).clip(0, 1)[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize("encoder", BUILTIN)
def test_double_stroke_size_doubles_spot_distance(photo, encoder):
    # With a built-in encoder, as a random one sees textures but poorly.
    how = {
        "size": 96,
        "encoder": encoder,
        "threads": 1,
        "device": "cpu",
        "optimization": {"iterations": 12, "coarse_factor": 1, "smallest_octave": 48},
    }
    for stroke in (0.5, 1, 2):
        painting = impasto.paint(photo, spots(384, 40), **how, style_weight=200, stroke_size=stroke)
        assert spectral_centroid(painting.array) == pytest.approx(384 / 96 / 40 / stroke, rel=0.2)


@pytest.mark.parametrize(
    ("encoder", "borders", "iterations"),
    [
        ("tiny", "mirrored", 5),
        ("tiny", "bleed", 5),
        ("tiny", "bleed", 60),
        ("builtin-slim", "mirrored", 5),
        ("builtin-slim", "bleed", 5),
    ],
)
def test_detail_favours_shallow_layers(photo, style, small, encoder, borders, iterations):
    # With more iterations relu1_1 is matched to 1e-4 with any detail, and rounding decides which is lower.
    how = small | {
        "borders": borders,
        "optimization": {"iterations": iterations, "coarse_factor": 1, "smallest_octave": 48},
    }
    if encoder != "tiny":
        how |= {"encoder": encoder}
    if iterations > 5:
        how |= {"losses": {"style": {"gabor": 0}}}  # its weight is that of any detail, and it moves relu1_1 as well

    def distances(detail):
        picture = impasto.paint(photo, style, **how, detail=detail).array
        image, target = (torch.from_numpy(p.transpose(2, 0, 1).copy())[None] for p in (picture, style))
        encoder = load_encoder(how["encoder"]).encoder
        return [
            make_objective(encoder, image, [target], (1.0,), Losses(style={layer: 1}), 0, 1)
            .value_and_gradient(image)[0]
            .style
            for layer in ("relu1_1", "relu4_1")
        ]

    coarse, fine = distances(0.0), distances(1.0)
    assert fine[0] < 0.9 * coarse[0]
    assert coarse[1] < 0.9 * fine[1]


def test_enlarged_style_causes_remark(photo, style, small):
    painter = impasto.make_painter(photo, style, **small, stroke_size=2)
    assert painter.styles[0].size == (80, 80)
    (remark,) = painter.remarks
    assert "from 80 to 192 px" in remark
    assert impasto.make_painter(photo, style, **small, stroke_size=0.5).remarks == ()
    assert impasto.make_painter(photo, smooth_picture(300, 300), **small, stroke_size=2).remarks == ()


@pytest.mark.parametrize("stroke", [0.25, 4])
def test_narrow_style_paints_at_any_stroke_size(photo, small, stroke):
    painting = impasto.paint(photo, smooth_picture(40, 120), **small, stroke_size=stroke)
    assert np.isfinite(painting.array).all()


@pytest.mark.parametrize("make", ["paint", "texture"])
def test_narrowest_style_paints_in_every_octave(photo, small, make):
    size, least = (256, 64) if make == "paint" else (128, 32)
    narrow = smooth_picture(size, LEAST_SIDE)
    how = small | {
        "size": size,
        "optimization": {"iterations": 1, "coarse_factor": 1, "smallest_octave": least, "octave_ratio": 2},
    }
    painting = impasto.paint(photo, narrow, **how) if make == "paint" else impasto.texture(narrow, **how)
    assert len(painting.octaves) == 3
    assert np.isfinite(painting.array).all()


def test_stroke_size_decides_on_narrow_style(photo, small):
    narrow = smooth_picture(16, 160)
    with pytest.raises(PaintingError, match="would be 16 px, 32 are needed: choose a size of at least 320"):
        impasto.make_painter(photo, narrow, **small | {"size": 160})
    with pytest.raises(PaintingError, match="would be 20 px, 32 are needed: choose a size of at least 160"):
        impasto.make_painter(photo, narrow, **small | {"size": 100, "stroke_size": 2})
    impasto.make_painter(photo, narrow, **small | {"size": 160, "stroke_size": 2})


@pytest.mark.parametrize(("borders", "tile"), [("bleed", 96), ("mirrored", None), ("cut", None)])
def test_tile_setting_bounds_encoder_input(photo, style, small, borders, tile):
    """96×72 px are whole cells of all poolings, and are continued where they bleed alone."""
    painter = impasto.make_painter(photo, style, **small, borders=borders, tile=96)
    assert painter.octaves[-1].tile == tile


@contextmanager
def process_wide(what, value):
    """Return a setting of PyTorch's, by the names of its getter and setter, which a painting leaves as it is."""
    get, put = getattr(torch, f"get_{what}"), getattr(torch, f"set_{what}")
    before = get()
    put(value)
    try:
        yield
        assert get() == value
    finally:
        put(before)


@pytest.mark.parametrize("init", ["content", "noise"])
@pytest.mark.parametrize(
    "surroundings",
    [
        pytest.param(lambda: process_wide("float32_matmul_precision", "medium"), id="matmul precision"),
        pytest.param(lambda: torch.autocast("cpu", torch.bfloat16), id="autocast"),
        pytest.param(lambda: torch.device("meta"), id="default device"),
        pytest.param(lambda: process_wide("default_dtype", torch.float64), id="default dtype"),
    ],
)
def test_process_settings_do_not_change_picture(photo, style, small, surroundings, init):
    usual = impasto.paint(photo, style, **small, init=init)
    with surroundings():
        found = impasto.paint(photo, style, **small, init=init)
    assert np.array_equal(found.array, usual.array)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_disabled_gradients_do_not_change_picture(photo, style, small, mode):
    usual = impasto.paint(photo, style, **small)
    with mode():
        assert np.array_equal(impasto.paint(photo, style, **small).array, usual.array)
        events = list(impasto.make_painter(photo, style, **small))
    assert np.array_equal(events[-1].painting.array, usual.array)


def test_painter_iterates_under_disabled_gradients(photo, style, small):
    usual = impasto.paint(photo, style, **small)
    painter = impasto.make_painter(photo, style, **small)
    with torch.inference_mode():
        *_, end = (event for event in painter if not isinstance(event, Iteration) or event.image() is not None)
    assert np.array_equal(end.painting.array, usual.array)


def test_wrong_settings_type_is_one_sentence(photo, style):
    with pytest.raises(SettingsError, match=r"settings are a dict.*size=768"):
        impasto.paint(photo, style, {"size": 48})


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("unsupported memory format option"), False),
    ],
)
def test_only_memory_errors_are_translated(photo, style, small, monkeypatch, error, ran_out):

    def fails(self, image):
        raise error

    monkeypatch.setattr(Objective, "value_and_gradient", fails)
    with pytest.raises(PaintingError if ran_out else RuntimeError, match="memory ran out" if ran_out else str(error)):
        impasto.paint(photo, style, **small)


def test_style_on_odd_column_counts_in_seeing_layers(photo, style, small):
    photo = np.ascontiguousarray(np.asarray(photo)[:48, :35])
    first = np.ones((48, 35), bool)
    first[:, -1] = False  # the second style's: too narrow for the deep layers, whose poolings leave it out
    how = small | {"size": 48, "masks": {1: first}, "losses": {"style_distance": "gaussian"}}
    how["optimization"] = {"iterations": 2, "max_octaves": 1, "smallest_octave": 32}
    painting = impasto.paint(photo, [style, smooth_picture(48, 48)], **how)
    assert all(math.isfinite(step.loss.total) for step in painting.history)


@pytest.mark.parametrize("pooling", [pytest.param("average", marks=pytest.mark.slow), "binomial"])
def test_encoder_of_another_stack_paints_in_tiles(photo, style, small, tmp_path, pooling):
    stack = (1, 2, 3, 3, 1)
    architecture = Architecture(pooling, "reflect", "all", convolutions=stack)
    path = tmp_path / "slim.safetensors"
    save_file(random_weights(stack=stack), path, {METADATA_KEY: architecture_to_json(architecture)})
    options = {**small, "encoder": str(path), "size": 160, "precision": "float32"}
    untiled, tiled = (impasto.paint(photo, style, **options, tile=tile) for tile in (None, 64))
    losses, tiled_losses = ([step.loss.total for step in painting.history] for painting in (untiled, tiled))
    assert losses[-1] < 0.8 * losses[-5]
    assert tiled_losses[0] == pytest.approx(losses[0], rel=1e-4)
    assert tiled_losses[-1] == pytest.approx(losses[-1], rel=0.02)
    with pytest.raises(EncoderError, match="choose one of relu1_1, relu2_1 to relu2_2"):
        impasto.paint(photo, style, **options, losses={"style": {"relu1_2": 1.0}})
