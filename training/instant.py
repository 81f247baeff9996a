"""Training of the instant preset's decoder from scratch, on the CPU; a killed run resumes.

python -m training.instant DATASET --originals LARGER --out runs/instant
python -m training.instant DATASET --originals LARGER --out runs/instant --export instant.safetensors

All blocks of the decoder but the first one begin by learning to invert the encoder. Then photographs are painted, and
the loss is that of the optimiser: the network learns to do in one pass what iterations do (amortised optimisation).
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.encoders.decoder import LEVELS, PHOTO_LEVEL, PIXELS, Decoder
from impasto.encoders.decoder_files import DECODER_ENCODER, load_decoder, save_decoder
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.encoders.strokes import LUMA, windows_like
from impasto.engine.distances import Gaussian, gaussian, wasserstein2
from impasto.engine.feed_forward import blend_at
from impasto.engine.histograms import (
    ROUNDS,
    Histograms,
    from_opponent,
    match_round,
    measure_curve,
    measure_histograms,
    to_opponent,
)
from impasto.engine.statistics import statistics
from impasto.engine.style_terms import shares
from impasto.engine.transport import RIDGE, transport
from impasto.settings.making import make_settings
from impasto.settings.model import Settings
from impasto.settings.strength import DEFAULT_STRENGTH
from training.crops import Crops
from training.data import load_originals, load_pictures
from training.train import save_atomically

STYLE_LAYERS = ("rgb", "strokes", "gabor", *reversed(LEVELS))
"""Style layers of the loss: those of the optimiser but the deepest, whose eigendecomposition is slow."""


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of the training.

    Attributes:
        reconstruction_steps: steps in which every block learns to invert the encoder, before styles enter.
        steps: steps with styles.
        rate: greatest step size of Adam.
        side: side of the crops from larger pictures in pixels; those from small pictures have half of it.
        batch: number of crops from larger pictures in a step; twice as many from small ones.
        style_factor: factor of the optimiser's style weights.
        stroke_weight: weight of the strokes among the style layers.
        shift_weight: weight of the differences between paintings of a photograph and of the shifted photograph.
        mismatch_weight: weight of the squared differences that matching the histograms makes.
        bfloat16: whether convolutions compute in bfloat16.
        seed: seed of weights and crops.
    """

    reconstruction_steps: int = 350
    steps: int = 4650
    rate: float = 1e-3
    side: int = 256
    batch: int = 4
    style_factor: float = 0.5
    stroke_weight: float = 0.4
    shift_weight: float = 120.0
    mismatch_weight: float = 40.0
    bfloat16: bool = True
    seed: int = 0


class StyleTarget(NamedTuple):
    """Distribution of one layer of a style, for the map and for the loss, and the divisor of its distances."""

    distribution: Gaussian
    norm: Tensor


