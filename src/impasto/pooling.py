"""The means of 2×2 positions, between an encoder's blocks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def average_pooled(x: Tensor) -> Tensor:
    """Means of 2×2 positions; an odd last row or column is left out. As ``avg_pool2d``, with a faster way back.

    Args:
        x: B×C×H×W.

    Returns:
        B×C×h×w, h and w being H and W halved and rounded down.
    """
    result: Tensor = _AveragePooled.apply(x)
    return result


class _AveragePooled(torch.autograd.Function):
    """PyTorch's way back fills a tensor with zeros and adds to it; here each value is written once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[-2:]
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        g = F.interpolate(grads[0] / 4, scale_factor=2.0, mode="nearest")
        (height, width), (here, there) = ctx.size, g.shape[-2:]
        return F.pad(g, (0, width - there, 0, height - here)) if (height, width) != (here, there) else g
