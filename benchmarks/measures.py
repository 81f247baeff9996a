"""Measures of a painting without a network, so that no encoder judges its own work.

All take pictures as 1×3×H×W float32 in [0, 1]. No number replaces the eye: by ``style`` alone, a mere filter of colour
and contrast, :func:`filtered`, beats paintings. So the filter is a row of every table.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 7
"""Side of the patches in pixels."""

SAMPLES = 16384
"""Number of patches per level of the pyramid."""

PROJECTIONS = 256
"""Number of random directions of the sliced distance."""


class Score(NamedTuple):
    """Scores of a painting against its photograph and its style.

    Attributes:
        style: sliced Wasserstein distance to the style, divided by the photograph's. The photograph itself scores 1,
            the style itself about 0.05, and another part of the style 0.14 to 0.21.
        strokes: the same distance after matching the histogram of every band, divided by that of the matched
            photograph, over the four finest levels. The photograph itself scores 1, and a filter of colour and contrast
            alone, which is then matched twice, 0.85 to 1.02.
        content: correlation of locally normalised gradients with the photograph's; 1 for the photograph itself.
    """

    style: float
    strokes: float
    content: float


class Judge:
    """A judge that scores paintings of one photograph in one style.

    Args:
        photograph: photograph, with the size of the paintings.
        style: style of any size.
    """

    def __init__(self, photograph: Tensor, style: Tensor) -> None:
        self.photograph, self.style = photograph, style
        self.plain = sliced_wasserstein(photograph, style)
        self.matched = sliced_wasserstein(filtered(photograph, style), style)

    def score(self, painting: Tensor) -> Score:
        """Compute all three scores."""
        plain = sliced_wasserstein(painting, self.style) / self.plain
        matched = sliced_wasserstein(filtered(painting, self.style), self.style) / self.matched
        return Score(plain.mean().item(), matched[:4].mean().item(), content(painting, self.photograph))


def halved(x: Tensor) -> Tensor:
    """Resize to half the size, with antialiasing."""
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True, align_corners=False)


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Resize to the height and width of another picture."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def laplacian_pyramid(x: Tensor, levels: int = 5, least: int = 24) -> list[Tensor]:
    """Split a picture into bands, fine to coarse, and a residual (Burt and Adelson 1983).

    Args:
        x: picture.
        levels: number of levels at most, including the residual.
        least: short side in pixels below which a level is not split further.
    """
    bands: list[Tensor] = []
    while len(bands) < levels - 1 and min(x.shape[-2:]) >= least:
        smaller = halved(x)
        bands.append(x - enlarged(smaller, x))
        x = smaller
    return [*bands, x]


def collapsed(bands: list[Tensor]) -> Tensor:
    """Reconstruct the picture of a :func:`laplacian_pyramid`."""
    x = bands[-1]
    for band in reversed(bands[:-1]):
        x = enlarged(x, band) + band
    return x


def sliced_wasserstein(a: Tensor, b: Tensor, seed: int = 0) -> Tensor:
    """Compute the sliced Wasserstein-1 distance of 7×7 patches at each level of the pyramid (Rabin et al. 2011).

    Each call draws directions and patches from the same seed.
    """
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for x, y in zip(laplacian_pyramid(a), laplacian_pyramid(b), strict=False):
        p, q = _patches(x, generator), _patches(y, generator)
        directions = F.normalize(torch.randn(p.shape[1], PROJECTIONS, generator=generator), dim=0)
        distances.append((_sorted(directions.T @ p.T) - _sorted(directions.T @ q.T)).abs().mean())
    return torch.stack(distances)


def _sorted(rows: Tensor) -> Tensor:
    """Sort each row in ascending order; NumPy's vectorised sort is ten times as fast as PyTorch's."""
    return torch.from_numpy(np.sort(rows.numpy(), 1))


def _patches(x: Tensor, generator: torch.Generator) -> Tensor:
    windows = F.unfold(x, PATCH)[0].T
    return windows[torch.randint(len(windows), (SAMPLES,), generator=generator)]


def filtered(x: Tensor, style: Tensor, rounds: int = 4) -> Tensor:
    """Match the histograms of bands and pixels to the style's; this is the strongest filter of colour and contrast."""
    target = laplacian_pyramid(style)
    for _ in range(rounds):
        bands = laplacian_pyramid(x)
        shared = min(len(bands), len(target))
        bands[:shared] = [histogram_matched(b, t) for b, t in zip(bands, target, strict=False)]
        x = histogram_matched(collapsed(bands), style)
    return x


def histogram_matched(x: Tensor, to: Tensor) -> Tensor:
    """Match the histogram of each channel to that of ``to``, in the principal colour axes of ``to``."""
    a, b = x[0].flatten(1), to[0].flatten(1)
    axes = torch.linalg.eigh(b.cov() + 1e-8 * torch.eye(3)).eigenvectors
    mean = b.mean(1, keepdim=True)
    a, b = axes.T @ (a - mean), axes.T @ (b - mean)
    quantiles = F.interpolate(_sorted(b)[None], a.shape[1], mode="linear", align_corners=True)[0]
    order = torch.from_numpy(np.argsort(a.numpy(), 1))
    matched = torch.empty_like(a).scatter_(1, order, quantiles)
    return (axes @ matched + mean).reshape(x.shape)


def content(painting: Tensor, photograph: Tensor) -> float:
    """Compute the mean correlation of locally normalised luminance gradients over three scales, without the finest."""
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    a, b = (painting * luma).sum(1, keepdim=True), (photograph * luma).sum(1, keepdim=True)
    correlations = []
    for _ in range(3):
        a, b = halved(a), halved(b)
        pair = torch.stack([_edges(a).flatten(), _edges(b).flatten()])
        correlations.append(torch.corrcoef(pair)[0, 1].nan_to_num())
    return torch.stack(correlations).mean().item()


def _edges(x: Tensor) -> Tensor:
    """Compute the length of the Sobel gradient, divided by its mean over 15×15 pixels."""
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).view(1, 1, 3, 3)
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    length = (F.conv2d(x, sobel).square() + F.conv2d(x, sobel.mT).square() + 1e-6).sqrt()
    return length / (F.avg_pool2d(length, 15, 1, 7, count_include_pad=False) + 0.02)
