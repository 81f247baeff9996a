"""Comparison of a GPU with the CPU, and speed of paintings on it.

    python -m benchmarks.gpu [--device cuda] [--seconds 480] [--out gpu.md]
    python -m benchmarks.gpu --device cpu --small

The first table compares losses, gradients and a small painting with the CPU's in float32. There TF32 is off, so float32
means the same on both. A difference above its bound is a row marked FAILED, and the exit code is then 1.

The second table shows speed, with PyTorch's defaults, under which float32 convolutions use TF32 on a GPU. All pictures
are synthetic and have size × ¾ size pixels. *Peak* is the pace of a large matrix product in the same precision; the
share of it counts the convolutions alone. *Bare* is the encoder's forward and backward pass to relu5_1. Memory includes
iterations and painting: on a GPU the peak of PyTorch's tensors in the row, on the CPU that of the process so far.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.gpu.bench import FULL, SMALL, Bench, Report
from benchmarks.gpu.comparison import compare_objectives, compare_paintings, tf32_convolutions
from benchmarks.gpu.speed import time_paintings
from benchmarks.quality.yardstick import he_encoder, save_encoder
from impasto.engine.cores import physical_cores


def describe(device: torch.device) -> str:
    """Name the device and the versions, in one line."""
    machine = f"{platform.processor() or platform.machine()}, {physical_cores()} threads, torch {torch.__version__}"
    if device.type != "cuda":
        return f"{device}; {machine}"
    properties = torch.cuda.get_device_properties(device)
    gpu = f"{properties.name}, {properties.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"
    return f"{gpu}, cuDNN {torch.backends.cudnn.version()}; {machine}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=480, help="time for everything; rows that do not fit are left")
    parser.add_argument("--out", type=Path, help="file for the tables")
    parser.add_argument("--small", action="store_true", help="tiny pictures and encoder, to try the program itself")
    given = parser.parse_args(arguments)
    device, begun = torch.device(given.device), time.monotonic()
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here, as PyTorch sees it: try --device cpu --small")
    torch.set_num_threads(physical_cores())
    scale = SMALL if given.small else FULL
    with tempfile.TemporaryDirectory() as folder:
        random = str(save_encoder(he_encoder(channels=scale.channels), Path(folder) / "random.safetensors"))
        encoders = {"random, narrow": random} if given.small else {"builtin": "builtin", "random, VGG-19": random}
        bench = Bench(device, scale, begun + given.seconds, encoders, Report(given.out))
        bench.report.add(describe(device))
        bench.report.add_header("comparison with the CPU in float32", "difference of", "value", "bound", "result")
        with tf32_convolutions(allowed=False):
            compare_objectives(bench)
            compare_paintings(bench)
        with tf32_convolutions(allowed=True):
            time_paintings(bench, ("bfloat16", "float32"))
    bench.report.add("", f"{bench.failures} comparisons failed; {time.monotonic() - begun:.0f} s.")
    return int(bench.failures > 0)


if __name__ == "__main__":
    sys.exit(main())
