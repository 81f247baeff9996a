"""Random crops of photographs and paintings, for the training of the instant preset's decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data import Originals, Pictures

PHOTOGRAPHS = ("imagenet-200-sample", "imagenet-1k-sample", "intel-scenes", "weather", "caltech101", "animals3")
"""Sources of small photographs."""

PAINTINGS = ("wikiart", "monet", "kaokore", "chinese-landscape", "dtd")
"""Sources of small paintings and textures."""

LEAST_SCALE = 0.45
"""Smallest factor by which a crop from a larger picture is reduced."""


class Crops:
    """Crops of contents and styles for every step: two steps of larger pictures, then one of small pictures.

    Args:
        small: labelled pictures.
        photographs: larger photographs.
        paintings: larger paintings, drawings, prints and textures.
        side: side of the crops from larger pictures in pixels; those from small pictures have half of it.
        batch: number of crops from larger pictures; twice as many come from small ones.
        seed: seed of all choices.
    """

    def __init__(
        self, small: Pictures, photographs: Originals, paintings: Originals, side: int, batch: int, seed: int
    ) -> None:
        self._small, self._large = small, (photographs, paintings)
        self._side, self._batch, self._seed = side, batch, seed
        self._indices = [_indices(small, sources) for sources in (PHOTOGRAPHS, PAINTINGS)]

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Return contents and styles of a step, B×3×side×side in [0, 1] each."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        draw = self._draw_small if step % 3 == 2 else self._draw_large
        contents, styles = draw(0, generator), draw(1, generator)
        return varied(contents, generator), varied(recoloured(styles, generator), generator)

    def _draw_small(self, kind: int, generator: torch.Generator) -> Tensor:
        indices, side = self._indices[kind], self._side // 2
        chosen = indices[torch.randint(len(indices), (2 * self._batch,), generator=generator)]
        sizes = self._small.sizes[chosen].tolist()
        pictures = (self._small.pixels[i][:, :h, :w] for i, (h, w) in zip(chosen, sizes, strict=True))
        return torch.stack([random_crop(picture, side, generator, 1.0) for picture in pictures])

    def _draw_large(self, kind: int, generator: torch.Generator) -> Tensor:
        pictures = self._large[kind].pixels
        chosen = torch.randint(len(pictures), (self._batch,), generator=generator).tolist()
        return torch.stack([random_crop(pictures[i], self._side, generator, LEAST_SCALE) for i in chosen])


def _indices(pictures: Pictures, sources: Sequence[str]) -> Tensor:
    """Return the indices of the pictures from some sources."""
    is_wanted = torch.tensor([name.split("/")[0] in sources for name in pictures.classes], dtype=torch.bool)
    return is_wanted[pictures.labels].nonzero()[:, 0]


def random_crop(picture: Tensor, side: int, generator: torch.Generator, least: float) -> Tensor:
    """Cut a random square out of a picture, and reduce it.

    Args:
        picture: 3×H×W uint8.
        side: side of the result in pixels, at most the short side of the picture.
        generator: source of scale and position.
        least: smallest factor of the reduction; the largest is 1.

    Returns:
        3×side×side float32 in [0, 1].
    """
    short = min(picture.shape[1:])
    low = max(least, min(1.0, side / short))
    factor = math.exp(math.log(low) * torch.rand((), generator=generator).item())
    extent = min(short, round(side / factor))
    top, left = (int(torch.randint(n - extent + 1, (), generator=generator)) for n in picture.shape[1:])
    crop = picture[None, :, top : top + extent, left : left + extent].float() / 255
    if extent == side:
        return crop[0]
    return F.interpolate(crop, (side, side), mode="bilinear", antialias=True, align_corners=False)[0]


def recoloured(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Transpose a third of the crops, and permute the colours of another third."""

    def chosen() -> Tensor:
        return (torch.rand(len(crops), generator=generator) < 0.3)[:, None, None, None]

    order = torch.stack([torch.randperm(3, generator=generator) for _ in crops])
    crops = torch.where(chosen(), crops.transpose(2, 3), crops)
    return torch.where(chosen(), crops.gather(1, order[:, :, None, None].expand_as(crops)), crops)


def varied(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the crops, and vary their contrast and brightness."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(crops), 1, 1, 1, generator=generator)

    crops = torch.where(uniform(0, 1) < 0.5, crops.flip(3), crops)
    return ((crops - 0.5) * uniform(0.7, 1.2) + 0.5 + uniform(-0.1, 0.1)).clamp(0, 1)
