"""Tone: what is light in the photograph stays light in the painting, in the painting's own lights and darks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.strokes import LUMA, windows_like

CELLS = 128
"""Number of windows along the long side of the picture."""

LEAST_VARIANCE = 1e-4
"""Smallest variance of the target that the differences are relative to."""


@dataclass(frozen=True)
class Tone:
    """Penalty on the differences of blurred luminance to a target.

    Attributes:
        weight: weight in the loss.
        target: 1×1×h×w, from :func:`tone_target`.
    """

    weight: float
    target: Tensor

    def add_gradient(self, image: Tensor, gradient: Tensor) -> float:
        """Add the weighted gradient in place, and return the mean squared difference over the target's variance."""
        rows, columns = _windows(image)
        difference = rows @ _luminance(image) @ columns.mT - self.target
        scale = difference.numel() * self.target.var(correction=0).clamp_min(LEAST_VARIANCE)
        by_luminance = rows.mT @ (difference * (2 * self.weight / scale)) @ columns
        for channel, share in enumerate(LUMA):
            gradient[:, channel : channel + 1].add_(by_luminance, alpha=share)
        return (difference.square().sum() / scale).item()


def tone_target(photograph: Tensor, styles: Iterable[Tensor], weights: Sequence[float]) -> Tensor:
    """Blur the photograph's luminance, and map it to the distribution of the styles' blurred luminance, by rank.

    The quantiles of several styles are averaged.

    Args:
        photograph: 1×3×H×W in [0, 1].
        styles: 1×3×h×w in [0, 1] each, of any sizes, as the windows grow with them.
        weights: weight of each style.

    Returns:
        1×1×h×w, with a long side of about :data:`CELLS`.
    """
    blurred = blurred_luminance(photograph)
    quantiles = blurred.new_zeros(1, 1, blurred.numel())
    for style, weight in zip(styles, weights, strict=True):
        ordered = blurred_luminance(style.to(blurred)).flatten().sort().values
        quantiles += weight / sum(weights) * F.interpolate(ordered[None, None], blurred.numel(), mode="linear")
    target = torch.empty_like(blurred.flatten())
    target[blurred.flatten().argsort(stable=True)] = quantiles.flatten()
    return target.view_as(blurred)


def _luminance(image: Tensor) -> Tensor:
    """Compute the luminance of an image, 1×1×H×W."""
    return (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _windows(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrices that average rows and columns of an image over windows."""
    shape = image.shape[-2:]
    stride = max(1, min(round(max(shape) / CELLS), *shape))  # a side shorter than a cell has one window
    return windows_like(image, stride, float(stride))


def blurred_luminance(image: Tensor) -> Tensor:
    """Average an image's luminance over windows, 1×1×h×w with a long side of about :data:`CELLS`."""
    rows, columns = _windows(image)
    return rows @ _luminance(image) @ columns.mT
