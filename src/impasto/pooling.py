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
        ctx.size = x.shape
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        g = grads[0] / 4
        height, width = g.shape[-2:]
        whole = (*g.shape[:2], 2 * height, 2 * width)
        make = torch.empty if whole == ctx.size else torch.zeros
        out = make(ctx.size, dtype=g.dtype, device=g.device).contiguous(memory_format=torch.channels_last)
        cells = out[..., : 2 * height, : 2 * width].unflatten(-2, (height, 2)).unflatten(-1, (width, 2))
        cells.copy_(g[:, :, :, None, :, None].expand_as(cells))
        return out
