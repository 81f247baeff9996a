"""Estimates of the time that a painting takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from impasto.engine.cores import busy_cores, physical_cores
from impasto.engine.devices import cpu_threads, exact_products, synchronize
from impasto.engine.objective import make_objective
from impasto.painting.cost import Cost, cost_of
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave
from impasto.painting.workload import Workload

if TYPE_CHECKING:
    from impasto.painting.painter import Painter

SECONDS_PER_VALUE = 4e-10
"""Seconds in which the optimiser reads or writes one value of an image."""

LOAD_SECONDS = 0.3
"""Seconds over which the load by other programs is measured."""

BUSY_SHARE = 0.25
"""Share of a painting's threads without a free core from which the machine is busy."""

LEAST_FACTOR = 0.75
"""Least duration of a painting as a multiple of the expected one."""

MOST_FACTOR = 1.3
"""Greatest duration of a painting on an idle machine as a multiple of the expected one."""

START_SECONDS = 2.0
"""Most seconds that a painting takes besides its iterations, to measure the styles and to save the picture."""


@dataclass(frozen=True)
class TimeEstimate:
    """The time that a painting is expected to take.

    Attributes:
        octaves: seconds of each octave.
        least: least seconds of the painting, as if other programs ended.
        most: greatest seconds of the painting, as if other programs went on.
        is_busy: whether other programs use much of the processor; None on a GPU, whose load is not known.
    """

    octaves: Sequence[float]
    least: float
    most: float
    is_busy: bool | None


def estimate_time(painter: Painter) -> TimeEstimate:
    """Estimate the time of a painting from a few iterations, and from the load by other programs.

    Args:
        painter: painter that has not begun.
    """
    machine = painter.machine
    is_cpu = machine.device.type == "cpu"
    missing = busy_cores(LOAD_SECONDS) + machine.threads - physical_cores() if is_cpu else 0.0
    load = max(0.0, missing) / machine.threads
    costs = [cost_of(octave, painter.workload) for octave in painter.octaves]
    octaves = expected_seconds(costs, painter.workload, machine.threads)
    least, most = LEAST_FACTOR * sum(octaves), MOST_FACTOR * (1 + load) * sum(octaves) + START_SECONDS
    return TimeEstimate(octaves, least, most, load >= BUSY_SHARE if is_cpu else None)


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
