"""Fine forms as features: rectified responses of luminance to a bank of Gabor filters, without a network.

The first layer of a small encoder has fewer filters than a window of 3×3 pixels has values, and its poolings keep
little of the finest detail for the deeper layers. So dots and a weave of short bars along the axes can have the same
statistics. The covariance of rectified responses sees which directions occur together in one place: all of them in a
dot, one in a bar.

Source: Gabor filters as a model of simple cells, Daugman 1985; joint statistics of rectified responses as a description
of texture, Portilla and Simoncelli 2000.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.operators import pad
from impasto.encoders.strokes import LUMA

WAVELENGTH = 2.8
"""Period of the filters in pixels."""

ORIENTATIONS = 4
"""Number of directions of the waves: 0°, 45°, 90° and 135°."""

SIGMA = 0.45 * WAVELENGTH
"""Standard deviation of the filters' Gaussian window in pixels."""

NORM = 0.1
"""Root of the sum of a filter's squares. It is small because a relative distance is divided by the mean square of the
painting's features, or by 1e-4 if that is larger: without this bound, paintings without fine forms would slow the other
layers down."""

REACH = 2
"""Largest distance in pixels, along an axis, from a position to a pixel that changes its features."""

CHANNELS = 4 * ORIENTATIONS
"""Number of features at each position: an even and an odd filter for each orientation, and the signs of both."""


def gabor_features(image: Tensor, *, wrap: bool = False) -> Tensor:
    """Compute the positive and the negative parts of an image's responses to :func:`gabor_filters`.

    Args:
        image: B×3×H×W in [0, 1].
        wrap: whether the image is periodic; otherwise its outermost pixels are repeated beyond its border.

    Returns:
        B×16×H×W, at least 0, in the units of the image.
    """
    if wrap:
        padded = F.pad(image, (REACH,) * 4, mode="circular")
    else:
        padded = image
        for _ in range(REACH):
            padded = pad(padded, "replicate")
    responses = F.conv2d(padded, _kept_filters(image.dtype, image.device))
    return F.relu_(torch.cat([responses, -responses], 1))


@lru_cache(maxsize=16)
def _kept_filters(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return :func:`gabor_filters` of luminance, as filters of three colours. Do not modify them."""
    with torch.inference_mode(mode=False):  # a tensor made in inference mode could not take part in a later gradient
        luma = torch.tensor(LUMA, dtype=torch.float64, device="cpu").view(1, 3, 1, 1)
        # Convolutions of three channels are faster than those of a single one.
        filters = (gabor_filters()[:, None] * luma).contiguous(memory_format=torch.channels_last)
        return filters.to(dtype).to(device)


def gabor_filters() -> Tensor:
    """Make the even and the odd filter of each orientation: waves in a Gaussian window, with mean 0.

    Each has the norm :data:`NORM`.

    Returns:
        2·:data:`ORIENTATIONS`×5×5, float64 on the CPU.
    """
    along = torch.arange(-REACH, REACH + 1, dtype=torch.float64, device="cpu")
    y, x = torch.meshgrid(along, along, indexing="ij")
    window = torch.exp(-(x.square() + y.square()) / (2 * SIGMA**2))
    filters = []
    for number in range(ORIENTATIONS):
        angle = math.pi * number / ORIENTATIONS
        phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / WAVELENGTH
        filters += [window * phase.cos(), window * phase.sin()]
    bank = torch.stack(filters)
    bank -= window * (bank.sum((1, 2), keepdim=True) / window.sum())
    return NORM * bank / bank.square().sum((1, 2), keepdim=True).sqrt()
