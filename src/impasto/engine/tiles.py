"""Where to cut a picture, so that its parts together have the whole's loss and gradient.

Every position of every layer belongs to the core of one tile. Around its core a tile holds as much as the receptive
field of the deepest layer asks for, at each depth no more than deeper layers still need: the halo. There the encoder
pads a tile as if it were a picture of its own, and what is wrong for that stays within the halo. At the picture's own
borders a tile has no halo, and is padded as the whole picture would be. A periodic picture has no borders: there the
halo goes on at its other side, more than once around where the picture is smaller than the halo.

Source: Galerne, Raad, Lezama and Morel 2022, Scaling Painting Style Transfer, with a halo as tight as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.encoders.layers import CONVOLUTIONS, PIXELS, Layer

ALIGNMENT = 16
"""Cores begin at multiples of this, in pixels: the stride of the deepest block, so that poolings do not straddle."""

LEAST_CORE = 2 * ALIGNMENT
"""Smallest side of a core: with less, a layer of the deepest block might have no position in the last tile."""


class Box(NamedTuple):
    """A part of a layer, in positions; ``bottom`` and ``right`` are not part of it.

    Of a periodic picture it may reach beyond the layer, which goes on there at its other side.
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
        """Rows and columns, to index the whole layer with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, other: Box) -> tuple[slice, slice]:
        """Rows and columns, to index what the other box holds with."""
        rows, columns = self.slices
        return (
            slice(rows.start - other.top, rows.stop - other.top),
            slice(columns.start - other.left, columns.stop - other.left),
        )

    def pooled(self) -> Box:
        """What is left after 2×2 pooling, in the next block's positions; ``top`` and ``left`` are even."""
        return Box(*(edge // 2 for edge in self))


@dataclass(frozen=True)
class Tile:
    """One part of a picture.

    Attributes:
        cores: by block, from the first: the positions of its layers that are this tile's own.
        boxes: by block, from the first: the positions that the tile has when the block begins, core and halo. The
            first block's are pixels.
        wraps: whether it is all of a periodic picture, and so its own surroundings: it has no halo, and the encoder
            wraps around.
    """

    cores: tuple[Box, ...]
    boxes: tuple[Box, ...]
    wraps: bool = False

    @property
    def pixels(self) -> Box:
        """The part of the picture that goes into the encoder."""
        return self.boxes[0]

    def counting(self, part: Box) -> Tile:
        """The same tile, of whose own positions only those count that lie in a part of the picture.

        Args:
            part: in pixels; a layer's position counts where half of it lies there.
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
        """The tile's own positions in the whole layer."""
        return self.cores[max(0, layer.block - 1)]

    def inside(self, layer: Layer) -> tuple[slice, slice]:
        """The tile's own positions among the features that it has of a layer."""
        block = max(0, layer.block - 1)
        return self.cores[block].within(self.boxes[block])

    def of(self, picture: Tensor) -> Tensor:
        """The part of the picture that goes into the encoder.

        Args:
            picture: B×C×H×W, all of it.

        Returns:
            B×C×h×w; a view, but for what reaches beyond a periodic picture.
        """
        box = self.pixels
        if box == _inside(box, *picture.shape[-2:]):
            return picture[(..., *box.slices)]
        rows, columns = _around(box, picture)
        return picture.index_select(-2, rows).index_select(-1, columns)

    def add_onto(self, whole: Tensor, part: Tensor) -> None:
        """Add what was made of :meth:`of` at its place in the whole picture, where it may meet itself.

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
        """What the rest of the network needs of features that were just pooled.

        Args:
            block: that begins with them, from 2.
            pooled: 1×C×h×w, what the pooling made of this tile.

        Returns:
            The same tensor where nothing is to be left out, else a smaller one, channels innermost.
        """
        rows, columns = self.boxes[block - 1].within(self.boxes[block - 2].pooled())
        part = pooled[..., rows, columns]
        return pooled if part.shape == pooled.shape else part.contiguous(memory_format=torch.channels_last)


def _inside(box: Box, height: int, width: int) -> Box:
    """The part of a box that lies in a layer."""
    return Box(max(0, box.top), max(0, box.left), min(height, box.bottom), min(width, box.right))


def _around(box: Box, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of a periodic picture, in a box that may reach beyond it."""
    height, width = picture.shape[-2:]
    rows = torch.arange(box.top, box.bottom, device=picture.device) % height
    return rows, torch.arange(box.left, box.right, device=picture.device) % width


def halos(deepest: Layer) -> tuple[int, ...]:
    """Positions beyond its core that a tile needs on each side when a block begins, by block, from the first.

    Args:
        deepest: layer in use. For relu5_1 the first number, in pixels, is 70; for relu5_2 it is 86.
    """
    found: list[int] = []
    for block in range(deepest.block, 0, -1):
        convolutions = deepest.number if block == deepest.block else CONVOLUTIONS[block - 1]
        found.append(convolutions + 2 * (found[-1] if found else 0))
    return tuple(reversed(found)) or (0,)


def cut(height: int, width: int, side: int | None, layers: Iterable[Layer], *, wrap: bool = False) -> tuple[Tile, ...]:
    """Tiles of about equal size, row by row.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        side: of the largest core, in pixels, at least :data:`LEAST_CORE`; None for the whole picture in one tile.
        layers: in use.
        wrap: whether the picture is periodic; its sides are then multiples of :data:`ALIGNMENT`.
    """
    beyond = halos(max(layers, default=PIXELS))
    cores = [(top, left, bottom, right) for top, bottom in _spans(height, side) for left, right in _spans(width, side)]
    if wrap and len(cores) > 1:
        return tuple(_tile(core, beyond, lambda box, block: box) for core in cores)
    return tuple(
        _tile(core, beyond, lambda box, block: _inside(box, height >> block, width >> block), wraps=wrap)
        for core in cores
    )


def longest_core(length: int, side: int | None) -> int:
    """The longest of the cores along one side of the picture, in pixels.

    Args:
        length: of the picture's side.
        side: as in :func:`cut`.
    """
    return max(end - begin for begin, end in _spans(length, side))


def _spans(length: int, side: int | None) -> list[tuple[int, int]]:
    """Beginning and end of the cores along one side of the picture."""
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
    """A tile.

    Args:
        core: top, left, bottom and right in pixels.
        beyond: positions of its halo by block.
        bounded: of a box and the number of its block, from 0, gives what there is of it.
        wraps: as in :class:`Tile`.
    """
    cores, boxes = [], []
    for block, halo in enumerate(beyond):
        top, left, bottom, right = (edge >> block for edge in core)
        cores.append(Box(top, left, bottom, right))
        boxes.append(bounded(Box(top - halo, left - halo, bottom + halo, right + halo), block))
    return Tile(tuple(cores), tuple(boxes), wraps)
