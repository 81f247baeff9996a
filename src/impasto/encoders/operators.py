"""The operators of an encoder beside its convolutions: padding by one position, and average pooling.

PyTorch has both. Its backward pass fills a tensor with zeros and scatters every position into it, in an order that a
GPU leaves open, and its circular padding loses the channels-last layout. These write each gradient value once.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Mode = Literal["reflect", "replicate", "wrap"]

_SOURCES: dict[Mode, tuple[int, int]] = {"reflect": (2, -3), "replicate": (1, -2), "wrap": (-2, 1)}
"""Which row of the padded features the first one repeats, and which the last."""


def padded(x: Tensor, mode: Mode) -> Tensor:
    """Features with a border of one position; its gradient may be had once, not differentiated again.

    Args:
        x: B×C×H×W, where mirroring needs H and W of at least 2.
        mode: ``reflect``: mirrored, without the outermost row twice. ``replicate``: the outermost row again. ``wrap``:
            continued from the other side.

    Returns:
        B×C×(H+2)×(W+2), the channels innermost.
    """
    result: Tensor = _Padded.apply(x, *_SOURCES[mode])
    return result


class _Padded(torch.autograd.Function):
    """The way back works in place: a convolution gives a gradient of its own, that nothing else sees."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, first: int, last: int) -> Tensor:
        ctx.sources = first, last
        batch, channels, height, width = x.shape
        out = torch.empty(
            (batch, channels, height + 2, width + 2),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        out[..., 1:-1, 1:-1] = x
        out[..., 0, 1:-1], out[..., -1, 1:-1] = out[..., first, 1:-1], out[..., last, 1:-1]
        out[..., 0], out[..., -1] = out[..., first], out[..., last]
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (g,) = grads
        first, last = ctx.sources
        g[..., first] += g[..., 0]
        g[..., last] += g[..., -1]
        g[..., first, 1:-1] += g[..., 0, 1:-1]
        g[..., last, 1:-1] += g[..., -1, 1:-1]
        return g[..., 1:-1, 1:-1], None, None


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
