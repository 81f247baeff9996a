"""Names of the layers of VGG-like stacks, in both spellings.

``conv4_1`` is the first convolution of the fourth block, before the ReLU. ``relu4_1`` is the same layer after the ReLU;
Keras calls it ``block4_conv1``. ``rgb`` stands for the picture's own pixels, and ``strokes``, ``gabor`` and ``gabor2``
for the features that :mod:`impasto.encoders.strokes` and :mod:`impasto.encoders.gabor` compute from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from impasto.errors import EncoderError

VGG19 = (2, 2, 4, 4, 4)
"""Number of convolutions in each of VGG-19's five blocks (Simonyan and Zisserman 2015, table 1, E)."""

LARGEST_STACK = (4, 4, 4, 4, 4)
"""Largest number of convolutions in each block, and largest number of blocks."""

RGB = "rgb"
"""Name of the layer that consists of the picture's pixels."""

STROKES = "strokes"
"""Name of the layer of :func:`impasto.encoders.strokes.stroke_features`."""

GABOR = "gabor"
"""Name of the layer of :func:`impasto.encoders.gabor.gabor_features`."""

GABOR2 = "gabor2"
"""Name of the layer of :func:`impasto.encoders.gabor.coarse_gabor_features`."""

PIXEL_LAYERS = (RGB, STROKES, GABOR, GABOR2)
"""Names of the layers that need no convolutions of the network, in the order of their numbers."""

PIXEL_LAYER_HALVINGS = (0, 3, 1, 1)
"""Number of times that the picture's size is halved before each of :data:`PIXEL_LAYERS`."""

_PATTERN = re.compile(r"(?:(?P<kind>relu|conv)(?P<block>\d+)_(?P<index>\d+)|block(?P<kblock>\d+)_conv(?P<kindex>\d+))")


class Layer(NamedTuple):
    """A layer of the network. Layers compare in the order of the forward pass.

    Attributes:
        block: number of the block, from 1; 0 for the layers that need no convolutions of the network.
        number: number of the convolution in its block, from 1; in block 0 the place in :data:`PIXEL_LAYERS`.
        after_relu: True for features after the ReLU, False for those before it.
    """

    block: int
    number: int
    after_relu: bool

    def __str__(self) -> str:
        if not self.block:
            return PIXEL_LAYERS[self.number]
        return f"{'relu' if self.after_relu else 'conv'}{self.block}_{self.number}"

    @property
    def convolution(self) -> str:
        """Name of the layer's convolution, as in ``conv4_1``."""
        return f"conv{self.block}_{self.number}"

    @property
    def halvings(self) -> int:
        """Number of times that the picture's size is halved before the layer."""
        return self.block - 1 if self.block else PIXEL_LAYER_HALVINGS[self.number]

    @property
    def stride(self) -> int:
        """Distance between neighbouring positions of the layer, in pixels of the picture."""
        return 2**self.halvings


PIXELS = Layer(0, 0, False)
"""Layer that consists of the picture's pixels."""

STROKE_LAYER = Layer(0, 1, False)
"""Layer of the strokes, which is computed from the pixels, without the convolutions."""

GABOR_LAYER = Layer(0, 2, False)
"""Layer of the Gabor filters, which is computed from the pixels, without the convolutions."""

COARSE_GABOR_LAYER = Layer(0, 3, False)
"""Layer of the Gabor filters of the halved picture."""


def parse_layer(name: str) -> Layer:
    """Parse a layer's name.

    Args:
        name: ``relu4_1``, ``block4_conv1`` (the same), ``conv4_1`` (before it), or one of :data:`PIXEL_LAYERS`.

    Raises:
        EncoderError: no encoder can have a layer of that name.
    """
    if name in PIXEL_LAYERS:
        return Layer(0, PIXEL_LAYERS.index(name), False)
    match = _PATTERN.fullmatch(name)
    if match:
        block, index = int(match["block"] or match["kblock"]), int(match["index"] or match["kindex"])
        if 1 <= block <= len(LARGEST_STACK) and 1 <= index <= LARGEST_STACK[block - 1]:
            return Layer(block, index, match["kind"] != "conv")
    raise EncoderError(
        f"There is no layer {name!r}: layers are named like relu4_1 or block4_conv1 (after the ReLU), conv4_1 (before "
        f"it), from conv1_1 to conv5_4, rgb for the pixels themselves, strokes for the directions of brush strokes, or "
        f"gabor and gabor2 for fine forms."
    )


def all_convolutions(stack: Sequence[int] = VGG19) -> list[Layer]:
    """List the convolutions of a stack in order, as layers before the ReLU.

    Args:
        stack: number of convolutions in each block.
    """
    return [Layer(b, i, False) for b, n in enumerate(stack, 1) for i in range(1, n + 1)]
