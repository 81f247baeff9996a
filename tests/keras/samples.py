"""Inputs of both programs: a file of VGG-19 in Keras's notop layout with seeded random weights, and pictures."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = (2, 2, 4, 4, 4)


def write_vgg19(path: Path, seed: int = 19) -> Path:
    """Write VGG-19 at its full width in the layout of ``vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5``.

    The weights have He's initialisation. The generator is ``RandomState``, whose stream NumPy has frozen, so the file
    need not be stored. The biases are random, unlike Keras's, so that a misplaced bias is detected.

    Args:
        path: file to write; must not end in ``.weights.h5``, which denotes another format in Keras 3.
        seed: seed of the weights.
    """
    random = np.random.RandomState(seed)
    names = []
    with h5py.File(path, "w") as file:
        before = 3
        for block, (channels, count) in enumerate(zip(CHANNELS, CONVOLUTIONS, strict=True), 1):
            for index in range(1, count + 1):
                name = f"block{block}_conv{index}"
                kernel = random.standard_normal((3, 3, before, channels)) * np.sqrt(2 / (9 * before))
                bias = random.standard_normal(channels)
                _write_layer(file, name, {f"{name}_W_1:0": kernel, f"{name}_b_1:0": bias})
                names.append(name)
                before = channels
            names.append(f"block{block}_pool")
            _write_layer(file, names[-1], {})
        file.attrs["layer_names"] = [name.encode() for name in names]
    return path


def _write_layer(file: h5py.File, name: str, weights: dict[str, np.ndarray]) -> None:
    group = file.create_group(name)
    group.attrs["weight_names"] = [key.encode() for key in weights]
    for key, value in weights.items():
        group.create_dataset(key, data=value.astype(np.float32))


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Draw soft waves with grain, H×W×3 uint8.

    No area is flat: equal neighbours would let the last bit decide the gradients of max pooling and total variation.
    """
    random = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [
        sum(np.sin(random.uniform(2, 14) * x + random.uniform(2, 14) * y + random.uniform(0, 6)) for _ in range(4))
        for _ in range(3)
    ]
    grain = 0.03 * random.standard_normal((height, width, 3))
    return np.rint((0.5 + 0.11 * np.stack(waves, axis=2) + grain).clip(0, 1) * 255).astype(np.uint8)
