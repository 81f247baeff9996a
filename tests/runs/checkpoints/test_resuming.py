"""A painting that was interrupted and resumed is the one that was not, bit for bit."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import random
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

import impasto
from impasto import CheckpointError, CheckpointWriter, PaintingError
from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.network import Architecture
from impasto.engine.objective import Objective
from impasto.files import sha256_of
from impasto.painting.events import Finished, Iteration, OctaveStarted, Started, StepFinished
from impasto.painting.painter import Painter
from impasto.pictures import write_picture
from impasto.runs.checkpoints.container import StoredTensors, write_container
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import CheckpointWarning
from tests.helpers import random_weights, smooth_picture


@pytest.fixture
def small(tiny_encoder):
    return {"encoder": str(tiny_encoder), "size": 64, "threads": 1, "device": "cpu",
            "optimization": {"iterations": 6, "coarse_factor": 1, "smallest_octave": 48,
                             "octave_ratio": 1.3, "history": 3}}  # fmt: skip


def writer(path, **options):
    return CheckpointWriter(path, least_seconds=0, times_writing=0, **options)


def numbers(painting):
    """Return the losses of all steps; without the seconds."""
    return [(step.octave, step.iteration, step.loss) for step in painting.history]


def same(one, other):
    return np.array_equal(one.array, other.array) and numbers(one) == numbers(other)


def painted(painter, keeper=None):
    """Paint to the end, with checkpoints if there is a writer."""
    for event in painter:
        if keeper is not None:
            keeper.see(event)
    assert isinstance(event, Finished)
    return event.painting


def painted_with_all_checkpoints(painter, folder):
    """Paint, and keep a checkpoint of each step."""
    paths = []
    with writer(folder / "run.checkpoint") as keeper:
        for event in painter:
            if isinstance(event, StepFinished):
                keeper.write(event.snapshot())
                paths.append(Path(shutil.copy(folder / "run.checkpoint", folder / f"{len(paths)}.checkpoint")))
    return event.painting, paths


HOWS = [
    *({"keep": keep} for keep in ("best", "after-best", "last")),
    {"history": 1},
    {"clamp": "octave"},
    *(
        {"method": "adam", "rate": 0.2, "keep": keep, "clamp": clamp}
        for keep in ("best", "after-best", "last")
        for clamp in ("octave", "step")
    ),
    {"method": "adam", "epsilon_form": "tensorflow", "epsilon": 0.1},
]


@pytest.mark.parametrize("how", HOWS, ids=lambda how: "-".join(map(str, how.values())))
def test_resumed_after_any_step_the_picture_is_identical(photo, style, small, how, tmp_path):
    settings = small | {"optimization": small["optimization"] | how, "init": "noise", "seed": 5}
    whole = impasto.paint(photo, style, **settings)
    watched, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **settings), tmp_path)
    assert same(watched, whole)
    assert len(paths) == len(whole.history) == 12
    for path in paths:
        again = painted(impasto.resume_painter(path, photo, style))
        assert same(again, whole)
        assert again.complete


def test_resumed_run_converges_identically(photo, style, small, tmp_path):
    how = {"iterations": 40, "coarse_factor": 1.0, "tolerance": 0.25}
    settings = small | {"optimization": small["optimization"] | how}
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **settings), tmp_path)
    counts = [[step.octave for step in whole.history].count(number) for number in (1, 2)]
    assert all(10 < count < 40 for count in counts)
    for done in (1, counts[0] - 1, counts[0], counts[0] + 1, len(paths) - 1, len(paths)):
        assert same(painted(impasto.resume_painter(paths[done - 1], photo, style)), whole)


@pytest.mark.parametrize("colour", ["keep", "match", "palette"])
def test_resumed_run_keeps_colours_and_strokes(photo, style, small, colour, tmp_path):
    settings = small | {"colour": colour, "stroke_size": 1.5, "detail": 0.8}
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **settings), tmp_path)
    for path in paths[::3]:
        assert same(painted(impasto.resume_painter(path, photo, style)), whole)


def test_resumed_run_keeps_masks(photo, style, small, tmp_path):
    masks = {
        "left.png": np.arange(96) < 40,
        "soft.png": np.linspace(-1, 1, 96).clip(0, 1),
        "low.png": np.arange(80) < 50,
    }
    for name, row in masks.items():
        height = 80 if name == "low.png" else 72
        write_picture(tmp_path / name, np.repeat(row[None, :, None] * np.ones(3, np.float32), height, axis=0))
    settings = small | {"masks": {2: tmp_path / "left.png"}, "style_masks": {1: tmp_path / "low.png"},
                        "protect": tmp_path / "soft.png", "init": "noise", "colour": "palette"}  # fmt: skip
    styles = [style, style[::-1]]
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, styles, **settings), tmp_path)
    assert same(whole, impasto.paint(photo, styles, **settings))
    assert list(whole.named) == ["masks.2", "style_masks.1", "protect"]
    for path in paths[::3]:
        assert same(painted(impasto.resume_painter(path, photo, styles)), whole)
    (tmp_path / "left.png").rename(tmp_path / "moved.png")
    with pytest.raises(CheckpointError, match=r"mask of style 2 is no longer at .*left\.png"):
        impasto.resume_painter(paths[0], photo, styles)
    assert same(painted(impasto.resume_painter(paths[0], photo, styles, masks={2: tmp_path / "moved.png"})), whole)
    write_picture(tmp_path / "left.png", 1 - photo)
    with pytest.raises(CheckpointError, match=r"mask of style 2 .* differs from the one"):
        impasto.resume_painter(paths[0], photo, styles)


def test_resumed_run_needs_masks_from_memory(photo, style, small, tmp_path):
    face = np.repeat((np.arange(96) < 40)[None], 72, axis=0)
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **small, protect=face), tmp_path)
    assert same(painted(impasto.resume_painter(paths[4], photo, style, protect=face)), whole)
    with pytest.raises(CheckpointError, match="mask of the protected part came from a program's memory"):
        impasto.resume_painter(paths[4], photo, style)
    with pytest.raises(CheckpointError, match="mask of the protected part from memory differs from the one"):
        impasto.resume_painter(paths[4], photo, style, protect=~face)


@pytest.mark.parametrize("call", [1, 7])
def test_resumed_before_first_step_the_picture_is_identical(photo, style, small, call, monkeypatch, tmp_path):
    whole = impasto.paint(photo, style, **small)
    good, calls = Objective.value_and_gradient, []

    def fails(self, image):
        calls.append(1)
        if len(calls) == call:
            raise MemoryError
        return good(self, image)

    painter = impasto.make_painter(photo, style, **small)
    with monkeypatch.context() as patch:
        patch.setattr(Objective, "value_and_gradient", fails)
        with pytest.raises(PaintingError, match="memory ran out"):
            list(painter)
    with writer(tmp_path / "a") as keeper:
        assert keeper.write(painter.snapshot())
    resumed = impasto.resume_painter(tmp_path / "a", photo, style)
    assert resumed.snapshot().state.iteration == 0
    assert same(painted(resumed), whole)


def test_repeatedly_resumed_picture_is_identical(photo, style, small, tmp_path):
    whole = impasto.paint(photo, style, **small)
    painter = impasto.make_painter(photo, style, **small)
    for _ in range(len(whole.history) - 1):
        steps = 0
        with writer(tmp_path / "a") as keeper:
            for event in painter:
                keeper.see(event)
                if isinstance(event, Iteration):
                    steps += 1
                    painter.stop()
        assert steps == 1
        assert not event.painting.complete
        painter = impasto.resume_painter(tmp_path / "a", photo, style)
    assert same(painted(painter), whole)


def test_snapshot_in_memory_resumes_identically(photo, style, small):
    whole = impasto.paint(photo, style, **small)
    first = impasto.make_painter(photo, style, **small)
    for event in first:
        if isinstance(event, Iteration) and (event.octave, event.iteration) == (2, 2):
            first.stop()
    resumed = Painter(photo, [style], first.settings, resumed=first.snapshot())
    assert same(painted(resumed), whole)


def test_resumed_with_two_threads_picture_is_identical(photo, style, small, tmp_path):
    settings = small | {"threads": 2}
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **settings), tmp_path)
    for path in paths[::4]:
        assert same(painted(impasto.resume_painter(path, photo, style)), whole)


def test_events_continue_after_interruption(photo, style, small, tmp_path):
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **small), tmp_path)
    first_octave = sum(step.octave == 1 for step in whole.history)
    for done in (3, first_octave):
        resumed = impasto.resume_painter(paths[done - 1], photo, style)
        assert np.array_equal(resumed.painting().array.shape, whole.array.shape)
        begun = resumed.expected_seconds
        events = list(resumed)
        assert isinstance(events[0], Started)
        assert len(events[0].octaves) == 2
        starts = [event.number for event in events if isinstance(event, OctaveStarted)]
        assert starts == ([1, 2] if done == 3 else [2])
        steps = [event for event in events if isinstance(event, Iteration)]
        expected = [(step.octave, step.iteration) for step in whole.history[done:]]
        assert [(step.octave, step.iteration) for step in steps] == expected
        assert steps[-1].share == pytest.approx(1)
        assert begun > 0
        seconds = [step.seconds for step in events[-1].painting.history]
        assert seconds == sorted(seconds)
        assert steps[0].elapsed > whole.history[done - 1].seconds
        assert events[-1].painting.seconds >= seconds[-1]


def test_resumed_after_last_step_it_only_finishes(photo, style, small, tmp_path):
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **small), tmp_path)
    events = list(impasto.resume_painter(paths[-1], photo, style))
    assert [type(event) for event in events] == [Started, Finished]
    assert events[-1].painting.complete
    assert same(events[-1].painting, whole)


def test_snapshot_outside_rest_raises(photo, style, small, monkeypatch):
    painter = impasto.make_painter(photo, style, **small)
    with pytest.raises(RuntimeError, match="between two iterations"):
        painter.snapshot()
    for event in painter:
        if isinstance(event, Iteration):
            with pytest.raises(RuntimeError, match="between two iterations"):
                painter.snapshot()
    good, calls = Objective.value_and_gradient, []

    def fails_later(self, image):
        calls.append(1)
        loss, gradient = good(self, image)
        return (loss, gradient) if len(calls) < 4 else (loss, gradient * math.nan)

    monkeypatch.setattr(Objective, "value_and_gradient", fails_later)
    painter = impasto.make_painter(photo, style, **small)
    list(painter)
    with pytest.raises(RuntimeError, match="between two iterations"):
        painter.snapshot()


@pytest.fixture
def stopped(photo, style, small, tmp_path):
    """Return a run with pictures in files, stopped after its second iteration."""
    for name, pixels in (("photo", photo), ("style", style), ("start", style[::-1])):
        write_picture(tmp_path / f"{name}.png", pixels)
    painter = impasto.make_painter(
        tmp_path / "photo.png", tmp_path / "style.png", **small, init=str(tmp_path / "start.png")
    )
    with writer(tmp_path / "a.checkpoint") as keeper:
        for event in painter:
            keeper.see(event)
            if isinstance(event, Iteration) and event.iteration == 2:
                painter.stop()
    return tmp_path / "a.checkpoint"


def change(path, **values):
    """Rewrite a checkpoint with other values of its state."""
    rewrite(path, lambda description: description | {"state": description["state"] | values})


def make_older(path, **values):
    """Rewrite a checkpoint in the form of older versions, with other values."""
    names = {"plan": "octaves", "seconds": "elapsed"}

    def older(description):
        state = description.pop("state")
        return description | {"facts": {names.get(name, name): value for name, value in state.items()} | values}

    rewrite(path, older)


def rewrite(path, description_of):
    slot = Slot(path)
    file, header = slot.open()
    with file:
        tensors = dict(StoredTensors(file, header))
    description = description_of(dict(header.description))
    slot.write(lambda file: write_container(file, description, tensors))


def test_files_are_found_from_any_folder(stopped, small, monkeypatch, tmp_path_factory):
    folder = stopped.parent
    names = folder / "photo.png", folder / "style.png"
    whole = impasto.paint(*names, **small, init=str(folder / "start.png"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert same(painted(impasto.resume_painter(stopped)), whole)


def test_older_checkpoint_with_start_picture_resumes(stopped, small):
    start = {
        "path": str(stopped.parent / "start.png"),
        "sha256": hashlib.sha256((stopped.parent / "start.png").read_bytes()).hexdigest(),
    }
    whole = painted(impasto.resume_painter(stopped))
    shutil.copy(stopped, stopped.with_name("copy"))
    make_older(stopped, named={}, start=start)
    assert same(painted(impasto.resume_painter(stopped)), whole)
    make_older(stopped.with_name("copy"), named={}, start=start | {"sha256": "0"})
    with pytest.raises(CheckpointError, match=r"picture that painting began from .* differs from the one"):
        impasto.resume_painter(stopped.with_name("copy"))


def test_older_checkpoint_resumes_with_settings_of_then(small, stopped, tmp_path):
    odd = small | {"size": 61, "borders": "cut", "precision": "float32", "losses": {"style": {"strokes": 0}}}
    names = tmp_path / "photo.png", tmp_path / "style.png"
    painter = impasto.make_painter(*names, **odd)
    with writer(stopped) as keeper:
        for event in painter:
            keeper.see(event)
            if isinstance(event, Iteration) and event.iteration == 2:
                painter.stop()
    settings = dict(painter.snapshot().state.settings)
    del settings["precision"], settings["borders"], settings["losses"]["style"]["strokes"]
    make_older(stopped, settings=settings, precision="float32")
    resumed = impasto.resume_painter(stopped)
    assert (resumed.settings.borders, resumed.precision) == ("cut", "float32")
    assert same(painted(resumed), impasto.paint(*names, **odd))


@pytest.mark.parametrize(
    ("name", "what"),
    [("photo", "photograph"), ("style", "style"), ("start", "picture that painting began from")],
)
def test_changed_or_missing_picture_is_refused(stopped, name, what):
    path = stopped.with_name(f"{name}.png")
    Image.new("RGB", (80, 80)).save(path)
    with pytest.raises(
        CheckpointError, match=rf"The {what} .*{name}\.png differs from the one that the run began with"
    ):
        impasto.resume_painter(stopped)
    path.unlink()
    with pytest.raises(CheckpointError, match=rf"The {what} is no longer at .*{name}\.png") as error:
        impasto.resume_painter(stopped)
    assert "\n" not in str(error.value)


def test_pictures_from_memory_must_be_given_again(photo, style, small, tmp_path):
    _, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **small), tmp_path)
    with pytest.raises(CheckpointError, match="came from a program's memory"):
        impasto.resume_painter(paths[0])
    with pytest.raises(CheckpointError, match="style from memory differs from the one"):
        impasto.resume_painter(paths[0], photo, style * 0.5)
    with pytest.raises(CheckpointError, match="began with 2 pictures, and there are 3"):
        impasto.resume_painter(paths[0], photo, [style, style])
    assert impasto.resume_painter(paths[0], photo, [style]) is not None


def test_another_encoder_is_refused(stopped, tiny_encoder, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file(random_weights(seed=1), other, {METADATA_KEY: architecture_to_json(Architecture())})
    change(stopped, encoder={"name": str(other), "sha256": sha256_of(tiny_encoder)})
    with pytest.raises(CheckpointError, match=r"encoder .* differs from the one that the run began with"):
        impasto.resume_painter(stopped)


def test_other_versions_cause_a_warning(stopped):
    change(stopped, torch="1.0", impasto="0.0.1")
    with pytest.warns(CheckpointWarning, match=r"began with impasto 0\.0\.1, not .* and torch 1\.0, not"):
        impasto.resume_painter(stopped)


@pytest.mark.parametrize(
    "values",
    [
        {"octave": 0},
        {"octave": 9},
        {"octave": "two"},
        {"settings": {"speed": 3}},
        {"settings": {"size": -1}},
        {"content": {"path": 3}},
        {"plan": [{"height": 3, "side": 4}] * 2},
        {"plan": []},
        {"device": "cuda:99"},
        {"optimizer": {}},
        {"iteration": -1},
        {"iteration": 10**6},
        {"threads": 0},
    ],
    ids=str,
)
def test_inconsistent_state_is_one_sentence(stopped, values):
    change(stopped, **values)
    with pytest.raises(impasto.ImpastoError) as error:
        impasto.resume_painter(stopped)
    assert "\n" not in str(error.value)


def test_another_format_is_refused(stopped):
    slot = Slot(stopped)
    slot.write(lambda file: write_container(file, {"format": 99}, {}))
    with pytest.raises(CheckpointError, match=r"format 99, and this version reads format 1"):
        impasto.resume_painter(stopped)


def test_locked_checkpoint_is_refused(stopped):
    with CheckpointWriter(slot := Slot(stopped)):
        slot.acquire()
        with pytest.raises(CheckpointError, match="in use by another process"):
            impasto.resume_painter(stopped)
    impasto.resume_painter(stopped)
    impasto.resume_painter(stopped)  # the first one let it go


def test_other_file_is_refused_without_lock(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint at"):
        impasto.resume_painter(tmp_path / "nothing")
    (tmp_path / "text").write_text("something else")
    with pytest.raises(CheckpointError, match=r"no intact checkpoint .*it is not a checkpoint"):
        impasto.resume_painter(tmp_path / "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError, match="no intact checkpoint"):
        impasto.resume_painter(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text"]


def paint_or_resume(folder, settings):
    """Return a worker: go on from the checkpoint, or begin; leaves a picture and no checkpoint."""
    slot = Slot(folder / "run.checkpoint")
    photo, style = smooth_picture(48, 48, seed=1), smooth_picture(48, 48, seed=2)
    painter = (
        impasto.resume_painter(slot.path, photo, style)
        if slot.exists
        else impasto.make_painter(photo, style, **settings)
    )
    with writer(slot) as keeper:
        painting = painted(painter, keeper)
        result = [(s.octave, s.iteration, s.loss.total) for s in painting.history]
        np.savez(folder / "partial.npz", array=painting.array, history=np.array(result))
        (folder / "partial.npz").replace(folder / "result.npz")
        keeper.remove()


@pytest.mark.skipif(sys.platform == "win32", reason="no processes of this kind there")
@pytest.mark.parametrize(("least_kills", "iterations"), [(5, 40), pytest.param(20, 100, marks=pytest.mark.slow)])
def test_killed_at_random_moments_resumes_to_same_picture(tiny_encoder, tmp_path, least_kills, iterations):
    settings = {"encoder": str(tiny_encoder), "size": 48, "threads": 1, "device": "cpu",
                "optimization": {"iterations": iterations, "coarse_factor": 1, "smallest_octave": 32,
                                 "octave_ratio": 1.4, "history": 4}}  # fmt: skip
    # Processes that have loaded PyTorch already, as loading it takes longer than painting.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    moments, kills, results, places = random.Random(4), 0, [], set()

    def run(folder):
        folder.mkdir(exist_ok=True)
        process = context.Process(target=paint_or_resume, args=(folder, settings))
        process.start()
        return process

    for name in ("first", "whole"):  # the server of processes starts with the first
        begun = time.monotonic()
        run(tmp_path / name).join(120)
        takes = time.monotonic() - begun
    unfinished = False

    def enough():
        """Whether the kills struck all over the run."""
        return kills >= least_kills and 2 * len(places) >= least_kills and {octave for _, octave, _ in places} == {1, 2}

    while unfinished or not enough():
        assert kills < 4 * least_kills
        folder = tmp_path / f"chain{len(results)}"
        process = run(folder)
        if not enough():
            time.sleep(moments.uniform(0.05, 0.9) * takes)
            process.kill()
        process.join(120)
        kills += process.exitcode == -signal.SIGKILL
        slot = Slot(folder / "run.checkpoint")
        # A machine may be busier or quieter by now: come sooner to one that has ended, later to one that has not begun.
        takes *= 0.7 if process.exitcode == 0 else 1 if slot.exists else 1.2
        if slot.exists:
            file, header = slot.open()
            file.close()
            state = header.description["state"]
            places.add((len(results), state["octave"], state["iteration"]))
        if (folder / "result.npz").exists():
            results.append(folder)
        unfinished = not (folder / "result.npz").exists()
    for folder in results:
        with np.load(folder / "result.npz") as result, np.load(tmp_path / "whole" / "result.npz") as expected:
            assert np.array_equal(result["array"], expected["array"])
            assert np.array_equal(result["history"], expected["history"])


def test_resumed_settings_keep_order_of_layers(photo, style, small, tmp_path):
    # Sums of floats depend on it.
    settings = small | {"losses": {"content": {"relu4_1": 0, "relu3_1": 1, "relu2_1": 2}}}
    painter = impasto.make_painter(photo, style, **settings)
    losses = painter.settings.losses
    turned = losses.model_copy(update={"style": dict(reversed(losses.style.items()))})
    painter = Painter(photo, [style], painter.settings.model_copy(update={"losses": turned}))
    whole, paths = painted_with_all_checkpoints(painter, tmp_path)
    resumed = impasto.resume_painter(paths[2], photo, style)
    assert list(resumed.settings.losses.style) == list(reversed(losses.style))
    assert same(painted(resumed), whole)


def test_history_is_restored_exactly(photo, style, small, tmp_path):
    whole, paths = painted_with_all_checkpoints(impasto.make_painter(photo, style, **small), tmp_path)
    resumed = impasto.resume_painter(paths[6], photo, style)
    assert list(resumed.painting().history) == [replace(step) for step in whole.history[:7]]
