"""The distances between pictures, as functions of statistics that add over parts of a picture.

A style layer with features f (C channels at N positions) is described by S = (N, Σ f, Σ f fᵀ). Gram matrix, mean,
covariance and every style distance here are functions of S alone, and S is a sum over positions: it adds over tiles,
and a mask is a weight in each sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from impasto.devices import small_matrices


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


def content_distance(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of features (Gatys et al. 2015, eq. 1, as a mean over positions and channels).

    Args:
        features: 1×C×H×W.
        target: same shape.

    Returns:
        Scalar.
    """
    return (features - target).square().mean()


def gram_distance(s: Statistics, target: Tensor) -> Tensor:
    """Mean squared difference of Gram matrices (Gatys et al. 2015, eq. 4, as a mean over the C² entries).

    Args:
        s: statistics of the picture's layer.
        target: C×C, Gram matrix of the painting's.

    Returns:
        Scalar.
    """
    return (gram(s) - target).square().mean()


class Gaussian(NamedTuple):
    """A target of :func:`wasserstein2`: mean C, covariance C×C, and the covariance's symmetric root."""

    mean: Tensor
    covariance: Tensor
    root: Tensor


def gaussian(s: Statistics, ridge: float = 1e-4) -> Gaussian:
    """The normal distribution with a layer's mean and covariance.

    Args:
        s: statistics of the painting's layer.
        ridge: added to the diagonal, as a share of the mean variance, so that layers with fewer positions than
            channels, or dead channels, still have a covariance of full rank.
    """
    cov = regularised(covariance(s), ridge)
    values, vectors = _eigh(cov.double())
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.mT
    return Gaussian(mean(s), cov, root.to(cov.dtype))


def _eigh(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and eigenvectors. NaN for a matrix that is not finite, which the loss then passes on."""
    if not symmetric.isfinite().all():
        return symmetric[0] * math.nan, symmetric * math.nan
    with small_matrices():
        values, vectors = torch.linalg.eigh(symmetric)
    return values, vectors


def regularised(cov: Tensor, ridge: float, least: float = 0.0) -> Tensor:
    """Covariance plus ``ridge`` times its mean variance, or ``least`` where that is less, on the diagonal."""
    level = cov.diagonal().mean().clamp_min(max(least, torch.finfo(cov.dtype).tiny))
    found = cov.clone()
    found.diagonal().add_(ridge * level)
    return found


LEAST_CONTRAST = 1e-2
"""Of a picture's variance in a layer, as a share of the target's, where a distance begins to tell flat from flat."""


def wasserstein2(s: Statistics, target: Gaussian, ridge: float = 1e-4) -> Tensor:
    """Squared Wasserstein-2 distance of two normal distributions, |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₂^½ Σ₁ Σ₂^½)^½).

    Source: Olkin and Pukelsheim 1982, The distance between two random vectors with given dispersion matrices; as a
    style loss, Mroueh 2019, Wasserstein Style Transfer, section 2.

    Args:
        s: statistics of the picture's layer.
        target: distribution of the painting's layer, from :func:`gaussian`.
        ridge: as in :func:`gaussian`.

    Returns:
        Scalar, in squared units of the features.
    """
    value: Tensor = _Wasserstein2.apply(*s, *target, ridge)
    return value


class _Wasserstein2(torch.autograd.Function):
    """The distance, and its slopes by the statistics in closed form.

    By A that of tr(A + B − 2 (B^½ A B^½)^½) is I − B^½ (B^½ A B^½)^−½ B^½, so that one symmetric eigendecomposition
    serves both. It costs most, and runs in the target's precision; the statistics may be more precise.

    Without a bound the slope of what is flat is infinite: to grow a variance from nothing pays at any rate, and of a
    flat part's features rounding alone would tell in which direction. So the ridge is that of a picture with at least
    :data:`LEAST_CONTRAST` of the target's variance.
    """

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, first: Tensor, second: Tensor, m: Tensor, b: Tensor, root_b: Tensor, ridge: float
    ) -> Tensor:
        s = Statistics(weight, first, second)
        mu = mean(s)
        shift = mu - m
        cov = covariance(s)
        target = b.diagonal().mean().item()
        a = regularised(cov, ridge, LEAST_CONTRAST * target).to(b)
        level = a.diagonal().mean().item()
        middle = root_b @ a @ root_b
        values, vectors = _eigh((middle + middle.mT) / 2)
        # Bounded from below where the root's derivative would run away: relative to the largest, far under what changes
        # a picture, and by what the ridges of both leave of the least. What is under that is rounding.
        least = max(values[-1].item() * 1e-10, 0.5 * ridge**2 * level * target, torch.finfo(b.dtype).tiny)
        roots = values.clamp_min(least).sqrt()
        half = root_b @ vectors
        ctx.save_for_backward(weight, second, mu, shift, (half / roots) @ half.mT)
        # A floor does not move with the picture.
        ctx.ridge = ridge if cov.diagonal().mean() > LEAST_CONTRAST * target else 0.0
        return shift.square().sum() + (a.trace() + b.trace() - 2 * roots.sum())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, second, mu, shift, transport = ctx.saved_tensors
        by_covariance = -transport.to(second)
        diagonal = by_covariance.diagonal().add_(1)
        diagonal += ctx.ridge * diagonal.mean()
        by_mean = 2 * (shift - by_covariance @ mu)
        scale = grads[0] / weight
        by_weight = -scale * ((by_covariance * second).sum() / weight + by_mean @ mu)
        return by_weight, scale * by_mean, by_covariance.mul_(scale), None, None, None, None


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
