"""Coarse to fine: which sizes, how many iterations at each, and how the image moves up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from impasto.pictures.sizes import scaled_size

if TYPE_CHECKING:
    from torch import Tensor


LEAST_SIDE = 32
"""Shortest side in pixels of any octave: two positions at the deepest layers."""


READABLE_SIDE = 16
"""Shortest side in pixels of anything that the deepest layers can read: one position there."""


class Octave(NamedTuple):
    """One size of the painting.

    Attributes:
        height: in pixels.
        width: in pixels.
        iterations: evaluations of loss and gradient at this size.
        tile: side of the largest tile's core in pixels; None where the whole picture is one tile.
        history: pairs that L-BFGS keeps, where the memory bounds it; None for what the settings say.
        method: ``adam`` where the memory bounds L-BFGS out; None for what the settings say.
    """

    height: int
    width: int
    iterations: int
    tile: int | None = None
    history: int | None = None
    method: Literal["adam", "lbfgs"] | None = None

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width

    @property
    def effort(self) -> float:
        """Arithmetic of an iteration, in pixels through the encoder forward and backward.

        Tiles take half as much again for the first pass, and some for the halo, about 50 px on each side on average.
        """
        return self.pixels * (1.0 if self.tile is None else 1.5 * (1 + 100 / self.tile) ** 2)


def style_size(height: int, width: int, side: float, stroke_size: float) -> tuple[int, int]:
    """The size at which a painting is read for an octave.

    Args:
        height: of the painting, in pixels.
        width: of the painting, in pixels.
        side: the octave's long side.
        stroke_size: the painting's scale relative to the photograph's. A scale under 1 makes no side shorter than
            :data:`LEAST_SIDE`, or than it would be at scale 1: the deep layers would see too little of the painting.
            At any scale a narrow painting is read at no less than :data:`READABLE_SIDE`.
    """
    aspect = max(height, width) / min(height, width)
    return scaled_size(height, width, max(side * stroke_size, min(side, LEAST_SIDE * aspect), READABLE_SIDE * aspect))


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
    """Sizes from the smallest to the full one.

    Args:
        height: of the full size, in pixels.
        width: of the full size, in pixels.
        iterations: at the full size.
        coarse_factor: each smaller octave takes so many times as many iterations as the next, at least one.
        smallest: no octave's long side is under this, but for a painting that itself is.
        ratio: between the sides of neighbouring octaves.
        most: number of octaves.
        alignment: all sides are brought to a multiple of it.
    """
    octaves = [Octave(aligned(height, alignment), aligned(width, alignment), iterations)]
    side = max(height, width) / ratio
    while side >= smallest and len(octaves) < most:
        size = scaled_size(height, width, side)
        if min(size) < LEAST_SIDE:
            break
        size = aligned(size[0], alignment), aligned(size[1], alignment)
        if size != octaves[-1][:2]:  # as small ratios and alignment may have it
            octaves.append(Octave(*size, max(1, round(iterations * coarse_factor ** len(octaves)))))
        side /= ratio
    return tuple(reversed(octaves))


def aligned(length: int, alignment: int) -> int:
    """The multiple of ``alignment`` that is nearest to a length, and at least one."""
    return alignment * max(1, round(length / alignment))


def work(octaves: tuple[Octave, ...]) -> float:
    """Arithmetic of a plan in pixels through the encoder, forward and backward."""
    return sum(o.effort * o.iterations for o in octaves)


def resized(image: Tensor, height: int, width: int, *, wrap: bool = False) -> Tensor:
    """An image at another size: bicubic, antialiased when it shrinks, clamped to [0, 1].

    Args:
        image: B×C×h×w.
        height: of the result, in pixels.
        width: of the result, in pixels.
        wrap: the image is periodic, and the result will be.
    """
    import torch.nn.functional as F

    if image.shape[-2:] == (height, width):
        return image
    if not wrap:
        return F.interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    (down, down_after), (across, across_after) = (
        _margin(before, after) for before, after in zip(image.shape[-2:], (height, width), strict=True)
    )
    surrounded = F.pad(image, (across, across, down, down), mode="circular")
    found = resized(surrounded, height + 2 * down_after, width + 2 * across_after)
    return found[..., down_after : down_after + height, across_after : across_after + width].contiguous()


def _margin(before: int, after: int) -> tuple[int, int]:
    """How much of a periodic image goes before and behind it, and what becomes of that when it is resized.

    The second number must be a whole one, or the pixels of the result would lie elsewhere. The first is no less than
    bicubic interpolation reaches, which is further where the image shrinks.
    """
    step = before // math.gcd(before, after)
    reach = min(before, math.ceil(3 * max(1.0, before / after)))
    margin = step * -(-reach // step)
    return margin, margin * after // before
