"""Gaussian optimal transport in NumPy, as :mod:`impasto.engine.transport` computes it in PyTorch.

Features are C×N: channels by positions. All matrices are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

Array64 = npt.NDArray[np.float64]

# PyTorch's modules hold the same constants, which a test compares, because importing them would import PyTorch.
RIDGE = 1e-2
"""Fraction of the mean variance that is added to both covariances; that of :mod:`impasto.engine.transport`."""

LEAST_EIGENVALUE = 1e-6
"""Smallest eigenvalue of a matrix whose root is inverted, as a fraction of its largest one."""

LEAST_CONTRAST = 1e-2
"""Smallest variance of a photograph that the ridge is relative to, as a fraction of the style's variance."""

FULL_STRENGTH = 0.5
"""Strength from which features have the style's statistics in full."""

NETWORK_SHARE = 0.84
"""The network's strength as a fraction of the settings'."""

TAPER = 1 / 8
"""Fraction of a photograph's side over which its positions count less and less towards the border."""

TINY = float(np.finfo(np.float32).tiny)
"""Smallest variance that a ridge is relative to."""

CHUNK = 1 << 13
"""Positions whose sums are computed in float32 before they are added in float64."""


class Moments(NamedTuple):
    """Mean C and covariance C×C of features."""

    mean: Array64
    covariance: Array64


class Style(NamedTuple):
    """Mean C of a style's features, the symmetric square root C×C of their covariance, and their mean variance."""

    mean: Array64
    root: Array64
    variance: float


class AffineMap(NamedTuple):
    """The map f ↦ ``matrix`` f + ``bias`` of features, C×C and C."""

    matrix: Array64
    bias: Array64


def moments(features: Array, weights: Array | None = None) -> Moments:
    """Measure mean and covariance of features.

    The sums are taken about a point near the mean, because Σ f fᵀ / N − μ μᵀ cancels in float32.

    Args:
        features: C×N.
        weights: weight of each position, N; all ones by default.
    """
    channels, count = features.shape
    weights = np.ones(count, np.float32) if weights is None else weights
    near = features[:, :: max(1, count // 1024)].mean(1, keepdims=True)
    first, second = np.zeros(channels), np.zeros((channels, channels))
    for start in range(0, count, CHUNK):
        part = features[:, start : start + CHUNK] - near
        weighted = part * weights[start : start + CHUNK]
        first += weighted.sum(1)
        second += weighted @ part.T
    total = weights.sum(dtype=np.float64)
    offset = first / total
    return Moments(near[:, 0] + offset, second / total - np.outer(offset, offset))


def tukey_window(length: int) -> Array:
    """Compute a Tukey window: 1 in the middle, and half a period of a cosine over :data:`TAPER` at each end.

    Source: Harris 1978, On the Use of Windows for Harmonic Analysis with the Discrete Fourier Transform.

    Args:
        length: number of positions.
    """
    at = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length)
    return (1 - np.cos(np.pi * np.minimum(np.minimum(at, 1 - at) / TAPER, 1)).astype(np.float32)) / 2


def measured_style(found: Moments) -> Style:
    """Return the style of a painting's features, with the ridge in its covariance."""
    covariance = _regularised(found.covariance)
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return Style(found.mean, root, covariance.diagonal().mean())


def transport(source: Moments, style: Style, blend: float = 1.0) -> AffineMap:
    """Compute the optimal transport map from a photograph's features to a style.

    With the style's root B^½ and the photograph's covariance A, it is f ↦ μ₂ + B^½ (B^½ A B^½)^−½ B^½ (f − μ₁).

    Args:
        source: moments of the photograph's features.
        style: style of the painting.
        blend: fraction of the way from the features (0) to their images under the map (1).
    """
    a = _regularised(source.covariance, LEAST_CONTRAST * style.variance)
    middle = style.root @ a @ style.root
    values, vectors = np.linalg.eigh((middle + middle.T) / 2)
    roots = np.sqrt(values.clip(max(values[-1], TINY) * LEAST_EIGENVALUE))
    half = style.root @ vectors
    matrix = (1 - blend) * np.eye(len(half)) + blend * ((half / roots) @ half.T)
    return AffineMap(matrix, (1 - blend) * source.mean + blend * style.mean - matrix @ source.mean)


def network_strength(strength: float) -> float:
    """Return the strength of the network in each pass, for a strength of the settings."""
    return min(FULL_STRENGTH, NETWORK_SHARE * strength)


def matching_at(strength: float) -> float:
    """Return the fraction of the way to matched histograms, for a strength of the network."""
    return min(1.0, strength / (NETWORK_SHARE * FULL_STRENGTH))


def blend_at(strength: float) -> float:
    """Return the fraction of the way from the photograph's features to their images under the maps."""
    return min(1.0, strength / FULL_STRENGTH)


def passes(strength: float) -> tuple[float, ...]:
    """Return for each pass the fraction of the painting so far in its input; the rest is the photograph."""
    again = (strength - FULL_STRENGTH) / (1 - FULL_STRENGTH)
    return (0.0, again) if again > 0 else (0.0,)


def mixed_map(source: Moments, styles: Sequence[Style], weights: Sequence[float], strength: float) -> AffineMap:
    """Average the maps to several styles by their weights.

    Args:
        source: moments of the photograph's features.
        styles: styles of the paintings.
        weights: weight of each style; at least one is above 0.
        strength: strength of the style in [0, 1].
    """
    blend = blend_at(strength)
    maps = [transport(source, style, blend) for style, weight in zip(styles, weights, strict=True) if weight]
    shares = [weight for weight in weights if weight]
    return AffineMap(*(np.average(parts, axis=0, weights=shares) for parts in zip(*maps, strict=True)))


def _regularised(covariance: Array64, least: float = 0.0) -> Array64:
    """Add the ridge to a covariance, relative to its mean variance or to ``least`` if that is larger."""
    level = max(covariance.diagonal().mean(), least, TINY)
    return covariance + RIDGE * level * np.eye(len(covariance))
