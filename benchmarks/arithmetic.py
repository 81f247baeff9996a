"""How much arithmetic a painting takes: the convolutions' multiplications, forward and backward.

The weights are fixed, so the way back costs what the way there does: an iteration is two forward passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from impasto.encoders.layers import PIXELS
from impasto.encoders.network import Encoder
from impasto.pictures.sizes import scaled_size


def forward_operations(encoder: Encoder, layers: Iterable[str], height: int, width: int) -> float:
    """Multiplications of one forward pass down to the deepest of some layers.

    Args:
        encoder: at any width.
        layers: names.
        height: of the picture, in pixels.
        width: of the picture, in pixels.

    Raises:
        EncoderError: a layer that the encoder lacks.
    """
    last = max(map(encoder.resolve, layers), default=PIXELS)
    total, before = 0.0, 3
    for layer in encoder.convolutions:
        channels = encoder.channels(str(layer))
        if layer[:2] <= last[:2]:
            total += 9.0 * before * channels * (height // layer.stride) * (width // layer.stride)
        before = channels
    return total


def painting_operations(
    encoder: Encoder, layers: Sequence[str], stages: Iterable[tuple[int, int, int]], style: tuple[int, int]
) -> float:
    """Multiplications of a whole painting, with the targets of each stage.

    Args:
        encoder: that it is painted through.
        layers: of content and style.
        stages: height, width in pixels and number of evaluations of loss and gradient.
        style: height and width of the style; at each stage its long side is the stage's.
    """
    total = 0.0
    for height, width, evaluations in stages:
        total += (2 * evaluations + 1) * forward_operations(encoder, layers, height, width)
        total += forward_operations(encoder, layers, *scaled_size(*style, max(height, width)))
    return total


class CountedEncoder:
    """An encoder that counts what it is asked for.

    Attributes:
        encoder: the encoder itself.
        operations: multiplications so far; a pass with a gradient counts twice, for its way back.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.operations = 0.0

    def __call__(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Features of the layers, each 1×C×h×w, of an image 1×3×H×W in [0, 1], in the image's precision."""
        both_ways = image.requires_grad and torch.is_grad_enabled()
        self.operations += (2 if both_ways else 1) * forward_operations(self.encoder, layers, *image.shape[-2:])
        return {name: features.to(image.dtype) for name, features in self.encoder(image, layers).items()}
