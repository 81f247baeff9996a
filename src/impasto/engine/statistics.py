"""Statistics of features, which the style distances are functions of, and their gradient.

They are sums over positions, so the statistics of a picture are the sum of those of its tiles. Gram matrix, mean and
covariance follow from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Statistics(NamedTuple):
    """Sums over the positions of one layer's features.

    Attributes:
        weight: scalar, Σ w; without a mask the number of positions.
        first: C, Σ w f.
        second: C×C, Σ w f fᵀ.
    """

    weight: Tensor
    first: Tensor
    second: Tensor

    def merged(self, other: Statistics) -> Statistics:
        """Add the statistics of another part."""
        return Statistics(self.weight + other.weight, self.first + other.first, self.second + other.second)


Core = tuple[slice, slice]
"""Rows and columns of a layer's features that count; the rest is a tile's halo."""

WHOLE: Core = (slice(None), slice(None))

CHUNK = 1 << 20
"""Values of a layer that are processed at a time, so that intermediate results stay in the processor's cache."""


def statistics(features: Tensor, mask: Tensor | None = None) -> Statistics:
    """Sum one layer's features, and their products, over all positions.

    Args:
        features: 1×C×H×W.
        mask: H×W weights in [0, 1]; all ones by default.
    """
    w = None if mask is None else mask.reshape(-1, 1)
    weight = features.new_tensor(float(features[0, 0].numel())) if w is None else w.sum()
    return Statistics(weight, *_Sums.apply(features, w))


class _Sums(torch.autograd.Function):
    """Compute Σ w f and Σ w f fᵀ of features f; the gradient of the sums is w (f (A + Aᵀ) + b)."""

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
    """View 1×C×H×W as N×C."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


def exact_statistics(features: Tensor, core: Core = WHOLE, mask: Tensor | None = None) -> Statistics:
    """Sum the statistics of a tile, without a graph: about a point near the mean, chunk by chunk, in float64.

    Σ f fᵀ / N − μ μᵀ cancels in float32 if a channel's mean is large against its deviation, as in a sky. Sums about a
    point near the mean do not cancel, and float64 then holds the sums about 0 to all their digits.

    Args:
        features: 1×C×H×W, fastest in channels-last layout; bfloat16 is summed as float32.
        core: the part that counts, h×w.
        mask: h×w weights in [0, 1]; all ones by default.

    Returns:
        Sums in float64, on the features' device; on the CPU if that device has no float64.
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
        return x.to(device).double()  # in this order: the source device may lack float64

    near = _near_mean(part, mask)
    minus_near = _long_enough(-near, part)
    for rows in _chunks(part):
        f = _plus(part[rows], minus_near).view(-1, channels)
        w = None if mask is None else mask[rows].reshape(-1, 1)
        weighted = f if w is None else f * w
        weight += len(f) if w is None else exact(w.sum(dtype=at_least_float32(w.dtype)))
        first += exact(weighted.sum(0))
        second += exact(f.mT @ weighted)
    k = exact(near)
    cross = first[:, None] * k
    return Statistics(weight, first + weight * k, second + cross + cross.mT + weight * (k[:, None] * k))


def _near_mean(part: Tensor, mask: Tensor | None) -> Tensor:
    """Average some hundreds of h×w×C features, in float32 at least; C values near the mean of all.

    With a mask they are taken where it weighs most, as it may select a few that are alike and unlike all others.
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
    """Add the contribution of the statistics to the features' gradient in place: w (f (A + Aᵀ) + b).

    It is computed as w ((f − k) (A + Aᵀ) + (b + k (A + Aᵀ))). In the distances here b nearly cancels the contribution
    of the mean by A. Computed about 0, the difference of two large numbers would remain: mostly rounding error in flat
    parts of a picture.

    Args:
        gradient: 1×C×H×W, fastest in channels-last layout.
        features: 1×C×H×W, likewise. In bfloat16 the product is as precise as those of the convolutions.
        slope: slope of the loss by each of the statistics, A by ``second`` and b by ``first``; float64, any device.
        centre: k, C values near the mean of the features that count, in float64; any values are correct.
        core: the part that counts, h×w.
        mask: h×w weights in [0, 1]; all ones by default.
    """
    onto, part = gradient[0].permute(1, 2, 0)[core], features[0].permute(1, 2, 0)[core]
    channels = part.shape[2]
    k = centre.to(features.dtype)
    exact = slope.second + slope.second.mT
    A, b = exact.to(features), (slope.first + k.to(slope.first) @ exact).to(features)
    minus_k, b = _long_enough(-k.to(features.device), part), _long_enough(b, part)
    for rows in _chunks(part):
        f, place = _plus(part[rows], minus_k), onto[rows]
        if mask is None and place.is_contiguous():
            place.view(-1, channels).addmm_(f.view(-1, channels), A)
            _add_vector(place, b)
            continue
        change = _add_vector(f @ A, b)
        if mask is not None:
            change *= mask[rows][..., None]
        place += change


def _long_enough(vector: Tensor, part: Tensor) -> Tensor:
    """Repeat C values, to be added to the channels of h×w×C, to the length of a row of w·C values if that is faster.

    PyTorch 2.13 adds a vector of fewer than 32 bfloat16 values without vector instructions, ten times slower.
    """
    return vector.repeat(part.shape[1]) if part.dtype == torch.bfloat16 else vector


def _plus(x: Tensor, vector: Tensor) -> Tensor:
    """Add the result of :func:`_long_enough` to the channels of h×w×C, out of place; contiguous."""
    return (x.contiguous().view(-1, len(vector)) + vector).view(x.shape)


def _add_vector(x: Tensor, vector: Tensor) -> Tensor:
    """Add the result of :func:`_long_enough` to the channels of contiguous h×w×C in place, and return it."""
    x.view(-1, len(vector)).add_(vector)
    return x


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Return the precision in which to sum values of a dtype."""
    return torch.promote_types(dtype, torch.float32)


def exact_dtype(x: Tensor) -> torch.dtype:
    """Return float64, or float32 on a device that lacks it."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def _chunks(part: Tensor) -> Iterator[slice]:
    """Split the rows of an h×w×C tensor into chunks of about :data:`CHUNK` values; into one chunk on a GPU."""
    height, width, channels = part.shape
    step = max(1, CHUNK // max(1, width * channels)) if part.device.type == "cpu" else max(1, height)
    return (slice(row, row + step) for row in range(0, height, step))


def gram(s: Statistics) -> Tensor:
    """Compute the Gram matrix G = Σ f fᵀ / N, C×C, normalised as in TensorFlow's tutorial (Gatys 2015, eq. 3)."""
    return s.second / s.weight


def mean(s: Statistics) -> Tensor:
    """Compute the mean feature μ, C."""
    return s.first / s.weight


def covariance(s: Statistics) -> Tensor:
    """Compute the covariance of the features, C×C, with denominator N."""
    mu = mean(s)
    return gram(s) - mu[:, None] * mu
