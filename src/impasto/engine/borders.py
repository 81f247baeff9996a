"""Padding of pictures to multiples of the poolings' stride.

A pooling drops the last row or column of an odd length. Without padding, up to fifteen rows of a picture would reach
the shallow layers alone, and the paint there would resemble nothing in the style.

With borders that *bleed*, a picture is painted larger than it is on all sides, and trimmed. At the outer border every
layer sees the picture's mirror image, which paints a frame of a few pixels; trimming removes it. With *mirrored*
borders only the picture itself is painted. The padding at its right and lower border gives context to the features
there. It does not count in the loss: the last rows would otherwise count twice.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.engine.loss import ImageLoss, Loss
from impasto.engine.tiles import Box

BLEED = 10
"""Smallest margin in pixels on each side, in every octave; with 8 some small paintings have a faint frame."""


def bled_size(height: int, width: int, layers: Iterable[Layer]) -> tuple[int, int]:
    """Compute the size to paint at, a multiple of the stride that leaves :data:`BLEED` pixels to trim on each side.

    Args:
        height: height after trimming, in pixels.
        width: width after trimming, in pixels.
        layers: layers in use.
    """
    return mirrored_size(height + 2 * BLEED, width + 2 * BLEED, layers)


def bled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Centre a picture in a larger size, padded by reflection; B×C×h×w to B×C×H×W."""
    height, width = picture.shape[-2:]
    if size == (height, width):
        return picture
    at = middle(size, (height, width))
    return F.pad(picture, (at.left, size[1] - at.right, at.top, size[0] - at.bottom), mode="reflect")


def trimmed(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo :func:`bled`; B×C×H×W to B×C×h×w, a view."""
    return image[(..., *middle((image.shape[-2], image.shape[-1]), size).slices)]


def middle(whole: tuple[int, int], size: tuple[int, int]) -> Box:
    """Return the box into which :func:`bled` puts a picture.

    Args:
        whole: height and width of the padded picture.
        size: height and width of the picture.
    """
    top, left = ((there - here) // 2 for there, here in zip(whole, size, strict=True))
    return Box(top, left, top + size[0], left + size[1])


def mirrored_size(height: int, width: int, layers: Iterable[Layer]) -> tuple[int, int]:
    """Round both sides up to multiples of the deepest layer's stride.

    Args:
        height: height in pixels.
        width: width in pixels.
        layers: layers in use.
    """
    stride = max((layer.stride for layer in layers), default=1)
    return -(-height // stride) * stride, -(-width // stride) * stride


def mirrored(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Pad a picture at its right and lower border by reflection; B×C×h×w to B×C×H×W."""
    down, across = (there - here for there, here in zip(size, picture.shape[-2:], strict=True))
    return F.pad(picture, (0, across, 0, down), mode="reflect") if down or across else picture


def folded(gradient: Tensor, size: tuple[int, int]) -> Tensor:
    """Fold the gradient by a padded picture back onto the picture, the adjoint of :func:`mirrored`.

    Args:
        gradient: B×C×H×W, changed in place.
        size: h×w, the size of the picture.

    Returns:
        B×C×h×w, a view.
    """
    for axis, length in ((-2, size[0]), (-1, size[1])):
        beyond = gradient.shape[axis] - length
        if beyond:
            gradient.narrow(axis, length - 1 - beyond, beyond).add_(gradient.narrow(axis, length, beyond).flip(axis))
    return gradient[..., : size[0], : size[1]]


class Mirrored:
    """The loss of a padded picture, as a function of the picture itself.

    Args:
        objective: loss of the padded picture, in which the picture itself counts.
        size: height and width of the padded picture.
    """

    def __init__(self, objective: ImageLoss, size: tuple[int, int]) -> None:
        self.objective, self.size = objective, size

    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """Compute the loss and its gradient with respect to the image, both without a graph.

        Args:
            image: 1×3×H×W.
        """
        loss, gradient = self.objective.value_and_gradient(mirrored(image, self.size))
        return loss, folded(gradient, (image.shape[-2], image.shape[-1])).contiguous()
