"""Pictures continued beyond their borders, to whole cells for every pooling.

A pooling leaves out the last row or column of an odd length, so that up to fifteen rows of a picture are seen by the
shallow layers alone, and what is painted there looks like nothing in the painting.

*Bleeding*, a picture is painted larger than it is, on all sides, and trimmed. At the border of what is painted every
layer sees the picture's mirror image in place of a picture, so that a few pixels of a frame appear there; they are cut
off. *Mirrored*, only the picture itself is painted. What lies beyond its right and lower border is there for the
features at the border: were it measured as well, the last rows would count twice, and be painted twice as hard.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.engine.loss import Loss
from impasto.engine.objective import Objective
from impasto.engine.tiles import Box

BLEED = 8
"""Pixels on each side at least, in every octave: with 4 a pale line along the border can still be seen."""


def bled_size(height: int, width: int, layers: Iterable[Layer]) -> tuple[int, int]:
    """The size to paint at so that :data:`BLEED` pixels can be trimmed on each side, in whole cells.

    Args:
        height: in pixels, of what is to be left.
        width: in pixels.
        layers: in use.
    """
    return mirrored_size(height + 2 * BLEED, width + 2 * BLEED, layers)


def bled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture in the middle of a larger size, continued by its own mirror image; B×C×h×w to B×C×H×W."""
    height, width = picture.shape[-2:]
    if size == (height, width):
        return picture
    at = middle(size, (height, width))
    return F.pad(picture, (at.left, size[1] - at.right, at.top, size[0] - at.bottom), mode="reflect")


def trimmed(image: Tensor, size: tuple[int, int]) -> Tensor:
    """What :func:`bled` began with, of what was made of it; B×C×H×W to B×C×h×w, its memory shared."""
    return image[(..., *middle((image.shape[-2], image.shape[-1]), size).slices)]


def middle(whole: tuple[int, int], size: tuple[int, int]) -> Box:
    """Where :func:`bled` puts a picture.

    Args:
        whole: height and width of what is painted.
        size: of the picture.
    """
    top, left = ((there - here) // 2 for there, here in zip(whole, size, strict=True))
    return Box(top, left, top + size[0], left + size[1])


def mirrored_size(height: int, width: int, layers: Iterable[Layer]) -> tuple[int, int]:
    """The next size whose sides are multiples of the deepest layer's stride.

    Args:
        height: in pixels.
        width: in pixels.
        layers: in use.
    """
    stride = max((layer.stride for layer in layers), default=1)
    return -(-height // stride) * stride, -(-width // stride) * stride


def mirrored(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture continued to a larger size by its own mirror image, without its border twice; B×C×h×w to B×C×H×W."""
    down, across = (there - here for there, here in zip(size, picture.shape[-2:], strict=True))
    return F.pad(picture, (0, across, 0, down), mode="reflect") if down or across else picture


def folded(gradient: Tensor, size: tuple[int, int]) -> Tensor:
    """The gradient by a picture, from that by what :func:`mirrored` made of it; B×C×H×W to B×C×h×w, its memory shared.

    Args:
        gradient: changed in place.
        size: h×w, of the picture.
    """
    for axis, length in ((-2, size[0]), (-1, size[1])):
        beyond = gradient.shape[axis] - length
        if beyond:
            gradient.narrow(axis, length - 1 - beyond, beyond).add_(gradient.narrow(axis, length, beyond).flip(axis))
    return gradient[..., : size[0], : size[1]]


class Mirrored:
    """The objective of a picture as :func:`mirrored` continues it, as a function of the picture.

    Args:
        objective: of the larger picture, of which the picture itself counts.
        size: height and width of the larger picture.
    """

    def __init__(self, objective: Objective, size: tuple[int, int]) -> None:
        self.objective, self.size = objective, size

    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """The loss, and its gradient with respect to the image, both without a graph.

        Args:
            image: 1×3×H×W.
        """
        loss, gradient = self.objective.value_and_gradient(mirrored(image, self.size))
        return loss, folded(gradient, (image.shape[-2], image.shape[-1])).contiguous()
