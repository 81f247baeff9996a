"""Speed and memory of paintings, and the share of the device's peak."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.arithmetic import forward_operations
from benchmarks.engine import DEEPEST, picture
from benchmarks.gpu.bench import MEMORY_ERRORS, WEIGHTS, Bench, first_sentence, load, release
from benchmarks.memory import peak_resident
from benchmarks.pairs import to_array
from impasto.encoders.network import Encoder
from impasto.engine.devices import choose_precision, synchronize
from impasto.engine.objective import layers_in_use
from impasto.errors import ImpastoError
from impasto.painting.events import Iteration, StepFinished
from impasto.painting.octaves import Octave
from impasto.painting.painter import Painter
from impasto.settings.fields import Precision
from impasto.settings.model import Losses

EXPECTED_SHARE = 0.1
"""Share of the peak that an iteration is expected to reach, from which the fit of a row into the time follows."""

PREPARATION = 2e-6
"""Seconds of preparation per pixel of a painting: resizing, hashing and colours on the CPU."""


def seconds_of(function: Callable[[], object], device: torch.device, count: int) -> float:
    """Return the median seconds of a call, after two calls to warm up."""
    times = []
    for number in range(count + 2):
        synchronize(device)
        begun = time.perf_counter()
        function()
        synchronize(device)
        if number >= 2:
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure_peak(bench: Bench, precision: Precision) -> float:
    """Measure the operations a second of a large matrix product; in TF32 for float32 on a GPU."""
    dtype = choose_precision(precision, bench.device)
    side = bench.scale.product if bench.device.type == "cuda" else min(2048, bench.scale.product)
    a, b = (torch.randn(side, side, device=bench.device, dtype=dtype) for _ in range(2))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if bench.device.type == "cuda" else "highest")
    try:
        return 2 * side**3 / seconds_of(lambda: a @ b, bench.device, 7)
    finally:
        torch.set_float32_matmul_precision(before)


def measure_bare(bench: Bench, encoder: Encoder, image: Tensor) -> float:
    """Measure the seconds of the encoder's forward and backward pass."""

    def bare() -> None:
        leaf = image.detach().requires_grad_(True)
        torch.autograd.grad(encoder(leaf, [DEEPEST])[DEEPEST].float().mean(), leaf)

    return seconds_of(bare, bench.device, 3)


class Pace(NamedTuple):
    """Median seconds of an iteration at the full size.

    Attributes:
        evaluation: seconds of the loss and its gradient.
        step: seconds of the optimiser's step.
        iterations: number of timed iterations.
        octave: size, tiles and method.
    """

    evaluation: float
    step: float
    iterations: int
    octave: Octave


def measure_iterations(bench: Bench, painter: Painter, seconds: float) -> Pace:
    """Time the iterations of a painter with one octave, and stop it when the seconds have passed."""
    begun = before = time.perf_counter()
    evaluations: list[float] = []
    steps: list[float] = []
    for event in painter:
        if not isinstance(event, Iteration | StepFinished):
            continue
        synchronize(bench.device)
        now = time.perf_counter()
        (evaluations if isinstance(event, Iteration) else steps).append(now - before)
        before = now
        if isinstance(event, StepFinished) and now - begun > seconds:
            painter.stop()
    # The first evaluation includes preparation, and the last iteration takes no step.
    warm = min(bench.scale.warm, len(steps) - 2)
    timed = slice(max(1, warm), len(steps) - 1) if len(steps) > 2 else slice(0, len(steps))
    count = len(steps[timed])
    return Pace(statistics.median(evaluations[timed]), statistics.median(steps[timed]), count, painter.octaves[-1])


class Duration(NamedTuple):
    """Seconds of a painting.

    Attributes:
        seconds: from the pictures in memory to the painted picture.
        done: number of iterations that were run.
        planned: number of iterations of the whole painting; the seconds are extrapolated if it is larger.
    """

    seconds: float
    done: int
    planned: int


