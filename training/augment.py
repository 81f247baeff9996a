"""Augmentation: random views of a whole batch of training pictures, on the CPU or a GPU."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def crop(pixels: Tensor, centre: Tensor, extent: Tensor, angle: Tensor, flip: Tensor, side: int) -> Tensor:
    """Cut one rotated rectangle out of each picture, and resize it to a square.

    Args:
        pixels: pictures, B×3×S×S uint8, each in the top-left corner of a square canvas.
        centre: B×2, row and column of the rectangle's centre in pixels.
        extent: B×2, height and width of the rectangle in pixels.
        angle: rotation, B, in radians.
        flip: B, −1 to mirror left and right, +1 not to.
        side: side of the result in pixels.

    Returns:
        B×3×side×side float32 in [0, 1].
    """
    canvas = pixels.shape[-1]
    half = extent / canvas
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([cos * half[:, 1] * flip, -sin * half[:, 0], 2 * centre[:, 1] / canvas - 1], 1),
            torch.stack([sin * half[:, 1] * flip, cos * half[:, 0], 2 * centre[:, 0] / canvas - 1], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [len(pixels), 3, side, side], align_corners=False)
    return F.grid_sample(pixels.float() / 255, grid, "bilinear", "border", align_corners=False)


def random_view(
    pixels: Tensor, sizes: Tensor, side: int, generator: torch.Generator, noise: float, smallest: float = 0.38
) -> Tensor:
    """Cut a random training view out of each picture.

    Scale (``smallest`` to 1 of the short side), aspect ratio, position, rotation, mirroring, colour and noise are
    random.

    Args:
        pixels: pictures, B×3×S×S uint8, each in the top-left corner of a square canvas.
        sizes: B×2, height and width of each picture in pixels.
        side: side of the result in pixels.
        generator: source of all random numbers.
        noise: upper bound of the standard deviation of the Gaussian noise, which each picture draws anew.
        smallest: lower bound of a view's side as a fraction of the picture's short side.

    Returns:
        B×3×side×side float32, roughly in [0, 1].
    """
    device, n = pixels.device, len(pixels)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator, device=device)

    short = sizes.min(1).values.float()
    scale = short * uniform(math.log(smallest), 0).exp()
    aspect = uniform(-0.22, 0.22).exp().sqrt()
    extent = torch.stack([scale * aspect, scale / aspect], 1).minimum(sizes.float())
    centre = extent / 2 + uniform(0, 1, 2) * (sizes - extent)
    angle = uniform(-0.2, 0.2)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    x = crop(pixels, centre, extent, angle, flip, side)

    def per_picture(low: float, high: float) -> Tensor:
        return uniform(low, high, 1, 1, 1)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * per_picture(0.4, 1.5)
    x = (x - 0.5) * per_picture(0.6, 1.4) + 0.5 + per_picture(-0.2, 0.2)
    x = x * uniform(0.85, 1.15, 3, 1, 1)
    return x + torch.randn(x.shape, generator=generator, device=device) * per_picture(0, noise)


def centre_view(pixels: Tensor, sizes: Tensor, side: int) -> Tensor:
    """Cut the central square out of each picture, and resize it; shapes are those of :func:`random_view`."""
    short = sizes.min(1).values.float()
    extent = torch.stack([short, short], 1)
    ones = torch.ones(len(pixels), device=pixels.device)
    return crop(pixels, sizes / 2.0, extent, 0 * ones, ones, side)
