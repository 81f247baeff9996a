"""Names of the layers of VGG-like stacks, in both spellings.

``conv4_1`` is the first convolution of the fourth block, before the ReLU. ``relu4_1`` is the same layer after the ReLU;
Keras calls it ``block4_conv1``. ``rgb`` stands for the picture's own pixels.
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

_PATTERN = re.compile(r"(?:(?P<kind>relu|conv)(?P<block>\d+)_(?P<index>\d+)|block(?P<kblock>\d+)_conv(?P<kindex>\d+))")


class Layer(NamedTuple):
    """A layer of the network. Layers compare in the order of the forward pass.

    Attributes:
        block: number of the block, from 1; 0 for the pixels.
        number: number of the convolution in its block, from 1; 0 for the pixels.
        after_relu: True for features after the ReLU, False for those before it.
    """

    block: int
    number: int
    after_relu: bool

    def __str__(self) -> str:
        return RGB if self == PIXELS else f"{'relu' if self.after_relu else 'conv'}{self.block}_{self.number}"

    @property
    def convolution(self) -> str:
        """Name of the layer's convolution, as in ``conv4_1``."""
        return f"conv{self.block}_{self.number}"

    @property
    def stride(self) -> int:
        """Distance between neighbouring positions of the layer, in pixels of the picture."""
        return 2 ** max(0, self.block - 1)


PIXELS = Layer(0, 0, False)
"""Layer that consists of the picture's pixels."""


def parse_layer(name: str) -> Layer:
    """Parse a layer's name.

    Args:
        name: ``relu4_1``, ``block4_conv1`` (the same), ``conv4_1`` (before the ReLU) or ``rgb``.

    Raises:
        EncoderError: no encoder can have a layer of that name.
    """
    if name == RGB:
        return PIXELS
    match = _PATTERN.fullmatch(name)
    if match:
        block, index = int(match["block"] or match["kblock"]), int(match["index"] or match["kindex"])
        if 1 <= block <= len(LARGEST_STACK) and 1 <= index <= LARGEST_STACK[block - 1]:
            return Layer(block, index, match["kind"] != "conv")
    raise EncoderError(
        f"There is no layer {name!r}: layers are named like relu4_1 or block4_conv1 (after the ReLU), conv4_1 (before "
        f"it), from conv1_1 to conv5_4, or rgb for the pixels themselves."
    )


def all_convolutions(stack: Sequence[int] = VGG19) -> list[Layer]:
    """List the convolutions of a stack in order, as layers before the ReLU.

    Args:
        stack: number of convolutions in each block.
    """
    return [Layer(b, i, False) for b, n in enumerate(stack, 1) for i in range(1, n + 1)]
