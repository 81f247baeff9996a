"""Fine forms as features: rectified responses to a bank of Gabor filters, without a network.

The first layer of a small encoder has fewer filters than a window of 3×3 pixels has values, and its poolings keep
little of the finest detail for the deeper layers. So dots and a weave of short bars along the axes can have the same
statistics. The covariance of rectified responses sees which directions occur together in one place: all of them in a
dot, one in a bar. The finest forms are those of luminance. Forms of twice their size are described in colour, because
dots and lines of 4 to 8 px differ from the ground in hue as much as in lightness.

Source: Gabor filters as a model of simple cells, Daugman 1985; joint statistics of rectified responses as a description
of texture, Portilla and Simoncelli 2000.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.operators import average_pool, pad
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
"""Largest distance along an axis from the centre of a filter to a pixel under it, in pixels of the filtered picture."""

STRIDE = 2
"""Distance between neighbouring positions of the features in pixels. The filters' windows overlap, so no detail
escapes between positions, and features at every pixel would cost more than twice as much."""

OPPONENT_AXES = (LUMA, (1.0, 0.0, -1.0), (0.5, -1.0, 0.5))
"""Axes of colour of the coarse features: luminance, red against blue, and both against green."""

COARSE_GAIN = 0.2
"""Factor of the coarse responses. With it the bound that :data:`NORM` is about acts on all but the strongest forms, so
lines and dots weigh more than the faint forms of a smooth painting."""

CHANNELS = 4 * ORIENTATIONS
"""Number of features at each position: an even and an odd filter for each orientation, and the signs of both."""

COARSE_CHANNELS = CHANNELS * len(OPPONENT_AXES)
"""Number of coarse features at each position."""


Axes = tuple[tuple[float, float, float], ...]
"""Axes of colour."""


def gabor_features(image: Tensor, *, wrap: bool = False, dtype: torch.dtype | None = None) -> Tensor:
    """Compute the positive and the negative parts of the responses of luminance to :func:`gabor_filters`.

    Args:
        image: B×3×H×W in [0, 1].
        wrap: whether the image is periodic, with even sides; otherwise its outermost pixels are repeated beyond its
            border.
        dtype: precision of the result; that of the image by default.

    Returns:
        B×16×⌊H/2⌋×⌊W/2⌋, at least 0, in the units of the image: responses around every second pixel.
    """
    height, width = (side - side % STRIDE for side in image.shape[-2:])
    filters = _kept_filters((LUMA,), 1.0, dtype or image.dtype, image.device)
    return _rectified_responses(image[..., :height, :width], filters, STRIDE, wrap)


def coarse_gabor_features(image: Tensor, *, wrap: bool = False, dtype: torch.dtype | None = None) -> Tensor:
    """Compute the parts of the responses of the halved image, along three axes of colour.

    Args:
        image: as for :func:`gabor_features`, like the following ones.
        wrap: whether the image is periodic.
        dtype: precision of the result.

    Returns:
        B×48×⌊H/2⌋×⌊W/2⌋, at least 0, in the units of the image times :data:`COARSE_GAIN`.
    """
    filters = _kept_filters(OPPONENT_AXES, COARSE_GAIN, dtype or image.dtype, image.device)
    return _rectified_responses(average_pool(image), filters, 1, wrap)


def _rectified_responses(image: Tensor, filters: Tensor, stride: int, wrap: bool) -> Tensor:
    centred = (image - 0.5).to(filters)  # around 0, where low precision is finest
    if wrap:
        padded = F.pad(centred, (REACH,) * 4, mode="circular")
    else:
        padded = centred
        for _ in range(REACH):
            padded = pad(padded, "replicate")
    responses = F.conv2d(padded, filters, stride=stride)
    return F.relu_(torch.cat([responses, -responses], 1))


@lru_cache(maxsize=16)
def _kept_filters(axes: Axes, gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return :func:`gabor_filters` for each axis of colour, as filters of three colours. Do not modify them."""
    with torch.inference_mode(mode=False):  # a tensor made in inference mode could not take part in a later gradient
        of_axes = gain * torch.tensor(axes, dtype=torch.float64, device="cpu").view(-1, 1, 3, 1, 1)
        # Convolutions of three channels are faster than those of a single one.
        filters = (gabor_filters()[:, None] * of_axes).flatten(0, 1).contiguous(memory_format=torch.channels_last)
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
