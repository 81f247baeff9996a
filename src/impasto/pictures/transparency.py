"""Compositing transparent pictures over white, and undoing it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def composite_over_white(pixels: Floats, alpha: Floats) -> None:
    """Composite pixels over white in place, without copying a large picture.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1].
    """
    opacity = alpha[..., np.newaxis]
    pixels -= 1
    pixels *= opacity
    pixels += 1


def over_white(pixels: Floats, alpha: Floats | None) -> Floats:
    """Return a picture composited over white.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1]; None for an opaque picture.

    Returns:
        A new array; for an opaque picture ``pixels`` itself.
    """
    if alpha is None:
        return pixels
    pixels = pixels.copy()
    composite_over_white(pixels, alpha)
    return pixels


def off_white(pixels: Floats, alpha: Floats | None) -> Floats:
    """Return the colours that give ``pixels`` when composited over white with ``alpha``.

    A colour that is too dark to reach becomes black. A fully transparent pixel becomes white.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1]; None for an opaque picture.

    Returns:
        A new array with values in [0, 1]; for an opaque picture ``pixels`` itself.
    """
    if alpha is None:
        return pixels
    opacity = alpha[..., np.newaxis]
    colours = pixels - 1
    np.divide(colours, opacity, out=colours, where=opacity > 0)
    colours += 1
    return np.clip(colours, 0, 1, out=colours)
