"""The cost of an octave in memory and arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.encoders.layers import PIXELS
from impasto.engine.style_terms import shares
from impasto.engine.tiles import Tile, cut
from impasto.painting.memory import memory_needed
from impasto.painting.octaves import Octave
from impasto.painting.workload import Workload


@dataclass(frozen=True)
class Cost:
    """The cost of an octave.

    Attributes:
        octave: octave with its tiles and method.
        tiles: number of tiles.
        memory: peak in bytes, beyond :func:`~impasto.painting.memory.standing_memory`.
        arithmetic: floating-point operations of the convolutions and statistics in one iteration.
    """

    octave: Octave
    tiles: int
    memory: int
    arithmetic: float


def cost_of(octave: Octave, workload: Workload) -> Cost:
    """Estimate the cost of an octave."""
    measured = workload.measured(octave)
    architecture, wrap = workload.encoder.architecture, workload.settings.seamless
    tiles = cut(measured.height, measured.width, octave.tile, workload.layers, architecture, wrap=wrap)
    forward = sum(_forward_operations(tile, workload) for tile in tiles)
    style = [workload.encoder.resolve(name) for name in shares(workload.settings.losses.style)]
    sums = sum(2.0 * workload.encoder.channels(str(x)) ** 2 * measured.pixels / x.stride**2 for x in style)
    # The weights are constants, so a backward pass costs as much as a forward pass.
    passes = 2 if len(tiles) == 1 else 3
    sums *= max(1, workload.mask_count)
    return Cost(octave, len(tiles), memory_needed(octave, workload), passes * forward + 2 * sums)


def _forward_operations(tile: Tile, workload: Workload) -> float:
    """Count the floating-point operations of the convolutions in a forward pass of a tile with its halo."""
    last, encoder = max(workload.layers, default=PIXELS), workload.encoder
    total, inputs = 0.0, 3
    for layer in encoder.convolutions:
        outputs = encoder.channels(str(layer))
        if layer[:2] <= last[:2]:
            total += 18.0 * inputs * outputs * tile.boxes[layer.block - 1].area
        inputs = outputs
    return total
