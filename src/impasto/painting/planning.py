"""The plan of each octave: tiles, history and method that fit into the memory.

The first choice is the whole picture in one tile. The next choices are tiles of a comfortable size with the whole
history of L-BFGS, then with less history, then with Adam, and at last smaller tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from impasto.engine.tiles import ALIGNMENT
from impasto.errors import PaintingError
from impasto.painting.memory import memory_needed, standing_memory
from impasto.painting.octaves import Octave
from impasto.painting.workload import Workload
from impasto.settings.fields import SMALLEST_TILE

COMFORTABLE_TILE = 512
"""Side in pixels from which larger tiles save too little of the halo's cost to give up history or L-BFGS for them."""

LEAST_HISTORY = 5
"""Smallest number of pairs with which L-BFGS is better than Adam."""


def plan_memory(
    octaves: Sequence[Octave], workload: Workload, budget: int, earlier: Sequence[Octave] = ()
) -> tuple[tuple[Octave, ...], tuple[str, ...]]:
    """Choose tiles, history and method of each octave so that it fits into the memory.

    Args:
        octaves: octaves with sizes and iterations.
        workload: workload of the run.
        budget: available bytes, from :func:`~impasto.painting.memory.memory_budget`.
        earlier: octaves of another run; its choices are used again if all sizes are the same and they fit.

    Returns:
        The octaves, and remarks for the user.

    Raises:
        PaintingError: an octave does not fit even in small tiles.
    """
    remarks = []
    if [(o.height, o.width) for o in octaves] == [(o.height, o.width) for o in earlier]:
        reused = tuple(choice._replace(iterations=o.iterations) for o, choice in zip(octaves, earlier, strict=True))
        if all(memory_needed(octave, workload) <= budget for octave in reused):
            return reused, ()
        remarks.append("The stored tiles and methods do not fit into the memory here, so they are chosen anew.")
    chosen = tuple(_choose(octave, octaves[-1], workload, budget) for octave in octaves)
    first_adam = next((octave for octave in chosen if octave.method == "adam"), None)
    if first_adam:
        remarks.append(
            f"From {first_adam.width}×{first_adam.height} px on Adam paints: L-BFGS's history does not fit into the "
            f"memory."
        )
    return chosen, tuple(remarks)


def _choose(octave: Octave, full_size: Octave, workload: Workload, budget: int) -> Octave:
    """Return the best choice for an octave that fits into the memory."""
    choice = octave
    for choice in _choices(octave, workload):
        if memory_needed(choice, workload) <= budget:
            return choice
    raise _too_large(choice, full_size, budget, workload)


def _choices(octave: Octave, workload: Workload) -> Iterator[Octave]:
    """Yield the possible choices for an octave, the best first."""
    optimization, tile = workload.settings.optimization, workload.settings.tile
    long_side = max(workload.measured(octave)[:2])
    methods = [octave]
    if optimization.method == "feed-forward":
        yield octave
        return
    if optimization.method == "lbfgs":
        most = min(optimization.history, octave.iterations)
        methods += [octave._replace(history=history) for history in (15, 10, 7, LEAST_HISTORY) if history < most]
        methods.append(octave._replace(method="adam"))
    if tile is not None:
        yield from (method._replace(tile=tile if tile < long_side else None) for method in methods)
        return
    yield octave
    sides = list(_tile_sides(long_side))
    comfortable = [side for side in sides if side >= min(COMFORTABLE_TILE, long_side // 2)]
    for method in methods:
        yield from (method._replace(tile=side) for side in comfortable)
    yield from (methods[-1]._replace(tile=side) for side in sides)


def _tile_sides(long_side: int) -> Iterator[int]:
    """Yield sides of cores below the picture's long side, each about a tenth smaller than the one before."""
    side = long_side
    while (side := min(side - 1, round(0.92 * side)) // ALIGNMENT * ALIGNMENT) >= SMALLEST_TILE:
        yield side


def _too_large(octave: Octave, full_size: Octave, budget: int, workload: Workload) -> PaintingError:
    """Make the error for an octave that does not fit, with its needs and advice.

    Args:
        octave: the first octave that does not fit, with the choice that needs the least.
        full_size: the last octave.
        budget: available bytes.
        workload: workload of the run.
    """
    needed, is_coarse = memory_needed(octave, workload), octave[:2] != full_size[:2]
    coarse = f" (in its octave of {octave.width}×{octave.height} px already)" if is_coarse else ""
    tile, is_limited = workload.settings.tile, workload.settings.memory is not None
    tiles = "even in small tiles" if tile is None else f"in tiles of {tile} px" if octave.tile else "as one tile"
    standing = standing_memory(workload) if is_limited else 0
    available = "allowed" if is_limited else "free for it"
    more = "allow more memory" if is_limited else "free some"
    advice = more if is_coarse else f"choose a smaller size, or {more}"  # a smaller size would keep a coarse octave
    return PaintingError(
        f"A painting of {full_size.width}×{full_size.height} px{coarse} needs about {(needed + standing) / 1e9:.2f} GB "
        f"of memory {tiles}, and {max(0, budget + standing) / 1e9:.2f} GB are {available}: {advice}."
    )
