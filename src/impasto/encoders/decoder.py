"""The decoder of the instant preset: from the features of an encoder's layers back to a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Layers of the encoder whose features the decoder reproduces, in its order."""

PHOTO_LEVEL = "relu3_1"
"""Level at which the photograph's own features are added."""

PIXELS = "rgb"
"""Layer of the picture itself, whose colours are mapped at last."""

FULL_STRENGTH = 0.5
"""Strength from which features have the painting's statistics in full. Beyond it, the painting is painted again."""

DEPTH = (3, 2, 2)
"""Number of convolutions with equal channels at the coarse size of each block but the last."""

PIXEL_CHANNELS = 32
"""Channels between the convolutions of the last block, at full size."""

DecoderHook = Callable[[str, Tensor], Tensor]
"""Forward hook of a level: receives its layer's name and its features, and returns the features to continue with."""


class Decoder(nn.Module):
    """Blocks of 3×3 convolutions, each of which turns the features of one level into those of the next finer one.

    A hook can transform the features of every level, so that style enters at all of them (as in PhotoWCT2: Chiu and
    Gurari 2022). The first block corrects the photograph's features of relu3_1, which keep edges and small forms that
    relu4_1 has lost; the correction grows with the strength. Finer features are not added, because the brush strokes of
    a painting replace them. Every block receives the strength as two further biases.

    Args:
        channels: channels of the encoder's layers :data:`LEVELS`.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for depth, (coarse, fine) in zip(DEPTH, pairwise(channels), strict=True):
            at_coarse = [_convolution(coarse, coarse, gain=0.1) for _ in range(depth)]
            gain = 1.0 if blocks else 0.01  # the first block begins with small corrections
            blocks.append(nn.ModuleList([*at_coarse, _convolution(coarse, fine), _convolution(fine, fine, gain)]))
        blocks.append(
            nn.ModuleList(
                [
                    _convolution(channels[-1], PIXEL_CHANNELS),
                    _convolution(PIXEL_CHANNELS, PIXEL_CHANNELS),
                    _convolution(PIXEL_CHANNELS, 3, gain=0.1),
                ]
            )
        )
        self.blocks = nn.ModuleList(blocks)
        self.strength = nn.ParameterList([nn.Parameter(torch.zeros(2, n)) for n in (*channels[:-1], PIXEL_CHANNELS)])

    def forward(self, features: Mapping[str, Tensor], strength: Tensor, hook: DecoderHook | None = None) -> Tensor:
        """Decode features of a photograph.

        Args:
            features: features of the coarsest level, B×C×h×w, and of :data:`PHOTO_LEVEL`.
            strength: strength of the style in [0, 1], B.
            hook: forward hook, called with the features of each level.

        Returns:
            B×3×8h×8w, about [0, 1].
        """
        x = features[LEVELS[0]]
        strength = strength.to(x.dtype)
        for number, name in enumerate(LEVELS):
            if name == PHOTO_LEVEL:
                x = F.relu(features[name] + (strength / FULL_STRENGTH).clamp_max(1)[:, None, None, None] * x)
            x = x if hook is None else hook(name, x)
            x = self.block(number, x, strength)
        return x

    def block(self, number: int, x: Tensor, strength: Tensor) -> Tensor:
        """Decode the features of one level.

        Args:
            number: number of the level in :data:`LEVELS`.
            x: features, B×C×h×w.
            strength: strength of the style in [0, 1], B.

        Returns:
            Features of the next level, B×D×2h×2w; corrections of the photograph's for :data:`PHOTO_LEVEL`; for the
            last level the picture, B×3×h×w.
        """
        layers = list(cast(nn.ModuleList, self.blocks[number]))
        powers = torch.stack([strength, strength.square()], 1)
        bias = (powers @ self.strength[number])[:, :, None, None]
        if number == len(LEVELS) - 1:
            first, second, last = layers
            x = F.relu(_reflected(first, x) + bias)
            return _reflected(last, x + F.relu(_reflected(second, x)))
        *at_coarse, narrow, at_fine = layers
        for layer in at_coarse:
            x = x + F.relu(_reflected(layer, x) + bias)
        x = F.relu(_reflected(narrow, x))
        x = _reflected(at_fine, F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
        return x if LEVELS[number + 1] == PHOTO_LEVEL else F.relu(x)


def _convolution(before: int, after: int, gain: float = 1.0) -> nn.Conv2d:
    """Make a 3×3 convolution without padding, with He's initial weights times a gain."""
    layer = nn.Conv2d(before, after, 3)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        layer.weight.mul_(gain)
        layer.bias.zero_()  # type: ignore[union-attr]
    return layer


def _reflected(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a convolution over borders that are reflected."""
    result: Tensor = layer(F.pad(x, (1, 1, 1, 1), mode="reflect"))
    return result
