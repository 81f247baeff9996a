"""The network in training: VGG-19's convolutions with batch norm, and a linear classifier."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 4, 4, 2)
"""Convolutions in each block, down to conv5_2, the deepest layer that style transfer reads."""

CHANNELS = (64, 128, 256, 512, 512)
"""VGG-19's channels by block (Simonyan and Zisserman 2015, table 1, E)."""

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Classifier(nn.Module):
    """VGG-19 with batch norm at any width, average pooling, global mean, linear.

    Args:
        classes: number of outputs.
        width: channels as a share of VGG-19's.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int, width: float = 0.5) -> None:
        super().__init__()
        self.width = width
        blocks: list[nn.Module] = []
        before = 3
        for count, channels in zip(CONVOLUTIONS, CHANNELS, strict=True):
            block = nn.Sequential()
            for _ in range(count):
                after = round(channels * width)
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
        """B×3×H×W in [0, 1] to B×classes logits."""
        x = (x - self.mean) / self.std
        for number, block in enumerate(self.blocks, 1):
            x = block(x if number == 1 else nn.functional.avg_pool2d(x, 2))
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def mask_other_heads(logits: Tensor, heads: Tensor, class_heads: Tensor) -> Tensor:
    """Minus infinity where a class belongs to another head than the picture.

    Args:
        logits: B×K.
        heads: B, head of each picture.
        class_heads: K, head of each class.
    """
    return logits.masked_fill(heads[:, None] != class_heads, float("-inf"))


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean cross entropy, labels smoothed over the classes that are not masked (Szegedy et al. 2016, section 7)."""
    log_p = logits.float().log_softmax(1)
    mine = log_p.gather(1, labels[:, None])[:, 0]
    allowed = torch.isfinite(log_p)
    others = log_p.masked_fill(~allowed, 0).sum(1) / allowed.sum(1)
    return -((1 - smoothing) * mine + smoothing * others).mean()
