"""Operators of an encoder besides its convolutions: padding by one position, average and binomial pooling.

They equal compositions of PyTorch's, with a different backward pass. PyTorch's fills a tensor with zeros and
accumulates into it, in an order that is not deterministic on a GPU, and its circular padding loses the channels-last
layout. The backward passes here write each value of the gradient once.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

CopyMode = Literal["reflect", "replicate", "circular"]
"""Padding modes that copy positions of the features, with PyTorch's names."""

Pooling = Literal["average", "binomial", "max"]

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


def pool(x: Tensor, pooling: Pooling, *, wrap: bool = False) -> Tensor:
    """Halve the height and width of features.

    Args:
        x: B×C×H×W; an odd last row or column is dropped, except by binomial pooling, which needs it as a neighbour.
        pooling: the average or the maximum of 2×2 positions, or a binomial filter.
        wrap: as for :func:`binomial_pool`; the other poolings need no positions beyond the border.

    Returns:
        B×C×⌊H/2⌋×⌊W/2⌋.
    """
    match pooling:
        case "average":
            return average_pool(x)
        case "binomial":
            return binomial_pool(x, wrap=wrap)
        case "max":
            return F.max_pool2d(x, 2)


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


def binomial_pool(x: Tensor, *, wrap: bool = False) -> Tensor:
    """Pool with the weights 1 3 3 1 in both directions and stride 2, which aliases less than an average (Zhang 2019).

    Args:
        x: B×C×H×W, with H and W of at least 2; beyond the border, the outermost positions repeat.
        wrap: whether the features continue from the opposite side instead; H and W must then be even.

    Returns:
        B×C×⌊H/2⌋×⌊W/2⌋, channels last.
    """
    result: Tensor = _BinomialPool.apply(x, wrap)
    return result


class _BinomialPool(torch.autograd.Function):
    """Binomial pooling as a depthwise convolution; its adjoint is a quarter of bilinear interpolation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, wrap: bool) -> Tensor:
        ctx.size, ctx.wrap, channels = x.shape[-2:], wrap, x.shape[1]
        row = x.new_tensor([1, 3, 3, 1]) / 8
        kernel = (row[:, None] * row).expand(channels, 1, 4, 4).contiguous(memory_format=torch.channels_last)
        return F.conv2d(pad(x, "circular" if wrap else "replicate"), kernel, stride=2, groups=channels)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        quarter = grads[0] / 4
        if ctx.wrap:
            g = F.interpolate(pad(quarter, "circular"), scale_factor=2.0, mode="bilinear")
            return g[..., 2:-2, 2:-2].contiguous(memory_format=torch.channels_last), None
        g = F.interpolate(quarter, scale_factor=2.0, mode="bilinear")
        # Interpolation repeats the last position, as the padding does. An odd length has a row or column there instead.
        missing = [size - covered for size, covered in zip(ctx.size, g.shape[-2:], strict=True)]
        g = F.pad(g, (0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else g
        for axis in (axis for axis in (-2, -1) if missing[axis]):
            g.narrow(axis, -2, 1).mul_(0.75)
            g.narrow(axis, -1, 1).mul_(0.25)
        return g, None