class Trainer:
    """A decoder with its encoder, optimiser and crops, which takes steps.

    Args:
        recipe: hyperparameters.
        encoder: frozen encoder.
        crops: source of contents and styles.
    """

    def __init__(self, recipe: Recipe, encoder: Encoder, crops: Crops) -> None:
        self.recipe, self._crops = recipe, crops
        self._encoder = encoder.to(torch.bfloat16) if recipe.bfloat16 else encoder
        self._precision = partial(torch.autocast, "cpu", torch.bfloat16, enabled=recipe.bfloat16)
        torch.manual_seed(recipe.seed)
        self.decoder = Decoder([encoder.channels(name) for name in LEVELS])
        self.decoder = self.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), recipe.rate, betas=(0.9, 0.99))
        self.total = recipe.reconstruction_steps + recipe.steps
        self._losses = make_settings().losses
        style = {name: self._losses.style[name] for name in STYLE_LAYERS} | {"strokes": recipe.stroke_weight}
        self._shares = shares(style)

    def run_step(self, step: int) -> dict[str, float]:
        """Train on the crops of a step; return the terms of the loss at the default strength."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * rate_at(step, self.total)
        contents, styles = self._crops.draw(step)
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        if step < self.recipe.reconstruction_steps:
            loss, terms = self._reconstruct(torch.cat([contents[::2], styles[::2]]))
        else:
            strengths, shift = random_strengths(len(contents), generator), None
            if step % 3 == 1 or step % 6 == 5:  # half of the steps with either kind of crops
                pairs = len(contents) // 2
                shift = Shift(*torch.randint(SHIFT_LIMIT, (2,), generator=generator).tolist())
                contents, styles, strengths = shift.windows(contents[:pairs]), styles[:pairs], strengths[:pairs]
            loss, terms = self._paint(contents, styles, strengths, shift)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 10.0)
        if norm.isfinite():
            self.optimizer.step()
        return terms | {"loss": loss.item()}

    def _reconstruct(self, images: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Let every block invert a part of the encoder, on the encoder's own features (Chiu and Gurari 2022)."""
        with torch.no_grad():
            features = encode(self._encoder, images, LEVELS)
        strength = torch.rand(len(images))
        parts = []
        # The first block only corrects the photograph's features, and has nothing to learn without styles.
        for number, name in list(enumerate(LEVELS))[1:]:
            target = features[LEVELS[number + 1]] if number + 1 < len(LEVELS) else images
            with self._precision():
                found = self.decoder.block(number, features[name], strength)
            parts.append((found - target).square().mean() / target.square().mean())
        return torch.stack(parts).sum(), {"reconstruction": parts[-1].item()}

    def _paint(
        self, contents: Tensor, styles: Tensor, strengths: Tensor, shift: Shift | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Paint a batch, and compute the optimiser's loss for each picture's strength.

        Args:
            contents: photographs, B×3×H×W; with a shift, its windows of half as many photographs.
            styles: paintings, one for each photograph.
            strengths: strength for each photograph.
            shift: shift between the two windows of each photograph, whose paintings shall agree.
        """
        repeats = len(contents) // len(styles)
        settings = [make_settings(strength=s) for s in strengths.tolist()] * repeats
        with torch.no_grad():
            targets = style_targets(self._encoder, styles) * repeats
            photo = encode(self._encoder, contents, (PHOTO_LEVEL, LEVELS[0])) | {"rgb": contents}
        styles, strengths = styles.repeat(repeats, 1, 1, 1), strengths.repeat(repeats)

        def map_level(name: str, x: Tensor) -> Tensor:
            with torch.autocast("cpu", enabled=False):
                return mapped(x.float(), [target[name].distribution for target in targets], strengths)

        with self._precision():
            painted = self.decoder(photo, strengths, map_level).float()
        painted = map_level(PIXELS, painted)
        decoded, painted = painted, matched(painted.clamp(0, 1), styles, strengths)
        # Gradients of slices would fill whole batches with zeros.
        found = {name: x.split(1) for name, x in encode(self._encoder, painted, STYLE_LAYERS).items()}
        terms = {
            "content": torch.stack([content_distance(found, photo, i, s) for i, s in enumerate(settings)]),
            "style": torch.stack([self._style_distance(found, target, i) for i, target in enumerate(targets)]),
            "tone": tone_distance(painted, contents, styles[..., : contents.shape[-2], : contents.shape[-1]]),
            "reconstruction": (painted - contents).square().mean((1, 2, 3)),
            "overshoot": overshot(decoded) + overshot(painted),
            "mismatch": (decoded - painted.detach()).square().mean((1, 2, 3)),
        }
        loss = self._total(terms, painted, strengths, settings)
        moved = None if shift is None else shift.distance(painted)
        if moved is not None:
            loss = loss + self.recipe.shift_weight * moved
        is_default = strengths == DEFAULT_STRENGTH
        shown = {name: value[is_default].mean().item() for name, value in terms.items()} if is_default.any() else {}
        return loss, shown if moved is None else shown | {"shift": moved.item()}

    def _total(
        self, terms: Mapping[str, Tensor], painted: Tensor, strengths: Tensor, settings: Sequence[Settings]
    ) -> Tensor:
        weights = self.recipe.style_factor * torch.tensor([s.weights[1] for s in settings])
        default = self.recipe.style_factor * make_settings().weights[1]
        variation = sum((painted.diff(dim=d).abs().mean((1, 2, 3)) for d in (2, 3)), torch.zeros(()))
        loss = terms["content"] + weights * terms["style"] + self._losses.tone * terms["tone"]
        loss = loss + self._losses.total_variation * variation
        # Without this divisor the strongest pictures would rule.
        loss = loss / (1 + weights / default)
        # At strength 0 the photograph itself is wanted, which the content's features determine only roughly.
        loss = loss + 10 * blend_left(strengths) * terms["reconstruction"]
        # Matching undoes changes of contrast, which without this term would wander.
        return (loss + 10 * terms["overshoot"] + self.recipe.mismatch_weight * terms["mismatch"]).mean()

    def _style_distance(
        self, found: Mapping[str, Sequence[Tensor]], targets: Mapping[str, StyleTarget], i: int
    ) -> Tensor:
        distances = [
            share * wasserstein2(statistics(found[name][i]), targets[name].distribution) / targets[name].norm
            for name, share in self._shares.items()
        ]
        return torch.stack(distances).sum()


SHIFT_LIMIT = 16
"""Number of pixels that the shifts in each direction stay below: two positions of the coarsest level."""


class Shift(NamedTuple):
    """A shift of a window in pixels."""

    down: int
    right: int

    def windows(self, pictures: Tensor) -> Tensor:
        """Cut a window out of each picture, and after all of these the shifted ones.

        Args:
            pictures: B×3×side×side.

        Returns:
            2B×3×s×s with s = side − :data:`SHIFT_LIMIT`.
        """
        side, (down, right) = pictures.shape[-1] - SHIFT_LIMIT, self
        return torch.cat([pictures[..., :side, :side], pictures[..., down : down + side, right : right + side]])

    def distance(self, painted: Tensor) -> Tensor:
        """Average the squared differences where two windows of each picture overlap, away from their borders."""
        (one, other), (height, width) = painted.chunk(2), painted.shape[-2:]
        difference = one[..., self.down :, self.right :] - other[..., : height - self.down, : width - self.right]
        border = SHIFT_LIMIT
        return difference[..., border:-border, border:-border].square().mean()


def random_strengths(count: int, generator: torch.Generator) -> Tensor:
    """Draw strengths: the default for half of the pictures, and any in [0, 1] for the others, more of them low ones."""
    strengths = torch.rand(count, generator=generator)
    strengths = strengths.where(torch.rand(count, generator=generator) < 0.5, strengths.square())
    return strengths.where(torch.rand(count, generator=generator) < 0.5, torch.tensor(DEFAULT_STRENGTH))


def blend_left(strengths: Tensor) -> Tensor:
    """Return the fractions of the features that the maps leave unchanged."""
    return torch.tensor([1 - blend_at(s) for s in strengths.tolist()])


def encode(encoder: Encoder, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Compute features in the encoder's precision, and return them in float32."""
    return {name: features.float() for name, features in encoder(images, layers).items()}


def style_targets(encoder: Encoder, styles: Tensor) -> list[dict[str, StyleTarget]]:
    """Measure the layers :data:`STYLE_LAYERS` of each style of a batch."""
    features = encode(encoder, styles, STYLE_LAYERS)
    measured = []
    for i in range(len(styles)):
        of_style = {}
        for name in STYLE_LAYERS:
            s = statistics(features[name][i : i + 1])
            distribution = gaussian(s, RIDGE if name in (*LEVELS, PIXELS) else 1e-4)
            of_style[name] = StyleTarget(distribution, (s.second.trace() / s.weight).clamp_min(1e-3))
        measured.append(of_style)
    return measured


def mapped(x: Tensor, targets: Sequence[Gaussian], strengths: Tensor) -> Tensor:
    """Map each picture's features to its style's distribution, with gradients through the maps."""
    maps = [
        transport(statistics(part), target, blend_at(s))
        for part, target, s in zip(x.split(1), targets, strengths.tolist(), strict=True)
    ]
    matrices, biases = torch.stack([m.matrix for m in maps]), torch.stack([m.bias for m in maps])
    result = torch.baddbmm(biases[:, :, None], matrices, x.flatten(2)).view_as(x)
    return result.contiguous(memory_format=torch.channels_last)


def matched(painted: Tensor, styles: Tensor, strengths: Tensor) -> Tensor:
    """Match each picture's histograms to its style's, as :func:`impasto.engine.histograms.measure_curves` does.

    Gradients flow through the curves as if these depended on nothing but means and variances: a quantile is the value
    of a single pixel, so its own gradient is noise.
    """
    pictures = []
    for picture, style, strength in zip(painted.split(1), styles.split(1), strengths.tolist(), strict=True):
        target = measure_histograms(style)

        def match(name: str, x: Tensor, target: Histograms = target, blend: float = blend_at(strength)) -> Tensor:
            return measure_curve(name, x.detach(), None, target[name], blend)(with_fixed_moments(x))

        x = to_opponent(picture)
        for _ in range(ROUNDS):
            x = match_round(x, match)
        pictures.append(from_opponent(x))
    return torch.cat(pictures)


def with_fixed_moments(x: Tensor) -> Tensor:
    """Return 1×C×H×W unchanged, with gradients that change neither the mean nor the variance of a channel."""
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    deviation = (variance + 1e-6).sqrt()
    return (x - mean) * (deviation.detach() / deviation) + mean.detach()


def overshot(pictures: Tensor) -> Tensor:
    """Average the squared distances of each picture's values from [0, 1]."""
    return (pictures - pictures.clamp(0, 1)).square().mean((1, 2, 3))


def content_distance(
    found: Mapping[str, Sequence[Tensor]], photo: Mapping[str, Tensor], i: int, settings: Settings
) -> Tensor:
    """Compute the content distance of one picture of a batch, over the settings' layers."""
    layers = shares(settings.balanced_losses.content)
    return torch.stack([share * (found[n][i][0] - photo[n][i]).square().mean() for n, share in layers.items()]).sum()


def tone_distance(painted: Tensor, contents: Tensor, styles: Tensor) -> Tensor:
    """Compute the tone penalty of :mod:`impasto.engine.tone` for each picture of a batch."""
    found, photo, style = (blurred_luminance(x).flatten(1) for x in (painted, contents, styles))
    target = torch.empty_like(photo).scatter_(1, photo.argsort(1), style.sort(1).values)
    return (found - target).square().mean(1) / target.var(1, correction=0).clamp_min(1e-3)


def blurred_luminance(image: Tensor) -> Tensor:
    """Average luminance over windows of 4 px, B×h×w."""
    rows, columns = windows_like(image, 4, 4.0)
    return rows @ (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1) @ columns.mT


def rate_at(step: int, total: int) -> float:
    """Return the step size as a fraction of the greatest: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / total)) + 1e-3


def train(
    trainer: Trainer,
    out: Path,
    *,
    start: Mapping[str, Tensor] | None = None,
    save_every: float = 120.0,
    stop_after: int | None = None,
) -> Path:
    """Train, resuming from ``out/checkpoint.pt`` if it exists.

    Args:
        trainer: decoder with its encoder and crops.
        out: folder for checkpoint and curve.
        start: initial weights of the decoder, from an earlier training; those of the trainer by default.
        save_every: seconds between checkpoints.
        stop_after: step after which to stop, as if the process had been killed after a checkpoint (for tests).

    Returns:
        Path of the checkpoint.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, step, seconds_before = out / "checkpoint.pt", 0, 0.0
    if start is not None:
        trainer.decoder.load_state_dict(start)
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        trainer.decoder.load_state_dict(state["model"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        step, seconds_before = state["step"], state["seconds"]
    last = trainer.total if stop_after is None else min(trainer.total, stop_after)
    started = saved = time.monotonic()
    rows: list[dict[str, float]] = []
    while step < last:
        rows.append(trainer.run_step(step))
        step += 1
        now = time.monotonic()
        seconds = seconds_before + now - started
        if step % 50 == 0 or step == last:
            append_curve(out / "curve.csv", step, seconds, rows)
            rows = []
        if now - saved > save_every or step == last:
            state = {"model": trainer.decoder.state_dict(), "optimizer": trainer.optimizer.state_dict()}
            save_atomically(state | {"step": step, "seconds": seconds}, checkpoint)
            saved = now
    return checkpoint


TERMS = ("loss", "content", "style", "tone", "reconstruction", "shift")
"""Columns of the curve after step and seconds; all but loss and shift are of pictures with the default strength."""


def append_curve(path: Path, step: int, seconds: float, rows: Sequence[Mapping[str, float]]) -> None:
    """Append the means over some steps to the CSV file of the curve, and print them."""
    is_new = not path.exists()
    found = {name: [row[name] for row in rows if name in row] for name in TERMS}
    means = {name: sum(values) / len(values) if values else math.nan for name, values in found.items()}
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "seconds", *TERMS])
        writer.writerow([step, round(seconds), *(round(value, 5) for value in means.values())])
    print(f"step {step}  {seconds:.0f} s  " + "  ".join(f"{name} {x:.4f}" for name, x in means.items()), flush=True)


def export(
    checkpoint: Path, out: Path, encoder: str = DECODER_ENCODER, *, start: Path | None = None, share: float = 1.0
) -> None:
    """Write the decoder of a checkpoint as the file of the package, in float16.

    Args:
        checkpoint: checkpoint of a training.
        out: file to write.
        encoder: encoder that the decoder belongs to.
        start: file of the decoder that the training began with.
        share: share of the trained weights in an average with those of ``start``, which keeps what a further training
            would lose (Wortsman et al. 2022, Robust Fine-Tuning of Zero-Shot Models).
    """
    loaded = load_encoder(encoder)
    decoder = Decoder([loaded.encoder.channels(name) for name in LEVELS])
    trained = torch.load(checkpoint, weights_only=True)["model"]
    if start is not None:
        initial = load_decoder(loaded, start).state_dict()
        trained = {name: torch.lerp(initial[name], weight, share) for name, weight in trained.items()}
    decoder.load_state_dict(trained)
    save_decoder(decoder, loaded, out)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--originals", type=Path, required=True, help="folder of the larger pictures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--export", type=Path, help="write the decoder of the checkpoint to this file, and end")
    parser.add_argument("--start", type=Path, help="file of an exported decoder that provides the initial weights")
    parser.add_argument(
        "--share", type=float, default=1.0, help="with --export and --start, share of the trained weights in an average"
    )
    for name, default in vars(Recipe()).items():
        kind = (lambda text: text != "0") if isinstance(default, bool) else type(default)
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=default)
    given = vars(parser.parse_args())
    if given["export"]:
        export(given["out"] / "checkpoint.pt", given["export"], start=given["start"], share=given["share"])
        return
    recipe = Recipe(**{name: given[name] for name in vars(Recipe())})
    photographs, paintings = (
        load_originals(given["originals"], recipe.side, kinds)
        for kinds in (("photo",), ("painting", "drawing", "print", "texture"))
    )
    small, _ = load_pictures(given["dataset"])
    crops = Crops(small, photographs, paintings, recipe.side, recipe.batch, recipe.seed)
    loaded = load_encoder(DECODER_ENCODER)
    start = load_decoder(loaded, given["start"]).state_dict() if given["start"] else None
    train(Trainer(recipe, loaded.encoder, crops), given["out"], start=start)


if __name__ == "__main__":
    main()
