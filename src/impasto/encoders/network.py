"""The encoder network: blocks of convolutions as in VGG-19, at any depth and width, with features from any layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders import gabor
from impasto.encoders.layers import (
    COARSE_GABOR_LAYER,
    GABOR_LAYER,
    LARGEST_STACK,
    PIXELS,
    STROKE_LAYER,
    VGG19,
    Layer,
    all_convolutions,
    parse_layer,
)
from impasto.encoders.operators import Pooling, pad, pool
from impasto.encoders.strokes import CHANNELS as STROKE_CHANNELS, stroke_features
from impasto.errors import EncoderError

PIXEL_CHANNELS = {
    PIXELS: 3,
    STROKE_LAYER: STROKE_CHANNELS,
    GABOR_LAYER: gabor.CHANNELS,
    COARSE_GABOR_LAYER: gabor.COARSE_CHANNELS,
}
"""Number of channels of the layers that need no convolutions."""

PaddingMode = Literal["zeros", "replicate", "reflect"]
PaddingScope = Literal["first", "all"]
ChannelOrder = Literal["rgb", "bgr"]

FeatureHook = Callable[[str, Tensor], Tensor]
"""Forward hook of a layer: receives its name and its features, 1×C×H×W, and returns the features to continue with."""

CropHook = Callable[[int, Tensor], Tensor]
"""Forward hook of a pooling: receives the number of the following block and that block's input, and returns the part
of it to continue with."""


@dataclass(frozen=True)
class Preprocessing:
    """Input of the first convolution: ``(image[channels] · scale − mean) / std``, for an RGB image in [0, 1].

    Attributes:
        channels: order of the channels.
        scale: 1 for torchvision's and impasto's own weights, 255 for Caffe's and Keras's.
        mean: mean per channel, in that order and scale.
        std: standard deviation per channel, in that order and scale.
    """

    channels: ChannelOrder = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __call__(self, image: Tensor) -> Tensor:
        """Convert an image, B×3×H×W RGB in [0, 1], to the network's input of the same shape."""
        mean, std = (image.new_tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.std))
        if self.channels == "bgr":
            image = image.flip(1)
        return image * (self.scale / std) - mean / std


@dataclass(frozen=True)
class Architecture:
    """Properties of an encoder that its weights do not determine.

    Attributes:
        pooling: pooling between the blocks, with stride 2: the average or the maximum of 2×2 positions, or a binomial
            filter, 1 3 3 1 in both directions.
        padding: padding mode of the convolutions.
        padding_scope: ``first``: the first layer has this padding mode and the others pad with zeros; ``all``: every
            layer has it.
        preprocessing: conversion of an RGB picture in [0, 1] to the first layer's input.
        convolutions: number of convolutions in each block. The weights may end early.
    """

    pooling: Pooling = "average"
    padding: PaddingMode = "replicate"
    padding_scope: PaddingScope = "first"
    preprocessing: Preprocessing = Preprocessing()
    convolutions: tuple[int, ...] = VGG19

    def padding_of(self, layer: Layer) -> PaddingMode:
        """Return the padding mode of one convolution."""
        return self.padding if self.padding_scope == "all" or layer[:2] == (1, 1) else "zeros"


