"""Forms of a photograph: the positions whose surroundings differ in lightness, as faces do and skies do not."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.strokes import windows_like
from impasto.engine.tone import CELLS, blurred_luminance

SURROUNDINGS = 1 / 29
"""Standard deviation of the Gaussian windows around a position, as a fraction of the picture's long side."""

FORM_VARIANCE = 0.008
"""Variance of the blurred luminance around a position whose further weight is half of the greatest."""


def form_weights(image: Tensor, further: float) -> Tensor:
    """Weigh the positions of an image: 1 in flat areas, up to 1 + ``further`` in forms.

    Args:
        image: 1×3×H×W in [0, 1].
        further: greatest further weight, at least 0.

    Returns:
        H×W, smooth.
    """
    luminance = blurred_luminance(image)
    rows, columns = windows_like(luminance, 1, SURROUNDINGS * CELLS)
    mean, of_squares = (rows @ x @ columns.mT for x in (luminance, luminance.square()))
    variance = (of_squares - mean.square()).clamp_min(0)
    weights = 1 + further * variance / (variance + FORM_VARIANCE)
    return F.interpolate(weights, image.shape[-2:], mode="bilinear")[0, 0]
