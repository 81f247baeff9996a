"""Where the arithmetic runs, and how much memory there is."""

from __future__ import annotations

import psutil
import torch

from impasto.encoder import Encoder
from impasto.errors import PaintingError, SettingsError

SAFE_SHARE = 0.9
"""Share of the free memory that a painting may plan on."""


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes the first of cuda, mps and cpu that is there.

    CUDA and MPS are untested: no such hardware was at hand.

    Raises:
        SettingsError: this machine has no such device.
    """
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    device = torch.device(name)
    count = {"cuda": torch.cuda.device_count(), "mps": int(has_mps), "cpu": 1}[device.type]
    if (device.index or 0) >= count:
        raise SettingsError(f"This machine has no device {name}, as PyTorch sees it: try auto or cpu.")
    return device


def physical_cores() -> int:
    """Cores that this process may use; hyperthreads of one core count once where that is known."""
    allowed = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def available_memory(device: torch.device) -> int:
    """Free memory in bytes, with what PyTorch holds and can reuse."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return int(psutil.virtual_memory().available)


def memory_estimate(encoder: Encoder, layers: list[str], pixels: int, history: int) -> int:
    """Peak memory in bytes of one iteration on a picture of so many pixels.

    Every convolution's output is kept for the backward pass, and pooled once; beside the widest of them stand its
    gradient and the gradient's predecessor. The optimiser keeps two images a pair and some more.

    Args:
        encoder: whose layers.
        layers: layers in use; the pass stops at the deepest.
        pixels: of the image.
        history: pairs that the optimiser keeps.
    """
    last = max((encoder.resolve(name) for name in layers), default=encoder.convolutions[0])
    used = [layer for layer in encoder.convolutions if layer[:2] <= last[:2]]
    sizes = [encoder.channels(str(layer)) / layer.stride**2 for layer in used]
    pooled = sum(s / 4 for s, layer in zip(sizes, used, strict=True) if (layer.block, layer.number + 1) not in
                 [other[:2] for other in used])  # fmt: skip
    floats = sum(sizes) + pooled + 3 * max(sizes, default=0) + 3 * (2 * history + 12)
    return int(4 * floats * pixels)


def check_memory(needed: int, device: torch.device, size: str) -> None:
    """Refuse what would not fit.

    Raises:
        PaintingError: with the estimate and the free memory.
    """
    free = available_memory(device)
    if needed > SAFE_SHARE * free:
        raise PaintingError(
            f"A painting of {size} px needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free: "
            f"choose a smaller size."
        )
