"""Octaves: the sizes of a painting from coarse to fine, their iterations, and the image's resizing between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from impasto.pictures.sizes import scaled_size

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SIDE = 32
"""Shortest side of an octave in pixels: two positions of the deepest layers."""

SMALLEST_OCTAVE = 128
"""Long side of the smallest octave in pixels, for paintings of at least twice that size."""

READABLE_SIDE = 16
"""Shortest side in pixels of a picture that the deepest layers can encode: one position."""


class Octave(NamedTuple):
    """One size of the painting.

    Attributes:
        height: height in pixels.
        width: width in pixels.
        iterations: evaluations of loss and gradient at this size.
        tile: side of the largest tile's core in pixels; None if the whole picture is one tile.
        history: pairs that L-BFGS keeps if the memory limits them; None for the number in the settings.
        method: ``adam`` if the memory is too small for L-BFGS; None for the method in the settings.
    """

    height: int
    width: int
    iterations: int
    tile: int | None = None
    history: int | None = None
    method: Literal["adam", "lbfgs"] | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    @property
    def effort(self) -> float:
        """Arithmetic of one iteration, in pixels through the encoder forward and backward.

        Tiles add half as much for the first pass, and a halo that is about 50 px wide on average.
        """
        return self.pixels * (1.0 if self.tile is None else 1.5 * (1 + 100 / self.tile) ** 2)


def style_size(height: int, width: int, side: float, stroke_size: float) -> tuple[int, int]:
    """Compute the size at which a painting is measured for an octave.

    Args:
        height: height of the painting in pixels.
        width: width of the painting in pixels.
        side: long side of the octave in pixels.
        stroke_size: scale of the painting relative to the photograph. A scale below 1 makes no side shorter than
            :data:`LEAST_SIDE`, or than at scale 1 if that is shorter, because the deep layers need context. At any
            scale the short side of a narrow painting is at least :data:`READABLE_SIDE`.
    """
    aspect = max(height, width) / min(height, width)
    return scaled_size(height, width, max(side * stroke_size, min(side, LEAST_SIDE * aspect), READABLE_SIDE * aspect))


def default_smallest_octave(height: int, width: int) -> int:
    """Return the smallest long side of an octave in pixels, which leaves room for at least two octaves.

    Args:
        height: height of the full size in pixels.
        width: width of the full size in pixels.
    """
    return min(SMALLEST_OCTAVE, max(height, width) // 2)


def plan_octaves(
    height: int,
    width: int,
    *,
    iterations: int,
    coarse_factor: float,
    smallest: int,
    ratio: float,
    most: int = 16,
    alignment: int = 1,
) -> tuple[Octave, ...]:
    """Plan the octaves from the smallest to the full size.

    Args:
        height: full height in pixels.
        width: full width in pixels.
        iterations: iterations at the full size.
        coarse_factor: ratio of the iterations of an octave to those of the next larger one.
        smallest: smallest long side of an octave in pixels; the full size may be smaller.
        ratio: ratio of the sides of successive octaves.
        most: largest number of octaves.
        alignment: number that all sides are multiples of.
    """
    octaves = [Octave(_aligned(height, alignment), _aligned(width, alignment), iterations)]
    side = max(height, width) / ratio
    while side >= smallest and len(octaves) < most:
        size = scaled_size(height, width, side)
        if min(size) < LEAST_SIDE:
            break
        size = _aligned(size[0], alignment), _aligned(size[1], alignment)
        if size != octaves[-1][:2]:  # small ratios and alignment repeat sizes
            octaves.append(Octave(*size, max(1, round(iterations * coarse_factor ** len(octaves)))))
        side /= ratio
    return tuple(reversed(octaves))


def _aligned(length: int, alignment: int) -> int:
    """Round a length to the nearest multiple of a number, at least to the number itself."""
    return alignment * max(1, round(length / alignment))


def total_effort(octaves: Iterable[Octave]) -> float:
    """Sum the arithmetic of octaves, in pixels through the encoder forward and backward."""
    return sum(octave.effort * octave.iterations for octave in octaves)


def resized(image: Tensor, height: int, width: int, *, wrap: bool = False) -> Tensor:
    """Resize an image by bicubic interpolation, antialiased if it shrinks, and clamp it to [0, 1].

    Args:
        image: B×C×h×w.
        height: new height in pixels.
        width: new width in pixels.
        wrap: whether the image is periodic.
    """
    import torch.nn.functional as F

    if image.shape[-2:] == (height, width):
        return image
    if not wrap:
        return F.interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    (top, new_top), (left, new_left) = (
        _margins(old, new) for old, new in zip(image.shape[-2:], (height, width), strict=True)
    )
    padded = F.pad(image, (left, left, top, top), mode="circular")
    resized_padded = resized(padded, height + 2 * new_top, width + 2 * new_left)
    return resized_padded[..., new_top : new_top + height, new_left : new_left + width].contiguous()


def _margins(old: int, new: int) -> tuple[int, int]:
    """Compute the margin of a periodic image before and after resizing, in pixels.

    Both are whole numbers in the ratio of the lengths, so that the pixels of the result keep their positions. The
    first is at least the reach of bicubic interpolation, which grows as the image shrinks.

    Args:
        old: length of the image's side before resizing.
        new: length of the image's side after resizing.
    """
    step = old // math.gcd(old, new)
    reach = min(old, math.ceil(3 * max(1.0, old / new)))
    margin = step * -(-reach // step)
    return margin, margin * new // old
