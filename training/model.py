"""The network in training: blocks of convolutions with batch norm, and a linear classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from impasto.encoders.operators import Pooling, pool


@dataclass(frozen=True)
class Stack:
    """Blocks of 3×3 convolutions, and the pooling between them.

    Attributes:
        convolutions: number of convolutions in each block; VGG-19 has 2, 2, 4, 4, 4 (Simonyan and Zisserman 2015,
            table 1, E).
        channels: number of channels in each block.
        pooling: pooling between the blocks.
    """

    convolutions: tuple[int, ...]
    channels: tuple[int, ...]
    pooling: Pooling = "average"


MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Classifier(nn.Module):
    """VGG's blocks of convolutions with batch norm, a global mean and a linear layer.

    Args:
        classes: number of classes.
        stack: blocks of convolutions, and the pooling between them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int, stack: Stack) -> None:
        super().__init__()
        self.pooling = stack.pooling
        blocks: list[nn.Module] = []
        before = 3
        for count, after in zip(stack.convolutions, stack.channels, strict=True):
            block = nn.Sequential()
            for _ in range(count):
                padding: Literal["replicate", "zeros"] = "replicate" if before == 3 else "zeros"
                block.append(nn.Conv2d(before, after, 3, padding=1, padding_mode=padding, bias=False))
                block.append(nn.BatchNorm2d(after))
                block.append(nn.ReLU(inplace=True))
                before = after
            blocks.append(block)
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(before, classes)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures, B×3×H×W in [0, 1], to logits, B×classes."""
        x = (x - self.mean) / self.std
        for number, block in enumerate(self.blocks, 1):
            x = block(x if number == 1 else pool(x, self.pooling))
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def mask_other_heads(logits: Tensor, heads: Tensor, class_heads: Tensor) -> Tensor:
    """Set the logits of classes from other heads than the picture's to minus infinity.

    Args:
        logits: B×K.
        heads: head of each picture, B.
        class_heads: head of each class, K.
    """
    return logits.masked_fill(heads[:, None] != class_heads, float("-inf"))


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Return the mean cross entropy, with labels smoothed over the unmasked classes (Szegedy et al. 2016, section 7).

    Args:
        logits: B×K, minus infinity for masked classes.
        labels: class of each picture, B.
        smoothing: probability that smoothing spreads over the unmasked classes.
    """
    log_p = logits.float().log_softmax(1)
    target = log_p.gather(1, labels[:, None])[:, 0]
    allowed = torch.isfinite(log_p)
    others = log_p.masked_fill(~allowed, 0).sum(1) / allowed.sum(1)
    return -((1 - smoothing) * target + smoothing * others).mean()
