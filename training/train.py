"""Training of the encoder from scratch, on the CPU or a GPU; a killed run resumes.

python -m training.train DATASET --originals LARGER --out runs/encoder
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders.operators import Pooling
from training.augment import centre_view, random_view
from training.data import HEADS, Originals, Pictures, load_originals, load_pictures
from training.model import Classifier, Stack, mask_other_heads, smoothed_cross_entropy


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters; together with the data they determine the weights.

    Attributes:
        convolutions: number of convolutions in each block, as in 1-2-3-3-1.
        channels: number of channels in each block, as in 16-32-96-192-256.
        pooling: ``average``, ``binomial`` or ``max``, as in :class:`impasto.encoders.network.Architecture`.
        epochs: number of passes over the training pictures.
        batch: number of pictures per step.
        peak_rate: highest learning rate of the cycle.
        momentum: Nesterov momentum.
        weight_decay: weight decay of the convolutions and the linear layer.
        side_first: side of the crops at the start, in pixels.
        side_last: side of the crops at the end, in pixels.
        noise: upper bound of the standard deviation of the noise on the pictures.
        adversarial: size of the adversarial steps, as RMS over a picture; 0 for none.
        adversarial_from: fraction of the run after which adversarial steps begin.
        originals_batch: number of windows of larger pictures per step; every second step is followed by a step on them.
        originals_first: side of their crops at the start, in pixels.
        originals_last: side of their crops at the end, in pixels.
        permissive: whether to use only sources with a permissive licence.
        seed: seed of weights, order and augmentation.
    """

    convolutions: str = "1-2-3-3-1"
    channels: str = "16-32-96-192-256"
    pooling: Pooling = "average"
    epochs: int = 10
    batch: int = 64
    peak_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    side_first: int = 64
    side_last: int = 112
    noise: float = 0.08
    adversarial: float = 0.02
    adversarial_from: float = 0.5
    originals_batch: int = 24
    originals_first: int = 112
    originals_last: int = 176
    permissive: bool = False
    seed: int = 0

    @property
    def stack(self) -> Stack:
        """Blocks of the network."""
        convolutions, channels = (tuple(map(int, text.split("-"))) for text in (self.convolutions, self.channels))
        return Stack(convolutions, channels, self.pooling)


def load_recipe(run: Path) -> Recipe:
    """Read the recipe of a run from its folder."""
    facts = json.loads((run / "recipe.json").read_text())
    return Recipe(**{field.name: facts[field.name] for field in fields(Recipe) if field.name in facts})


def one_cycle(progress: float, warm_up: float = 0.15) -> float:
    """Return the learning rate as a fraction of its peak: linear warm-up, then linear decay (Smith and Topin 2018).

    Args:
        progress: finished fraction of the run.
        warm_up: fraction of the run that the warm-up takes.
    """
    return max(1e-3, progress / warm_up if progress < warm_up else (1 - progress) / (1 - warm_up))


