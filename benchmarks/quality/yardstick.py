"""What the race to a loss is run with: two sets of weights, and the tutorial's objective as one number."""

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
"""The tutorial's content layer, and the built-in encoder's last."""

HE = "he"
"""In place of an encoder's name: random weights."""

HE_ACTIVATION, ACTIVATION = 3_000.0, 10_000.0
"""Mean activation of every channel, of random weights and of trained ones.

With the tutorial's raw weights its terms grow as the square (content) and the fourth power (style) of it, so that it
decides how far the loss falls and what of it is left to the content. In a run of the tutorial with ImageNet's weights
that is published, the loss falls by a factor of 395 in 800 iterations, and 52 % of what is left are the content's.
These come nearest to both. The built-in encoder has 150 and 45 % at 10 000 (medians of five pairs, 128 px), and 7 and
55 % at 1000; it falls by half alone at 100, and does not move at 1. Random weights have 256 and 49 % on one pair and
583 and 37 % on another at 3000, and 640 and 1270 and about 11 % at 10 000.
"""


def he_encoder(seed: int = 19, channels: tuple[int, ...] = VGG19) -> Encoder:
    """VGG-19 as Caffe's has it, He's random weights, every channel scaled to a mean activation of 1 over soft noise."""
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
    """The same network with all activations so many times as large."""
    weights = weights_of(encoder)
    for layer in encoder.convolutions:
        weights[f"{layer}.bias"] = weights[f"{layer}.bias"] * factor
    weights["conv1_1.weight"] = weights["conv1_1.weight"] * factor
    return Encoder(weights, encoder.architecture)


def weights_of(encoder: Encoder) -> dict[str, Tensor]:
    """``conv1_1.weight`` and so on."""
    return {
        f"{layer}.{part}": encoder.get_buffer(f"{layer}_{part}")
        for layer in encoder.convolutions
        for part in ("weight", "bias")
    }


def save_encoder(encoder: Encoder, path: Path) -> Path:
    """As a file that impasto loads, float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in weights_of(encoder).items()}
    save_file(tensors, path, {METADATA_KEY: architecture_to_json(encoder.architecture)})
    return path


def activation_of(name: str) -> float:
    """The mean activation at which a set of weights, ``he`` (random) or an encoder's name, does as ImageNet's do."""
    return HE_ACTIVATION if name == HE else ACTIVATION


def encoders(folder: Path, names: tuple[str, ...], activation: float | None = None) -> Mapping[str, Path]:
    """Sets of weights as files; written where they are not there yet.

    Args:
        folder: of the files.
        names: ``he`` (random), an encoder whose channels have a mean activation of 1, or published weights, which stay
            as they are.
        activation: mean of every channel; each set's own where not given.
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
    """The tutorial's loss of a picture at the full size, whatever it was painted by.

    Args:
        encoder: to look through.
        content: 1×3×H×W in [0, 1].
        style: 1×3×h×w.
        settings: of the preset ``tutorial``: its layers, weights and distances.
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
        """The loss of an image, 1×3×H×W in [0, 1]; infinite where it is not finite."""
        features = self.encoder(image, [*self.content, *self.style])
        content = sum(share * content_distance(features[n], self.goals[n]) for n, share in self.content.items())
        style = sum(share * gram_distance(statistics(features[n]), self.grams[n]) for n, share in self.style.items())
        loss = float(self.weights[0] * content + self.weights[1] * style)
        return loss if math.isfinite(loss) else math.inf


def keras_arrays(encoder: Encoder) -> dict[str, np.ndarray]:
    """Kernels as Keras has them (height, width, in, out) and biases, by ``block1_conv1/kernel`` and so on."""
    arrays = {}
    for layer in encoder.convolutions:
        name = f"block{layer.block}_conv{layer.number}"
        arrays[f"{name}/kernel"] = encoder.get_buffer(f"{layer}_weight").permute(2, 3, 1, 0).numpy()
        arrays[f"{name}/bias"] = encoder.get_buffer(f"{layer}_bias").numpy()
    return arrays
