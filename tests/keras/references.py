"""TensorFlow's results for one pair of pictures, measured live or stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

STEPS = (1, 10, 50)
KEPT_AFTER = 3
"""Steps after which the image kept is compared.

With these pictures the loss rises in the third step, so that the best image, the next one and the last one differ."""
STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT_LAYER = "block5_conv2"
LAYERS = (*STYLE_LAYERS, CONTENT_LAYER)
FOLDER = Path(__file__).parent / "stored"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """TensorFlow's results. Images, gradients and moments are in the tutorial's units, H×W×3.

    Attributes:
        content: the photograph, H×W×3 uint8.
        style: the painting, h×w×3 uint8.
        probe: another picture of the photograph's size, for the comparison of features, losses and gradient.
        features: features of the probe by layer, h×w×C, or their :func:`sketch`.
        content_loss: unweighted loss at the probe.
        style_losses: unweighted loss at the probe of each layer of :data:`STYLE_LAYERS`.
        total: weighted loss at the probe.
        gradient: gradient of the total with respect to the image at the probe.
        losses: totals before each step of a run from the photograph, at least 50.
        before: image, m and v before each of :data:`STEPS`, as ``image10``; ``image1`` is the photograph.
        after: the image after each of them, as ``image10``.
        moves: changes of the image by each of them, computed in float64 throughout, as ``image10``.
        kept: image that the tutorial returns if it ends after :data:`KEPT_AFTER` steps.
    """

    content: np.ndarray
    style: np.ndarray
    probe: np.ndarray
    features: Arrays
    content_loss: np.ndarray
    style_losses: np.ndarray
    total: np.ndarray
    gradient: np.ndarray
    losses: np.ndarray
    before: Arrays
    after: Arrays
    moves: Arrays
    kept: np.ndarray

    def save(self, path: Path) -> None:
        """Write a compressed .npz with sketches of the features."""
        arrays: Arrays = {}
        for name, value in asdict(self).items():
            if isinstance(value, dict):
                arrays |= {f"{name}/{key}": part for key, part in value.items()}
            else:
                arrays[name] = value
        for name in LAYERS:
            arrays[f"features/{name}"] = sketch(arrays[f"features/{name}"])
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read a file that :meth:`save` wrote."""
        values: dict[str, np.ndarray | Arrays] = {}
        with np.load(path) as arrays:
            for key in arrays:
                name, _, part = key.partition("/")
                if part:
                    values.setdefault(name, {})[part] = arrays[key]
                else:
                    values[name] = arrays[key]
        return cls(**values)


def sketch(features: np.ndarray, size: int = 4096) -> np.ndarray:
    """Reduce features to fewer numbers that keep the L2 norm of a difference within a few per cent.

    This is a count sketch (Charikar, Chen and Farach-Colton 2002): each value is added, with a random sign, to one
    random number. It is linear, and the squared norm of the result has the squared norm of the features as its mean,
    with a relative standard deviation of √(2 / size). Unlike a selection of positions it ignores none.
    """
    values = features.reshape(-1).astype(np.float64)
    random = np.random.RandomState(values.size % 2**32)
    places = random.randint(0, size, values.size)
    signs = random.randint(0, 2, values.size) * 2 - 1
    return np.bincount(places, signs * values, size).astype(np.float32)


def relative_error(found: np.ndarray | float, expected: np.ndarray) -> float:
    """Compute the relative L2 error; if a sketch is expected, the error of the sketches."""
    found = np.asarray(found, np.float64)
    if found.shape != expected.shape:
        found = sketch(found).astype(np.float64)
    assert found.shape == expected.shape
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