def side_at(first: int, last: int, progress: float) -> int:
    """Return the side of the training crops in pixels, which grows in steps of 16.

    Small crops make early epochs cheap; large ones show detail to late epochs.

    Args:
        first: side at the start.
        last: side at the end.
        progress: finished fraction of the run.
    """
    return min(last, int((first + (last + 16 - first) * progress) // 16) * 16)


def batch_loss(model: Classifier, x: Tensor, labels: Tensor, heads: Tensor, class_heads: Tensor) -> Tensor:
    """Compute the training loss of one batch, with the network in bfloat16 if the device supports it."""
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        logits = model(x.contiguous(memory_format=torch.channels_last))
    return smoothed_cross_entropy(mask_other_heads(logits.float(), heads, class_heads), labels)


def train_step(model: Classifier, optimizer: torch.optim.Optimizer, x: Tensor, *rest: Tensor) -> tuple[float, Tensor]:
    """Take one step of the optimiser.

    Args:
        model: network to train.
        optimizer: optimiser of its parameters.
        x: pictures, B×3×H×W.
        rest: labels, heads and heads of the classes, as for :func:`batch_loss`.

    Returns:
        The loss before the step, and its gradient with respect to the pictures.
    """
    x = x.requires_grad_(True)
    loss = batch_loss(model, x, *rest)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert x.grad is not None
    return loss.item(), x.grad


def perturb(x: Tensor, g: Tensor, size: float) -> Tensor:
    """Move each picture by ``size`` (RMS) along the gradient ``g`` (Goodfellow et al. 2015, with the L2 norm)."""
    return (x + size * g / g.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)).detach()


@torch.no_grad()
def accuracy(model: Classifier, pictures: Pictures, class_heads: Tensor, side: int = 112) -> dict[str, float]:
    """Compute the accuracy within each picture's head, by source and for ``all`` pictures."""
    model.eval()
    correct: dict[str, list[float]] = {"all": []}
    for part in torch.arange(len(pictures), device=pictures.labels.device).split(128):
        x = centre_view(pictures.pixels[part], pictures.sizes[part], side)
        logits = mask_other_heads(model(x), pictures.heads[part], class_heads)
        hits = (logits.argmax(1) == pictures.labels[part]).tolist()
        for label, hit in zip(pictures.labels[part].tolist(), hits, strict=True):
            correct.setdefault(pictures.classes[label].split("/")[0], []).append(hit)
            correct["all"].append(hit)
    model.train()
    return {source: sum(hits) / len(hits) for source, hits in sorted(correct.items()) if hits}


def save_atomically(state: object, path: Path) -> None:
    """Save with ``torch.save`` to a temporary file, and rename it, so that ``path`` is never incomplete."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def make_optimizer(model: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """Create the optimiser; biases and batch norm have no weight decay."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, 0.0, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True)


def choose_batch(pictures: Pictures, recipe: Recipe, step: int) -> Tensor:
    """Return the indices of a step's pictures, which depend on the seed and the step alone."""
    epoch, position = divmod(step, steps_per_epoch(pictures, recipe))
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(recipe.seed * 1000 + epoch))
    return order[position * recipe.batch : (position + 1) * recipe.batch].to(pictures.pixels.device)


