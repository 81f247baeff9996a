"""Compare the tutorial presets with TensorFlow itself; only ``make test-keras`` runs these tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from benchmarks.pairs import Pair
from benchmarks.quality.race import Course, run_tutorial
from benchmarks.quality.tensorflow_link import MODES, TensorFlow, prepare
from benchmarks.quality.tensorflow_worker import network
from benchmarks.quality.yardstick import amplified, keras_arrays, save_encoder
from impasto.encoders.architectures import CAFFE, architecture_to_json
from impasto.encoders.network import Encoder
from impasto.engine.adam import Adam
from impasto.errors import PaintingError
from impasto.painting.painter import Painter
from impasto.pictures import write_picture
from impasto.settings.making import make_settings
from tests.helpers import random_weights
from tests.keras.comparison import Impasto, array, precision, table
from tests.keras.measuring import measure, moves
from tests.keras.references import FOLDER, STEPS, Reference, relative_error
from tests.keras.samples import picture
from tests.keras.tutorials import CONTENT_LAYERS, STYLE_LAYERS, TUTORIALS, State, load_vgg19, resized
from training.export import ARCHITECTURE

SIZES = {64: 50, 128: 10}
"""Long sides in pixels, and for each the number of steps in the slow comparison of float32 with float64."""
TABLES: dict[str, dict[str, list]] = {name: {} for name in TUTORIALS}


@pytest.fixture(scope="module")
def model(keras_file):
    return load_vgg19(keras_file)


@pytest.fixture(scope="module", autouse=True)
def _printed_tables(pytestconfig):
    """Print the tables of docs/parity.md at the end, TensorFlow's columns first."""
    yield
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n\nTensorFlow {tf.__version__}, Keras {keras.__version__}, PyTorch {torch.__version__}")
        for name, columns in TABLES.items():
            ordered = dict(sorted(columns.items(), key=lambda column: column[0].startswith("float64")))
            print(f"\n{name}\n\n{table(ordered)}" if columns else "")


def test_keras_reads_written_weights(model, keras_file):
    with h5py.File(keras_file) as file:
        for layer in model.layers:
            if not layer.weights:
                continue
            for part, weight in zip(("W", "b"), layer.get_weights(), strict=True):
                assert np.array_equal(weight, file[f"{layer.name}/{layer.name}_{part}_1:0"])
    assert sum(bool(layer.weights) for layer in model.layers) == 14  # down to block5_conv2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", TUTORIALS)
def test_impasto_equals_tensorflow(name, size, model, encoder, keras_file):
    ours = Impasto(name, encoder, keras_file, measure(name, model, size))
    rows = ours.rows()
    TABLES[name] |= {f"{size} px": rows, f"float64, {size} px": precision(ours, SIZES[size])}
    assert len(rows) == 25
    assert not [row for row in rows if not row.error <= row.limit]


@pytest.mark.parametrize("name", TUTORIALS)
def test_stored_reference_equals_tensorflow(name, model):
    stored, said = Reference.load(FOLDER / f"{name}.npz"), measure(name, model, 64)
    for part in ("content", "style", "probe"):
        assert np.array_equal(getattr(stored, part), getattr(said, part))
    for layer, features in stored.features.items():
        assert relative_error(said.features[layer], features) < 1e-5
    for part in ("content_loss", "style_losses", "total"):
        assert relative_error(getattr(said, part), getattr(stored, part)) < 1e-5
    assert relative_error(said.gradient, stored.gradient) < 1e-4
    assert relative_error(said.losses[:2], stored.losses[:2]) < 1e-4
    assert np.array_equal(said.before["image1"], stored.before["image1"])
    states = {step: State(*(stored.before[f"{part}{step}"][None] for part in ("image", "m", "v"))) for step in STEPS}
    for image, move in moves(name, model, stored.content, stored.style, states).items():
        assert relative_error(move, stored.moves[image]) < 1e-6


def test_bilinear_resizing_equals_tensorflow(keras_file):
    settings = make_settings(preset="tutorial-core", encoder=str(keras_file), size=64, device="cpu")
    for height, width in ((75, 100), (150, 200), (30, 40)):
        pixels = picture(height, width, seed=5)
        painter = Painter(pixels, [pixels], settings)
        error = np.abs(array(painter._scaled.fitted(painter.content, 48, 64)) - resized(pixels, 48, 64)).max()
        assert error < 1e-5


def test_keras_adds_epsilon_to_uncorrected_root():
    gradients = np.random.RandomState(0).standard_normal((5, 1000)).astype(np.float32)
    errors = {}
    for form in ("tensorflow", "pytorch"):
        theirs, ours = tf.Variable(tf.zeros(1000)), torch.zeros(1000)
        their_adam = keras.optimizers.Adam(learning_rate=0.1, beta_1=0.99, beta_2=0.999, epsilon=0.1)
        our_adam = Adam(0.1, 0.99, 0.999, 0.1, form)
        for gradient in gradients:
            their_adam.apply_gradients([(tf.constant(gradient), theirs)])
            our_adam.step(ours, 0.0, torch.from_numpy(gradient))
        errors[form] = relative_error(ours.numpy(), theirs.numpy())
    assert errors["tensorflow"] < 1e-5
    assert errors["pytorch"] > 0.5


@pytest.mark.parametrize("architecture", [CAFFE, ARCHITECTURE], ids=["caffe", "builtin"])
def test_benchmark_network_equals_impasto(architecture):
    encoder = Encoder(random_weights("conv5_2"), architecture)
    model = network(keras_arrays(encoder), json.loads(architecture_to_json(architecture)))
    pixels = picture(48, 64, seed=3)
    theirs = model(keras.applications.vgg19.preprocess_input(pixels.astype(np.float32)[None]))
    names = STYLE_LAYERS + CONTENT_LAYERS
    ours = encoder(torch.from_numpy(pixels.transpose(2, 0, 1) / np.float32(255))[None], names)
    for name, features in zip(names, theirs, strict=True):
        assert relative_error(array(ours[name]), features.numpy()[0]) < 1e-5, name


@pytest.mark.parametrize("mode", MODES)
def test_benchmark_tensorflow_follows_preset(mode, tmp_path):
    encoder = amplified(Encoder(random_weights("conv5_2"), ARCHITECTURE), 60.0)
    for seed, name in enumerate(("content", "style")):
        write_picture(tmp_path / f"{name}.png", picture(48, 64, seed) / np.float32(255))
    pair = Pair(tmp_path / "content.png", tmp_path / "style.png")
    course = Course(pair, 64, save_encoder(encoder, tmp_path / "encoder.safetensors"), 6, 1)
    link = TensorFlow(Path(sys.executable), prepare(tmp_path / "tensorflow", encoder, *course.pictures()), mode)
    for steps in (1, 5):
        link.advance(steps)
    link.close()
    losses = [moment.loss for moment in run_tutorial(course)["moments"]]
    np.testing.assert_allclose(link.losses, losses, rtol=1e-3)
    assert len(link.seconds) == 6
    with pytest.raises(PaintingError, match=r"log says why"):
        link.advance(1)
