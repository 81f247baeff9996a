"""Measures of a painted picture that use no network, so that no encoder marks its own work.

All take pictures as 1×3×H×W float32 in [0, 1]. No number replaces the eye: ``style`` alone is beaten by a filter with
no paint in sight, :func:`filtered`, which is therefore a row of every table.
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
PROJECTIONS = 256


class Score(NamedTuple):
    """A painting measured against its photograph and its style.

    Attributes:
        style: sliced Wasserstein distance to the style as a share of the photograph's; 1 the photograph itself, about
            0.05 the style itself, and 0.14 to 0.21 another part of it.
        strokes: the same once every band's histogram has been matched, as a share of what the matched photograph
            scores, over the four finest levels; 1 the photograph itself. A filter of colour and contrast alone, which
            is matched twice so, comes to 0.85 to 1.02.
        content: correlation of locally normalised gradients with the photograph's; 1: its own structure.
    """

    style: float
    strokes: float
    content: float


class Judge:
    """Scores paintings of one photograph in one style.

    Args:
        photograph: of the paintings' size.
        style: of any size.
    """

    def __init__(self, photograph: Tensor, style: Tensor) -> None:
        self.photograph, self.style = photograph, style
        self.plain = sliced_wasserstein(photograph, style)
        self.matched = sliced_wasserstein(filtered(photograph, style), style)

    def score(self, painting: Tensor) -> Score:
        """All three measures."""
        plain = sliced_wasserstein(painting, self.style) / self.plain
        matched = sliced_wasserstein(filtered(painting, self.style), self.style) / self.matched
        return Score(plain.mean().item(), matched[:4].mean().item(), content(painting, self.photograph))


def halved(x: Tensor) -> Tensor:
    """Half the size, antialiased."""
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True, align_corners=False)


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Brought to the height and width of another."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def laplacian_pyramid(x: Tensor, levels: int = 5, least: int = 24) -> list[Tensor]:
    """Bands, fine to coarse, and the rest (Burt and Adelson 1983); no level's short side is under ``least`` / 2."""
    bands: list[Tensor] = []
    while len(bands) < levels - 1 and min(x.shape[-2:]) >= least:
        smaller = halved(x)
        bands.append(x - enlarged(smaller, x))
        x = smaller
    return [*bands, x]


def collapsed(bands: list[Tensor]) -> Tensor:
    """The picture of a :func:`laplacian_pyramid`."""
    x = bands[-1]
    for band in reversed(bands[:-1]):
        x = enlarged(x, band) + band
    return x


def sliced_wasserstein(a: Tensor, b: Tensor, seed: int = 0) -> Tensor:
    """Sliced Wasserstein-1 distance of 7×7 patches at each level of the pyramid (Rabin et al. 2011), one value a level.

    The directions and the patches are drawn anew for each call from the same seed.
    """
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for x, y in zip(laplacian_pyramid(a), laplacian_pyramid(b), strict=False):
        p, q = _patches(x, generator), _patches(y, generator)
        directions = F.normalize(torch.randn(p.shape[1], PROJECTIONS, generator=generator), dim=0)
        distances.append((_sorted(directions.T @ p.T) - _sorted(directions.T @ q.T)).abs().mean())
    return torch.stack(distances)


def _sorted(rows: Tensor) -> Tensor:
    """Each row in rising order; NumPy's vectorised sort is ten times as fast as PyTorch's."""
    return torch.from_numpy(np.sort(rows.numpy(), 1))


def _patches(x: Tensor, generator: torch.Generator) -> Tensor:
    windows = F.unfold(x, PATCH)[0].T
    return windows[torch.randint(len(windows), (SAMPLES,), generator=generator)]


def filtered(x: Tensor, style: Tensor, rounds: int = 4) -> Tensor:
    """The strongest filter of colour and contrast: every band's histogram, and the pixels', made the style's."""
    target = laplacian_pyramid(style)
    for _ in range(rounds):
        bands = laplacian_pyramid(x)
        shared = min(len(bands), len(target))
        bands[:shared] = [histogram_matched(b, t) for b, t in zip(bands, target, strict=False)]
        x = histogram_matched(collapsed(bands), style)
    return x


def histogram_matched(x: Tensor, to: Tensor) -> Tensor:
    """Each channel's histogram made that of ``to``, in its principal axes of colour."""
    a, b = x[0].flatten(1), to[0].flatten(1)
    axes = torch.linalg.eigh(b.cov() + 1e-8 * torch.eye(3)).eigenvectors
    mean = b.mean(1, keepdim=True)
    a, b = axes.T @ (a - mean), axes.T @ (b - mean)
    quantiles = F.interpolate(_sorted(b)[None], a.shape[1], mode="linear", align_corners=True)[0]
    order = torch.from_numpy(np.argsort(a.numpy(), 1))
    matched = torch.empty_like(a).scatter_(1, order, quantiles)
    return (axes @ matched + mean).reshape(x.shape)


def content(painting: Tensor, photograph: Tensor) -> float:
    """Mean correlation of locally normalised luminance gradients over three scales, the finest left out."""
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    a, b = (painting * luma).sum(1, keepdim=True), (photograph * luma).sum(1, keepdim=True)
    correlations = []
    for _ in range(3):
        a, b = halved(a), halved(b)
        pair = torch.stack([_edges(a).flatten(), _edges(b).flatten()])
        correlations.append(torch.corrcoef(pair)[0, 1].nan_to_num())
    return torch.stack(correlations).mean().item()


def _edges(x: Tensor) -> Tensor:
    """Length of the gradient (Sobel), as a share of its mean over 15×15 pixels."""
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).view(1, 1, 3, 3)
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    length = (F.conv2d(x, sobel).square() + F.conv2d(x, sobel.mT).square() + 1e-6).sqrt()
    return length / (F.avg_pool2d(length, 15, 1, 7, count_include_pad=False) + 0.02)
