"""The names of VGG's layers, in both spellings.

``conv4_1`` is the first convolution of the fourth block, before the ReLU; ``relu4_1`` the same after it, which Keras
calls ``block4_conv1``. ``rgb`` stands for the picture's own pixels.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from impasto.errors import EncoderError

CONVOLUTIONS = (2, 2, 4, 4, 4)
"""Convolutions in each of VGG-19's five blocks (Simonyan and Zisserman 2015, table 1, E)."""

RGB = "rgb"

_PATTERN = re.compile(r"(?:(?P<kind>relu|conv)(?P<block>\d+)_(?P<index>\d+)|block(?P<kblock>\d+)_conv(?P<kindex>\d+))")


class Layer(NamedTuple):
    """A place in the network. Layers compare in the order in which the forward pass meets them."""

    block: int
    number: int
    after_relu: bool

    def __str__(self) -> str:
        return RGB if self == PIXELS else f"{'relu' if self.after_relu else 'conv'}{self.block}_{self.number}"

    @property
    def convolution(self) -> str:
        """Name of the convolution that the layer belongs to, as in ``conv4_1``."""
        return f"conv{self.block}_{self.number}"

    @property
    def stride(self) -> int:
        """Pixels of the picture between two neighbouring positions of the layer."""
        return 2 ** max(0, self.block - 1)


PIXELS = Layer(0, 0, False)


def parse_layer(name: str) -> Layer:
    """Read a layer's name.

    Args:
        name: ``relu4_1``, ``block4_conv1`` (the same), ``conv4_1`` (before the ReLU) or ``rgb``.

    Raises:
        EncoderError: no layer of VGG-19 has that name.
    """
    if name == RGB:
        return PIXELS
    match = _PATTERN.fullmatch(name)
    if match:
        block, index = int(match["block"] or match["kblock"]), int(match["index"] or match["kindex"])
        if 1 <= block <= 5 and 1 <= index <= CONVOLUTIONS[block - 1]:
            return Layer(block, index, match["kind"] != "conv")
    raise EncoderError(
        f"There is no layer {name!r} in VGG-19: layers are named like relu4_1 or block4_conv1 (after the ReLU), "
        f"conv4_1 (before it), from conv1_1 to conv5_4, or rgb for the pixels themselves."
    )


def all_convolutions() -> list[Layer]:
    """Every convolution of VGG-19 before its ReLU, in order."""
    return [Layer(b, i, False) for b, n in enumerate(CONVOLUTIONS, 1) for i in range(1, n + 1)]
