"""Arithmetic of a painting: the multiplications of the convolutions, forward and backward.

The weights are frozen, so a backward pass costs as much as a forward pass, and an iteration as much as two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from impasto.encoders.layers import PIXELS
from impasto.encoders.network import Encoder
from impasto.pictures.sizes import scaled_size


def forward_operations(encoder: Encoder, layers: Iterable[str], height: int, width: int) -> float:
    """Count the multiplications of one forward pass down to the deepest of the given layers.

    Args:
        encoder: encoder of any width.
        layers: names of layers.
        height: height of the picture in pixels.
        width: width of the picture in pixels.

    Raises:
        EncoderError: the encoder lacks one of the layers.
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
    """Count the multiplications of a whole painting, including the targets of each stage.

    Args:
        encoder: encoder of the painting.
        layers: layers of content and style.
        stages: height and width in pixels, and number of evaluations of loss and gradient, of each stage.
        style: height and width of the style, which is resized to the long side of each stage.
    """
    total = 0.0
    for height, width, evaluations in stages:
        total += (2 * evaluations + 1) * forward_operations(encoder, layers, height, width)
        total += forward_operations(encoder, layers, *scaled_size(*style, max(height, width)))
    return total


class CountedEncoder:
    """An encoder that counts its multiplications.

    Attributes:
        encoder: the encoder itself.
        operations: multiplications so far; a pass with a gradient counts twice, to include its backward pass.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.operations = 0.0

    def __call__(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute features, each 1×C×h×w, of an image 1×3×H×W in [0, 1], in the precision of the image."""
        has_backward = image.requires_grad and torch.is_grad_enabled()
        self.operations += (2 if has_backward else 1) * forward_operations(self.encoder, layers, *image.shape[-2:])
        return {name: features.to(image.dtype) for name, features in self.encoder(image, layers).items()}
