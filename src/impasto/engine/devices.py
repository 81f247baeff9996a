"""Where the arithmetic runs, and how much memory there is."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import torch

from impasto.errors import SettingsError


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes cuda where it is there, and else the CPU.

    CUDA and MPS are untested: no such hardware was at hand. MPS is not chosen unasked: older PyTorch has no
    antialiased bicubic resizing there, which every painting needs.

    Raises:
        SettingsError: this machine has no such device.
    """
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    count = {"cuda": torch.cuda.device_count(), "mps": int(has_mps), "cpu": 1}[device.type]
    if (device.index or 0) >= count:
        raise SettingsError(f"This machine has no device {name}, as PyTorch sees it: try auto or cpu.")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """What an encoder computes in: that dtype, or with ``auto`` bfloat16 where the device multiplies it natively.

    Args:
        name: auto, float32 or bfloat16.
        device: where.
    """
    if name == "auto":
        name = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it does so at least as fast as float32. Older processors emulate it, many times slower."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # from PyTorch 2.11 on
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def physical_cores() -> int:
    """Cores that this process may use; hyperthreads of one core count once where that is known."""
    allowed = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """PyTorch's number of threads, put back after."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Matrix products in the precision of their factors, whatever the caller has set for the process; put back after.

    A covariance does not outlive factors that are rounded to ten or eight bits: neither autocast nor the lower float32
    precisions (``torch.set_float32_matmul_precision``) may have it.

    Args:
        device: whose autocast is meant.
    """
    with torch.autocast(device.type, enabled=False):
        places = [getattr(backend, "matmul", None) for backend in (torch.backends.mkldnn, torch.backends.cuda)]
        switches: list[Any] = [place for place in places if hasattr(place, "fp32_precision")]  # from PyTorch 2.9 on
        if not switches:
            before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("highest")
            try:
                yield
            finally:
                torch.set_float32_matmul_precision(before)
            return
        found = [switch.fp32_precision for switch in switches]
        for switch in switches:
            switch.fp32_precision = "ieee"
        try:
            yield
        finally:
            for switch, precision in zip(switches, found, strict=True):
                switch.fp32_precision = precision


@contextmanager
def small_matrices() -> Iterator[None]:
    """Work on matrices of some hundred rows on the CPU: on one thread, and with denormal numbers taken for 0.

    LAPACK wakes a second, passive thread thousands of times: an eigendecomposition of 256 channels takes 21 ms with it,
    and 3 ms on one. Numbers under 1e-38, as channels that are next to dead have in their covariances, make it 8 to 11.
    """
    flushed = flushes_denormals()
    torch.set_flush_denormal(True)  # where the processor cannot, nothing happens
    try:
        with cpu_threads(1):
            yield
    finally:
        torch.set_flush_denormal(flushed)


def flushes_denormals() -> bool:
    """Whether this thread takes denormal numbers for 0."""
    return torch.tensor(torch.finfo(torch.float32).tiny, dtype=torch.float32, device="cpu").div(2).item() == 0


def available_memory(device: torch.device) -> int:
    """Free memory in bytes, with what PyTorch holds and can reuse."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return int(psutil.virtual_memory().available)


def sharing_devices(name: str, device: torch.device) -> tuple[torch.device, ...]:
    """The devices that share a picture's tiles, the chosen one first: all GPUs where none is named by its number.

    Args:
        name: as the settings have it.
        device: that was chosen for it.
    """
    if device.type != "cuda" or ":" in name:
        return (device,)
    return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))


def give_back_memory() -> None:
    """Let the C library hand the gaps of its heap back to the system; where it is not glibc nothing happens."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


class Heap:
    """Watches the process grow while tiles are worked on.

    Tensors of many shapes leave gaps in the C library's heap that the next ones do not fit into. To give them back
    after each tile costs 15 % of the time, so it is done where they come to much beside the first tile's memory,
    and at the end.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._first: int | None = None

    def tile_done(self, *, last: bool) -> None:
        """Look at the memory after a tile."""
        grown = self._process.memory_info().rss - self._before
        if self._first is None:
            self._first = grown
        if last or grown > 1.4 * self._first:
            give_back_memory()
