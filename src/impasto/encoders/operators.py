"""Operators of an encoder besides its convolutions: padding by one position, and average pooling.

Both equal PyTorch's, with a different backward pass. PyTorch's fills a tensor with zeros and accumulates into it, in an
order that is not deterministic on a GPU, and its circular padding loses the channels-last layout. The backward passes
here write each value of the gradient once.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

CopyMode = Literal["reflect", "replicate", "circular"]
"""Padding modes that copy positions of the features, with PyTorch's names."""

_SOURCES: dict[CopyMode, tuple[int, int]] = {"reflect": (2, -3), "replicate": (1, -2), "circular": (-2, 1)}
"""Rows of the padded features that the first and the last row copy."""


def pad(x: Tensor, mode: CopyMode) -> Tensor:
    """Pad features by one position on each side; the gradient cannot be differentiated again.

    The backward pass modifies the incoming gradient in place, so nothing else may use that tensor.

    Args:
        x: B×C×H×W; ``reflect`` needs H and W of at least 2.
        mode: ``reflect`` mirrors without repeating the outermost row, ``replicate`` repeats that row, and ``circular``
            continues from the opposite side.

    Returns:
        B×C×(H+2)×(W+2), channels last.
    """
    result: Tensor = _Pad.apply(x, *_SOURCES[mode])
    return result


class _Pad(torch.autograd.Function):
    """Padding whose backward pass works in place, on a gradient that a convolution has just created."""

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


def average_pool(x: Tensor) -> Tensor:
    """Average 2×2 positions with stride 2, like ``avg_pool2d`` with a faster backward pass.

    Args:
        x: B×C×H×W; an odd last row or column is dropped.

    Returns:
        B×C×⌊H/2⌋×⌊W/2⌋.
    """
    result: Tensor = _AveragePool.apply(x)
    return result


class _AveragePool(torch.autograd.Function):
    """Average pooling whose backward pass writes each value once instead of accumulating into zeros."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[-2:]
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        g = F.interpolate(grads[0] / 4, scale_factor=2.0, mode="nearest")
        (height, width), (covered_height, covered_width) = ctx.size, g.shape[-2:]
        missing = height - covered_height, width - covered_width
        return F.pad(g, (0, missing[1], 0, missing[0])) if any(missing) else g
