"""Gaussian optimal transport of features: the affine map that gives them a painting's mean and covariance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from impasto.engine.distances import LEAST_CONTRAST, Gaussian, gaussian, regularised, symmetric_eigen
from impasto.engine.statistics import Statistics, covariance, mean

RIDGE = 1e-2
"""Fraction of the mean variance that is added to both covariances, which bounds the map's gains."""

LEAST_EIGENVALUE = 1e-6
"""Smallest eigenvalue of a matrix whose root is inverted, as a fraction of its largest one."""

LEAST_VARIANCE = 1e-12
"""Smallest mean variance that the ridges of an interpolation are relative to, if both pictures are flat."""


class AffineMap(NamedTuple):
    """The map f ↦ ``matrix`` f + ``bias`` of features, C×C and C."""

    matrix: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Map features, B×C×H×W, position by position."""
        weight = self.matrix.to(features)[:, :, None, None]
        return torch.nn.functional.conv2d(features, weight, self.bias.to(features))


def transport(source: Statistics, target: Gaussian, blend: float = 1.0, ridge: float = RIDGE) -> AffineMap:
    """Compute the optimal transport map between two normal distributions, f ↦ μ₂ + T (f − μ₁).

    With the target's symmetric root B^½, T = B^½ (B^½ A B^½)^−½ B^½. It is the gradient of the style distance
    :func:`impasto.engine.distances.wasserstein2` in closed form, and moves features as little as possible.

    Source: Olkin and Pukelsheim 1982; for style transfer, Lu et al. 2019, A Closed-Form Solution to Universal Style
    Transfer, eq. 7.

    Args:
        source: statistics of the features to map.
        target: distribution of the painting's features, from :func:`impasto.engine.distances.gaussian`, with the same
            ridge.
        blend: fraction of the way from the features (0) to their images under the map (1).
        ridge: fraction of the mean variance that is added to the source's covariance.

    Returns:
        The map, in the target's precision.
    """
    root, mu = target.root, mean(source).to(target.mean)
    spread = target.covariance.diagonal().mean().item()
    a = regularised(covariance(source), ridge, LEAST_CONTRAST * spread).to(root)
    middle = root @ a @ root
    straight: Tensor = root @ _InverseRoot.apply((middle + middle.mT) / 2) @ root
    identity = torch.eye(len(root), dtype=root.dtype, device=root.device)
    matrix = torch.lerp(identity, straight, blend)
    return AffineMap(matrix, torch.lerp(mu, target.mean, blend) - matrix @ mu)


def interpolate(source: Statistics, target: Statistics, share: float) -> Statistics:
    """Interpolate between two normal distributions along the optimal transport between them.

    The features f of the source would move to f + ``share`` (μ₂ + T (f − μ₁) − f). With A and B for the covariances,
    theirs is (1 − t)² A + t² B + t (1 − t) (A T + T A), which is exactly A at t = 0 and B at t = 1.

    Source: McCann 1997, A convexity principle for interacting gases, section 1; for normal distributions, Agueh and
    Carlier 2011, Barycenters in the Wasserstein space, section 6.

    Args:
        source: statistics at share 0.
        target: statistics at share 1, in the same precision.
        share: fraction of the way, in [0, 1].

    Returns:
        Sums over as many positions as the target's; the target's own if the source has no positions.
    """
    if not source.weight > 0:
        return target
    a, b = covariance(source), covariance(target)
    least = max(LEAST_VARIANCE, LEAST_CONTRAST * a.diagonal().mean().item())
    straight = transport(source, gaussian(target, RIDGE, least)).matrix
    cross = a @ straight
    cov = (1 - share) ** 2 * a + share**2 * b + share * (1 - share) * (cross + cross.mT)
    mu = torch.lerp(mean(source), mean(target), share)
    return Statistics(target.weight, target.weight * mu, target.weight * (cov + mu[:, None] * mu))


class FeatureMap(Protocol):
    """A map of features, position by position."""

    def __call__(self, features: Tensor, /) -> Tensor:
        """Map features, B×C×H×W."""


def map_regions(x: Tensor, maps: Sequence[FeatureMap], masks: Sequence[Tensor | None]) -> Tensor:
    """Map features by the maps of regions, weighted by the masks; positions in no region stay as they are.

    Args:
        x: features, 1×C×H×W.
        maps: map of each region.
        masks: H×W weights of each region's positions; None for the whole picture.
    """
    if len(maps) == 1 and masks[0] is None:
        return maps[0](x)
    weights = [torch.ones_like(x[0, 0]) if mask is None else mask.to(x) for mask in masks]
    changes = (weight * (of_region(x) - x) for weight, of_region in zip(weights, maps, strict=True))
    return x + sum(changes, torch.zeros_like(x))


class _InverseRoot(torch.autograd.Function):
    """The inverse square root of a symmetric positive definite matrix.

    PyTorch's gradient of eigenvectors is infinite at equal eigenvalues. The root's own is not: by the formula of
    Daleckii and Krein, its divided differences are -1 / (√λᵢ √λⱼ (√λᵢ + √λⱼ)).
    """

    @staticmethod
    def forward(ctx: Any, symmetric: Tensor) -> Tensor:
        values, vectors = symmetric_eigen(symmetric)
        least = values[-1].clamp_min(torch.finfo(values.dtype).tiny) * LEAST_EIGENVALUE
        roots = values.clamp_min(least).sqrt()
        ctx.save_for_backward(roots, vectors)
        return (vectors / roots) @ vectors.mT

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        differences = roots[:, None] * roots * (roots[:, None] + roots)
        inner = vectors.mT @ ((grads[0] + grads[0].mT) / 2) @ vectors
        return -vectors @ (inner / differences) @ vectors.mT
