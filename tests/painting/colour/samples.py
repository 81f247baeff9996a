"""Random pictures, and reference computations of their colours."""

from __future__ import annotations

import numpy as np

from impasto.painting.colour.oklab import to_oklab
from impasto.painting.colour.transfer import Moments


def colourful_picture(height: int = 40, width: int = 50, seed: int = 0) -> np.ndarray:
    """Return uniform noise in all colours, H×W×3."""
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def chroma(picture: np.ndarray) -> np.ndarray:
    """Compute the chroma in OKLab, H×W."""
    return np.linalg.norm(to_oklab(picture.astype(np.float64))[..., 1:], axis=-1)


def naive_moments(picture: np.ndarray) -> Moments:
    """Compute mean and covariance with numpy."""
    flat = picture.reshape(-1, 3).astype(np.float64)
    return Moments(flat.mean(0), np.cov(flat.T, ddof=0))
