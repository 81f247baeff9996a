"""The tutorial in TensorFlow, a few steps at a time: ``python -m benchmarks.quality.tensorflow_worker FOLDER MODE``.

It runs with the Python of ``.venv-keras``, under the control of :mod:`benchmarks.quality.tensorflow_link`. Each line of
input is a number of steps; each line of output holds the seconds and losses of these steps as JSON. The recipe is that
of ``tests/keras/tutorials.py`` (see docs/parity.md), with a network of any width.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.keras.tutorials import CAFFE_MEANS, CONTENT_LAYERS, STYLE_LAYERS, Tutorial


def network(arrays: Mapping[str, np.ndarray], architecture: Mapping[str, Any]) -> keras.Model:
    """Build a functional model with the input of the tutorial's VGG-19, BGR minus Caffe's means, and its layers.

    Args:
        arrays: result of :func:`benchmarks.quality.yardstick.keras_arrays`.
        architecture: stack, pooling, padding and preprocessing, as in the metadata of the encoder's file.
    """
    image = keras.Input((None, None, 3))
    x, found = _preprocessed(image, architecture["preprocessing"]), {}
    for block, count in enumerate(architecture["convolutions"], 1):
        if block > 1:
            pool = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}[architecture["pooling"]]
            x = pool(2, name=f"block{block - 1}_pool")(x)
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            if f"{name}/kernel" not in arrays:
                break
            x = found[name] = _convolved(x, name, arrays, architecture)
    model = keras.Model(image, [found[name] for name in STYLE_LAYERS + CONTENT_LAYERS])
    for name in found:
        model.get_layer(name).set_weights([arrays[f"{name}/kernel"], arrays[f"{name}/bias"]])
    model.trainable = False
    return model


def _preprocessed(x: Any, how: Mapping[str, Any]) -> Any:
    caffe = how["channels"] == "bgr" and how["scale"] == 255 and np.allclose(how["mean"], CAFFE_MEANS)
    if caffe and set(how["std"]) == {1.0}:
        return x
    x = (x + CAFFE_MEANS.astype(np.float32)) / 255.0
    if how["channels"] == "rgb":
        x = ops.flip(x, axis=-1)
    mean, std = (np.array(how[name], np.float32) for name in ("mean", "std"))
    return x * (how["scale"] / std) - mean / std


def _convolved(x: Any, name: str, arrays: Mapping[str, np.ndarray], architecture: Mapping[str, Any]) -> Any:
    padding, channels = "same", arrays[f"{name}/bias"].shape[0]
    if architecture["padding"] != "zeros" and (architecture["padding_scope"] == "all" or name == "block1_conv1"):
        mode = {"replicate": "symmetric", "reflect": "reflect"}[architecture["padding"]]  # equivalent for one pixel
        x, padding = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=mode), "valid"
    return layers.Conv2D(channels, 3, padding=padding, activation="relu", name=name)(x)


def make_step(tutorial: Tutorial, compiled: bool) -> Callable[[], float]:
    """Return a function that takes the next step of the tutorial and returns the loss before it."""
    image, optimizer = tf.Variable(tutorial.content_image), tutorial.optimizer()
    optimizer.build([image])

    def step() -> Any:
        with tf.GradientTape() as tape:
            total = tutorial.terms(image).total
        optimizer.apply_gradients([(tape.gradient(total, image), image)])
        image.assign(tutorial.clip(image))
        return total

    run = tf.function(step) if compiled else step
    return lambda: float(np.squeeze(run().numpy()))


def main() -> None:
    """Take steps until the input ends; :mod:`benchmarks.quality.tensorflow_link` prepares the folder."""
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps TensorFlow's messages out of the answers
    with np.load(folder / "weights.npz") as weights, np.load(folder / "pictures.npz") as pictures:
        model = network(weights, json.loads((folder / "architecture.json").read_text()))
        tutorial = Tutorial(model, pictures["content"], pictures["style"])
    step = make_step(tutorial, mode == "compiled")
    for line in sys.stdin:
        seconds, losses = [], []
        for _ in range(int(line)):
            begun = time.perf_counter()
            losses.append(step())
            seconds.append(time.perf_counter() - begun)
        print(json.dumps({"seconds": seconds, "losses": losses}), file=answers, flush=True)


if __name__ == "__main__":
    main()