def steps_per_epoch(pictures: Pictures, recipe: Recipe) -> int:
    """Return the number of steps in an epoch."""
    return max(1, len(pictures) // recipe.batch)


def add_exemplar_classes(class_heads: Tensor, count: int) -> Tensor:
    """Append the head of the larger pictures, each of which is a class of its own.

    Args:
        class_heads: heads of the other classes.
        count: number of larger pictures.
    """
    return torch.cat([class_heads, class_heads.new_full((count,), len(HEADS))])


class Trainer:
    """A network with its optimiser and its pictures, which takes steps.

    Args:
        recipe: hyperparameters.
        pictures: labelled pictures.
        originals: larger pictures, each a class of its own; None to train without them.
    """

    def __init__(self, recipe: Recipe, pictures: Pictures, originals: Originals | None) -> None:
        self.recipe, self.pictures, self.originals = recipe, pictures, originals
        self.device = pictures.pixels.device
        torch.manual_seed(recipe.seed)
        self.class_heads = add_exemplar_classes(pictures.class_heads, len(originals) if originals else 0)
        self.model = Classifier(len(self.class_heads), recipe.stack).to(self.device)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(self.model, recipe)
        self.epoch_steps = steps_per_epoch(pictures, recipe)
        self.total = recipe.epochs * self.epoch_steps

    def run_step(self, step: int) -> float:
        """Train on one batch, and on one of the originals every second time; return the loss of the former."""
        recipe, progress = self.recipe, step / self.total
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.peak_rate * one_cycle(progress)
        generator = torch.Generator(self.device).manual_seed((recipe.seed + 1) * 1_000_003 + step)
        chosen = choose_batch(self.pictures, recipe, step)
        side = side_at(recipe.side_first, recipe.side_last, progress)
        view = random_view(self.pictures.pixels[chosen], self.pictures.sizes[chosen], side, generator, recipe.noise)
        loss = self._train_on(view, self.pictures.labels[chosen], self.pictures.heads[chosen], progress)
        if self.originals is not None and step % 2:
            self._train_on_originals(self.originals, generator, progress)
        return loss

    def _train_on_originals(self, originals: Originals, generator: torch.Generator, progress: float) -> None:
        """Train to tell the larger pictures apart by their windows (exemplar classes, Dosovitskiy et al. 2014)."""
        recipe = self.recipe
        chosen = torch.randint(len(originals), (recipe.originals_batch,), generator=generator, device=self.device)
        side = side_at(recipe.originals_first, recipe.originals_last, progress)
        windows = originals.windows(chosen, side * 5 // 4, generator)
        sizes = torch.full((len(chosen), 2), windows.shape[-1], device=self.device)
        # Views of 1/2 to 1 of the window show strokes at 0.8 to 1.6 times their size.
        view = random_view(windows, sizes, side, generator, recipe.noise, smallest=0.5)
        heads = torch.full_like(chosen, len(HEADS))
        self._train_on(view, chosen + len(self.pictures.classes), heads, progress)

    def _train_on(self, x: Tensor, labels: Tensor, heads: Tensor, progress: float) -> float:
        rest = (labels, heads, self.class_heads)
        loss, g = train_step(self.model, self.optimizer, x, *rest)
        # The gradient of the pictures is already known: "free" adversarial training (Shafahi et al. 2019).
        if self.recipe.adversarial and progress >= self.recipe.adversarial_from:
            train_step(self.model, self.optimizer, perturb(x, g, self.recipe.adversarial), *rest)
        return loss

    def accuracy(self, held_out: Pictures) -> dict[str, float]:
        """Compute the held-out accuracy, as :func:`accuracy`."""
        return accuracy(self.model, held_out, self.class_heads)


def train(
    dataset: Path,
    out: Path,
    recipe: Recipe,
    *,
    larger: Path | None = None,
    start: Path | None = None,
    save_every: float = 120.0,
    stop_after: int | None = None,
) -> Path:
    """Train an encoder, resuming from ``out/checkpoint.pt`` if it exists.

    Every batch and its augmentation depend on the seed and the step alone, so a resumed run takes the same steps.

    Args:
        dataset: folder with ``index.csv`` and the shards.
        out: folder for checkpoint, curves and recipe.
        recipe: hyperparameters.
        larger: folder of the larger pictures, in the same form; None to train without them.
        start: checkpoint of a finished run with the same data and stack, whose weights are the initial ones.
        save_every: seconds between checkpoints.
        stop_after: step after which to stop, as if the process had been killed after a checkpoint (for tests).

    Returns:
        Path of the checkpoint.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pictures, held_out = (part.to(device) for part in load_pictures(dataset, permissive=recipe.permissive))
    originals = load_originals(larger, recipe.originals_last * 5 // 4).to(device) if larger else None
    trainer = Trainer(recipe, pictures, originals)
    model, optimizer = trainer.model, trainer.optimizer

    out.mkdir(parents=True, exist_ok=True)
    facts = {"classes": pictures.classes, "originals": len(originals) if originals else 0}
    (out / "recipe.json").write_text(json.dumps(asdict(recipe) | facts, indent=1))
    checkpoint = out / "checkpoint.pt"
    step, seconds_before, losses = 0, 0.0, 0.0  # losses: sum over the current epoch
    if start is not None:
        model.load_state_dict(torch.load(start, weights_only=True, map_location=device)["model"])
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds_before, losses = state["step"], state["seconds"], state.get("losses", 0.0)

    epoch_steps = trainer.epoch_steps
    last = trainer.total if stop_after is None else min(trainer.total, stop_after)
    started = saved = time.monotonic()
    while step < last:
        losses += trainer.run_step(step)
        step += 1
        now = time.monotonic()
        seconds = seconds_before + now - started
        if step % epoch_steps == 0 or step == last:
            loss = losses / ((step - 1) % epoch_steps + 1)
            append_curve(out / "curve.csv", step, step / epoch_steps, loss, seconds, trainer.accuracy(held_out))
            losses = 0.0
        if now - saved > save_every or step == last:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            save_atomically(state | {"seconds": seconds, "losses": losses}, checkpoint)
            saved = now
    return checkpoint


def append_curve(path: Path, step: int, epoch: float, loss: float, seconds: float, scores: dict[str, float]) -> None:
    """Append one row to the CSV file of the curves, and print it."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "epoch", "loss", "seconds", *scores])
        writer.writerow(
            [step, round(epoch, 3), round(loss, 4), round(seconds), *(round(s, 4) for s in scores.values())]
        )
    print(f"epoch {epoch:.2f}  loss {loss:.3f}  held-out {scores['all']:.3f}  {seconds:.0f} s", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--originals", type=Path, help="folder of the larger pictures")
    parser.add_argument("--start", type=Path, help="checkpoint of a finished run that provides the initial weights")
    defaults = asdict(Recipe())
    for name, value in defaults.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(value), default=value)
    given = vars(parser.parse_args())
    recipe = Recipe(**{name: given[name] for name in defaults})
    train(given["dataset"], given["out"], recipe, larger=given["originals"], start=given["start"])


if __name__ == "__main__":
    main()
