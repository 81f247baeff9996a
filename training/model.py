"""The network in training: VGG-19's convolutions with batch norm, and a linear classifier."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 4, 4, 2)
"""Number of convolutions in each block, down to conv5_2, the deepest layer that style transfer uses."""

CHANNELS = (64, 128, 256, 512, 512)
"""Number of channels in each of VGG-19's blocks (Simonyan and Zisserman 2015, table 1, E)."""

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Classifier(nn.Module):
    """VGG-19 with batch norm at any width, with average pooling, a global mean and a linear layer.

    Args:
        classes: number of classes.
        width: number of channels as a fraction of VGG-19's.
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
        """Map pictures, B×3×H×W in [0, 1], to logits, B×classes."""
        x = (x - self.mean) / self.std
        for number, block in enumerate(self.blocks, 1):
            x = block(x if number == 1 else nn.functional.avg_pool2d(x, 2))
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
