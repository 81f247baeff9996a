"""What a painting costs in memory and arithmetic, and how each octave is cut to fit.

The first choice is the whole picture in one tile. Then come tiles of a comfortable size with all of L-BFGS's history,
then with less of it, then with Adam, then smaller tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from impasto.encoders.layers import CONVOLUTIONS, PIXELS, Layer
from impasto.encoders.network import Encoder
from impasto.engine.borders import bled_size, mirrored_size
from impasto.engine.devices import available_memory
from impasto.engine.style_terms import shares
from impasto.engine.tiles import ALIGNMENT, Tile, cut, halos, longest_core
from impasto.errors import PaintingError
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave, style_size
from impasto.settings.fields import SMALLEST_TILE, memory_bytes
from impasto.settings.model import Settings
from impasto.settings.references import PROTECT

PROCESS = 360_000_000
"""Bytes of Python, PyTorch and their libraries once they have worked, on the CPU. Measured: 310 to 350 MB."""


SAFE_SHARE = 0.8
"""Share of the free memory that a painting plans on where no bound is given."""


COMFORTABLE_TILE = 512
"""Side in pixels from which on the halo costs less than anything that could be given up for larger tiles."""


LEAST_HISTORY = 5
"""Pairs under which L-BFGS gives way to Adam."""


GAPS = 3.0
"""Memory that small tensors of tiles of many shapes take, over their size: the C library's heap keeps gaps between.
Measured: 1.2 to 3."""


HEAP_LIMIT = 32 << 20
"""Bytes from which on tensors lie outside the heap (glibc's largest dynamic threshold), and leave no gaps."""


@dataclass(frozen=True)
class Workload:
    """What a painting's cost depends on besides its octaves.

    Attributes:
        encoder: prepared as it is used.
        settings: of the run.
        sources: height and width of all pictures as they were read.
        styles: those of the paintings among them.
        masks: height and width of the masks by name, as they were read.
    """

    encoder: Encoder
    settings: Settings
    sources: Sequence[tuple[int, int]]
    styles: Sequence[tuple[int, int]]
    masks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def layers(self) -> list[Layer]:
        """Layers in use."""
        losses, (content_weight, _) = self.settings.losses, self.settings.weights
        names = {*shares(losses.style), *(shares(losses.content) if content_weight else ())}
        return sorted(self.encoder.resolve(name) for name in names)

    def measured(self, octave: Octave) -> Octave:
        """The octave at the size of what goes through the encoder, continued to whole cells of all poolings."""
        if self.settings.borders == "cut" or self.settings.seamless:  # whose sides are whole cells, without a border
            return octave
        size_of = bled_size if self.settings.borders == "bleed" else mirrored_size
        height, width = size_of(octave.height, octave.width, self.layers)
        return octave._replace(height=height, width=width)

    def painted(self, octave: Octave) -> Octave:
        """The octave at the size of the image that moves, of which what bleeds is trimmed."""
        return self.measured(octave) if self.settings.borders == "bleed" else octave

    @property
    def pictures(self) -> int:
        """Bytes of the pictures as they were read."""
        masks = 4 * sum(height * width for height, width in self.masks.values())
        return 12 * sum(height * width for height, width in self.sources) + masks


@dataclass(frozen=True)
class Cost:
    """What an octave costs.

    Attributes:
        octave: with its plan.
        tiles: their number.
        memory: peak in bytes, beyond the process itself and the pictures as they were read.
        arithmetic: floating-point operations of one iteration, of the convolutions and the statistics.
    """

    octave: Octave
    tiles: int
    memory: int
    arithmetic: float


def budget_of(workload: Workload, device: torch.device) -> int:
    """Bytes for a painting beyond the process itself and the pictures as they were read.

    Args:
        workload: what is to be painted.
        device: where.
    """
    if workload.settings.memory is None:
        return int(SAFE_SHARE * available_memory(device))
    return memory_bytes(workload.settings.memory) - standing_memory(workload)


def plan_memory(
    octaves: Sequence[Octave], workload: Workload, budget: int, earlier: Sequence[Octave] = ()
) -> tuple[tuple[Octave, ...], tuple[str, ...]]:
    """Choose tile, history and method of each octave so that it fits into the memory.

    Args:
        octaves: their sizes and iterations.
        workload: what is to be painted.
        budget: bytes beyond the process itself and the pictures as they were read.
        earlier: octaves of another run, whose choice is taken where they have the same sizes and fit.

    Returns:
        The octaves, and sentences for the user.

    Raises:
        PaintingError: an octave does not fit even in small tiles.
    """
    remarks = []
    if [(o.height, o.width) for o in octaves] == [(o.height, o.width) for o in earlier]:
        same = tuple(before._replace(iterations=o.iterations) for o, before in zip(octaves, earlier, strict=True))
        if all(memory_needed(octave, workload) <= budget for octave in same):
            return same, ()
        remarks.append("The stored tiles and methods do not fit into the memory here, so they are chosen anew.")
    chosen = tuple(_fitted(octave, octaves[-1], workload, budget) for octave in octaves)
    bounded = next((octave for octave in chosen if octave.method == "adam"), None)
    if bounded:
        remarks.append(
            f"From {bounded.width}×{bounded.height} px on Adam paints: L-BFGS's history does not fit into the memory."
        )
    return chosen, tuple(remarks)


def standing_memory(workload: Workload) -> int:
    """Bytes of the process and the pictures as they were read, where they take of the memory that is painted in."""
    return PROCESS + workload.pictures if next(workload.encoder.buffers()).device.type == "cpu" else 0


def _fitted(octave: Octave, last: Octave, workload: Workload, budget: int) -> Octave:
    choice = octave
    for choice in _choices(octave, workload):
        if memory_needed(choice, workload) <= budget:
            return choice
    raise _too_large(choice, last, budget, workload)


def _choices(octave: Octave, workload: Workload) -> Iterator[Octave]:
    """The octave as it might be painted, the best first."""
    settings = workload.settings
    how, longest = settings.optimization, max(workload.measured(octave)[:2])
    methods: list[dict[str, object]] = [{}]
    if how.method == "lbfgs":
        histories = [n for n in (15, 10, 7, LEAST_HISTORY) if n < min(how.history, octave.iterations)]
        methods += [{"history": history} for history in histories]
        methods.append({"method": "adam"})
    if settings.tile is not None:
        tile = settings.tile if settings.tile < longest else None
        yield from (octave._replace(tile=tile, **changes) for changes in methods)  # type: ignore[arg-type]
        return
    yield octave
    sides = list(_sides(longest))
    large = [side for side in sides if side >= min(COMFORTABLE_TILE, longest // 2)]
    for changes in methods:
        yield from (octave._replace(tile=side, **changes) for side in large)  # type: ignore[arg-type]
    yield from (octave._replace(tile=side, **methods[-1]) for side in sides)  # type: ignore[arg-type]


def _sides(longest: int) -> Iterator[int]:
    """Sides of cores from under the picture's down, each about a tenth smaller than the one before."""
    side = longest
    while (side := min(side - 1, round(0.92 * side)) // ALIGNMENT * ALIGNMENT) >= SMALLEST_TILE:
        yield side


def _too_large(octave: Octave, last: Octave, budget: int, workload: Workload) -> PaintingError:
    """What an octave would need and does not get, and how to mend it.

    Args:
        octave: the first that does not fit, as it was tried last.
        last: the full size.
        budget: bytes.
        workload: what is to be painted.
    """
    needed = memory_needed(octave, workload)
    of = "" if octave[:2] == last[:2] else f" (in its octave of {octave.width}×{octave.height} px already)"
    tile, bounded = workload.settings.tile, workload.settings.memory is not None
    where = "even in small tiles" if tile is None else f"in tiles of {tile} px" if octave.tile else "as one tile"
    standing = standing_memory(workload) if bounded else 0
    there = "allowed" if bounded else "free for it"
    more = "allow more memory" if bounded else "free some"
    mend = more if of else f"choose a smaller size, or {more}"  # where so small an octave does not fit, no size will
    return PaintingError(
        f"A painting of {last.width}×{last.height} px{of} needs about {(needed + standing) / 1e9:.2f} GB of memory "
        f"{where}, and {max(0, budget + standing) / 1e9:.2f} GB are {there}: {mend}."
    )


def memory_needed(octave: Octave, workload: Workload) -> int:
    """Peak memory of an octave in bytes, beyond the process itself and the pictures as they were read.

    While it iterates there are the image, the best one, its gradient, the optimiser's images and the content's
    features, and beside them either a tile's features or what a step needs for a moment. Before that there are the
    content and one style at the octave's size, each a second time while it is brought to size.
    """
    painted, measured = workload.painted(octave), workload.measured(octave)
    picture = 12 * painted.pixels
    method, history = method_of(octave, workload.settings.optimization)
    # Adam: two moments, and a root. L-BFGS: its pairs, where it is, the gradient there and its last move; the new pair,
    # the direction and the products on the way to it.
    kept, passing = (2 * min(history, octave.iterations) + 3, 3) if method == "lbfgs" else (2, 2)
    # What is shown on the way, or saved, once more in other colours, which may be the photograph's at this size.
    passing = max(passing, {"keep": 4, "palette": 2}.get(workload.settings.colour, 0))
    if PROTECT in workload.masks:
        # The photograph, the whole that is measured, and what stays; shown, the photograph and the whole in other form.
        kept, passing = kept + 3, passing + 2
    if workload.masks:
        passing = max(passing, 3 + len(workload.styles))  # what each style counts, on the way to the result's colours
    if measured != painted:
        kept += 2  # the mirrored picture, and the gradient by it
    targets = _target_bytes(measured, workload) + _mask_bytes(measured, workload)
    tiles = _tile_bytes(measured.height, measured.width, measured, workload)
    iterating = (3 + kept) * picture + max(passing * picture, tiles)
    side = max(octave.height, octave.width)
    styles = [style_size(*size, side, workload.settings.stroke_size) for size in workload.styles]
    preparing = 2 * picture + max(
        (24 * height * width + _tile_bytes(height, width, octave, workload) // 2 for height, width in styles),
        default=0,
    )
    return targets + max(iterating, preparing)


def _target_bytes(octave: Octave, workload: Workload) -> int:
    """The content's features, and for each style layer covariances and what becomes of them."""
    losses, (content_weight, _) = workload.settings.losses, workload.settings.weights
    content = [workload.encoder.resolve(name) for name in (shares(losses.content) if content_weight else ())]
    value = workload.encoder.dtype.itemsize
    features = sum(value * workload.encoder.channels(str(x)) * octave.pixels // x.stride**2 for x in content)
    squares = sum(workload.encoder.channels(name) ** 2 for name in shares(losses.style))
    return features + 8 * squares * (6 + 3 * len(workload.styles))


def _mask_bytes(octave: Octave, workload: Workload) -> int:
    """What each style counts, at each layer's resolution."""
    return 6 * octave.pixels * _mask_count(workload)


def _mask_count(workload: Workload) -> int:
    """Masks that weigh a layer's positions; styles without one of their own have one in common."""
    own = sum(name.startswith("masks.") for name in workload.masks)
    return own + (own < len(workload.styles)) if own or PROTECT in workload.masks else 0


def _tile_bytes(height: int, width: int, octave: Octave, workload: Workload) -> int:
    """A tile's way through the network and back.

    Every convolution's output is kept for the way back, and once more where it is pooled, padded by copying, or asked
    for before its ReLU; beside the widest of them stand its gradient and the gradient's predecessor.
    """
    layers, encoder = workload.layers, workload.encoder
    last = max(layers, default=PIXELS)
    beyond = halos(last)
    convolutions = [layer for layer in encoder.convolutions if layer[:2] <= last[:2]]
    cores = [longest_core(length, octave.tile) for length in (height, width)]
    whole = cores == [height, width]
    wrap = workload.settings.seamless and (height, width) == octave[:2]  # a painting of another size is not wrapped
    total, widest = 0.0, 0
    for layer in convolutions:
        halo, shrunk = beyond[layer.block - 1], layer.block - 1
        h, w = (
            (core >> shrunk) + 2 * halo if wrap and not whole else min(length >> shrunk, (core >> shrunk) + 2 * halo)
            for length, core in zip((height, width), cores, strict=True)
        )
        size = encoder.dtype.itemsize * encoder.channels(str(layer)) * h * w
        copied = (wrap and whole) or (encoder.architecture.padding_of(layer) != "zeros" and layer[:2] != (1, 1))
        pooled = 0.25 * (layer[:2] != last[:2] and layer.number == CONVOLUTIONS[layer.block - 1])
        gaps = 1.0 if whole or size >= HEAP_LIMIT else GAPS
        total += gaps * size * (1 + pooled + copied + (layer in layers))
        widest = max(widest, size)
    return int(total + 3 * widest * (1.0 if whole or widest >= HEAP_LIMIT else GAPS))


def cost(octave: Octave, workload: Workload) -> Cost:
    """What an octave costs in memory and arithmetic."""
    measured = workload.measured(octave)
    tiles = cut(measured.height, measured.width, octave.tile, workload.layers, wrap=workload.settings.seamless)
    forward = sum(_forward_operations(tile, workload) for tile in tiles)
    style = [workload.encoder.resolve(name) for name in shares(workload.settings.losses.style)]
    sums = sum(2.0 * workload.encoder.channels(str(x)) ** 2 * measured.pixels / x.stride**2 for x in style)
    passes = 2 if len(tiles) == 1 else 3  # the weights are fixed, so that the way back costs what the way there does
    sums *= max(1, _mask_count(workload))
    return Cost(octave, len(tiles), memory_needed(octave, workload), passes * forward + 2 * sums)


def _forward_operations(tile: Tile, workload: Workload) -> float:
    """Of the convolutions, forward, on a tile with its halo."""
    last, encoder = max(workload.layers, default=PIXELS), workload.encoder
    total, before = 0.0, 3
    for layer in encoder.convolutions:
        channels = encoder.channels(str(layer))
        if layer[:2] <= last[:2]:
            total += 18.0 * before * channels * tile.boxes[layer.block - 1].area
        before = channels
    return total
