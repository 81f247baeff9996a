"""Penalties on pixels alone: total variation and overshoot.

Each has a plain form, a scalar with a graph, and a form for the loop, which adds its gradient in place without a graph
or further tensors of the image's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from impasto.engine.statistics import CHUNK, exact_dtype
from impasto.settings.model import Losses


class PixelPenalty(Protocol):
    """A term of the loss that depends on the pixels alone."""

    @property
    def weight(self) -> float:
        """Weight of the term in the loss."""
        ...

    def add_gradient(self, image: Tensor, gradient: Tensor) -> float:
        """Add the weighted gradient in place, and return the unweighted value.

        Args:
            image: 1×C×H×W.
            gradient: 1×C×H×W, changed in place.
        """
        ...


@dataclass(frozen=True)
class TotalVariation:
    """:func:`total_variation` in the loop.

    Attributes:
        weight: weight in the loss.
        over: as in :func:`total_variation`.
        wrap: whether the image is periodic.
    """

    weight: float
    over: Literal["mean", "sum"] = "mean"
    wrap: bool = False

    def add_gradient(self, image: Tensor, gradient: Tensor) -> float:
        """Add the weighted gradient in place, and return the unweighted value."""
        scale = 1 / image.numel() if self.over == "mean" else 1.0
        return scale * add_total_variation(image, self.weight * scale, gradient, wrap=self.wrap)


@dataclass(frozen=True)
class Overshoot:
    """:func:`overshoot` in the loop.

    Attributes:
        weight: weight in the loss.
    """

    weight: float

    def add_gradient(self, image: Tensor, gradient: Tensor) -> float:
        """Add the weighted gradient in place, and return the unweighted value."""
        return add_overshoot(image, self.weight, gradient)


def pixel_penalties(losses: Losses, scale: float, *, wrap: bool = False) -> dict[str, PixelPenalty]:
    """Make the penalties that the settings give a weight, by name.

    Args:
        losses: weights of the terms.
        scale: weight of content and style together, which the weight of the overshoot is relative to.
        wrap: whether the image is periodic.
    """
    penalties: dict[str, PixelPenalty] = {}
    if losses.total_variation:
        penalties["total_variation"] = TotalVariation(losses.total_variation, losses.total_variation_over, wrap)
    if losses.overshoot * scale:
        penalties["overshoot"] = Overshoot(losses.overshoot * scale)
    return penalties


def total_variation(image: Tensor, over: Literal["mean", "sum"] = "mean") -> Tensor:
    """Sum the absolute differences of neighbouring pixels, down and right (Rudin, Osher and Fatemi 1992, anisotropic).

    Args:
        image: 1×C×H×W.
        over: ``mean`` divides the sum by the image's C·H·W values; ``sum`` is ``tf.image.total_variation``.

    Returns:
        Scalar, in the image's units. A direction in which the image is one pixel wide adds nothing.
    """
    down = (image[..., 1:, :] - image[..., :-1, :]).abs().sum()
    right = (image[..., :, 1:] - image[..., :, :-1]).abs().sum()
    return (down + right) / image.numel() if over == "mean" else down + right


def add_total_variation(image: Tensor, weight: float, gradient: Tensor, *, wrap: bool = False) -> float:
    """Add the weighted gradient of the summed total variation in place.

    Args:
        image: 1×C×H×W.
        weight: weight of the sum in the loss.
        gradient: 1×C×H×W, changed in place.
        wrap: whether the image is periodic, so that its first row and column also neighbour its last.

    Returns:
        The unweighted sum.
    """
    total = _accumulator(image)
    for rows in _row_chunks(image):
        row = rows.start
        down, right = image[..., row : rows.stop + 1, :].diff(dim=-2), image[..., rows, :].diff(dim=-1)
        for change in (down, right):
            total += change.abs().sum()
        down, right = down.sign_().mul_(weight), right.sign_().mul_(weight)
        gradient[..., row + 1 : row + 1 + down.shape[-2], :] += down
        gradient[..., row : row + down.shape[-2], :] -= down
        gradient[..., rows, 1:] += right
        gradient[..., rows, :-1] -= right
    for axis in (-2, -1) if wrap else ():
        last = image.shape[axis] - 1
        change = image.select(axis, 0) - image.select(axis, last)
        total += change.abs().sum()
        change.sign_().mul_(weight)
        gradient.select(axis, 0).add_(change)
        gradient.select(axis, last).sub_(change)
    return total.item()


def overshoot(image: Tensor) -> Tensor:
    """Average the squares of the amounts by which an image's values exceed [0, 1], a scalar.

    An optimiser without bounds leaves the range in which a picture is shown, and loses its gain there when the pixels
    are clamped.

    Args:
        image: 1×C×H×W.
    """
    return (image - image.clamp(0, 1)).square().mean()


def add_overshoot(image: Tensor, weight: float, gradient: Tensor) -> float:
    """Add the weighted gradient of :func:`overshoot` in place.

    Args:
        image: 1×C×H×W.
        weight: weight of the mean in the loss.
        gradient: 1×C×H×W, changed in place.

    Returns:
        The unweighted mean.
    """
    total = _accumulator(image)
    for rows in _row_chunks(image):
        excess = image[..., rows, :] - image[..., rows, :].clamp(0, 1)
        total += excess.square().sum()
        gradient[..., rows, :] += excess.mul_(2 * weight / image.numel())
    return total.item() / image.numel()


def _accumulator(image: Tensor) -> Tensor:
    """Return a zero to sum into, in float64 if the device has it."""
    return image.new_zeros((), dtype=exact_dtype(image))


def _row_chunks(image: Tensor) -> Iterator[slice]:
    """Split the rows of a 1×C×H×W image into chunks of about :data:`CHUNK` values; into one chunk on a GPU."""
    height, width = image.shape[-2:]
    step = max(1, CHUNK // max(1, image.shape[1] * width)) if image.device.type == "cpu" else height
    return (slice(row, row + step) for row in range(0, height, step))
