"""Seeded features and pictures as tensors, and reference implementations."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from impasto.encoders.network import Architecture, Encoder
from tests.helpers import random_weights, smooth_picture

ENCODERS = {
    (pooling, padding, scope): Encoder(
        random_weights("conv5_4", channels=(3, 4, 4, 5, 5)), Architecture(pooling, padding, scope)
    ).double()
    for pooling in ("average", "binomial", "max")
    for padding in ("zeros", "replicate", "reflect")
    for scope in ("first", "all")
}
"""Narrow encoders with random weights, by pooling, padding and its scope."""

OTHER_STACKS = {
    (pooling, "-".join(map(str, stack))): Encoder(
        random_weights("conv5_4", channels=(3, 4, 4, 5, 5), stack=stack),
        Architecture(pooling, "reflect", "all", convolutions=stack),
    ).double()
    for pooling in ("average", "binomial")
    for stack in ((1, 2, 3, 3, 1), (1, 1, 4), (3, 1, 2, 1, 4))
}
"""Narrow encoders of other stacks than VGG-19, by pooling and stack."""


def layer_names(encoder: Encoder) -> list[str]:
    """List all layers of an encoder by name."""
    layers = [layer._replace(after_relu=relu) for layer in encoder.convolutions for relu in (False, True)]
    return ["rgb", "strokes", "gabor", "gabor2", *map(str, layers)]


def random_features(
    seed: int = 0, channels: int = 5, height: int = 7, width: int = 9, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return normally distributed features, 1×C×h×w."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=dtype)


def picture_tensor(height: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return :func:`tests.helpers.smooth_picture` as 1×3×H×W."""
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None].to(dtype)


def naive_gram(features: Tensor) -> Tensor:
    """Sum f_c f_d over the positions, and divide by their number, in loops."""
    _, channels, height, width = features.shape
    gram = np.zeros((channels, channels))
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                for d in range(channels):
                    gram[c, d] += float(features[0, c, y, x] * features[0, d, y, x])
    return torch.from_numpy(gram / (height * width))
