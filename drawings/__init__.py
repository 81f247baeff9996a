"""Programs that draw the sample paintings of ``impasto.samples``: ``python -m drawings OUT``."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import numpy.typing as npt

from impasto.samples import STYLE_NAMES


def draw_style(name: str, long_side: int = 1024, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw one of the sample paintings.

    Args:
        name: one of :data:`impasto.samples.STYLE_NAMES`.
        long_side: in pixels.
        seed: of the drawing's randomness.

    Returns:
        H×W×3 in [0, 1].

    Raises:
        ValueError: the name is unknown.
    """
    if name not in STYLE_NAMES:
        raise ValueError(f"there is no style {name!r}")
    drawing: npt.NDArray[np.float32] = import_module(f"drawings.{name}").draw(long_side, seed)
    return drawing
