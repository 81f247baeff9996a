"""The decoder of the instant preset: from the features of an encoder's layers back to a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Layers of the encoder whose features the decoder reproduces, in its order."""

DEPTH = (3, 1, 1)
"""Number of convolutions with equal channels at the coarse size of each block but the last."""

DecoderHook = Callable[[str, Tensor], Tensor]
"""Forward hook of a level: receives its layer's name and its features, and returns the features to continue with."""


class Decoder(nn.Module):
    """Blocks of 3×3 convolutions, each of which turns the features of one level into those of the next finer one.

    A hook can transform the features of every level, so that style enters at all of them while there is one way from
    features to picture, without connections that skip a level (as in PhotoWCT2: Chiu and Gurari 2022). Every block
    receives the strength as two further biases.

    Args:
        channels: channels of the encoder's layers :data:`LEVELS`.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for depth, (coarse, fine) in zip(DEPTH, pairwise(channels), strict=True):
            at_coarse = [_convolution(coarse, coarse, gain=0.1) for _ in range(depth)]
            blocks.append(nn.ModuleList([*at_coarse, _convolution(coarse, fine), _convolution(fine, fine)]))
        blocks.append(
            nn.ModuleList([_convolution(channels[-1], channels[-1]), _convolution(channels[-1], 3, gain=0.1)])
        )
        self.blocks = nn.ModuleList(blocks)
        self.strength = nn.ParameterList([nn.Parameter(torch.zeros(2, n)) for n in channels])

    def forward(self, features: Tensor, strength: Tensor, hook: DecoderHook | None = None) -> Tensor:
        """Decode features of the coarsest level.

        Args:
            features: B×C×h×w.
            strength: strength of the style in [0, 1], B.
            hook: forward hook, called with the features of each level.

        Returns:
            B×3×8h×8w, about [0, 1].
        """
        x = features
        for number, name in enumerate(LEVELS):
            x = x if hook is None else hook(name, x)
            x = self.block(number, x, strength)
        return x

    def block(self, number: int, x: Tensor, strength: Tensor) -> Tensor:
        """Decode the features of one level into those of the next; of the last level into a picture."""
        first, *others = cast(nn.ModuleList, self.blocks[number])
        powers = torch.stack([strength, strength.square()], 1)
        bias = (powers @ self.strength[number])[:, :, None, None]
        if number == len(LEVELS) - 1:
            return _reflected(others[0], F.relu(_reflected(first, x) + bias))
        *at_coarse, narrow, at_fine = first, *others
        for layer in at_coarse:
            x = x + F.relu(_reflected(layer, x) + bias)
        x = F.relu(_reflected(narrow, x))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return F.relu(_reflected(at_fine, x))


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
