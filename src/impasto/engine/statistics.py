"""The statistics of features that style distances are functions of, and their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Statistics(NamedTuple):
    """Sums over the positions of one layer's features.

    Attributes:
        weight: scalar, Σ w; the number of positions where nothing is masked.
        first: C, Σ w f.
        second: C×C, Σ w f fᵀ.
    """

    weight: Tensor
    first: Tensor
    second: Tensor

    def merged(self, other: Statistics) -> Statistics:
        """Statistics of two parts together."""
        return Statistics(self.weight + other.weight, self.first + other.first, self.second + other.second)


Core = tuple[slice, slice]
"""Rows and columns of a layer's features that count; the others are a tile's halo."""


WHOLE: Core = (slice(None), slice(None))


CHUNK = 1 << 21
"""Values of a layer that are worked on at a time: what is made of them stays in the processor's cache."""


def statistics(features: Tensor, mask: Tensor | None = None) -> Statistics:
    """Sum one layer's features, and their products, over all positions.

    Args:
        features: 1×C×H×W.
        mask: H×W weights in [0, 1]; all ones where not given.
    """
    w = None if mask is None else mask.reshape(-1, 1)
    weight = features.new_tensor(float(features[0, 0].numel())) if w is None else w.sum()
    return Statistics(weight, *_Sums.apply(features, w))


class _Sums(torch.autograd.Function):
    """Σ w f and Σ w f fᵀ of features f; the gradient of the sums is w (f (A + Aᵀ) + b)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, w: Tensor | None) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, w)
        f = _by_position(features)
        weighted = f if w is None else w * f
        return weighted.sum(0), f.mT @ weighted

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        features, w = ctx.saved_tensors
        b, A = grads
        total = torch.addmm(b, _by_position(features), A + A.mT)
        if w is not None:
            total.mul_(w)
        _, _, height, width = features.shape
        return total.view(1, height, width, -1).permute(0, 3, 1, 2), None


def _by_position(features: Tensor) -> Tensor:
    """1×C×H×W as N×C."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


def exact_statistics(features: Tensor, core: Core = WHOLE, mask: Tensor | None = None) -> Statistics:
    """Statistics for adding up over tiles, without a graph: summed about a mean, a chunk at a time, in float64.

    Σ f fᵀ / N − μ μᵀ cancels in float32 where a channel's mean is large beside its deviation, as it is in a sky. Sums
    about a point near the mean do not, and float64 then holds the sums about 0 to all their digits.

    Args:
        features: 1×C×H×W, best with the channels innermost; bfloat16 ones are summed as float32.
        core: the part that counts, h×w.
        mask: h×w weights in [0, 1]; all ones where not given.

    Returns:
        Sums in float64, on the features' device; on the CPU where that has no float64.
    """
    part = features[0].permute(1, 2, 0)[core]
    channels = part.shape[2]
    device = torch.device("cpu") if features.device.type == "mps" else features.device
    weight, first, second = (
        torch.zeros(size, dtype=torch.float64, device=device) for size in ((), (channels,), (channels, channels))
    )
    if not part.numel():
        return Statistics(weight, first, second)

    def exact(x: Tensor) -> Tensor:
        return x.to(device).double()  # in this order: the device it comes from may not have them

    near = _near_mean(part, mask)
    for rows in _chunks(part):
        f = part[rows].reshape(-1, channels) - near
        w = None if mask is None else mask[rows].reshape(-1, 1)
        weighted = f if w is None else f * w
        weight += len(f) if w is None else exact(w.sum(dtype=at_least_float32(w.dtype)))
        first += exact(weighted.sum(0))
        second += exact(f.mT @ weighted)
    k = exact(near)
    cross = first[:, None] * k
    return Statistics(weight, first + weight * k, second + cross + cross.mT + weight * (k[:, None] * k))


def _near_mean(part: Tensor, mask: Tensor | None) -> Tensor:
    """A point near the mean of h×w×C features, in float32 at least, C: the mean of some hundreds of them.

    Of those that count most, as a mask may choose a few that are like one another and unlike all others.
    """
    height, width, channels = part.shape
    if mask is None:
        some = part[:: max(1, height // 32), :: max(1, width // 32)].reshape(-1, channels)
    else:
        most = (mask >= 0.5 * mask.max()).nonzero()
        some = part[most[:: max(1, len(most) // 1024)].unbind(1)]
    return some.mean(0, dtype=at_least_float32(part.dtype))


def add_statistics_gradient(
    gradient: Tensor,
    features: Tensor,
    slope: Statistics,
    centre: Tensor,
    core: Core = WHOLE,
    mask: Tensor | None = None,
) -> None:
    """Add to the features' gradient, in place, what their statistics contribute: w (f (A + Aᵀ) + b).

    It is computed as w ((f − k) (A + Aᵀ) + (b + k (A + Aᵀ))). By the distances here b takes back most of what a mean
    contributes by A, so that about 0 the difference of two large numbers would be left: little but rounding where a
    part of a picture is flat.

    Args:
        gradient: 1×C×H×W, best with the channels innermost.
        features: 1×C×H×W, likewise. In bfloat16 the product is as precise as those of the convolutions.
        slope: of the loss by each of the statistics, A by ``second`` and b by ``first``, in float64; on any device.
        centre: C, k, near the mean of the features that count; any value is right. In float64.
        core: the part that counts, h×w.
        mask: h×w weights in [0, 1]; all ones where not given.
    """
    onto, part = gradient[0].permute(1, 2, 0)[core], features[0].permute(1, 2, 0)[core]
    channels = part.shape[2]
    k = centre.to(features.dtype)
    exact = slope.second + slope.second.mT
    A, b = exact.to(features), (slope.first + k.to(slope.first) @ exact).to(features)
    k = k.to(features.device)
    for rows in _chunks(part):
        f, place = part[rows].reshape(-1, channels) - k, onto[rows]
        if mask is None and place.is_contiguous():
            place.view(-1, channels).addmm_(f, A).add_(b)
            continue
        change = torch.addmm(b, f, A)
        if mask is not None:
            change *= mask[rows].reshape(-1, 1)
        place += change.view(place.shape)


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """The precision to sum values of a dtype in."""
    return torch.promote_types(dtype, torch.float32)


def _chunks(part: Tensor) -> Iterator[slice]:
    """Rows of an h×w×C tensor, so many at a time that they are about :data:`CHUNK` values; all at once on a GPU."""
    height, width, channels = part.shape
    step = max(1, CHUNK // max(1, width * channels)) if part.device.type == "cpu" else max(1, height)
    return (slice(row, row + step) for row in range(0, height, step))


def gram(s: Statistics) -> Tensor:
    """Gram matrix G = Σ f fᵀ / N, C×C, in the normalisation of TensorFlow's tutorial (Gatys et al. 2015, eq. 3)."""
    return s.second / s.weight


def mean(s: Statistics) -> Tensor:
    """Mean feature μ, C."""
    return s.first / s.weight


def covariance(s: Statistics) -> Tensor:
    """Covariance of the features, C×C, with denominator N."""
    mu = mean(s)
    return gram(s) - mu[:, None] * mu
