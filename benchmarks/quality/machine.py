"""Description of the machine that a benchmark runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil
import torch

import impasto
from impasto.engine.cores import physical_cores


def describe() -> str:
    """Return a Markdown list of processor, cores, memory, versions and OMP_WAIT_POLICY."""
    facts = {
        "processor": processor(),
        "cores": f"{physical_cores()}, {torch.get_num_threads()} threads",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "impasto": impasto.__version__,
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def processor() -> str:
    """Return the name of the CPU, and PyTorch's name for its vector instructions."""
    info = Path("/proc/cpuinfo")
    name = platform.processor() or platform.machine()
    if info.exists():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"
