"""The distances between pictures, as functions of statistics that add over parts of a picture.

A style layer with features f (C channels at N positions) is described by S = (N, Σ f, Σ f fᵀ). Gram matrix, mean,
covariance and every style distance here are functions of S alone, and S is a sum over positions: it adds over tiles,
and a mask is a weight in each sum.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

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


def statistics(features: Tensor, mask: Tensor | None = None) -> Statistics:
    """Sum one layer's features, and their products, over all positions.

    Args:
        features: 1×C×H×W.
        mask: H×W weights in [0, 1]; all ones where not given.
    """
    return tapped_statistics(features, mask)[1]


def tapped_statistics(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Statistics]:
    """Statistics of features that go on through the network.

    Use the features that come back in place of those given: the statistics' gradient is then added to the gradient
    that comes up the network in place, in one matrix product, where autograd would make three more tensors of that
    size. What consumes them next must give a gradient of its own, as convolutions and poolings do.

    Args:
        features: 1×C×H×W.
        mask: H×W weights in [0, 1]; all ones where not given.

    Returns:
        The same features, and their statistics.
    """
    w = None if mask is None else mask.reshape(-1, 1)
    weight = features.new_tensor(float(features[0, 0].numel())) if w is None else w.sum()
    features, first, second = _Sums.apply(features, w)
    return features, Statistics(weight, first, second)


class _Sums(torch.autograd.Function):
    """Features f, Σ w f and Σ w f fᵀ; the gradient of the sums is w (f (A + Aᵀ) + b).

    Features and gradient stay channels-last, as the convolutions have them: N×C is then a view of them, not a copy.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, w: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(features, w)
        f = _by_position(features)
        weighted = f if w is None else w * f
        # Returned as they are, autograd would view them anew, and lose the strides that convolutions tell layouts by.
        return features.detach(), weighted.sum(0), f.mT @ weighted

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None]:
        features, w = ctx.saved_tensors
        above, b, A = grads
        if A is None and b is None:
            return above, None
        f = _by_position(features)
        A = f.new_zeros(f.shape[1], f.shape[1]) if A is None else A + A.mT
        total = above if w is None else None
        if total is None:
            total = torch.zeros_like(features, memory_format=torch.channels_last)
        elif not total.is_contiguous(memory_format=torch.channels_last):
            total = total.contiguous(memory_format=torch.channels_last)
        flat = total[0].permute(1, 2, 0).view(f.shape).addmm_(f, A)
        if b is not None:
            flat.add_(b)
        if w is not None:
            flat.mul_(w)
            total = total if above is None else total + above
        return total, None


def _by_position(features: Tensor) -> Tensor:
    """1×C×H×W as N×C."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


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
    # On two passively waiting threads LAPACK wakes them thousands of times: 21 ms for 256 channels, and 3 ms on one.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        values, vectors = torch.linalg.eigh(symmetric)
    finally:
        torch.set_num_threads(threads)
    return values, vectors


def regularised(cov: Tensor, ridge: float) -> Tensor:
    """Covariance plus ``ridge`` times its mean variance on the diagonal."""
    level = cov.diagonal().mean().clamp_min(torch.finfo(cov.dtype).tiny)
    return cov + ridge * level * torch.eye(len(cov), dtype=cov.dtype, device=cov.device)


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
    cov = regularised(covariance(s), ridge)
    shift = (mean(s) - target.mean).square().sum()
    return shift + _Bures.apply(cov, target.covariance, target.root)


class _Bures(torch.autograd.Function):
    """tr(A + B − 2 (B^½ A B^½)^½) with the gradient in closed form, I − B^½ (B^½ A B^½)^−½ B^½.

    One symmetric eigendecomposition serves value and gradient. The eigenvalues are bounded from below where the root's
    derivative would run away: relative to the largest, far under what changes a picture.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, root_b: Tensor) -> Tensor:
        m = root_b @ a @ root_b
        values, vectors = _eigh((m + m.mT) / 2)
        roots = values.clamp_min(values[-1] * 1e-10 + torch.finfo(a.dtype).tiny).sqrt()
        ctx.save_for_backward(root_b @ vectors, roots)
        return a.trace() + b.trace() - 2 * roots.sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        half, roots = ctx.saved_tensors
        transport = (half / roots) @ half.mT
        return grads[0] * (torch.eye(len(roots), dtype=roots.dtype, device=roots.device) - transport), None, None


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
