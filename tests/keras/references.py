"""What TensorFlow said about one pair of pictures: measured live, or stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

STEPS = (1, 10, 50)
KEPT_AFTER = 3
"""With these pictures the loss rises in the third step, so that best image, the one after it and last are three."""
STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT_LAYER = "block5_conv2"
LAYERS = (*STYLE_LAYERS, CONTENT_LAYER)
FOLDER = Path(__file__).parent / "stored"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """TensorFlow's side of the comparison. Images, gradients and moments are as the tutorial has them, H×W×3.

    Attributes:
        content: the photograph, H×W×3 uint8.
        style: the painting, likewise.
        probe: another picture of the photograph's size, at which features, losses and gradient are compared.
        features: of the probe; each layer h×w×C, or its :func:`sketch`.
        content_loss: at the probe, unweighted.
        style_losses: at the probe, of each layer of :data:`STYLE_LAYERS`, unweighted.
        total: at the probe, weighted.
        gradient: of the total with respect to the image, at the probe.
        losses: totals before each of a run's steps from the photograph, at least 50.
        before: image, m and v before each of :data:`STEPS`, as ``image10``; ``image1`` is the photograph.
        after: the image after each of them, as ``image10``.
        moves: what each of them adds to the image before it where everything is computed in float64, as ``image10``.
        kept: image that the tutorial returns where it ends after :data:`KEPT_AFTER` steps.
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
        """Write to a compressed .npz, features as their sketches."""
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
        """The inverse of :meth:`save`."""
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
    """Features in fewer numbers, whose differences' L2 norms tell the features' own within a few per cent.

    A count sketch (Charikar, Chen and Farach-Colton 2002): each value is added, with a random sign, to one random
    place. It is linear, and the squared norm of what it gives has the squared norm of what it is given as its mean and
    a relative standard deviation of √(2 / size). Unlike a choice of positions it misses none.
    """
    values = features.reshape(-1).astype(np.float64)
    random = np.random.RandomState(values.size % 2**32)
    places = random.randint(0, size, values.size)
    signs = random.randint(0, 2, values.size) * 2 - 1
    return np.bincount(places, signs * values, size).astype(np.float32)


def relative_error(found: np.ndarray | float, expected: np.ndarray) -> float:
    """Relative L2 error; where a sketch is expected, of the sketches."""
    found = np.asarray(found, np.float64)
    if found.shape != expected.shape:
        found = sketch(found).astype(np.float64)
    assert found.shape == expected.shape
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
