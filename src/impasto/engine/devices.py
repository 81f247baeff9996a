"""Devices, threads, precision and memory."""

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
    """Choose the device of a name; ``auto`` is CUDA if available, else the CPU.

    CUDA and MPS are untested, for want of the hardware. ``auto`` never chooses MPS, where older PyTorch lacks the
    antialiased bicubic resizing that every painting needs.

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
    """Choose the precision of the encoder; ``auto`` is bfloat16 if the device multiplies it natively, else float32.

    Args:
        name: auto, float32 or bfloat16.
        device: device of the encoder.
    """
    if name == "auto":
        name = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 at least as fast as float32; older processors emulate it slowly."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # from PyTorch 2.11 on
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Set PyTorch's number of threads, and restore it afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Compute matrix products in the precision of their factors, and restore the caller's setting afterwards.

    Autocast and the lower float32 precisions (``torch.set_float32_matmul_precision``) round factors to eight or ten
    bits, too few for a covariance.

    Args:
        device: device whose autocast is disabled.
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
    """Use one thread, and flush denormals, for matrices of some hundred rows on the CPU.

    LAPACK wakes a second, passive thread thousands of times: an eigendecomposition of 256 channels takes 21 ms on two
    threads and 3 ms on one. Denormals, as in the covariances of nearly dead channels, slow it down to 8 to 11 ms.
    """
    flushed = flushes_denormals()
    torch.set_flush_denormal(True)  # has no effect on processors that cannot
    try:
        with cpu_threads(1):
            yield
    finally:
        torch.set_flush_denormal(flushed)


def flushes_denormals() -> bool:
    """Tell whether this thread flushes denormals to 0."""
    return torch.tensor(torch.finfo(torch.float32).tiny, dtype=torch.float32, device="cpu").div(2).item() == 0


def available_memory(device: torch.device) -> int:
    """Return the free memory in bytes, including the reusable memory that PyTorch holds."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return int(psutil.virtual_memory().available)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work; a clock that is read earlier misses some of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def sharing_devices(name: str, device: torch.device) -> tuple[torch.device, ...]:
    """Return the devices that share a picture's tiles, the chosen one first: all GPUs unless one is named by number.

    Args:
        name: the setting ``device``.
        device: the device chosen for it.
    """
    if device.type != "cuda" or ":" in name:
        return (device,)
    return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))


def trim_heap() -> None:
    """Return free heap memory to the system; only glibc can."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


class HeapTrimmer:
    """Trims the heap when fragmentation grows.

    Tensors of many shapes fragment the C library's heap. Trimming after each tile costs 15 % of the time, so it is
    done when the growth is large against that of the first tile, and at the end.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._first: int | None = None

    def tile_done(self, *, last: bool) -> None:
        """Trim the heap after a tile if the process has grown much."""
        grown = self._process.memory_info().rss - self._before
        if self._first is None:
            self._first = grown
        if last or grown > 1.4 * self._first:
            trim_heap()
