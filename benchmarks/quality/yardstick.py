"""Weights and common loss of the race: two sets of weights, and the tutorial's objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from impasto.encoders.architectures import CAFFE, METADATA_KEY, architecture_to_json
from impasto.encoders.layers import all_convolutions
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.encoders.published.catalogue import KNOWN
from impasto.engine.distances import content_distance, gram_distance
from impasto.engine.statistics import gram, statistics
from impasto.engine.style_terms import shares
from impasto.settings.model import Settings
from training.export import normalise_channels

VGG19 = (64, 128, 256, 512, 512)
DEEPEST = (5, 2)
"""Block and number of the deepest layer, the tutorial's content layer and the built-in encoder's last."""

HE = "he"
"""Name for random weights, instead of an encoder's."""

HE_ACTIVATION, ACTIVATION = 3_000.0, 10_000.0
"""Mean activation of every channel, for random and for trained weights.

The tutorial has raw weights, so its terms grow as the square (content) and the fourth power (style) of the activation.
The activation therefore determines the fall of the loss, and the content's share of the rest. In a published run of the
tutorial with ImageNet's weights, the loss falls by a factor of 395 in 800 iterations, and content is 52 % of the rest.
These values are the nearest to both numbers. The built-in encoder has 150 and 45 % at 10 000 (medians of five pairs,
128 px), and 7 and 55 % at 1000; at 100 its loss falls only by half, and at 1 not at all. Random weights have 256 and
49 % on one pair and 583 and 37 % on another at 3000, and 640 and 1270 and about 11 % at 10 000.
"""


def he_encoder(seed: int = 19, channels: tuple[int, ...] = VGG19) -> Encoder:
    """Make a VGG-19 with Caffe's architecture and He's random weights.

    Every channel is scaled to a mean activation of 1 over smooth noise.
    """
    generator = torch.Generator().manual_seed(seed)
    weights, before = {}, 3
    for layer in (layer for layer in all_convolutions() if layer[:2] <= DEEPEST):
        after = channels[layer.block - 1]
        kernel = torch.randn(after, before, 3, 3, generator=generator)
        weights[f"{layer}.weight"] = kernel * math.sqrt(2 / (9 * before))
        weights[f"{layer}.bias"] = torch.zeros(after)
        before = after
    noise = F.interpolate(torch.rand(16, 3, 8, 8, generator=generator), 112, mode="bilinear")
    return Encoder(normalise_channels(weights, noise, architecture=CAFFE), CAFFE)


def amplified(encoder: Encoder, factor: float) -> Encoder:
    """Return the same network with all activations scaled by a factor."""
    weights = weights_of(encoder)
    for layer in encoder.convolutions:
        weights[f"{layer}.bias"] = weights[f"{layer}.bias"] * factor
    weights["conv1_1.weight"] = weights["conv1_1.weight"] * factor
    return Encoder(weights, encoder.architecture)


def weights_of(encoder: Encoder) -> dict[str, Tensor]:
    """Return the weights of an encoder, as ``conv1_1.weight`` and so on."""
    return {
        f"{layer}.{part}": encoder.get_buffer(f"{layer}_{part}")
        for layer in encoder.convolutions
        for part in ("weight", "bias")
    }


def save_encoder(encoder: Encoder, path: Path) -> Path:
    """Write an encoder as a float32 file that impasto loads, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in weights_of(encoder).items()}
    save_file(tensors, path, {METADATA_KEY: architecture_to_json(encoder.architecture)})
    return path


def activation_of(name: str) -> float:
    """Return the mean activation at which ``he`` (random) or an encoder's weights behave like ImageNet's."""
    return HE_ACTIVATION if name == HE else ACTIVATION


def encoders(folder: Path, names: tuple[str, ...], activation: float | None = None) -> Mapping[str, Path]:
    """Write sets of weights to files, unless they exist.

    Args:
        folder: folder of the files.
        names: ``he`` (random), encoders whose channels have a mean activation of 1, or published weights, which are not
            scaled.
        activation: mean activation of every channel; by default that of :func:`activation_of`.

    Returns:
        Files by name.
    """
    found = {}
    for name in names:
        factor = 1.0 if name in KNOWN else activation or activation_of(name)
        loaded = None if name == HE else load_encoder(name)
        stem = f"{Path(name).stem}-{loaded.sha256[:8]}" if loaded else name
        path = folder / f"{stem}-{factor:g}.safetensors"
        if not path.exists():
            save_encoder(amplified(loaded.encoder if loaded else he_encoder(), factor), path)
        found[Path(name).stem] = path
    return found


class CommonLoss:
    """The tutorial's loss at the full size, common to all methods.

    Args:
        encoder: encoder of the loss.
        content: photograph, 1×3×H×W in [0, 1].
        style: style, 1×3×h×w in [0, 1].
        settings: settings of the preset ``tutorial``, with layers, weights and distances.
    """

    def __init__(self, encoder: Encoder, content: Tensor, style: Tensor, settings: Settings) -> None:
        losses = settings.losses
        assert losses.style_distance == "gram"
        assert not losses.relative
        assert not losses.total_variation
        self.encoder = encoder
        self.weights = settings.weights
        self.content, self.style = shares(losses.content), shares(losses.style)
        with torch.no_grad():
            self.goals = encoder(content, self.content)
            self.grams = {name: gram(statistics(f)) for name, f in encoder(style, self.style).items()}

    @torch.no_grad()
    def __call__(self, image: Tensor) -> float:
        """Compute the loss of an image, 1×3×H×W in [0, 1]; infinity if it is not finite."""
        features = self.encoder(image, [*self.content, *self.style])
        content = sum(share * content_distance(features[n], self.goals[n]) for n, share in self.content.items())
        style = sum(share * gram_distance(statistics(features[n]), self.grams[n]) for n, share in self.style.items())
        loss = float(self.weights[0] * content + self.weights[1] * style)
        return loss if math.isfinite(loss) else math.inf


def keras_arrays(encoder: Encoder) -> dict[str, np.ndarray]:
    """Return Keras's kernels (height × width × in × out) and biases, as ``block1_conv1/kernel`` and so on."""
    arrays = {}
    for layer in encoder.convolutions:
        name = f"block{layer.block}_conv{layer.number}"
        arrays[f"{name}/kernel"] = encoder.get_buffer(f"{layer}_weight").permute(2, 3, 1, 0).numpy()
        arrays[f"{name}/bias"] = encoder.get_buffer(f"{layer}_bias").numpy()
    return arrays
