"""The tutorial in TensorFlow, run in a separate process with TensorFlow's environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.pairs import to_array
from benchmarks.quality.worker import Worker
from benchmarks.quality.yardstick import keras_arrays
from impasto.encoders.architectures import architecture_to_json
from impasto.encoders.network import Encoder

Mode = Literal["eager", "compiled"]
MODES: tuple[Mode, ...] = ("eager", "compiled")


def prepare(folder: Path, encoder: Encoder, content: Tensor, style: Tensor) -> Path:
    """Write the input of the process: weights, architecture, and the pictures with values from 0 to 255.

    Args:
        folder: folder of the input; created if missing.
        encoder: encoder of the tutorial.
        content: photograph, 1×3×H×W in [0, 1].
        style: style, 1×3×h×w in [0, 1].

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "weights.npz", **keras_arrays(encoder))  # type: ignore[arg-type]
    np.savez(folder / "pictures.npz", content=to_array(content) * 255, style=to_array(style) * 255)
    (folder / "architecture.json").write_text(architecture_to_json(encoder.architecture), encoding="utf-8")
    return folder


class TensorFlow:
    """A run of the tutorial.

    Args:
        python: Python of an environment with TensorFlow.
        folder: folder from :func:`prepare`.
        mode: ``eager``, as the tutorial is written, or ``compiled``, with its step as one ``tf.function``.

    Attributes:
        seconds: seconds of each step so far.
        losses: loss before each step.
    """

    def __init__(self, python: Path, folder: Path, mode: Mode) -> None:
        threads = str(torch.get_num_threads())
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        environment |= dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), threads)
        self.seconds: list[float] = []
        self.losses: list[float] = []
        arguments = [str(folder.absolute()), mode]
        log = folder / "log"
        self._worker = Worker("TensorFlow", python, "benchmarks.quality.tensorflow_worker", arguments, environment, log)

    def advance(self, steps: int) -> None:
        """Take some steps.

        Raises:
            PaintingError: the process ended.
        """
        found = self._worker.ask(steps)
        self.seconds += found["seconds"]
        self.losses += found["losses"]

    def close(self) -> None:
        """End the process."""
        self._worker.close()