def measure_painting(bench: Bench, make: Callable[[], Painter], pace: Pace, seconds: float) -> Duration:
    """Time a painting, and extrapolate from the iterations so far if the seconds do not suffice.

    An octave that has run for at least three iterations continues at its pace. The others run at the pace of the full
    size, in proportion to their pixels.
    """
    begun = before = time.perf_counter()
    painter = make()
    times: list[list[float]] = [[] for _ in painter.octaves]
    for event in painter:
        if not isinstance(event, StepFinished):
            continue
        synchronize(bench.device)
        now = time.perf_counter()
        times[event.octave - 1].append(now - before)
        before = now
        if now - begun > seconds:
            painter.stop()
    synchronize(bench.device)
    total, full_size = time.perf_counter() - begun, painter.octaves[-1].pixels
    for octave, taken in zip(painter.octaves, times, strict=True):
        by_pixels = (pace.evaluation + pace.step) * octave.pixels / full_size
        total += (octave.iterations - len(taken)) * (statistics.median(taken) if len(taken) >= 3 else by_pixels)
    return Duration(total, sum(map(len, times)), sum(octave.iterations for octave in painter.octaves))


def operations(encoder: Encoder, size: int) -> float:
    """Count the floating-point operations of the convolutions in one untiled iteration."""
    layers = layers_in_use(Losses(), WEIGHTS[0])
    return 4 * forward_operations(encoder, layers, size * 3 // 4, size)  # two operations, forward and backward


def measure_speed(bench: Bench, name: str, size: int, precision: Precision, seconds: float) -> list[str]:
    """Measure a row of the table of speeds, from its fourth cell on."""
    device = bench.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    content, style = (to_array(picture(size, seed)) for seed in (1, 2))

    def make(**optimization: int) -> Painter:
        settings = bench.settings(size, precision, device, bench.encoders[name], **optimization)
        return Painter(content, [style], settings)

    count = bench.scale.warm + bench.scale.timed + 1
    pace = measure_iterations(bench, make(iterations=count, max_octaves=1), seconds / 4)
    painting = measure_painting(bench, make, pace, seconds / 2)
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_resident()
    encoder = load(bench.encoders[name], device, precision)
    share = operations(encoder, size) / (pace.evaluation + pace.step) / bench.peaks[precision]
    try:
        bare = f"{1000 * measure_bare(bench, encoder, picture(size, 3).to(device)):.1f}"
    except MEMORY_ERRORS:
        bare = "out of memory"
    source = f"{painting.done} iterations"
    if painting.done < painting.planned:
        source = f"extrapolated from {painting.done} of {painting.planned} iterations"
    tiles = f"; tiles of {pace.octave.tile} px" if pace.octave.tile else ""
    return [
        f"{painting.seconds:.2f}",
        f"{1 / (pace.evaluation + pace.step):.2f}",
        f"{1000 * pace.evaluation:.1f}",
        f"{1000 * pace.step:.1f}",
        bare,
        f"{100 * share:.3g} %",
        f"{memory / 1e6:.0f}",
        f"{source}; pace of {pace.iterations}{tiles}",
    ]


def time_paintings(bench: Bench, precisions: Sequence[Precision]) -> None:
    """Add the table of speeds; a row that would not fit into the remaining time is skipped."""
    for precision in precisions:
        bench.peaks[precision] = measure_peak(bench, precision)
        bench.report.add("", f"Peak in {precision}: {bench.peaks[precision] / 1e12:.3g} TFLOP/s.")
    bench.report.add_header(
        "encoder", "px", "precision", "painting, s", "iterations/s", "evaluation, ms", "step, ms", "bare, ms",
        "share of peak", "memory, MB", "remarks",
    )  # fmt: skip
    rows = [(p, name, size) for p in precisions for name in bench.encoders for size in bench.scale.sizes]
    for number, (precision, name, size) in enumerate(rows):
        encoder = load(bench.encoders[name], torch.device("cpu"), "float32")
        iteration = operations(encoder, size) / (EXPECTED_SHARE * bench.peaks[precision])
        needed = 6 * iteration + PREPARATION * size**2
        if needed > bench.remaining:
            cells = [*[""] * 7, f"skipped: needs about {needed:.0f} s, and {max(0, bench.remaining):.0f} s are left"]
        else:
            try:
                cells = measure_speed(bench, name, size, precision, bench.remaining / (len(rows) - number))
            except (*MEMORY_ERRORS, ImpastoError) as error:
                cells = [*[""] * 7, f"not measured: {first_sentence(error)}"]
        bench.report.add_row(name, str(size), precision, *cells)
        release(bench.device)
