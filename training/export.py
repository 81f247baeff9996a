"""Export of a training checkpoint for impasto: batch norm folded, features scaled, float16.

python -m training.export runs/encoder DATASET --out src/impasto/encoders/builtin.safetensors
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.layers import all_convolutions
from impasto.encoders.network import Architecture, Encoder, Preprocessing
from training.augment import centre_view
from training.data import load_pictures
from training.model import MEAN, STD
from training.train import load_recipe

ARCHITECTURE = Architecture("average", "reflect", "all", Preprocessing("rgb", 1.0, MEAN, STD))
"""Architecture of exported encoders, with the stack and pooling of the built-in one.

Training pads all layers but the first with zeros, but painting reflects: deep layers would see zeros as a frame around
the picture, and paint it.
"""


def fold_batch_norm(state: dict[str, Tensor], stack: Sequence[int]) -> dict[str, Tensor]:
    """Fold the batch norm into weights and biases of the convolutions.

    Args:
        state: state dict of :class:`training.model.Classifier`.
        stack: number of convolutions in each block.

    Returns:
        ``conv1_1.weight``, ``conv1_1.bias`` and so on, in float32.
    """
    weights = {}
    for layer in all_convolutions(stack):
        place, first = f"blocks.{layer.block - 1}", 3 * (layer.number - 1)
        gamma, beta, mean, var = (
            state[f"{place}.{first + 1}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / (var + 1e-5).sqrt()
        weights[f"{layer}.weight"] = (state[f"{place}.{first}.weight"].double() * scale[:, None, None, None]).float()
        weights[f"{layer}.bias"] = (beta - mean * scale).float()
    return weights


@torch.no_grad()
def normalise_channels(
    weights: dict[str, Tensor], images: Tensor, floor: float = 0.2, architecture: Architecture = ARCHITECTURE
) -> dict[str, Tensor]:
    """Scale every channel to a mean activation of 1 over the images (Gatys et al. 2016, section 2.1).

    The weights of the next layer undo the scale, so the network computes the same function.

    Args:
        weights: ``conv1_1.weight`` and so on.
        images: N×3×H×W in [0, 1].
        floor: lower bound of a channel's mean, as a fraction of the layer's mean; without it, channels that are hardly
            ever active would get the largest scale.
        architecture: architecture of the weights.
    """
    weights = dict(weights)
    encoder = Encoder(weights, architecture)
    names = [str(layer._replace(after_relu=True)) for layer in encoder.convolutions]
    means = {name: torch.zeros(encoder.channels(name)) for name in names}
    for part in images.split(32):
        for name, f in encoder(part, names).items():
            means[name] += f.mean((2, 3)).sum(0) / len(images)
    before = torch.ones(3)
    for layer, name in zip(encoder.convolutions, names, strict=True):
        scale = 1 / means[name].clamp_min(floor * means[name].mean())
        weights[f"{layer}.weight"] = weights[f"{layer}.weight"] / before[:, None, None] * scale[:, None, None, None]
        weights[f"{layer}.bias"] = weights[f"{layer}.bias"] * scale
        before = scale
    return weights


def export(run: Path, dataset: Path, out: Path, samples: int = 512) -> str:
    """Write a trained encoder to a file.

    Args:
        run: output folder of :func:`training.train.train`.
        dataset: folder of the pictures, which determine the scale of the features.
        out: safetensors file to write.
        samples: number of pictures that determine the scale.

    Returns:
        SHA-256 of the file.
    """
    state = torch.load(run / "checkpoint.pt", weights_only=True, map_location="cpu")
    recipe = load_recipe(run)
    pictures, _ = load_pictures(dataset, permissive=recipe.permissive)
    chosen = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))[:samples]
    images = centre_view(pictures.pixels[chosen], pictures.sizes[chosen], 112)
    stack = recipe.stack
    architecture = replace(ARCHITECTURE, pooling=stack.pooling, convolutions=stack.convolutions)
    weights = normalise_channels(fold_batch_norm(state["model"], stack.convolutions), images, architecture=architecture)
    return write_encoder(weights, out, architecture)


def write_encoder(weights: dict[str, Tensor], out: Path, architecture: Architecture = ARCHITECTURE) -> str:
    """Write weights as float16 with their architecture, and return the SHA-256 of the file."""
    half = {name: weight.to(torch.float16).contiguous() for name, weight in weights.items()}
    assert all(torch.isfinite(w).all() for w in half.values()), "a weight is out of float16's range"
    data = save(half, {METADATA_KEY: architecture_to_json(architecture)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    print(f"{given.out}: sha256 {export(given.run, given.dataset, given.out)}")


if __name__ == "__main__":
    main()
