"""The processor's cores."""

from __future__ import annotations

import psutil


def physical_cores() -> int:
    """Count the cores that this process may use; hyperthreads of one core count once if the system reports them."""
    allowed = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def busy_cores(seconds: float) -> float:
    """Wait, and return the mean number of cores that other programs use, of those that this process may use.

    Args:
        seconds: how long to wait; this process must not compute meanwhile.
    """
    shares = psutil.cpu_percent(seconds, percpu=True)
    allowed = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else range(len(shares))
    return float(sum(shares[number] for number in allowed if number < len(shares)) / 100)
