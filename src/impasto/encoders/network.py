"""The encoder: VGG-19's convolutions at any width, read at any layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders.layers import PIXELS, Layer, all_convolutions, parse_layer
from impasto.encoders.operators import average_pooled, padded
from impasto.errors import EncoderError

Pooling = Literal["average", "max"]
Padding = Literal["zeros", "replicate", "reflect"]

Tap = Callable[[str, Tensor], Tensor]
"""Sees the features of a layer, 1×C×H×W, and gives back those that go on."""

Crop = Callable[[int, Tensor], Tensor]
"""Is given a block's number and the pooled features that it begins with, and gives back the part to go on with."""


Channels = Literal["rgb", "bgr"]
PaddingScope = Literal["first", "all"]


@dataclass(frozen=True)
class Preprocessing:
    """What the first convolution expects: ``(image[channels] · scale − mean) / std``, image RGB in [0, 1].

    Attributes:
        channels: order of the channels, ``rgb`` or ``bgr``.
        scale: 1 for torchvision's and our own weights, 255 for Caffe's and Keras's.
        mean: per channel, in that order and scale.
        std: per channel, in that order and scale.
    """

    channels: Channels = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __call__(self, image: Tensor) -> Tensor:
        """Image B×3×H×W, RGB in [0, 1], to the same shape as the network's input."""
        mean, std = (image.new_tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.std))
        if self.channels == "bgr":
            image = image.flip(1)
        return image * (self.scale / std) - mean / std


@dataclass(frozen=True)
class Architecture:
    """Everything about an encoder that its weights do not say.

    Attributes:
        pooling: between the blocks, 2×2 with stride 2.
        padding: how a border is continued.
        padding_scope: ``first``: that padding in the first layer and zeros after it; ``all``: in every layer.
        preprocessing: from an RGB picture in [0, 1] to the first layer's input.
    """

    pooling: Pooling = "average"
    padding: Padding = "replicate"
    padding_scope: PaddingScope = "first"
    preprocessing: Preprocessing = Preprocessing()

    def padding_of(self, layer: Layer) -> Padding:
        """The padding in front of one convolution."""
        return self.padding if self.padding_scope == "all" or layer[:2] == (1, 1) else "zeros"


