"""The race to the tutorial's loss: weights, counting of arithmetic and seconds, turns, and tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmarks.arithmetic import forward_operations
from benchmarks.pairs import Pair
from benchmarks.quality import race, time_to_loss
from benchmarks.quality.methods import Canvas
from benchmarks.quality.options import Bench
from benchmarks.quality.race import Course, Moment, first_at, run_rivals, run_tutorial
from benchmarks.quality.time_to_loss import Plan, table
from benchmarks.quality.yardstick import (
    HE,
    CommonLoss,
    activation_of,
    amplified,
    encoders,
    he_encoder,
    keras_arrays,
    save_encoder,
    weights_of,
)
from impasto.encoders.architectures import CAFFE
from impasto.encoders.layers import all_convolutions
from impasto.encoders.loading import load_encoder
from impasto.engine.objective import make_objective
from impasto.files import sha256_of
from impasto.painting.octaves import plan_octaves
from impasto.pictures import write_picture
from impasto.settings.model import Optimization, Settings
from tests.helpers import smooth_picture

HOW = Settings().optimization.model_dump()
CHANNELS = (4, 6, 8, 8, 8)
NAMES = [str(layer._replace(after_relu=True)) for layer in all_convolutions() if layer[:2] <= (5, 2)]


@pytest.fixture(scope="module")
def loud_file(tmp_path_factory):
    encoder = amplified(he_encoder(channels=CHANNELS), 60.0)
    return save_encoder(encoder, tmp_path_factory.mktemp("loud") / "loud.safetensors")


@pytest.fixture(scope="module")
def course(loud_file, tmp_path_factory):
    """Course with a pale photograph and a black-and-white style, so that the loss can fall far."""
    folder = tmp_path_factory.mktemp("course")
    write_picture(folder / "pale.png", 0.3 + 0.2 * smooth_picture(72, 96))
    write_picture(folder / "ink.png", (smooth_picture(72, 96, seed=2) > 0.55).astype(np.float32))
    return Course(Pair(folder / "pale.png", folder / "ink.png"), 64, loud_file, 60, 1)


def test_he_encoder_has_mean_activation_of_one():
    channels = (16, 24, 32, 48, 48)  # a narrower network has channels that are dead on other noise
    encoder = he_encoder(channels=channels)
    assert encoder.architecture == CAFFE
    assert str(encoder.deepest) == "relu5_2"
    image = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    image = torch.nn.functional.interpolate(image, 112, mode="bilinear")
    for name, f in encoder(image, NAMES).items():
        assert f.mean((0, 2, 3)).median() == pytest.approx(1, rel=0.3), name
    again = he_encoder(channels=channels)
    assert all(torch.equal(a, b) for a, b in zip(again.buffers(), encoder.buffers(), strict=True))


def test_amplified_scales_all_activations(narrow_encoder):
    image = torch.from_numpy(smooth_picture(48, 64).transpose(2, 0, 1).copy())[None]
    quiet, loud = narrow_encoder(image, NAMES), amplified(narrow_encoder, 20.0)(image, NAMES)
    for name in NAMES:
        torch.testing.assert_close(loud[name], 20 * quiet[name], rtol=1e-4, atol=1e-3)


def test_encoders_are_written_once(tmp_path, encoder_file):
    found = encoders(tmp_path, (str(encoder_file),), 10.0)
    assert list(found) == ["narrow"]
    stamp = found["narrow"].stat().st_mtime_ns
    assert encoders(tmp_path, (str(encoder_file),), 10.0)["narrow"].stat().st_mtime_ns == stamp
    ours, theirs = load_encoder(str(encoder_file)).encoder, load_encoder(str(found["narrow"])).encoder
    assert torch.equal(weights_of(theirs)["conv1_1.weight"], 10 * weights_of(ours)["conv1_1.weight"])


def test_each_set_of_weights_has_own_activation(tmp_path, encoder_file):
    found = encoders(tmp_path, (HE, str(encoder_file)))
    narrow = f"narrow-{sha256_of(encoder_file)[:8]}-10000.safetensors"
    assert [path.name for path in found.values()] == ["he-3000.safetensors", narrow]
    assert [activation_of(name) for name in found] == [3_000, 10_000]
    random = weights_of(load_encoder(str(found["he"])).encoder)
    assert torch.equal(random["conv1_1.weight"], 3_000 * weights_of(he_encoder())["conv1_1.weight"])


def test_keras_arrays_are_transposed(narrow_encoder):
    arrays = keras_arrays(narrow_encoder)
    assert arrays["block2_conv1/kernel"].shape == (3, 3, 4, 6)
    expected = narrow_encoder.get_buffer("conv2_1_weight")[5, 3, 0, 2]
    assert arrays["block2_conv1/kernel"][0, 2, 3, 5] == expected.item()
    assert np.array_equal(arrays["block5_conv2/bias"], narrow_encoder.get_buffer("conv5_2_bias").numpy())


def test_common_loss_equals_tutorial_loss(course):
    settings, (content, style) = course.settings(), course.pictures()
    encoder = load_encoder(str(course.encoder)).encoder
    objective = make_objective(encoder, content, [style], (1.0,), settings.losses, *settings.weights)
    image = (content + 0.1 * torch.randn(content.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    loss = CommonLoss(encoder, content, style, settings)
    assert loss(image) == pytest.approx(objective.value_and_gradient(image)[0].total, rel=1e-5)
    assert loss(image * math.nan) == math.inf


def test_run_tutorial_counts_passes(course):
    tutorial = run_tutorial(course)
    losses = [moment.loss for moment in tutorial["moments"]]
    assert len(losses) == 60
    assert tutorial["target"] == min(losses) < tutorial["start"] == losses[0]
    assert losses[tutorial["iterations"] - 1] == tutorial["target"]
    # One pass per evaluation, and half a pass for each of the two targets, which have the same size here.
    assert tutorial["passes"] == pytest.approx(tutorial["iterations"] + 1)
    assert [m.passes for m in tutorial["moments"]] == pytest.approx([i + 2 for i in range(60)])
    assert all(a.seconds < b.seconds for a, b in zip(tutorial["moments"], tutorial["moments"][1:], strict=False))
    assert all(m.free == pytest.approx(m.loss, rel=1e-4) for m in tutorial["moments"])  # clamped after each step


def test_runner_counts_passes_by_octave(course):
    how = HOW | {"max_octaves": 2, "iterations": 5, "coarse_factor": 1.0, "smallest_octave": 48}
    wide = Course(course.pair, 96, course.encoder, 60, 1)
    runner = wide.runner(wide.settings(how))
    runner.advance(math.inf)
    encoder = runner.painter.encoder
    layers = list(map(str, runner.painter.workload.layers))
    small, full = (forward_operations(encoder, layers, *size) for size in ((36, 48), (72, 96)))
    coarse = (5 + 1) * small / full
    assert runner.done
    assert len(runner.moments) == 1 + 5
    assert [m.passes for m in runner.moments] == pytest.approx([coarse, *(coarse + 1 + i for i in range(1, 6))])
    assert len(runner.pace) == 4


def test_runner_does_not_count_measuring(course, monkeypatch):
    how = HOW | {"max_octaves": 1, "iterations": 4}
    runner = course.runner(course.settings(how))
    clock = iter(range(10**6))  # every reading of the clock takes a second
    monkeypatch.setattr(race.time, "perf_counter", lambda: float(next(clock)))
    measured = runner.loss

    def slow(image):
        for _ in range(100):
            next(clock)
        return measured(image)

    runner.loss = slow
    runner.advance(math.inf)
    assert runner.seconds < 30


def test_turns_are_short_and_stop_at_target(course):
    how = HOW | {"max_octaves": 1, "iterations": 30}
    runner = course.runner(course.settings(how))
    runner.advance(0.0)
    assert len(runner.moments) == 1
    runner.advance(0.0)
    assert len(runner.moments) == 2
    start = runner.moments[0].loss
    runner.advance(math.inf, target=0.9 * start)
    assert runner.done
    assert len(runner.moments) < 30
    assert runner.moments[-1].loss <= 0.9 * start < runner.moments[-2].loss


def test_rivals_alternate_until_target(course, tmp_path):
    tutorial = run_tutorial(course)
    rivals = {
        "same": course.settings().optimization.model_dump(),
        "stuck": HOW | {"max_octaves": 1, "iterations": 2},
    }
    found = run_rivals(course, tutorial, rivals, None, tmp_path, turn=0.05)
    assert list(found) == ["tutorial preset", "same", "stuck"]
    assert found["same"]["reached"]
    assert found["same"]["passes"] == pytest.approx(tutorial["passes"])
    assert not found["stuck"]["reached"]
    assert found["stuck"]["loss"] > tutorial["target"]
    assert found["stuck"]["passes"] == pytest.approx(3)
    assert found["tutorial preset"]["seconds"] > 0


def test_first_at_returns_first_state_below_target():
    moments = [Moment(i, i, loss, loss) for i, loss in enumerate((5.0, 3.0, 4.0, 3.0, 1.0))]
    assert first_at(moments, 3.0) == moments[1]
    assert first_at(moments, 0.5) is None
    assert first_at([], 0.5) is None


def method(passes, seconds, reached=True, loss=1.0, **more):
    return {"passes": passes, "seconds": seconds, "reached": reached, "loss": loss, "moments": [], **more}


def test_table_shows_medians_and_missed_targets():
    results = [
        {
            "target": 1.0,
            "methods": {
                "tutorial preset": method(100.0, 50.0),
                "tutorial, TensorFlow eager": method(100.0, 200.0),
                "fast": method(p, s, **{"free passes": 2.0}),
                "slow": method(300.0, 300.0, reached, 1.0 if reached else 1.5, **{"free passes": None}),
            },
        }
        for p, s, reached in ((5.0, 4.0, True), (10.0, 5.0, False), (20.0, 6.0, False))
    ]
    lines = table(results).splitlines()
    assert lines[4] == (
        "| fast | 3 of 3 | 1.000 | 10.0 | 0.100 (0.050–0.200) | 0.100 (0.080–0.120) | 0.025 (0.020–0.030) "
        "| 0.020 (0.020–0.020) |"
    )
    assert lines[5].startswith("| slow | 1 of 3 | 1.500 | 300.0 | ∞ (3.000–∞) |")
    assert lines[2].endswith("| 0.250 (0.250–0.250) | – |")


def test_finished_pair_is_not_run_again(tmp_path, pairs, encoder_file, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    where = Bench(pairs[:1], Canvas(64, "builtin"), tmp_path)
    plan = Plan({"short": HOW | {"max_octaves": 1, "iterations": 2}}, iterations=3)
    report = time_to_loss.run(where, plan, (str(encoder_file),))
    assert "TensorFlow was not available" in report
    assert "| short | " in report
    assert (tmp_path / "time-to-loss.md").read_text() == f"{report}\n"
    assert (tmp_path / "time-to-loss" / "narrow" / "hill-waves.svg").exists()

    def never(*args, **kwargs):
        raise AssertionError("it ran again")

    monkeypatch.setattr(time_to_loss, "run_tutorial", never)
    monkeypatch.setattr(time_to_loss, "run_rivals", never)
    with pytest.raises(AssertionError, match="it ran again"):  # with other rivals
        time_to_loss.run(where, Plan({"other": HOW}, iterations=3), (str(encoder_file),))
    assert time_to_loss.run(where, plan, (str(encoder_file),)) == report


def test_rivals_are_valid_optimisations(course):
    found = time_to_loss.rivals()
    assert {"preset default", "preset quick", "preset fine", "L-BFGS, 1 octave", "Adam, 1 octave"} <= found.keys()
    for how in found.values():
        assert course.settings(how).losses == course.settings().losses
    small = plan_octaves(128, 128, Optimization(**time_to_loss.rivals(128)["L-BFGS, 3 octaves, ×0.3"]))
    assert [octave.iterations for octave in small] == [14, 45, 150]
