"""Cost of an iteration relative to the bare encoder, and start-up time.

    python -m benchmarks.engine [--encoder builtin] [--sizes 256 512 1024] [--rounds 9] [--precision bfloat16]

Times: the variants alternate in one process, so that a machine that slows down affects all of them. The ratios of a
round are relative to its bare encoder, and the table shows medians. Memory: each variant runs in its own process. The
table shows the peak of resident memory minus that of a small picture, so pictures, encoder and targets count.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from benchmarks.memory import peak_resident
from impasto.encoders.loading import load_encoder
from impasto.engine.adam import Adam
from impasto.engine.cores import physical_cores
from impasto.engine.devices import choose_precision
from impasto.engine.lbfgs import LBFGS
from impasto.engine.objective import make_objective
from impasto.engine.optimizers import Optimizer
from impasto.settings.fields import Precision
from impasto.settings.model import Losses

VARIANTS = ("bare", "gram-adam", "gaussian-lbfgs")
DEEPEST = "relu5_1"


def picture(size: int, seed: int) -> Tensor:
    """Draw a picture, 1×3×(¾ size)×size, with structure at every scale, so that features vary in all layers."""
    generator = torch.Generator().manual_seed(seed)
    height = size * 3 // 4
    x = torch.zeros(1, 3, height, size)
    for scale in (4, 16, 64, size):
        grain = torch.rand(1, 3, scale * 3 // 4, scale, generator=generator)
        x += torch.nn.functional.interpolate(grain, (height, size), mode="bilinear") / 4
    return x


def make_iteration(variant: str, encoder_name: str, size: int, precision: Precision) -> Callable[[], None]:
    """Return a function that runs one iteration of a variant, with pictures and targets prepared."""
    encoder = load_encoder(encoder_name).encoder.to(choose_precision(precision, torch.device("cpu")))
    content, style = picture(size, 1), picture(size, 2)
    image = content.clone()
    if variant == "bare":

        def bare() -> None:
            leaf = image.detach().requires_grad_(True)
            torch.autograd.grad(encoder(leaf, [DEEPEST])[DEEPEST].float().mean(), leaf)

        return bare
    gram = variant == "gram-adam"
    losses = Losses(style_distance="gram" if gram else "gaussian")
    objective = make_objective(encoder, content, [style], [1.0], losses, 1.0, 40.0)
    optimizer: Optimizer = Adam(0.005) if gram else LBFGS(20, bounds=(0.0, 1.0), channels=3)

    def iteration() -> None:
        loss, gradient = objective.value_and_gradient(image)
        optimizer.step(image, loss.total, gradient)

    return iteration


def timed(function: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def measure_times(encoder: str, size: int, rounds: int, precision: Precision) -> dict[str, tuple[float, float]]:
    """Measure median seconds and the median ratio to the bare encoder by variant, with L-BFGS's history full."""
    iterations = {variant: make_iteration(variant, encoder, size, precision) for variant in VARIANTS}
    for variant, iteration in iterations.items():
        for _ in range(22 if variant == "gaussian-lbfgs" else 2):
            iteration()
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant, iteration in iterations.items():
            seconds[variant].append(timed(iteration))
    return {
        variant: (
            statistics.median(times),
            statistics.median(t / b for t, b in zip(times, seconds["bare"], strict=True)),
        )
        for variant, times in seconds.items()
    }


def peak_memory(variant: str, encoder: str, size: int, precision: Precision) -> int:
    """Measure the bytes that iterations of one variant add to a process, in a new process."""
    command = [sys.executable, "-m", "benchmarks.engine", "--memory-of", variant, "--encoder", encoder]
    command += ["--precision", precision]
    answer = subprocess.run([*command, "--sizes", str(size)], check=True, capture_output=True, text=True)
    return int(answer.stdout)


def print_memory_of(variant: str, encoder: str, size: int, precision: Precision) -> None:
    """Print the result of :func:`peak_memory`, which runs this in a new process."""
    small = make_iteration("bare", encoder, 64, precision)
    small()  # allocates the buffers of the libraries
    before = peak_resident()
    iteration = make_iteration(variant, encoder, size, precision)
    for _ in range(22 if variant == "gaussian-lbfgs" else 3):
        iteration()
    print(peak_resident() - before)


def startup() -> dict[str, float]:
    """Measure seconds, the best of five: to import impasto, to print ``--version``, to load the built-in encoder."""

    def best(*command: str) -> float:
        run = [sys.executable, *command]
        return min(timed(lambda: subprocess.run(run, check=True, capture_output=True)) for _ in range(5))

    empty = best("-c", "pass")
    load = [timed(lambda: load_encoder("builtin")) for _ in range(5)]
    return {
        "import impasto": best("-c", "import impasto") - empty,
        "impasto --version": best("-m", "impasto", "--version"),
        "load the built-in encoder": min(load),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--precision", choices=get_args(Precision), default="float32", help="precision of the encoder")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-of", choices=VARIANTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(physical_cores())
    if given.memory_of:
        print_memory_of(given.memory_of, given.encoder, given.sizes[0], given.precision)
        return
    rows = []
    for size in given.sizes:
        times = measure_times(given.encoder, size, given.rounds, given.precision)
        memory = {variant: peak_memory(variant, given.encoder, size, given.precision) for variant in VARIANTS}
        for variant in VARIANTS:
            seconds, ratio = times[variant]
            rows.append((size, variant, seconds, ratio, memory[variant] / 1e6, memory[variant] / memory["bare"]))
    if given.json:
        print(json.dumps({"iterations": rows, "startup": startup()}))
        return
    where = f"{platform.processor() or platform.machine()}, {physical_cores()} threads, torch {torch.__version__}"
    print(f"{where}, {given.precision}\n")
    print("| size | variant | s | time ÷ bare | MB | memory ÷ bare |\n|---|---|---|---|---|---|")
    for size, variant, seconds, ratio, megabytes, memory_ratio in rows:
        print(f"| {size} | {variant} | {seconds:.3f} | {ratio:.2f} | {megabytes:.0f} | {memory_ratio:.2f} |")
    print("\n| start-up | s |\n|---|---|")
    for name, seconds in startup().items():
        print(f"| {name} | {seconds:.3f} |")


if __name__ == "__main__":
    main()
