"""Compare the tutorial presets with TensorFlow's stored results."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from impasto.painting.painter import Painter
from impasto.pictures import resize
from impasto.settings.making import make_settings
from tests.keras.comparison import UNITS, Impasto, array
from tests.keras.references import FOLDER, Reference, relative_error, sketch
from tests.keras.samples import picture

PRESETS = list(UNITS)


def stored(preset):
    return Reference.load(FOLDER / f"{preset}.npz")


def too_far(rows):
    return [row for row in rows if not row.error <= row.limit]


@pytest.mark.parametrize("preset", PRESETS)
def test_features_losses_and_gradient_equal_tensorflow(preset, encoder, keras_file):
    rows = list(Impasto(preset, encoder, keras_file, stored(preset)).probe())
    assert len(rows) == 14
    assert not too_far(rows)


@pytest.mark.parametrize("preset", PRESETS)
def test_steps_from_tensorflow_states_equal_tensorflow(preset, encoder, keras_file):
    ours = Impasto(preset, encoder, keras_file, stored(preset))
    rows = [*ours.steps(), *ours.exact_steps()]
    assert len(rows) == 12
    assert not too_far(rows)


@pytest.mark.parametrize("preset", ["tutorial", pytest.param("tutorial-core", marks=pytest.mark.slow)])
def test_free_run_stays_near_tensorflow(preset, encoder, keras_file):
    rows = list(Impasto(preset, encoder, keras_file, stored(preset)).free())
    assert len(rows) == 5
    assert not too_far(rows)


# Likely misreadings of the recipe, each of which must be detected.
OTHER_STEPS = {
    "epsilon on the corrected root": {"optimization": {"epsilon_form": "pytorch"}},
    "epsilon not rescaled": {"optimization": {"epsilon": 0.1}},
    "PyTorch's usual first decay": {"optimization": {"beta1": 0.9}},
    "a rate of 0.02": {"optimization": {"rate": 0.02}},
    "more style": {"style_weight": 0.011},
    "total variation": {"losses": {"total_variation": 1, "total_variation_over": "sum"}},
}


@pytest.mark.parametrize("change", OTHER_STEPS.values(), ids=OTHER_STEPS)
def test_changed_recipe_is_detected(change, encoder, keras_file):
    assert too_far(Impasto("tutorial", encoder, keras_file, stored("tutorial"), **change).steps())


@pytest.mark.parametrize("change", [{"pooling": "average"}, {"padding": "replicate"}, {"padding": "reflect"}])
def test_changed_encoder_is_detected(change, encoder, keras_file):
    other = encoder.with_architecture(**change)
    rows = list(Impasto("tutorial", other, keras_file, stored("tutorial")).probe())
    assert {row.quantity for row in too_far(rows)} >= {"features block5_conv2", "total", "gradient at the image"}


def test_kept_picture_is_after_best(encoder, keras_file):
    reference = stored("tutorial")
    losses = reference.losses[:3]
    assert losses.argmin() == 1  # so best, after-best and last differ
    for keep in ("best", "last"):
        ours = Impasto("tutorial", encoder, keras_file, reference, optimization={"keep": keep})
        assert too_far([ours.kept()])


def test_command_paints_tensorflow_curve_and_stages(tmp_path, keras_file):
    reference = stored("tutorial")
    for name in ("content", "style"):
        Image.fromarray(getattr(reference, name)).save(tmp_path / f"{name}.png")
    command = ["paint", "content.png", "style.png", "-o", "out.png", "--preset", "tutorial", "--encoder", keras_file,
               "--size", "64", "--iterations", "20", "--stages", "stages.png", "--history", "history.csv",
               "--threads", "1", "--device", "cpu", "--quiet"]  # fmt: skip
    subprocess.run([sys.executable, "-m", "impasto", *map(str, command)], cwd=tmp_path, check=True)
    with (tmp_path / "history.csv").open(newline="") as file:
        totals = [float(row["total"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(totals, reference.losses[:20], rtol=1e-2)
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (64, 48)
    with Image.open(tmp_path / "stages.png") as image:
        height, width = np.asarray(image).shape[:2]
    assert 2 * 48 < height < 3 * 48 + 40
    assert width > 5 * 64


def test_resizing_equals_2018_tutorial():
    pixels = picture(150, 200, seed=4)
    theirs = np.asarray(Image.fromarray(pixels).resize((64, 48), Image.Resampling.LANCZOS)) / 255
    # Pillow rounds 8-bit pictures twice, after each direction.
    assert np.abs(resize(pixels / np.float32(255), 48, 64) - theirs).max() < 1.5 / 255


def test_resizing_equals_current_tutorial(keras_file):
    pixels = picture(75, 100, seed=5)
    with np.load(FOLDER / "resized.npz") as arrays:
        theirs = arrays["resized"]
        assert np.array_equal(arrays["pixels"], pixels)
    settings = make_settings(preset="tutorial-core", encoder=str(keras_file), size=64, device="cpu")
    painter = Painter(pixels, [pixels], settings)
    ours = array(painter._scaled.fitted(painter.content, 48, 64))
    assert np.abs(ours - theirs).max() < 1e-5
    assert np.abs(resize(pixels / np.float32(255), 48, 64) - theirs).max() > 0.01  # antialiasing gives another picture


def test_sketch_keeps_relative_error():
    random = np.random.RandomState(0)
    features = random.standard_normal((48, 64, 64)).clip(0).astype(np.float32)
    noise = features + 1e-4 * random.standard_normal(features.shape).astype(np.float32)
    one_wrong = features.copy()
    one_wrong[0, 0] += 1
    for other in (noise, one_wrong):
        true = relative_error(other, features)
        assert relative_error(other, sketch(features)) == pytest.approx(true, rel=0.1)
    assert sketch(features).nbytes < features.nbytes / 40
