"""Small pictures and a small encoder, all seeded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from impasto.encoders.layers import VGG19, all_convolutions
from impasto.pictures import write_picture

CHANNELS = (4, 6, 8, 8, 8)


def random_weights(
    deepest: str = "conv5_1",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    channels: tuple[int, ...] = CHANNELS,
    stack: tuple[int, ...] = VGG19,
) -> dict[str, torch.Tensor]:
    """He-initialised weights of a narrow VGG-19 or another stack, down to one layer."""
    generator = torch.Generator().manual_seed(seed)
    weights, before = {}, 3
    for layer in all_convolutions(stack):
        after = channels[layer.block - 1]
        scale = (2 / (9 * before)) ** 0.5
        weights[f"{layer}.weight"] = (scale * torch.randn(after, before, 3, 3, generator=generator)).to(dtype)
        weights[f"{layer}.bias"] = (0.1 * torch.randn(after, generator=generator)).to(dtype)
        before = after
        if str(layer) == deepest:
            break
    return weights


def smooth_picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """H×W×3 float32 in [0, 1]: soft blobs with some grain, no flat areas."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = rng.uniform(2, 14, (3, 4, 2))
    phases = rng.uniform(0, 6, (3, 4))
    picture = np.stack(
        [
            sum(np.sin(a * x + b * y + p) for (a, b), p in zip(w, q, strict=True))
            for w, q in zip(waves, phases, strict=True)
        ],
        axis=2,
    )
    picture = 0.5 + 0.11 * picture + 0.03 * rng.standard_normal(picture.shape)
    return picture.clip(0, 1).astype(np.float32)


def write_album(folder: Path, *styles: str) -> Path:
    """Write three photographs to ``photos`` in a folder, and a picture for each style's name; return the folder."""
    (folder / "photos").mkdir()
    for number in range(3):
        write_picture(folder / "photos" / f"{number}.png", smooth_picture(32, 40, seed=number))
    for number, name in enumerate(styles):
        write_picture(folder / f"{name}.png", smooth_picture(32, 32, seed=9 + number))
    return folder
