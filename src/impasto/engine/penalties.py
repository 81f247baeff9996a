"""Penalties on pixels alone: total variation and overshoot."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from impasto.engine.statistics import CHUNK


def total_variation(image: Tensor, over: Literal["mean", "sum"] = "mean") -> Tensor:
    """Absolute difference of neighbouring pixels, down plus right (Rudin, Osher and Fatemi 1992, anisotropic).

    Args:
        image: 1×C×H×W.
        over: ``mean`` divides the sum by the image's C·H·W values; ``sum`` is ``tf.image.total_variation``.

    Returns:
        Scalar, in the image's units. A direction in which the image is one pixel wide counts nothing.
    """
    down = (image[..., 1:, :] - image[..., :-1, :]).abs().sum()
    right = (image[..., :, 1:] - image[..., :, :-1]).abs().sum()
    return (down + right) / image.numel() if over == "mean" else down + right


def add_total_variation(image: Tensor, weight: float, gradient: Tensor, *, wrap: bool = False) -> float:
    """Sum of :func:`total_variation`, its weighted gradient added in place, without a graph or tensors of that size.

    Args:
        image: 1×C×H×W.
        weight: of the sum, in the loss.
        gradient: 1×C×H×W.
        wrap: the image is periodic: its first row and column are also neighbours of its last.

    Returns:
        The unweighted sum.
    """
    total = image.new_zeros((), dtype=torch.float32 if image.device.type == "mps" else torch.float64)
    height, width = image.shape[-2:]
    step = max(1, CHUNK // max(1, image.shape[1] * width)) if image.device.type == "cpu" else height
    for row in range(0, height, step):
        down, right = image[..., row : row + step + 1, :].diff(dim=-2), image[..., row : row + step, :].diff(dim=-1)
        for change in (down, right):
            total += change.abs().sum()
        down, right = down.sign_().mul_(weight), right.sign_().mul_(weight)
        gradient[..., row + 1 : row + 1 + down.shape[-2], :] += down
        gradient[..., row : row + down.shape[-2], :] -= down
        gradient[..., row : row + step, 1:] += right
        gradient[..., row : row + step, :-1] -= right
    for axis in (-2, -1) if wrap else ():
        last = image.shape[axis] - 1
        change = image.select(axis, 0) - image.select(axis, last)
        total += change.abs().sum()
        change.sign_().mul_(weight)
        gradient.select(axis, 0).add_(change)
        gradient.select(axis, last).sub_(change)
    return total.item()


def overshoot(image: Tensor) -> Tensor:
    """Mean square of what an image's values exceed [0, 1] by, a scalar.

    An optimiser that knows no bounds leaves the range in which a picture is shown, and what it had gained there is lost
    when the pixels are put back.

    Args:
        image: 1×C×H×W.
    """
    return (image - image.clamp(0, 1)).square().mean()


def add_overshoot(image: Tensor, weight: float, gradient: Tensor) -> float:
    """:func:`overshoot`, its weighted gradient added in place, without a graph or tensors of that size.

    Args:
        image: 1×C×H×W.
        weight: of the mean, in the loss.
        gradient: 1×C×H×W.

    Returns:
        The unweighted mean.
    """
    total = image.new_zeros((), dtype=torch.float32 if image.device.type == "mps" else torch.float64)
    height, width = image.shape[-2:]
    step = max(1, CHUNK // max(1, image.shape[1] * width)) if image.device.type == "cpu" else height
    for rows in (slice(row, row + step) for row in range(0, height, step)):
        excess = image[..., rows, :] - image[..., rows, :].clamp(0, 1)
        total += excess.square().sum()
        gradient[..., rows, :] += excess.mul_(2 * weight / image.numel())
    return total.item() / image.numel()
