"""Transparent pictures are painted as they look on white paper, and come off it again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def composite_over_white(pixels: Floats, alpha: Floats) -> None:
    """Put pixels on white paper, in place, so that a large picture is not copied.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1].
    """
    opacity = alpha[..., np.newaxis]
    pixels -= 1
    pixels *= opacity
    pixels += 1


def over_white(pixels: Floats, alpha: Floats | None) -> Floats:
    """A transparent picture as it looks on white paper.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1]; None for an opaque picture.

    Returns:
        A new array; of an opaque picture ``pixels`` itself.
    """
    if alpha is None:
        return pixels
    pixels = pixels.copy()
    composite_over_white(pixels, alpha)
    return pixels


def off_white(pixels: Floats, alpha: Floats | None) -> Floats:
    """The colours that look like ``pixels`` when they lie on white paper with that opacity.

    Where even black would look lighter, black; where nothing is seen of the colours, the paper's own.

    Args:
        pixels: height × width × 3, values in [0, 1].
        alpha: height × width, values in [0, 1]; None for an opaque picture.

    Returns:
        A new array with values in [0, 1]; of an opaque picture ``pixels`` itself.
    """
    if alpha is None:
        return pixels
    opacity = alpha[..., np.newaxis]
    colours = pixels - 1
    np.divide(colours, opacity, out=colours, where=opacity > 0)
    colours += 1
    return np.clip(colours, 0, 1, out=colours)
