"""Tiles of a picture that together have the whole picture's loss and gradient.

Every position of every layer belongs to the core of exactly one tile. Around its core a tile has a halo, the receptive
field of the deepest layer; at each depth it shrinks to what deeper layers still need. The encoder pads a tile like a
picture of its own, and the resulting errors stay within the halo. At the picture's own borders a tile has no halo and
is padded like the whole picture. A periodic picture has no borders: the halo continues on the opposite side, several
times around if the picture is smaller than the halo.

Source: Galerne, Raad, Lezama and Morel 2022, Scaling Painting Style Transfer, with the smallest possible halo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.encoders.gabor import REACH as GABOR_REACH, STRIDE as GABOR_STRIDE
from impasto.encoders.layers import COARSE_GABOR_LAYER, GABOR_LAYER, PIXELS, STROKE_LAYER, Layer
from impasto.encoders.network import Architecture
from impasto.encoders.strokes import REACH as STROKE_REACH

ALIGNMENT = 16
"""Grid of the cores in pixels: the stride of the deepest block, so that no pooling window crosses a core's border."""

PIXEL_LAYER_REACH = {
    STROKE_LAYER: STROKE_REACH,
    GABOR_LAYER: GABOR_REACH,
    COARSE_GABOR_LAYER: GABOR_STRIDE * GABOR_REACH,
}
"""Largest distance in pixels from a position to a pixel that changes its features, for layers without convolutions."""

LEAST_CORE = 2 * ALIGNMENT
"""Smallest side of a core in pixels; below it the last tile might contain no position of the deepest block."""


