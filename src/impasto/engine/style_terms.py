"""The style distance of each layer to its target, and the masks that weigh it."""

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


Masks = Mapping[str, Tensor]
"""By layer, h×w weights in [0, 1] of its positions."""


LEAST_SIZE = 1e-4
"""Of a relative distance's target, so that a painting that is black, and has nothing to divide by, can be painted."""


class StyleTerm(NamedTuple):
    """A style's distance in one layer.

    Attributes:
        layer: name.
        share: of the style distance; those of all terms sum to 1, or to the share of the picture that is painted.
        distance: from the picture's statistics to its target.
        style: number of the style whose mask weighs the picture's positions; None where nothing is masked.
    """

    layer: str
    share: float
    distance: Distance
    style: int | None = None


def style_distance(target: Statistics, losses: Losses, dtype: torch.dtype, size: Tensor) -> Distance:
    """The distance to one layer's target as a function of the picture's statistics.

    Args:
        target: statistics of the painting's layer.
        losses: which distance.
        dtype: of eigendecompositions.
        size: scalar that it is divided by, from :func:`target_size`.
    """
    if losses.style_distance == "gram":
        G = gram(target)
        return lambda s: gram_distance(s, G) / size
    mean, covariance, root = gaussian(target)
    distribution = Gaussian(mean, covariance.to(dtype), root.to(dtype))
    return lambda s: wasserstein2(s, distribution) / size


def target_size(targets: Sequence[Statistics], weights: Sequence[float], losses: Losses) -> Tensor:
    """What the distances to the paintings' targets in one layer are divided by, a scalar.

    It is 1 where distances are not relative, else tr G for the Wasserstein distance and the mean square of G's entries
    for the Gram distance, as a mean over the paintings. It is one for them all: divided by each painting's own size,
    the weighted sum of the distances would have its least value nearer to the painting with the smaller features than
    the weights say.

    Args:
        targets: statistics of the layer of each painting.
        weights: what each pulls in this layer; those of weight 0 count nothing.
        losses: which distance, and whether it is relative.
    """
    if not losses.relative:
        return targets[0].second.new_tensor(1.0)
    found = targets[0].second.new_zeros(())
    for target, weight in zip(targets, weights, strict=True):
        G = gram(target)
        found = found + weight * (G.square().mean() if losses.style_distance == "gram" else G.trace())
    return (found / sum(weights)).clamp(min=LEAST_SIZE**2 if losses.style_distance == "gram" else LEAST_SIZE)


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0, divided by their sum."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def layer_masks(mask: Tensor, layers: Mapping[str, Layer]) -> dict[str, Tensor]:
    """A mask at each layer's resolution, reduced by area as the poolings reduce the picture.

    Args:
        mask: H×W weights in [0, 1].
        layers: by name.

    Returns:
        h×w each; layers of one size have one tensor in common.
    """
    sizes = [mask]
    for _ in range(max((layer.block for layer in layers.values()), default=1) - 1):
        sizes.append(F.avg_pool2d(sizes[-1][None, None], 2)[0, 0])
    return {name: sizes[max(0, layer.block - 1)] for name, layer in layers.items()}


def _owner(masks: Sequence[Masks | None], number: int) -> int | None:
    """The first style that has the same mask as that one; None where it has none."""
    mask = masks[number]
    return None if mask is None else next(first for first, other in enumerate(masks) if other is mask)


def _pulls(weights: Sequence[float], areas: Sequence[float]) -> list[float]:
    """What each style counts in a layer's distance: its weight times its area, scaled so that the areas stay.

    They sum to the share of the picture that is painted; 1 where nothing is protected. Then each position is pulled as
    in a picture without masks.
    """
    pulls = [weight * area for weight, area in zip(weights, areas, strict=True)]
    total = sum(pulls)
    return [pull * min(1.0, sum(areas)) / total if total > 0 else 0.0 for pull in pulls]
