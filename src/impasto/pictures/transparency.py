"""Transparency: compositing over white, undoing it, and filling transparent parts with the colours around them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

TRUSTED_OPACITY = 1 / 255
"""Opacity from which on a pixel keeps its own colour, one step of 8 bits."""


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


def extend_colours(colours: Floats, alpha: Floats) -> Floats:
    """Fill the transparent parts of a picture with the colours around them, so that an opaque picture results.

    Colours are averaged over squares of growing size, weighted by their opacity, and the averages are interpolated back
    (pull and push; Gortler et al. 1996, The Lumigraph, section 3.4). Pixels of at least :data:`TRUSTED_OPACITY` keep
    their colour exactly.

    Args:
        colours: height × width × 3, straight colours in [0, 1], not composited; of any value at opacity 0.
        alpha: height × width, values in [0, 1].

    Returns:
        A new array; white if the picture is transparent everywhere.
    """
    trust = np.clip(alpha / np.float32(TRUSTED_OPACITY), 0, 1)[..., np.newaxis]
    return _pull_push(colours, trust) if alpha.any() else np.ones_like(colours)


def _pull_push(colours: Floats, trust: Floats) -> Floats:
    """Blend colours with those of a reduced picture where their trust is below 1."""
    if max(trust.shape) == 1 or trust.min() >= 1:
        return colours
    height, width = trust.shape[:2]
    weights = _halved(trust)
    means = _halved(colours * trust) / np.maximum(weights, np.float32(1e-9))
    filled = _pull_push(means.astype(np.float32), np.minimum(4 * weights, 1).astype(np.float32))
    surroundings = _enlarged(filled, height, width)
    return np.where(trust >= 1, colours, trust * colours + (1 - trust) * surroundings)


def _halved(values: Floats) -> Floats:
    """Average 2×2 squares; an odd last row or column counts twice."""
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4)


def _enlarged(values: Floats, height: int, width: int) -> Floats:
    """Enlarge a picture by bilinear interpolation."""
    layers = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize((width, height), Image.Resampling.BILINEAR)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(layer) for layer in layers], axis=2)
