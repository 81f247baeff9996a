"""The style distance of each layer to its target, and the masks that weigh a layer's positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.engine.distances import Gaussian, gaussian, gram_distance, wasserstein2
from impasto.engine.statistics import Statistics, gram
from impasto.settings.model import Losses

Distance = Callable[[Statistics], Tensor]

LayerMasks = Mapping[str, Tensor]
"""For each layer's name h×w weights in [0, 1] of its positions."""

LEAST_TARGET_NORM = 1e-4
"""Smallest divisor of a relative distance, so that a black painting, whose features vanish, can be a style."""


class StyleTerm(NamedTuple):
    """A style's distance in one layer.

    Attributes:
        layer: name.
        share: share of the style distance; the shares of all terms sum to 1, or to the painted share of the picture.
        distance: from the picture's statistics to its target.
        mask: number of the style whose mask weighs the picture's positions; None without masks.
    """

    layer: str
    share: float
    distance: Distance
    mask: int | None = None


def style_distance(target: Statistics, losses: Losses, dtype: torch.dtype, norm: Tensor) -> Distance:
    """Make the distance to one layer's target, a function of the picture's statistics.

    Args:
        target: statistics of the painting's layer.
        losses: choice of the distance.
        dtype: precision of eigendecompositions.
        norm: scalar divisor, from :func:`target_norm`.
    """
    if losses.style_distance == "gram":
        G = gram(target)
        return lambda s: gram_distance(s, G) / norm
    mean, covariance, root = gaussian(target)
    distribution = Gaussian(mean, covariance.to(dtype), root.to(dtype))
    return lambda s: wasserstein2(s, distribution) / norm


def target_norm(targets: Sequence[Statistics], weights: Sequence[float], losses: Losses) -> Tensor:
    """Compute the divisor of the distances to the paintings' targets in one layer, a scalar.

    It is 1 if distances are not relative. Otherwise it is the mean over the paintings of tr G for the Wasserstein
    distance, and of the mean square of G's entries for the Gram distance. All paintings share it: if each were divided
    by its own norm, the minimum of the weighted sum would lie nearer to the painting with the smaller features than
    the weights say.

    Args:
        targets: statistics of the layer of each painting.
        weights: weight of each painting in this layer; a painting of weight 0 counts nothing.
        losses: choice of the distance, and whether it is relative.
    """
    if not losses.relative:
        return targets[0].second.new_tensor(1.0)
    total = targets[0].second.new_zeros(())
    for target, weight in zip(targets, weights, strict=True):
        G = gram(target)
        total = total + weight * (G.square().mean() if losses.style_distance == "gram" else G.trace())
    least = LEAST_TARGET_NORM**2 if losses.style_distance == "gram" else LEAST_TARGET_NORM
    return (total / sum(weights)).clamp(min=least)


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Divide the weights above 0 by their sum, and drop the others."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def layer_masks(mask: Tensor, layers: Mapping[str, Layer]) -> dict[str, Tensor]:
    """Reduce a mask to each layer's resolution by area, as the poolings reduce the picture.

    Args:
        mask: H×W weights in [0, 1].
        layers: layers by name.

    Returns:
        h×w each; layers of one size share one tensor.
    """
    sizes = [mask]
    for _ in range(max((layer.halvings for layer in layers.values()), default=0)):
        sizes.append(F.avg_pool2d(sizes[-1][None, None], 2)[0, 0])
    return {name: sizes[layer.halvings] for name, layer in layers.items()}


def mask_owner(masks: Sequence[LayerMasks | None], number: int) -> int | None:
    """Return the first style that has the same mask as style ``number``; None if it has no mask."""
    mask = masks[number]
    return None if mask is None else next(first for first, other in enumerate(masks) if other is mask)


def style_pulls(weights: Sequence[float], areas: Sequence[float]) -> list[float]:
    """Compute each style's weight in a layer's distance: its weight times its area, scaled to keep the areas' sum.

    The pulls sum to the painted share of the picture, which is 1 if nothing is protected. Then each position is pulled
    as in a picture without masks.
    """
    pulls = [weight * area for weight, area in zip(weights, areas, strict=True)]
    total = sum(pulls)
    return [pull * min(1.0, sum(areas)) / total if total > 0 else 0.0 for pull in pulls]
