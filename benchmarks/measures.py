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

LONG_SIDE = 512
"""Long side in pixels for which the sigmas of :func:`tone` and :func:`coherence` are given; others scale them."""

TONE_SIGMA = 4.0
"""Sigma in pixels of the blur before :func:`tone`, at the long side :data:`LONG_SIDE`."""

WINDOWS = (6.0, 12.0, 24.0)
"""Sigmas in pixels of the structure tensor's windows, at the long side :data:`LONG_SIDE`."""

ISOTROPIC = 1e-4
"""Coherence up to which a style counts as without direction; white noise has at least 0.02."""


class Score(NamedTuple):
    """Scores of a painting against its photograph and its style.

    Attributes:
        style: sliced Wasserstein distance to the style, divided by the photograph's. The photograph itself scores 1,
            the style itself about 0.05, and another part of the style 0.14 to 0.21.
        strokes: the same distance after matching the histogram of every band, divided by that of the matched
            photograph, over the four finest levels. The photograph itself scores 1, and a filter of colour and contrast
            alone, which is then matched twice, 0.85 to 1.02.
        content: correlation of locally normalised gradients with the photograph's; 1 for the photograph itself.
        tone: rank correlation of blurred luminance with the photograph's; 1 for the photograph itself, -1 for its
            negative, 0 if either is flat.
        flow: coherence of the strokes' direction, divided by the style's; 1 for the style itself. Broken strokes,
            ripples and stipples lower it. 0 if the style has no direction.
    """

    style: float
    strokes: float
    content: float
    tone: float
    flow: float


class Scorer:
    """Computes the scores of paintings of one photograph in one style.

    Args:
        photograph: photograph, with the size of the paintings.
        style: style of any size.
    """

    def __init__(self, photograph: Tensor, style: Tensor) -> None:
        self.photograph, self.style = photograph, style
        self.plain = sliced_wasserstein(photograph, style)
        self.matched = sliced_wasserstein(filtered(photograph, style), style)
        self.coherence = coherence(resized(style, max(photograph.shape)))

    def score(self, painting: Tensor) -> Score:
        """Compute all scores."""
        plain = sliced_wasserstein(painting, self.style) / self.plain
        matched = sliced_wasserstein(filtered(painting, self.style), self.style) / self.matched
        flow = torch.where(self.coherence > ISOTROPIC, coherence(painting) / self.coherence, 0.0)
        return Score(
            style=plain.mean().item(),
            strokes=matched[:4].mean().item(),
            content=content(painting, self.photograph),
            tone=tone(painting, self.photograph),
            flow=flow.mean().item(),
        )


def resized(x: Tensor, long_side: int) -> Tensor:
    """Resize to a long side in pixels, with antialiasing; return the picture itself if it has that long side."""
    height, width = x.shape[-2:]
    scale = long_side / max(height, width)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    return x if scale == 1 else F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)


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
    a, b = _luminance(painting), _luminance(photograph)
    correlations = []
    for _ in range(3):
        a, b = halved(a), halved(b)
        pair = torch.stack([_edges(a).flatten(), _edges(b).flatten()])
        correlations.append(torch.corrcoef(pair)[0, 1].nan_to_num())
    return torch.stack(correlations).mean().item()


def _luminance(x: Tensor) -> Tensor:
    return (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _edges(x: Tensor) -> Tensor:
    """Compute the length of the Sobel gradient, divided by its mean over 15×15 pixels."""
    dx, dy = _sobel(F.pad(x, (1, 1, 1, 1), mode="replicate"))
    length = (dx.square() + dy.square() + 1e-6).sqrt()
    return length / (F.avg_pool2d(length, 15, 1, 7, count_include_pad=False) + 0.02)


def _sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the horizontal and the vertical Sobel derivative, without the outermost pixels."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).view(1, 1, 3, 3)
    return F.conv2d(x, kernel), F.conv2d(x, kernel.mT)


def tone(painting: Tensor, photograph: Tensor) -> float:
    """Compute Spearman's rank correlation of blurred luminance, in [-1, 1]; 0 if either picture is flat.

    The Gaussian blur has :data:`TONE_SIGMA`, scaled with the long side, and every second sigma is sampled.
    """
    sigma = TONE_SIGMA * max(photograph.shape) / LONG_SIDE
    step = max(1, round(2 * sigma))
    samples = [_blurred(_luminance(x), sigma)[..., ::step, ::step].flatten() for x in (painting, photograph)]
    return torch.corrcoef(torch.stack([_ranks(x) for x in samples]))[0, 1].nan_to_num().item()


def _ranks(values: Tensor) -> Tensor:
    """Rank values; equal ones share the mean of their ranks."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - 0.5 * counts)[place]


def coherence(x: Tensor) -> Tensor:
    """Compute the coherence of direction in windows of several sizes, each in [0, 1].

    The structure tensor (Förstner and Gülch 1987; Bigün and Granlund 1987) is the mean of the gradient's outer product
    over a Gaussian window. Its coherence (Weickert 1998) is the difference of its eigenvalues divided by their sum:
    1 for straight parallel lines, 0 without a preferred direction. The mean over the picture is weighted by this sum,
    the energy, so that flat parts do not count.

    The windows :data:`WINDOWS`, the prior blur of 1 px and the margin of 16 px, which is left out, are for a long side
    of :data:`LONG_SIDE` and scale with the picture's. So a picture has about the same coherence at all sizes from
    256 px up; below that, coherence is too high.

    Returns:
        One value per window; 0 if the picture is flat.
    """
    scale = max(x.shape) / LONG_SIDE
    dx, dy = _sobel(_blurred(_luminance(x), scale))
    top, left = (min(round(16 * scale), (side - 1) // 2) for side in dx.shape[-2:])
    inner = (..., slice(top, dx.shape[-2] - top), slice(left, dx.shape[-1] - left))
    found = []
    for window in WINDOWS:
        xx, xy, yy = (_blurred(product, window * scale)[inner] for product in (dx * dx, dx * dy, dy * dy))
        energy, difference = xx + yy, ((xx - yy).square() + 4 * xy.square()).sqrt()
        found.append((difference * energy / (energy + 1e-6)).sum() / energy.sum().clamp_min(1e-12))
    return torch.stack(found)


def _blurred(x: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian cut off at three sigmas, with mirrored borders; replicated ones if x is smaller than that."""
    radius = int(3 * sigma)
    kernel = torch.exp(-torch.arange(-radius, radius + 1).square() / (2 * sigma**2))
    kernel /= kernel.sum()
    x = F.pad(x, [radius] * 4, mode="reflect" if min(x.shape[-2:]) > radius else "replicate")
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
