"""Expect the seconds of each octave on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from impasto.engine.devices import cpu_threads, exact_products
from impasto.engine.objective import make_objective
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave
from impasto.painting.planning import Cost, Workload, cost


def expected_seconds(costs: Sequence[Cost], workload: Workload, threads: int) -> list[float]:
    """About how long each octave will take on this machine, judged by a few iterations on small pictures.

    Args:
        costs: of the octaves.
        workload: what is to be painted.
        threads: of the CPU.
    """
    with cpu_threads(threads), exact_products(next(workload.encoder.buffers()).device):
        small, large = (_probe(side, workload) for side in (96, 320))
    pace = max(1e-15, (large[1] - small[1]) / (large[0] - small[0]))
    start = max(0.0, small[1] - pace * small[0])
    # The optimiser reads its history twice and writes a few images: judged by 4 bytes in a fifth of a nanosecond.
    seconds = []
    for c in costs:
        history = method_of(c.octave, workload.settings.optimization)[1]
        moving = 3 * c.octave.pixels * (4 * min(history, c.octave.iterations) + 10) * 4e-10
        seconds.append(c.octave.iterations * (start + pace * c.arithmetic + moving))
    return seconds


def _probe(side: int, workload: Workload) -> tuple[float, float]:
    """Arithmetic and seconds of one iteration on a square of noise, without masks."""
    workload = replace(workload, masks={})
    generator = torch.Generator("cpu").manual_seed(0)
    device = next(workload.encoder.buffers()).device
    shape = (1, 3, side, side)
    image, style = (
        torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu").to(device) for _ in range(2)
    )
    objective = make_objective(
        workload.encoder, image, [style], (1.0,), workload.settings.losses, *workload.settings.weights
    )

    def seconds(function: Callable[[], object]) -> float:
        begun = time.perf_counter()
        function()
        return time.perf_counter() - begun

    taken = min(seconds(lambda: objective.value_and_gradient(style)) for _ in range(4))
    return cost(Octave(side, side, 1), workload).arithmetic, taken
