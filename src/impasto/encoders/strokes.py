"""Direction, length and fineness of brush strokes as features: structure tensors at three scales, without a network.

A covariance of convolutional features sees which directions occur, but not whether they change from one pixel to the
next: a ripple everywhere and a few long strokes can have the same statistics. The structure tensor (Förstner and Gülch
1987; Bigün and Granlund 1987) averages products of gradients over a window. It is large and anisotropic where strokes
run on, and isotropic where they break. The distribution of these tensors over a painting is thus a statistic of
statistics, as in the second layer of a scattering transform (Bruna and Mallat 2013).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from impasto.encoders.layers import STROKE_LAYER
from impasto.encoders.operators import CopyMode, binomial_pool, pad

SCALES = (1, 2, 4)
"""Factors by which luminance is reduced before its gradients are taken."""

STRIDE = STROKE_LAYER.stride
"""Distance of neighbouring windows in pixels."""

CHANNELS = 3 * len(SCALES) + 1
"""Number of features at each position."""

SIGMA = 4.0
"""Standard deviation of the Gaussian windows, in pixels of the reduced luminance."""

RADIUS = 2.5
"""Half the width of the Gaussian windows, in standard deviations."""

REACH = 43
"""Largest distance in pixels from a window's cell to a pixel that changes the window. At scale 4 the Gaussian reaches
9 positions beyond the cell, the gradients one more, and the reductions from there 3 pixels."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance (ITU-R BT.601)."""

LEAST_ENERGY = 1e-4
"""Mean squared gradient, in squared units of [0, 1] per pixel, below which a window counts as flat."""


