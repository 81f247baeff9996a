"""An estimate of the seconds that each octave takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from impasto.engine.devices import cpu_threads, exact_products, synchronize
from impasto.engine.objective import make_objective
from impasto.painting.cost import Cost, cost_of
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave
from impasto.painting.workload import Workload

SECONDS_PER_VALUE = 4e-10
"""Seconds in which the optimiser reads or writes one value of an image."""


def expected_seconds(costs: Sequence[Cost], workload: Workload, threads: int) -> list[float]:
    """Estimate the seconds of each octave from a few iterations on small pictures.

    Args:
        costs: costs of the octaves.
        workload: workload of the run.
        threads: number of CPU threads.
    """
    with cpu_threads(threads), exact_products(next(workload.encoder.buffers()).device):
        small, large = (_time_iteration(side, workload) for side in (96, 320))
    pace = max(1e-15, (large[1] - small[1]) / (large[0] - small[0]))
    start = max(0.0, small[1] - pace * small[0])
    seconds = []
    for c in costs:
        history = method_of(workload.settings.optimization, c.octave).history
        # The optimiser reads its history twice and writes a few images.
        moving = 3 * c.octave.pixels * (4 * history + 10) * SECONDS_PER_VALUE
        seconds.append(c.octave.iterations * (start + pace * c.arithmetic + moving))
    return seconds


def _time_iteration(side: int, workload: Workload) -> tuple[float, float]:
    """Return the arithmetic and the seconds of one iteration on a square of noise, without masks."""
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

    def seconds() -> float:
        begun = time.perf_counter()
        objective.value_and_gradient(style)
        synchronize(device)
        return time.perf_counter() - begun

    return cost_of(Octave(side, side, 1), workload).arithmetic, min(seconds() for _ in range(4))
