"""Photographs that scikit-image ships, for the notebook and the benchmarks."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError

PHOTO_NAMES = ("astronaut", "chelsea", "coffee", "rocket")
"""Names of the photographs; loading them needs no network."""


def load_photo(name: str) -> npt.NDArray[np.float32]:
    """Load one of scikit-image's photographs.

    Args:
        name: one of :data:`PHOTO_NAMES`.

    Returns:
        H×W×3 in [0, 1].

    Raises:
        PictureError: scikit-image is not installed.
        ValueError: the name is unknown.
    """
    if name not in PHOTO_NAMES:
        raise ValueError(f"there is no sample photograph {name!r}")
    if find_spec("skimage") is None:
        raise PictureError("The photographs come with scikit-image: run pip install scikit-image.")
    data: Any = import_module("skimage.data")
    return np.asarray(getattr(data, name)(), np.float32) / np.float32(255)