class Encoder(nn.Module):
    """VGG-19's convolution stack, frozen.

    It computes in the precision of its weights, which is float32 until it is moved to another one, as with
    ``encoder.to(torch.bfloat16)``. Features come in that precision, and the gradient of an image in the image's own.

    Args:
        weights: ``conv1_1.weight`` (O×I×3×3) and ``conv1_1.bias`` (O) and so on, without a gap, as deep as they go.
        architecture: pooling, padding and preprocessing.

    Raises:
        EncoderError: the weights do not form such a stack.
    """

    def __init__(self, weights: Mapping[str, Tensor], architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        self.convolutions = [layer for layer in all_convolutions() if f"{layer}.weight" in weights]
        _check_stack(weights, self.convolutions)
        for layer in self.convolutions:
            weight, bias = (weights[f"{layer}.{part}"].detach().float() for part in ("weight", "bias"))
            # On the CPU convolutions bring the weights into an order of their own each time, which in the deep layers
            # of small pictures takes as long as the arithmetic. From the features' layout it is soon done.
            self.register_buffer(f"{layer}_weight", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"{layer}_bias", bias)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights and the features."""
        return next(self.buffers()).dtype

    @property
    def deepest(self) -> Layer:
        """The last layer that the weights reach."""
        return self.convolutions[-1]._replace(after_relu=True)

    def channels(self, name: str) -> int:
        """Number of channels of a layer."""
        layer = self.resolve(name)
        return 3 if layer == PIXELS else self.get_buffer(f"{layer.convolution}_bias").shape[0]

    def resolve(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            EncoderError: VGG-19, or this encoder, has no such layer.
        """
        layer = parse_layer(name)
        if layer > self.deepest:
            raise EncoderError(
                f"This encoder ends at {self.deepest}, so it has no layer {name}: choose one before it, and give those "
                f"after it no weight, as with losses.style.{name}=0."
            )
        return layer

    def with_architecture(self, **changes: object) -> Self:
        """The same weights, in the same precision, with another pooling or padding."""
        weights = {
            f"{layer}.{part}": self.get_buffer(f"{layer}_{part}")
            for layer in self.convolutions
            for part in ("weight", "bias")
        }
        return type(self)(weights, replace(self.architecture, **changes)).to(self.dtype)  # type: ignore[arg-type]

    def forward(
        self,
        image: Tensor,
        layers: Iterable[str],
        tap: Tap | None = None,
        crop: Crop | None = None,
        *,
        wrap: bool = False,
    ) -> dict[str, Tensor]:
        """Features of the layers asked for; the pass stops at the deepest of them.

        Args:
            image: B×3×H×W, RGB in [0, 1].
            layers: names in either spelling.
            tap: is given each of those layers as the pass meets it, under its name as in ``relu4_1``; what it returns
                goes on through the network.
            crop: is given the features after each pooling: a tile leaves out what deeper layers do not need.
            wrap: the picture is periodic, so that every layer continues it from its other side, whatever the
                architecture's padding. H and W must then be multiples of the deepest layer's stride, or the poolings
                would leave out some pixels at the seam.

        Returns:
            For each name as it was given, B×C×h×w, where h and w are H and W halved once for each block before it.

        Raises:
            EncoderError: a layer that this encoder lacks, or an image too small for the deepest layer.
        """
        wanted = {name: self.resolve(name) for name in layers}
        last = max(wanted.values(), default=PIXELS)
        if min(image.shape[-2:]) < last.stride:
            size = "×".join(str(n) for n in image.shape[-2:])
            raise EncoderError(f"A picture of {size} px is too small for {last}, which needs {last.stride} px a side.")
        found: dict[Layer, Tensor] = {}

        def met(layer: Layer, x: Tensor) -> Tensor:
            if layer in wanted.values():
                found[layer] = x = x if tap is None else tap(str(layer), x)
            return x

        x = met(PIXELS, image)
        if last > PIXELS:
            # On the CPU, oneDNN's convolutions are 1.3 to 1.5 times faster with the channels innermost. A clone, since
            # .contiguous() leaves the batch's stride as it is, from which convolutions would tell another layout.
            x = self.architecture.preprocessing(x).to(self.dtype).clone(memory_format=torch.channels_last)
        for layer in (layer for layer in self.convolutions if layer[:2] <= last[:2]):
            if layer.number == 1 and layer.block > 1:
                x = self._pool(x)
                x = x if crop is None else crop(layer.block, x)
            x = met(layer, self._convolve(x, layer, wrap))
            x = met(layer._replace(after_relu=True), F.relu(x) if layer in found else F.relu_(x))
        return {name: found[layer] for name, layer in wanted.items()}

    def _pool(self, x: Tensor) -> Tensor:
        return average_pooled(x) if self.architecture.pooling == "average" else F.max_pool2d(x, 2)

    def _convolve(self, x: Tensor, layer: Layer, wrap: bool) -> Tensor:
        weight, bias = (self.get_buffer(f"{layer}_{part}") for part in ("weight", "bias"))
        if wrap:
            return F.conv2d(padded(x, "wrap"), weight, bias)
        padding = self.architecture.padding_of(layer)
        if padding == "zeros":
            return F.conv2d(x, weight, bias, padding=1)
        if padding == "reflect" and min(x.shape[-2:]) < 2:
            padding = "replicate"  # one pixel has nothing to mirror
        return F.conv2d(padded(x, padding), weight, bias)


def _check_stack(weights: Mapping[str, Tensor], convolutions: list[Layer]) -> None:
    """Refuse weights that are no VGG-19 stack: a gap, a wrong shape, channels that do not meet, a value not finite."""
    expected = all_convolutions()[: len(convolutions)]
    if not convolutions or convolutions != expected:
        missing = next((layer for layer in all_convolutions() if layer not in convolutions), None)
        raise EncoderError(f"These weights are no VGG-19 stack: {missing} is missing.")
    before = 3
    for layer in convolutions:
        weight, bias = weights[f"{layer}.weight"], weights.get(f"{layer}.bias")
        if any(part is not None and part.layout != torch.strided for part in (weight, bias)):
            raise EncoderError(f"These weights are no VGG-19 stack: {layer} is sparse.")
        if bias is None or bias.ndim != 1 or not len(bias) or weight.shape != (len(bias), before, 3, 3):
            raise EncoderError(
                f"These weights are no VGG-19 stack: {layer}.weight has the shape {tuple(weight.shape)}, and it should "
                f"be (channels, {before}, 3, 3) with one bias a channel."
            )
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise EncoderError(f"These weights are damaged: {layer} holds values that are not finite.")
        before = len(bias)