class Box(NamedTuple):
    """A rectangle of a layer's positions; ``bottom`` and ``right`` are exclusive.

    In a periodic picture it may extend beyond the layer, which continues on the opposite side.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """Number of positions."""
        return self.height * self.width

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, as an index into the whole layer."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, other: Box) -> tuple[slice, slice]:
        """Return rows and columns as an index into another box."""
        rows, columns = self.slices
        return (
            slice(rows.start - other.top, rows.stop - other.top),
            slice(columns.start - other.left, columns.stop - other.left),
        )

    def pooled(self) -> Box:
        """Return the box after a pooling, in the next block's positions; ``top`` and ``left`` must be even."""
        return Box(*(edge // 2 for edge in self))


@dataclass(frozen=True)
class Tile:
    """One part of a picture.

    Attributes:
        cores: for each block the positions of its layers that belong to this tile.
        boxes: for each block the positions at its input, core and halo; those of the first block are pixels.
        wraps: whether the tile is all of a periodic picture: it has no halo, and the encoder wraps around.
    """

    cores: tuple[Box, ...]
    boxes: tuple[Box, ...]
    wraps: bool = False

    @property
    def pixels(self) -> Box:
        """Part of the picture that is the encoder's input."""
        return self.boxes[0]

    def counting(self, part: Box) -> Tile:
        """Restrict the cores to a part of the picture.

        Args:
            part: box in pixels; a layer's position counts if at least half of it lies there.
        """
        cores = []
        for block, core in enumerate(self.cores):
            size = 1 << block
            top, left = ((edge + size - size // 2 - 1) >> block for edge in part[:2])
            bottom, right = ((edge + size // 2) >> block for edge in part[2:])
            rows = (min(max(edge, top), bottom) for edge in (core.top, core.bottom))
            columns = (min(max(edge, left), right) for edge in (core.left, core.right))
            cores.append(Box(*(edge for edges in zip(rows, columns, strict=True) for edge in edges)))
        return replace(self, cores=tuple(cores))

    def core(self, layer: Layer) -> Box:
        """Return the tile's core in the whole layer."""
        return self.cores[layer.halvings]

    def inside(self, layer: Layer) -> tuple[slice, slice]:
        """Return the tile's core as an index into its features of a layer."""
        box = self.boxes[layer.halvings]
        if not layer.block:  # computed from all pixels of the tile, whose corner is aligned to the stride
            box = Box(*(edge // layer.stride for edge in self.pixels))
        return self.core(layer).within(box)

    def of(self, picture: Tensor) -> Tensor:
        """Extract the encoder's input from a picture.

        Args:
            picture: B×C×H×W, the whole picture.

        Returns:
            B×C×h×w; a view unless the tile extends beyond a periodic picture.
        """
        box = self.pixels
        if box == _inside(box, *picture.shape[-2:]):
            return picture[(..., *box.slices)]
        rows, columns = _around(box, picture)
        return picture.index_select(-2, rows).index_select(-1, columns)

    def add_onto(self, whole: Tensor, part: Tensor) -> None:
        """Add a tile's values in their place, the adjoint of :meth:`of`; a periodic tile may overlap itself.

        Args:
            whole: B×C×H×W, changed in place.
            part: B×C×h×w.
        """
        box, part = self.pixels, part.to(whole.device)
        if box == _inside(box, *whole.shape[-2:]):
            whole[(..., *box.slices)] += part
            return
        rows, columns = _around(box, whole)
        across = part.new_zeros(*part.shape[:-1], whole.shape[-1]).index_add_(-1, columns, part)
        whole.index_add_(-2, rows, across)

    def crop(self, block: int, pooled: Tensor) -> Tensor:
        """Crop pooled features to the positions that the rest of the network needs.

        Args:
            block: number of the block that they are the input of, from 2.
            pooled: 1×C×h×w, output of the pooling for this tile.

        Returns:
            The same tensor if nothing is cropped, else a smaller one in channels-last layout.
        """
        rows, columns = self.boxes[block - 1].within(self.boxes[block - 2].pooled())
        part = pooled[..., rows, columns]
        return pooled if part.shape == pooled.shape else part.contiguous(memory_format=torch.channels_last)


def _inside(box: Box, height: int, width: int) -> Box:
    """Clip a box to a layer."""
    return Box(max(0, box.top), max(0, box.left), min(height, box.bottom), min(width, box.right))


def _around(box: Box, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns of a periodic picture in a box that may extend beyond it."""
    height, width = picture.shape[-2:]
    rows = torch.arange(box.top, box.bottom, device=picture.device) % height
    return rows, torch.arange(box.left, box.right, device=picture.device) % width


def halos(layers: Iterable[Layer], architecture: Architecture) -> tuple[int, ...]:
    """Compute for each block the positions that a tile needs beyond its core on each side at the block's input.

    Before a pooling the halo is rounded up to an even number, so that the tile's poolings are those of the picture. The
    positions in excess may hold edge effects: no position of the core depends on them.

    Args:
        layers: layers in use. For VGG-19's relu5_1 the first number, in pixels, is 70; for relu5_2 it is 86. Layers
            without convolutions need a first number that is a multiple of their stride, and at least their reach.
        architecture: stack and pooling; a binomial pooling needs one position more than an average or a maximum.
    """
    layers = tuple(layers)
    deepest = max(layers, default=PIXELS)
    needed = deepest.number if deepest.block else 0
    found = [needed]
    for convolutions in reversed(architecture.convolutions[: max(0, deepest.block - 1)]):
        needed = convolutions + (architecture.pooling == "binomial") + 2 * needed
        found.append(max(needed + needed % 2, 2 * found[-1]))
    for layer in layers:
        if reach := PIXEL_LAYER_REACH.get(layer):
            # The features are computed from the pixels: at the layer's depth the tile needs no more than its core.
            found[:0] = [0] * (layer.halvings + 1 - len(found))
            found[-1] = max(found[-1], reach)
    stride = max((layer.stride for layer in layers if layer in PIXEL_LAYER_REACH), default=1)
    found[-1] = -(-found[-1] // stride) * stride
    return tuple(reversed(found))


def cut(
    height: int,
    width: int,
    side: int | None,
    layers: Iterable[Layer],
    architecture: Architecture,
    *,
    wrap: bool = False,
) -> tuple[Tile, ...]:
    """Cut a picture into tiles of about equal size, row by row.

    Args:
        height: height of the picture in pixels.
        width: width of the picture in pixels.
        side: side of the largest core in pixels, at least :data:`LEAST_CORE`; None for a single tile.
        layers: layers in use.
        architecture: architecture of the encoder.
        wrap: whether the picture is periodic; its sides must then be multiples of :data:`ALIGNMENT`.
    """
    beyond = halos(layers, architecture)
    cores = [(top, left, bottom, right) for top, bottom in _spans(height, side) for left, right in _spans(width, side)]
    if wrap and len(cores) > 1:
        return tuple(_tile(core, beyond, lambda box, block: box) for core in cores)
    return tuple(
        _tile(core, beyond, lambda box, block: _inside(box, height >> block, width >> block), wraps=wrap)
        for core in cores
    )


def longest_core(length: int, side: int | None) -> int:
    """Return the length of the longest core along one side of the picture, in pixels.

    Args:
        length: length of the side in pixels.
        side: as in :func:`cut`.
    """
    return max(end - begin for begin, end in _spans(length, side))


def _spans(length: int, side: int | None) -> list[tuple[int, int]]:
    """Return beginning and end of each core along one side of the picture."""
    units = -(-length // ALIGNMENT)
    count = 1 if side is None else -(-units // (side // ALIGNMENT))
    edges = [ALIGNMENT * (units * number // count) for number in range(count)]
    return list(zip(edges, [*edges[1:], length], strict=True))


def _tile(
    core: tuple[int, int, int, int],
    beyond: tuple[int, ...],
    bounded: Callable[[Box, int], Box],
    *,
    wraps: bool = False,
) -> Tile:
    """Make a tile.

    Args:
        core: top, left, bottom and right in pixels.
        beyond: width of the halo in positions, by block.
        bounded: function that clips a box, given the number of its block from 0.
        wraps: as in :class:`Tile`.
    """
    cores, boxes = [], []
    for block, halo in enumerate(beyond):
        top, left, bottom, right = (edge >> block for edge in core)
        cores.append(Box(top, left, bottom, right))
        boxes.append(bounded(Box(top - halo, left - halo, bottom + halo, right + halo), block))
    return Tile(tuple(cores), tuple(boxes), wraps)
