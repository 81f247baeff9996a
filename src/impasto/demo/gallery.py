"""The demonstration's pictures by name, made once and kept as files."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.demo import STYLE_NAMES
from impasto.errors import PictureError
from impasto.files import shown
from impasto.pictures import write_picture
from impasto.pictures.metadata.records import is_ours

PAIRS = {"swirls": "chelsea", "woodcut": "coffee", "mosaic": "chelsea", "pointillism": "rocket"}
"""The photograph that each style is shown on."""

PHOTO_NAMES = ("astronaut", "chelsea", "coffee", "rocket")
"""Photographs in scikit-image's own package, so that no network is needed."""


def draw_style(name: str, long_side: int = 1024, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw one of the styles.

    Args:
        name: one of :data:`impasto.demo.STYLE_NAMES`.
        long_side: in pixels.
        seed: of the drawing's randomness.

    Returns:
        H×W×3 in [0, 1].

    Raises:
        ValueError: there is no such style.
    """
    if name not in STYLE_NAMES:
        raise ValueError(f"there is no style {name!r}")
    drawing: npt.NDArray[np.float32] = import_module(f"impasto.demo.{name}").draw(long_side, seed)
    return drawing


def check_photos() -> None:
    """Make sure that the photographs are there.

    Raises:
        PictureError: scikit-image is not installed.
    """
    if find_spec("skimage") is None:
        raise PictureError(
            'The demonstration takes its photographs from scikit-image: run pip install "impasto[demo]".'
        )


def photo(name: str) -> npt.NDArray[np.float32]:
    """One of scikit-image's photographs.

    Args:
        name: one of :data:`PHOTO_NAMES`.

    Returns:
        H×W×3 in [0, 1].

    Raises:
        PictureError: scikit-image is not installed.
        ValueError: there is no such photograph.
    """
    if name not in PHOTO_NAMES:
        raise ValueError(f"there is no photograph {name!r}")
    check_photos()
    data: Any = import_module("skimage.data")
    return np.asarray(getattr(data, name)(), np.float32) / np.float32(255)


def photo_file(name: str, folder: Path) -> Path:
    """A photograph as a file ``NAME.png`` in a folder, written where there is none.

    Raises:
        PictureError: scikit-image is not installed, the file cannot be written, or another one is there.
    """
    return _made(folder / f"{name}.png", lambda: photo(name))


def style_file(name: str, folder: Path) -> Path:
    """A style as a file ``NAME.png`` in a folder, drawn where there is none.

    Raises:
        PictureError: the file cannot be written, or another one is there.
    """
    return _made(folder / f"{name}.png", lambda: draw_style(name))


def check_place(path: Path) -> None:
    """Refuse to take a file for the demonstration's that impasto did not write.

    Raises:
        PictureError: there is such a file.
    """
    if path.exists() and not is_ours(path):
        raise PictureError(f"{shown(path)} is none of the demonstration's: name another folder with out=.")


def _made(path: Path, make: Callable[[], npt.NDArray[np.float32]]) -> Path:
    check_place(path)
    if not path.exists():
        write_picture(path, make())
    return path
