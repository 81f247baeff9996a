"""Steering: settings that change while a painter paints, and the way back to an earlier stage."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import PictureError, SettingsError
from impasto.painting.events import Finished, Iteration, OctaveStarted, Steered, StepFinished
from impasto.painting.painter import Painter
from impasto.painting.steering import Stage
from impasto.settings.making import change_settings


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a painting of one second."""
    return {"encoder": str(tiny_encoder), "size": 96, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 5, "coarse_factor": 1, "smallest_octave": 48}}  # fmt: skip


@pytest.fixture
def half(tmp_path):
    """Return the path of a mask that is white in the left half."""
    mask = np.zeros((72, 96), np.uint8)
    mask[:, :48] = 255
    Image.fromarray(mask).save(tmp_path / "half.png")
    return tmp_path / "half.png"


def _steered(painter, after, **changes):
    """Iterate over a painter, change settings after a number of evaluations, and return all events."""
    events, seen = [], 0
    for event in painter:
        events.append(event)
        if isinstance(event, Iteration):
            seen += 1
            if seen == after:
                painter.steer(change_settings(painter.settings, **changes))
    return events


def _iterations(events):
    return [(e.octave, e.iteration) for e in events if isinstance(e, Iteration)]


def test_steer_restarts_octave_from_present_picture(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    events = _steered(painter, 2, strength=0.9)
    assert _iterations(events) == [(1, 1), (1, 2), *((1, n) for n in range(1, 6)), *((2, n) for n in range(1, 6))]
    place = next(i for i, event in enumerate(events) if isinstance(event, Steered))
    assert isinstance(events[place + 1], OctaveStarted)
    steered = events[place]
    assert (steered.change.octave, steered.change.iteration) == (1, 2)
    assert steered.change.settings == {"strength": 0.9}
    assert (steered.before.octave, steered.before.iteration, steered.before.settings.strength) == (1, 2, None)
    assert painter.settings.strength == 0.9


def test_steered_loss_has_new_weights(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    events = _steered(painter, 3, strength=0.9)
    steered = next(event for event in events if isinstance(event, Steered))
    losses = [event.loss for event in events if isinstance(event, Iteration)]
    start = impasto.make_painter(photo, style, **small, strength=0.9)
    start.steer(start.settings, stage=steered.before)
    first = next(event for event in start if isinstance(event, Iteration))
    assert first.loss == losses[3]
    assert losses[3].total > 2 * losses[2].total  # as the style counts far more


def test_steer_before_painting_equals_settings(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    painter.steer(change_settings(painter.settings, strength=0.8))
    events = list(painter)
    assert not any(isinstance(event, Steered) for event in events)
    plain = impasto.paint(photo, style, **small, strength=0.8)
    assert np.array_equal(events[-1].painting.array, plain.array)
    assert events[-1].painting.settings == plain.settings


def test_steer_without_change_leaves_painting(photo, style, small):
    events = _steered(impasto.make_painter(photo, style, **small), 3, strength=None)
    assert np.array_equal(events[-1].painting.array, impasto.paint(photo, style, **small).array)
    assert events[-1].painting.changes == ()


def test_steer_goes_back_to_stage(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    stage, losses, seen = None, [], 0
    for event in painter:
        if isinstance(event, Iteration):
            losses.append(event.loss)
            seen += 1
        if isinstance(event, StepFinished) and seen == 4:
            stage = Stage.of(event.snapshot())
        if isinstance(event, StepFinished) and seen == 7:
            painter.steer(painter.settings, stage=stage)
        if isinstance(event, Steered):
            change = event.change
    assert (change.octave, change.iteration, change.stage, change.settings) == (2, 2, (1, 4), {})
    assert losses[7] == min(losses[:4], key=lambda loss: loss.total)  # a stage holds the best picture
    assert len(losses) == 7 + 10


@pytest.mark.parametrize("changes", [{"size": 128}, {"colour": "keep"}, {"optimization": {"iterations": 9}}])
def test_steer_refuses_settings_of_plan(photo, style, small, changes):
    painter = impasto.make_painter(photo, style, **small)
    with pytest.raises(SettingsError, match=f"setting {next(iter(changes))} cannot change"):
        painter.steer(change_settings(painter.settings, **changes))


def test_steer_refuses_wrong_number_of_weights(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    with pytest.raises(SettingsError, match="style_weights are 2"):
        painter.steer(change_settings(painter.settings, style_weights=[1, 2]))


def test_steer_refuses_stage_of_other_size(photo, style, small):
    event = next(e for e in impasto.make_painter(photo, style, **small) if isinstance(e, StepFinished))
    painter = impasto.make_painter(photo, style, **small | {"size": 128})
    with pytest.raises(SettingsError, match="another size"):
        painter.steer(painter.settings, stage=Stage(2, 1, 0.1, Stage.of(event.snapshot()).image, painter.settings))


def test_steer_refuses_missing_mask_and_goes_on(photo, style, small, tmp_path):
    painter = impasto.make_painter(photo, style, **small)
    events = iter(painter)
    next(event for event in events if isinstance(event, StepFinished))
    with pytest.raises(PictureError):
        painter.steer(change_settings(painter.settings, protect=str(tmp_path / "none-there.png")))
    assert list(events)[-1].painting.complete


def test_steered_protection_keeps_photo(photo, style, small, half):
    events = _steered(impasto.make_painter(photo, style, **small), 7, protect=str(half))
    painting = events[-1].painting
    assert np.abs(painting.array[:, :40] - photo[:, :40]).max() < 0.01
    assert np.abs(painting.array[:, 56:] - photo[:, 56:]).mean() > 0.01
    assert painting.record(half.parent)["named"]["protect"]["path"] == "half.png"


def test_steered_masks_and_weights_move_styles(photo, style, small, half):
    dark = (0.3 * style).astype(np.float32)
    painter = impasto.make_painter(photo, [style, dark], **small, strength=0.9)
    events = _steered(painter, 6, masks={2: str(half)})
    array = events[-1].painting.array
    assert array[:, :40].mean() < array[:, 56:].mean() - 0.05
    painter = impasto.make_painter(photo, [style, dark], **small, strength=0.9)
    bright = _steered(painter, 6, style_weights=[1, 0])[-1].painting.array
    painter = impasto.make_painter(photo, [style, dark], **small, strength=0.9)
    assert bright.mean() > _steered(painter, 6, style_weights=[0, 1])[-1].painting.array.mean() + 0.05


def test_record_holds_changes(photo, style, small, tmp_path):
    painting = _steered(impasto.make_painter(photo, style, **small), 2, strength=0.9)[-1].painting
    record = painting.record(tmp_path)
    assert record["settings"]["strength"] == 0.9
    assert record["changes"] == [{"octave": 1, "iteration": 2, "settings": {"strength": 0.9}, "stage": None}]
    assert "changes" not in impasto.paint(photo, style, **small).record(tmp_path)


def test_steered_run_resumes_bit_for_bit(photo, style, small):
    def painter(resumed=None, settings=None):
        return Painter(photo, [style], settings or impasto.make_settings(**small), resumed=resumed)

    whole = _steered(painter(), 7, strength=0.9)
    for stop_after in (7, 9):  # before the first evaluation with the new settings, and after some
        first, seen = painter(), 0
        for event in first:
            if isinstance(event, Iteration):
                seen += 1
                if seen == 7:
                    first.steer(change_settings(first.settings, strength=0.9))
            if isinstance(event, StepFinished) and seen == stop_after > 7:
                snapshot = event.snapshot()
                break
            if isinstance(event, Steered) and stop_after == 7:
                snapshot = first.snapshot()
                break
        second = list(painter(snapshot, snapshot.state.make_settings()))
        assert isinstance(second[-1], Finished)
        assert np.array_equal(second[-1].painting.array, whole[-1].painting.array)
        assert second[-1].painting.changes == whole[-1].painting.changes
        assert [s.loss for s in second[-1].painting.history] == [s.loss for s in whole[-1].painting.history]


def test_several_changes_within_iteration_merge(photo, style, small):
    painter = impasto.make_painter(photo, style, **small)
    changes, stage = [], None
    for event in painter:
        if isinstance(event, Iteration) and (event.octave, event.iteration) == (2, 1) and not changes:
            painter.steer(change_settings(painter.settings, strength=0.9), stage=stage)
            painter.steer(change_settings(painter.settings, strength=0.7))
        if isinstance(event, StepFinished) and (event.octave, event.iteration) == (1, 3) and not changes:
            stage = Stage.of(event.snapshot())
        if isinstance(event, Steered):
            changes.append(event.change)
    assert [(change.settings, change.stage) for change in changes] == [({"strength": 0.7}, (1, 3))]
