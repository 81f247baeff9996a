"""Distances of content and style: of features, of Gram matrices, and of normal distributions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from impasto.engine.devices import small_matrices
from impasto.engine.statistics import Statistics, covariance, gram, mean


def content_distance(features: Tensor, target: Tensor) -> Tensor:
    """Average the squared differences of features (Gatys et al. 2015, eq. 1, as a mean).

    Args:
        features: 1×C×H×W.
        target: same shape.

    Returns:
        Scalar.
    """
    return (features - target).square().mean()


def gram_distance(s: Statistics, target: Tensor) -> Tensor:
    """Average the squared differences of two Gram matrices (Gatys et al. 2015, eq. 4, as a mean).

    Args:
        s: statistics of the picture's layer.
        target: C×C, Gram matrix of the painting's layer.

    Returns:
        Scalar.
    """
    return (gram(s) - target).square().mean()


class Gaussian(NamedTuple):
    """A target of :func:`wasserstein2`: mean C, covariance C×C, and the covariance's symmetric square root."""

    mean: Tensor
    covariance: Tensor
    root: Tensor


def gaussian(s: Statistics, ridge: float = 1e-4, least: float = 0.0) -> Gaussian:
    """Fit a normal distribution to a layer's features.

    Args:
        s: statistics of the painting's layer.
        ridge: fraction of the mean variance that is added to the diagonal. Layers with fewer positions than channels,
            or with dead channels, then still have a covariance of full rank.
        least: smallest mean variance that the ridge is relative to, for flat pictures.
    """
    cov = regularised(covariance(s), ridge, least)
    values, vectors = symmetric_eigen(cov.double())
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.mT
    return Gaussian(mean(s), cov, root.to(cov.dtype))


def symmetric_eigen(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Compute eigenvalues, ascending, and eigenvectors; NaN, which makes the loss NaN, if the matrix is not finite."""
    if not symmetric.isfinite().all():
        return symmetric[0] * math.nan, symmetric * math.nan
    with small_matrices():
        values, vectors = torch.linalg.eigh(symmetric)
    return values, vectors


def regularised(cov: Tensor, ridge: float, least: float = 0.0) -> Tensor:
    """Add ``ridge`` times the mean variance, or times ``least`` if the variance is smaller, to the diagonal."""
    level = cov.diagonal().mean().clamp_min(max(least, torch.finfo(cov.dtype).tiny))
    found = cov.clone()
    found.diagonal().add_(ridge * level)
    return found


LEAST_CONTRAST = 1e-2
"""Smallest variance of a picture in a layer that the ridge is relative to, as a fraction of the target's variance."""


def wasserstein2(s: Statistics, target: Gaussian, ridge: float = 1e-4) -> Tensor:
    """Compute the squared Wasserstein-2 distance of two normal distributions.

    It is |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₂^½ Σ₁ Σ₂^½)^½).

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

    The slope of tr(A + B − 2 (B^½ A B^½)^½) by A is I − B^½ (B^½ A B^½)^−½ B^½, so one symmetric eigendecomposition
    serves both. It dominates the cost, and runs in the target's precision; the statistics may be more precise.

    Without a bound the slope is infinite at a flat picture: a variance that grows from zero lowers the loss at an
    infinite rate, in a direction that only rounding error determines. Therefore the ridge is at least that of a
    picture with :data:`LEAST_CONTRAST` of the target's variance.
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
        values, vectors = symmetric_eigen((middle + middle.mT) / 2)
        # A lower bound keeps the derivative of the root finite. It is relative to the largest eigenvalue, far below any
        # visible effect, and to the smallest one that both ridges permit. Anything below that is rounding error.
        least = max(values[-1].item() * 1e-10, 0.5 * ridge**2 * level * target, torch.finfo(b.dtype).tiny)
        roots = values.clamp_min(least).sqrt()
        half = root_b @ vectors
        ctx.save_for_backward(weight, second, mu, shift, (half / roots) @ half.mT)
        # A ridge at its floor does not depend on the picture.
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
