"""Octaves: the sizes of a painting from coarse to fine, their iterations, and the image's resizing between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from impasto.pictures.sizes import scaled_size

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.settings.model import Optimization

LEAST_SIDE = 32
"""Shortest side of an octave in pixels: two positions of the deepest layers."""

SMALLEST_OCTAVE = 128
"""Long side of the smallest octave in pixels, for paintings of at least twice that size."""

REFERENCE_SIDE = 512
"""Long side in pixels from which every octave has the same number of iterations."""

LEAST_HELD_SIDE = 256
"""Shortest long side in pixels of a painting whose forms the next octave holds; those of smaller ones are crude."""

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


class EarlierPlan(NamedTuple):
    """The parts of an earlier painting's plan that a new painting uses again.

    Attributes:
        octaves: octaves whose sizes and iterations are used if the full size is the same; empty to plan them.
        tiling: octaves whose tiles, history and methods are used if all sizes are the same and they fit into the
            memory; empty to choose them.
    """

    octaves: tuple[Octave, ...] = ()
    tiling: tuple[Octave, ...] = ()


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


def default_smallest_octave(long_side: int) -> int:
    """Return the smallest long side of an octave in pixels, which leaves room for at least two octaves.

    Args:
        long_side: long side of the painting in pixels.
    """
    return min(SMALLEST_OCTAVE, long_side // 2)


def iterations_at(long_side: int, optimization: Optimization) -> int:
    """Return the iterations of an octave, whatever the size of its painting.

    Args:
        long_side: long side of the octave in pixels.
        optimization: settings with ``iterations`` from :data:`REFERENCE_SIDE` on, and ``coarse_factor`` for each
            halving below it.
    """
    return max(1, round(optimization.iterations * optimization.coarse_factor ** _halvings(long_side)))


def content_factor_at(long_side: int, coarse_content: float) -> float:
    """Return the factor of an octave's content weight, whatever the size of its painting.

    Args:
        long_side: long side of the octave in pixels.
        coarse_content: factor for each halving from :data:`REFERENCE_SIDE` to :data:`SMALLEST_OCTAVE`.
    """
    return float(coarse_content ** _halvings(max(long_side, SMALLEST_OCTAVE)))


def plan_octaves(
    height: int,
    width: int,
    optimization: Optimization,
    *,
    long_side: int | None = None,
    alignment: int = 1,
    above: int = 0,
) -> tuple[Octave, ...]:
    """Plan the octaves from the smallest to the full size.

    Their long sides are ``smallest_octave`` · ``octave_ratio`` ** k and at last that of the painting. A side that is
    less than √``octave_ratio`` below the painting's is left out. So a painting and a larger one begin with the same
    octaves. With ``max_octaves`` = 1 there is the full size alone, with exactly ``iterations``, and with the method
    ``feed-forward`` the full size alone, in one pass.

    Args:
        height: height of the photograph or texture in pixels, which gives the proportions.
        width: its width in pixels.
        optimization: settings of the octaves and their iterations.
        long_side: long side of the painting in pixels; that of ``height`` and ``width`` if not given.
        alignment: number that all sides are multiples of.
        above: long side in pixels that all octaves but the full size exceed.
    """
    long_side = max(height, width) if long_side is None else long_side
    full_size = _aligned(*scaled_size(height, width, long_side), alignment)
    if optimization.method == "feed-forward":
        return (Octave(*full_size, 1),)
    if optimization.max_octaves == 1:
        return (Octave(*full_size, optimization.iterations),)
    sizes: dict[tuple[int, int], None] = {}  # small ratios and alignment repeat sizes
    ratio, side = optimization.octave_ratio, float(optimization.smallest_octave or default_smallest_octave(long_side))
    while side * math.sqrt(ratio) <= long_side:
        size = scaled_size(height, width, round(side))
        if round(side) > above and min(size) >= LEAST_SIDE:
            sizes[_aligned(*size, alignment)] = None
        side = max(side * ratio, side + 1)
    sizes.pop(full_size, None)
    chosen = [*sizes, full_size][-optimization.max_octaves :]
    return tuple(Octave(*size, iterations_at(max(size), optimization)) for size in chosen)


def _aligned(height: int, width: int, alignment: int) -> tuple[int, int]:
    """Round both sides to the nearest multiple of a number, at least to the number itself."""
    return alignment * max(1, round(height / alignment)), alignment * max(1, round(width / alignment))


def total_effort(octaves: Iterable[Octave]) -> float:
    """Sum the arithmetic of octaves, in pixels through the encoder forward and backward."""
    return sum(octave.effort * octave.iterations for octave in octaves)


def smoothed(image: Tensor) -> Tensor:
    """Smooth an image, B×C×h×w, by 1 2 1 in both directions."""
    import torch.nn.functional as F

    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 2, 1), 2, 1)


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


def _halvings(long_side: int) -> float:
    """Return how many times :data:`REFERENCE_SIDE` is halved to reach a long side in pixels; 0 for larger ones."""
    return max(0.0, math.log2(REFERENCE_SIDE / long_side))
