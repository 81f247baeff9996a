"""Where to cut a picture, so that its parts together have the whole's loss and gradient.

Every position of every layer belongs to the core of one tile. Around its core a tile holds as much as the receptive
field of the deepest layer asks for, at each depth no more than deeper layers still need: the halo. There the encoder
pads a tile as if it were a picture of its own, and what is wrong for that stays within the halo. At the picture's own
borders a tile has no halo, and is padded as the whole picture would be.

Source: Galerne, Raad, Lezama and Morel 2022, Scaling Painting Style Transfer, with a halo as tight as can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.layers import CONVOLUTIONS, PIXELS, Layer

ALIGNMENT = 16
"""Cores begin at multiples of this, in pixels: the stride of the deepest block, so that poolings do not straddle."""

LEAST_CORE = 2 * ALIGNMENT
"""Smallest side of a core: with less, a layer of the deepest block might have no position in the last tile."""


class Box(NamedTuple):
    """A part of a layer, in positions; ``bottom`` and ``right`` are not part of it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """Number of positions."""
        return (self.bottom - self.top) * (self.right - self.left)

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
    """

    cores: tuple[Box, ...]
    boxes: tuple[Box, ...]

    @property
    def pixels(self) -> Box:
        """The part of the picture that goes into the encoder."""
        return self.boxes[0]

    def core(self, layer: Layer) -> Box:
        """The tile's own positions in the whole layer."""
        return self.cores[max(0, layer.block - 1)]

    def inside(self, layer: Layer) -> tuple[slice, slice]:
        """The tile's own positions among the features that it has of a layer."""
        block = max(0, layer.block - 1)
        return self.cores[block].within(self.boxes[block])

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


def cut(height: int, width: int, side: int | None, layers: Iterable[Layer]) -> tuple[Tile, ...]:
    """Tiles of about equal size, row by row.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        side: of the largest core, in pixels, at least :data:`LEAST_CORE`; None for the whole picture in one tile.
        layers: in use.
    """
    beyond = halos(max(layers, default=PIXELS))
    return tuple(
        _tile(height, width, (top, left, bottom, right), beyond)
        for top, bottom in _spans(height, side)
        for left, right in _spans(width, side)
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


def _tile(height: int, width: int, core: tuple[int, int, int, int], beyond: tuple[int, ...]) -> Tile:
    cores, boxes = [], []
    for block, halo in enumerate(beyond):
        top, left, bottom, right = (edge >> block for edge in core)
        cores.append(Box(top, left, bottom, right))
        boxes.append(
            Box(
                max(0, top - halo),
                max(0, left - halo),
                min(height >> block, bottom + halo),
                min(width >> block, right + halo),
            )
        )
    return Tile(tuple(cores), tuple(boxes))
