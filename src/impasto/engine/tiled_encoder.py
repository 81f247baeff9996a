"""An encoder that runs over the tiles of a picture, on one device or on several."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from impasto.encoders.layers import Layer
from impasto.encoders.network import Encoder
from impasto.engine.devices import HeapTrimmer
from impasto.engine.tiles import Tile, cut

T = TypeVar("T")


class TiledEncoder:
    """Runs an encoder over the tiles of a picture.

    Args:
        encoder: on the device of the images.
        names: layers in use; the deepest of them determines the halo of the tiles.
        tile: side of the largest core in pixels, at least :data:`impasto.engine.tiles.LEAST_CORE`; None for one tile.
        devices: devices that share the tiles; the encoder's own by default.

    Attributes:
        layers: layers in use by name.
        device: device of the images.

    Raises:
        EncoderError: the encoder lacks a layer.
    """

    def __init__(
        self, encoder: Encoder, names: Iterable[str], *, tile: int | None = None, devices: Sequence[torch.device] = ()
    ) -> None:
        self.device = next(encoder.buffers()).device
        self.devices = list(devices or (self.device,))
        self.encoders = [
            encoder if _is_same(device, self.device) else copy.deepcopy(encoder).to(device) for device in self.devices
        ]
        self.layers: dict[str, Layer] = {name: encoder.resolve(name) for name in names}
        self.tile = tile

    def cut(self, picture: Tensor, *, wrap: bool = False) -> tuple[Tile, ...]:
        """Cut a picture of the shape …×H×W into tiles."""
        height, width = picture.shape[-2:]
        return cut(height, width, self.tile, self.layers.values(), self.encoders[0].architecture, wrap=wrap)

    def map(self, tiles: Sequence[Tile], function: Callable[[Tile, int], T]) -> Iterator[tuple[Tile, T]]:
        """Yield each tile with the function's result for it, in the order of the tiles.

        Args:
            tiles: of a picture.
            function: takes a tile and the number of the device to work on.
        """
        count = min(len(self.devices), len(tiles))
        heap = HeapTrimmer()
        with ThreadPoolExecutor(max(1, count)) as pool:
            for first in range(0, len(tiles), max(1, count)):
                wave = tiles[first : first + count]
                if count == 1:
                    yield wave[0], function(wave[0], 0)
                else:
                    results = [pool.submit(function, tile, device) for device, tile in enumerate(wave)]
                    yield from ((tile, result.result()) for tile, result in zip(wave, results, strict=True))
                if len(tiles) > 1:
                    heap.tile_done(last=first + count >= len(tiles))

    @torch.no_grad()
    def features(self, picture: Tensor, tile: Tile, number: int, names: Iterable[str]) -> dict[str, Tensor]:
        """Encode a tile, and return its core's features of some layers.

        Args:
            picture: 1×3×H×W, on any device.
            tile: part of the picture.
            number: number of the device to work on.
            names: among the layers in use.

        Returns:
            By name 1×C×h×w, on that device.
        """
        part = tile.of(picture).to(self.devices[number])
        found = self.encoders[number](part, names, crop=tile.crop, wrap=tile.wraps)
        return {name: features[(..., *tile.inside(self.layers[name]))] for name, features in found.items()}


def _is_same(device: torch.device, other: torch.device) -> bool:
    """Tell whether two names denote one device; the first of a type need not be numbered."""
    return device.type == other.type and (device.index or 0) == (other.index or 0)
