"""Measurements of an encoder: textures from noise, photographs from their features, paintings of pairs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

import impasto
from benchmarks.encoder.results import STYLE_WEIGHTS, Result, reconstructed_photos, texture_styles
from benchmarks.measures import Scorer, sliced_wasserstein
from benchmarks.pairs import Pair, loaded, to_array, to_tensor
from impasto.encoders.layers import all_convolutions
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.engine.distances import content_distance
from impasto.engine.lbfgs import LBFGS
from impasto.pictures import write_picture
from training.export import normalise_channels


def random_weights(channels: Sequence[int] = (32, 64, 128, 256, 256), seed: int = 0) -> dict[str, Tensor]:
    """Draw VGG-19's weights down to conv5_2 by He's method, scaled to a mean activation of 1 over noise."""
    generator = torch.Generator().manual_seed(seed)
    weights, before = {}, 3
    for layer in (layer for layer in all_convolutions() if layer[:2] <= (5, 2)):
        after = channels[layer.block - 1]
        shape = (after, before, 3, 3)
        weights[f"{layer}.weight"] = torch.randn(shape, generator=generator) * math.sqrt(2 / (9 * before))
        weights[f"{layer}.bias"] = torch.zeros(after)
        before = after
    noise = torch.rand(64, 3, 8, 8, generator=generator)
    noise = torch.nn.functional.interpolate(noise, 112, mode="bilinear")
    return normalise_channels(weights, noise)


def texture(style: Path, encoder: str, size: int, out: Path) -> float:
    """Synthesise a texture from noise, and return its patch distance to the painting divided by that of noise."""
    painting = impasto.paint(
        style, style, preset="quick", size=size, encoder=encoder, init="noise", content_weight=0.0, style_weight=16.0
    )
    write_picture(out, painting.array)
    made, goal = to_tensor(painting.array), loaded(style, size)
    noise = torch.rand(made.shape, generator=torch.Generator().manual_seed(1))
    return (sliced_wasserstein(made, goal) / sliced_wasserstein(noise, goal)).mean().item()


def reconstruction(photo: Path, encoder: Encoder, size: int, out: Path, layer: str = "relu4_1") -> float:
    """Reconstruct a photograph from the features of one layer (Mahendran and Vedaldi 2015), with 200 L-BFGS iterations.

    Returns:
        Root mean square error of the reconstruction, in sRGB.
    """
    goal = loaded(photo, size)
    with torch.no_grad():
        target = encoder(goal, [layer])[layer]
    image, optimizer = torch.full_like(goal, 0.5), LBFGS()
    for _ in range(200):
        leaf = image.detach().requires_grad_(True)
        loss = content_distance(encoder(leaf, [layer])[layer], target) / target.square().mean()
        (gradient,) = torch.autograd.grad(loss, leaf)
        optimizer.step(image, loss.item(), gradient)
    image.clamp_(0, 1)
    write_picture(out, to_array(image))
    return (image - goal).square().mean().sqrt().item()


def run(name: str, encoder: str, pairs: Sequence[Pair], size: int, iterations: int, out: Path) -> Result:
    """Make all missing measurements of one encoder; textures and reconstructions have half the size.

    Args:
        name: name of the encoder and of its results, ``out/NAME.json`` and the pictures in ``out/NAME``.
        encoder: name or file of the encoder, as in impasto's settings.
        pairs: pairs to paint.
        size: long side of the paintings in pixels.
        iterations: number of iterations of the last octave.
        out: folder of the results.

    Raises:
        SettingsError: ``out/NAME.json`` holds results of another encoder, size or number of iterations.
    """
    network, folder, file = load_encoder(encoder), out / name, out / f"{name}.json"
    made_with = {"encoder": network.sha256, "size": size, "iterations": iterations}
    result = Result.stored(file, name, made_with)
    for part in ("texture", "reconstruction", *(f"{weight:g}" for weight in STYLE_WEIGHTS)):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for style in texture_styles(pairs):
        if style.name not in result.texture:
            made = folder / "texture" / f"{style.stem}.png"
            result.texture[style.name] = texture(style, encoder, size // 2, made)
            result.store(file)
    for photo in reconstructed_photos(pairs):
        if photo.name not in result.reconstruction:
            made = folder / "reconstruction" / f"{photo.stem}.png"
            result.reconstruction[photo.name] = reconstruction(photo, network.encoder, size // 2, made)
            result.store(file)
    for pair in pairs:
        weights = [weight for weight in STYLE_WEIGHTS if not result.has(weight, pair.name)]
        if not weights:
            continue
        scorer = Scorer(loaded(pair.content, size), loaded(pair.style, size))
        for weight in weights:
            begun = time.monotonic()
            painting = impasto.paint(
                pair.content,
                pair.style,
                optimization={"iterations": iterations},
                size=size,
                encoder=encoder,
                style_weight=weight,
            )
            seconds = time.monotonic() - begun
            write_picture(picture_of(out, name, weight, pair), painting.array)
            result.add(weight, pair.name, scorer.score(to_tensor(painting.array)), seconds)
            result.store(file)
    return result.over(pairs)


def picture_of(out: Path, name: str, weight: float, pair: Pair) -> Path:
    """Return the path of an encoder's painting of a pair."""
    return out / name / f"{weight:g}" / f"{pair.name}.png"