class Encoder(nn.Module):
    """A stack of blocks of convolutions with frozen weights.

    It computes in the precision of its weights: float32 until moved to another one, for example with
    ``encoder.to(torch.bfloat16)``. The convolutions' features have that precision. Pixels, strokes, Gabor filters'
    features and the gradient of an image have the image's own.

    Args:
        weights: ``conv1_1.weight`` (O×I×3×3), ``conv1_1.bias`` (O) and so on, without gaps, down to any layer of the
            architecture's stack.
        architecture: stack, pooling, padding and preprocessing.

    Raises:
        EncoderError: the weights do not form the architecture's stack or its beginning.
    """

    def __init__(self, weights: Mapping[str, Tensor], architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        self.convolutions = [layer for layer in all_convolutions(LARGEST_STACK) if f"{layer}.weight" in weights]
        _check_stack(weights, self.convolutions, self.architecture.convolutions)
        for layer in self.convolutions:
            weight, bias = (weights[f"{layer}.{part}"].detach().float() for part in ("weight", "bias"))
            # On the CPU, every convolution reorders its weights. In the deep layers of small pictures this takes as
            # long as the arithmetic. From the channels-last layout of the features it is fast.
            self.register_buffer(f"{layer}_weight", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"{layer}_bias", bias)

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the weights and the features."""
        return next(self.buffers()).dtype

    @property
    def deepest(self) -> Layer:
        """Deepest layer that the weights reach."""
        return self.convolutions[-1]._replace(after_relu=True)

    def channels(self, name: str) -> int:
        """Return the number of channels of a layer."""
        layer = self.resolve(name)
        if not layer.block:
            return PIXEL_CHANNELS[layer]
        return self.get_buffer(f"{layer.convolution}_bias").shape[0]

    def resolve(self, name: str) -> Layer:
        """Look up a layer by name.

        Raises:
            EncoderError: this encoder has no such layer.
        """
        layer = parse_layer(name)
        if layer.block and layer._replace(after_relu=False) not in self.convolutions:
            raise EncoderError(
                f"This encoder has no layer {name}: choose one of {_listed(self.convolutions)}, and set the weight of "
                f"{name} to 0, as in losses.style.{layer}=0."
            )
        return layer

    def with_architecture(self, **changes: object) -> Self:
        """Return an encoder with the same weights and precision, and another pooling or padding."""
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
        hook: FeatureHook | None = None,
        crop: CropHook | None = None,
        *,
        wrap: bool = False,
    ) -> dict[str, Tensor]:
        """Compute the features of the given layers, stopping at the deepest of them.

        Args:
            image: B×3×H×W, RGB in [0, 1].
            layers: names of layers, in either spelling.
            hook: forward hook, called for each of those layers with its name as in ``relu4_1`` and its features; its
                result continues through the network.
            crop: forward hook, called after each pooling; a tile drops the margin that deeper layers do not need.
            wrap: whether the picture is periodic. If so, circular padding replaces the architecture's in every layer.
                H and W must then be multiples of every layer's stride, or the poolings would drop pixels at the seam.

        Returns:
            Features by name as given, each B×C×h×w, with H and W halved as often as the layer's ``halvings`` say. The
            strokes have the image's precision, as the pixels have.

        Raises:
            EncoderError: this encoder lacks one of the layers, or the image is too small for the coarsest one.
        """
        wanted = {name: self.resolve(name) for name in layers}
        last = max(wanted.values(), default=PIXELS)
        coarsest = max(wanted.values(), key=lambda layer: (layer.stride, layer), default=PIXELS)
        if min(image.shape[-2:]) < coarsest.stride:
            size = "×".join(str(n) for n in image.shape[-2:])
            raise EncoderError(
                f"A picture of {size} px is too small for {coarsest}, which needs {coarsest.stride} px a side."
            )
        found: dict[Layer, Tensor] = {}

        def visit(layer: Layer, x: Tensor) -> Tensor:
            if layer in wanted.values():
                found[layer] = x = x if hook is None else hook(str(layer), x)
            return x

        x = visit(PIXELS, image)
        if STROKE_LAYER in wanted.values():
            visit(STROKE_LAYER, stroke_features(x, wrap=wrap))
        if GABOR_LAYER in wanted.values():
            visit(GABOR_LAYER, gabor.gabor_features(x, wrap=wrap, dtype=self.dtype))
        if COARSE_GABOR_LAYER in wanted.values():
            visit(COARSE_GABOR_LAYER, gabor.coarse_gabor_features(x, wrap=wrap, dtype=self.dtype))
        if last.block:
            # On the CPU, oneDNN's convolutions are 1.3 to 1.5 times faster in the channels-last layout. This clones
            # because .contiguous() keeps the stride of the batch, from which convolutions infer another layout.
            x = self.architecture.preprocessing(x).to(self.dtype).clone(memory_format=torch.channels_last)
        for layer in (layer for layer in self.convolutions if layer[:2] <= last[:2]):
            if layer.number == 1 and layer.block > 1:
                x = pool(x, self.architecture.pooling, wrap=wrap)
                x = x if crop is None else crop(layer.block, x)
            x = visit(layer, self._convolve(x, layer, wrap))
            x = visit(layer._replace(after_relu=True), F.relu(x) if layer in found else F.relu_(x))
        return {name: found[layer] for name, layer in wanted.items()}

    def _convolve(self, x: Tensor, layer: Layer, wrap: bool) -> Tensor:
        weight, bias = (self.get_buffer(f"{layer}_{part}") for part in ("weight", "bias"))
        if wrap:
            return F.conv2d(pad(x, "circular"), weight, bias)
        padding = self.architecture.padding_of(layer)
        if padding == "zeros":
            return F.conv2d(x, weight, bias, padding=1)
        if padding == "reflect" and min(x.shape[-2:]) < 2:
            padding = "replicate"  # reflection needs two positions
        return F.conv2d(pad(x, padding), weight, bias)


def _listed(convolutions: Sequence[Layer]) -> str:
    """List layers after the ReLU, block by block, as in ``relu1_1, relu2_1 to relu2_2``."""
    counts = Counter(layer.block for layer in convolutions)
    return ", ".join(f"relu{b}_1 to relu{b}_{n}" if n > 1 else f"relu{b}_1" for b, n in counts.items())


def _check_stack(weights: Mapping[str, Tensor], found: list[Layer], stack: tuple[int, ...]) -> None:
    """Raise an EncoderError for gaps, wrong shapes, mismatched channels, and values that are not finite."""
    expected = all_convolutions(stack)
    network = "a VGG-19 stack" if stack == VGG19 else f"a stack of {'-'.join(map(str, stack))} convolutions"
    if surplus := [layer for layer in found if layer not in expected]:
        raise EncoderError(f"These weights are not {network}: it has no {surplus[0]}.")
    if not found or found != expected[: len(found)]:
        missing = next(layer for layer in expected if layer not in found)
        raise EncoderError(f"These weights are not {network}: {missing} is missing.")
    before = 3
    for layer in found:
        weight, bias = weights[f"{layer}.weight"], weights.get(f"{layer}.bias")
        if any(part is not None and part.layout != torch.strided for part in (weight, bias)):
            raise EncoderError(f"These weights are not {network}: {layer} is sparse.")
        if bias is None or bias.ndim != 1 or not len(bias) or weight.shape != (len(bias), before, 3, 3):
            raise EncoderError(
                f"These weights are not {network}: {layer}.weight has the shape {tuple(weight.shape)}; it should "
                f"be (channels, {before}, 3, 3), with one bias per channel."
            )
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise EncoderError(f"These weights are damaged: {layer} holds values that are not finite.")
        before = len(bias)