def stroke_features(image: Tensor, *, wrap: bool = False) -> Tensor:
    """Compute the structure tensors of an image in Gaussian windows, and the energy of its finest detail.

    With E the mean squared gradient of a window plus :data:`LEAST_ENERGY`, each scale has the channels √E,
    (⟨gx²⟩ − ⟨gy²⟩) / √E and 2 ⟨gx gy⟩ / √E. The length of the last two, divided by the first, is the coherence: 1 if
    all gradients of the window have one direction. The last channel is the root of the mean squared difference to the
    image smoothed by 1 2 1, over all colours; dots and lattices have much of it.

    Args:
        image: B×3×H×W in [0, 1], with sides of at least :data:`STRIDE` pixels.
        wrap: whether the image is periodic; its sides must then be multiples of :data:`STRIDE`.

    Returns:
        B×10×⌊H/8⌋×⌊W/8⌋, in the units of the image.
    """
    mode: CopyMode = "circular" if wrap else "replicate"
    luminance = (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    # Differences of unsmoothed pixels prefer stripes along the axes, which then appear in flat areas.
    reduced, features = _Smoothing.apply(pad(luminance, mode)), []
    for scale in SCALES:
        if scale > 1:
            reduced = luminance = binomial_pool(luminance, wrap=wrap)
        tensor = _windowed(_GradientProducts.apply(pad(reduced, mode)), STRIDE // scale, wrap)
        features.append(_directions(tensor))
    detail = _windowed(_DetailEnergy.apply(pad(image, mode)), STRIDE, wrap)
    return torch.cat([*features, (detail + LEAST_ENERGY).sqrt()], 1)


def _directions(tensor: Tensor) -> Tensor:
    """Convert ⟨gx²⟩, ⟨gy²⟩ and ⟨gx gy⟩ to the root of the energy and the direction, B×3×h×w."""
    xx, yy, xy = tensor.split(1, 1)
    root = (xx + yy + LEAST_ENERGY).sqrt()
    return torch.cat([root, (xx - yy) / root, 2 * xy / root], 1)


def _windowed(x: Tensor, stride: int, wrap: bool) -> Tensor:
    """Average B×C×H×W over Gaussian windows at every ``stride`` positions."""
    rows, columns = windows_like(x, stride, SIGMA, wrap=wrap)
    return rows @ (x @ columns.mT)


def windows_like(x: Tensor, stride: int, sigma: float, *, wrap: bool = False) -> tuple[Tensor, Tensor]:
    """Return :func:`gaussian_windows` for the rows and columns of …×H×W, in its precision and on its device.

    The matrices are kept for later calls. Do not modify them.
    """
    rows, columns = (_kept_windows(length, stride, sigma, wrap, x.dtype, x.device) for length in x.shape[-2:])
    return rows, columns


@lru_cache(maxsize=64)
def _kept_windows(
    length: int, stride: int, sigma: float, wrap: bool, dtype: torch.dtype, device: torch.device
) -> Tensor:
    with torch.inference_mode(mode=False):  # a tensor made in inference mode could not take part in a later gradient
        # In this order: the device may lack float64.
        return gaussian_windows(length, stride, sigma, wrap=wrap).to(dtype).to(device)


def gaussian_windows(length: int, stride: int, sigma: float, *, wrap: bool = False) -> Tensor:
    """Make the matrix that averages a signal over Gaussian windows, one for each cell of ``stride`` positions.

    Args:
        length: length of the signal.
        stride: length of a cell; the last, incomplete one has no window.
        sigma: standard deviation of the windows, which end at :data:`RADIUS` times that.
        wrap: whether the signal is periodic. A window longer than the signal then covers parts of it several times. If
            the signal is not periodic, windows at its ends are normalised over the positions in it.

    Returns:
        ⌊length/stride⌋×length, float64 on the CPU; rows sum to 1.
    """
    radius = RADIUS * sigma
    periods = math.ceil(radius / length) if wrap else 0  # on each side of the signal
    positions = torch.arange(-periods * length, (periods + 1) * length, dtype=torch.float64, device="cpu")
    centres = stride * torch.arange(length // stride, dtype=torch.float64, device="cpu") + (stride - 1) / 2
    distance = (positions - centres[:, None]).abs()
    weights = torch.exp(-0.5 * (distance / sigma).square()) * (distance <= radius)
    weights = weights.view(len(centres), -1, length).sum(1)
    return weights / weights.sum(1, keepdim=True)


class _Smoothing(torch.autograd.Function):
    """Smooth a padded image, B×C×(H+2)×(W+2), by 1 2 1 in both directions."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _smoothed(_smoothed(x, -2), -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _smoothed_adjoint(_smoothed_adjoint(grads[0], -1), -2)


class _GradientProducts(torch.autograd.Function):
    """gx², gy² and gx gy of Sobel's gradient of a padded image, B×1×(H+2)×(W+2), as B×3×H×W.

    The passes work on slices in place. Convolutions of a single channel, and autograd's slices, take several times as
    long on the CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        across, down = _smoothed(x, -2), _smoothed(x, -1)
        gx = (across[..., 2:] - across[..., :-2]).div_(2)
        gy = (down[..., 2:, :] - down[..., :-2, :]).div_(2)
        ctx.save_for_backward(gx, gy)
        return torch.cat([gx * gx, gy * gy, gx * gy], 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        gx, gy = ctx.saved_tensors
        xx, yy, xy = grads[0].split(1, 1)
        by_gx = (gx * xx).add_(gy * xy, alpha=0.5)  # half the slope, as gx is half a difference
        by_gy = (gy * yy).add_(gx * xy, alpha=0.5)
        batch, _, height, width = gx.shape
        across, down = gx.new_zeros(batch, 1, height, width + 2), gx.new_zeros(batch, 1, height + 2, width)
        across[..., 2:] += by_gx
        across[..., :-2] -= by_gx
        down[..., 2:, :] += by_gy
        down[..., :-2, :] -= by_gy
        return _smoothed_adjoint(across, -2).add_(_smoothed_adjoint(down, -1))


class _DetailEnergy(torch.autograd.Function):
    """Squared difference of an image to itself smoothed by 1 2 1 in both directions, summed over the colours.

    It takes a padded image, B×3×(H+2)×(W+2), and returns B×1×H×W.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        detail = x[..., 1:-1, 1:-1] - _smoothed(_smoothed(x, -2), -1)
        ctx.save_for_backward(detail)
        return detail.square().sum(1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (detail,) = ctx.saved_tensors
        slope = detail * (2 * grads[0])
        gradient = _smoothed_adjoint(_smoothed_adjoint(slope, -1), -2).neg_()
        gradient[..., 1:-1, 1:-1] += slope
        return gradient


def _smoothed(x: Tensor, axis: int) -> Tensor:
    """Smooth along one axis by 1 2 1; the result is two positions shorter."""
    length = x.shape[axis] - 2
    ends = x.narrow(axis, 0, length) + x.narrow(axis, 2, length)
    return ends.div_(4).add_(x.narrow(axis, 1, length), alpha=0.5)


def _smoothed_adjoint(x: Tensor, axis: int) -> Tensor:
    """Apply the adjoint of :func:`_smoothed`; the result is two positions longer."""
    shape, length = list(x.shape), x.shape[axis]
    shape[axis] += 2
    found = x.new_zeros(shape)
    found.narrow(axis, 1, length).add_(x, alpha=0.5)
    for start in (0, 2):
        found.narrow(axis, start, length).add_(x, alpha=0.25)
    return found
