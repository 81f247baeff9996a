"""Train the encoder from scratch, on the CPU or a GPU; resumes after a kill.

python -m training.train DATASET --out runs/encoder
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.augment import centre_view, random_view
from training.data import Pictures, load_pictures
from training.model import Classifier, mask_other_heads, smoothed_cross_entropy


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides the data."""

    width: float = 0.5
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
    permissive: bool = False
    seed: int = 0


def one_cycle(progress: float, warm: float = 0.15) -> float:
    """Share of the peak rate: linear warm-up, then linear to zero (Smith and Topin 2018, in its simplest form)."""
    return max(1e-3, progress / warm if progress < warm else (1 - progress) / (1 - warm))


def side_at(recipe: Recipe, progress: float) -> int:
    """Side of the training crops in pixels, growing in steps of 16: early epochs are cheap, late ones see detail."""
    side = recipe.side_first + (recipe.side_last + 16 - recipe.side_first) * progress
    return min(recipe.side_last, int(side // 16) * 16)


def loss_of(model: Classifier, x: Tensor, labels: Tensor, heads: Tensor, class_heads: Tensor) -> Tensor:
    """Training loss of one batch, the network in bfloat16 where that exists."""
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        logits = model(x.contiguous(memory_format=torch.channels_last))
    return smoothed_cross_entropy(mask_other_heads(logits.float(), heads, class_heads), labels)


def descend(model: Classifier, optimizer: torch.optim.Optimizer, x: Tensor, *rest: Tensor) -> tuple[float, Tensor]:
    """One step of the optimiser; returns the loss before it and its gradient on the pictures."""
    x = x.requires_grad_(True)
    loss = loss_of(model, x, *rest)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert x.grad is not None
    return loss.item(), x.grad


def perturbed(x: Tensor, g: Tensor, size: float) -> Tensor:
    """The batch a step of ``size`` (RMS over a picture) up the gradient ``g`` (Goodfellow et al. 2015, in L2)."""
    return (x + size * g / g.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)).detach()


@torch.no_grad()
def accuracy(model: Classifier, pictures: Pictures, side: int = 112) -> dict[str, float]:
    """Held-out accuracy within each picture's head, by source and over all (``all``)."""
    model.eval()
    right: dict[str, list[float]] = {"all": []}
    for part in torch.arange(len(pictures), device=pictures.labels.device).split(128):
        x = centre_view(pictures.pixels[part], pictures.sizes[part], side)
        logits = mask_other_heads(model(x), pictures.heads[part], pictures.class_heads)
        hits = (logits.argmax(1) == pictures.labels[part]).tolist()
        for label, hit in zip(pictures.labels[part].tolist(), hits, strict=True):
            right.setdefault(pictures.classes[label].split("/")[0], []).append(hit)
            right["all"].append(hit)
    model.train()
    return {source: sum(hits) / len(hits) for source, hits in sorted(right.items()) if hits}


def save_atomically(state: object, path: Path) -> None:
    """``torch.save`` that never leaves half a file."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def train(
    dataset: Path,
    out: Path,
    recipe: Recipe,
    *,
    start: Path | None = None,
    save_every: float = 120.0,
    stop_after: int | None = None,
) -> Path:
    """Train, or go on from ``out/checkpoint.pt`` where there is one.

    Every batch and its augmentation depend on the seed and the step alone, so a resumed run takes the same steps.

    Args:
        dataset: folder with ``index.csv`` and the shards.
        out: folder for checkpoint, curves and recipe.
        recipe: hyperparameters.
        start: checkpoint of a finished run of the same data and width, whose weights this one begins with.
        save_every: seconds between checkpoints.
        stop_after: stop at this step, as if killed just after a checkpoint (for tests).

    Returns:
        Path of the checkpoint.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    learn, test = (part.to(device) for part in load_pictures(dataset, permissive=recipe.permissive))
    model = Classifier(len(learn.classes), recipe.width).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decay = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decay}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, 0.0, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True)

    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe) | {"classes": learn.classes}, indent=1))
    checkpoint = out / "checkpoint.pt"
    step, spent, losses = 0, 0.0, 0.0  # losses: their sum since the epoch began
    if start is not None:
        model.load_state_dict(torch.load(start, weights_only=True, map_location=device)["model"])
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent, losses = state["step"], state["seconds"], state.get("losses", 0.0)

    steps_per_epoch = max(1, len(learn) // recipe.batch)
    total = recipe.epochs * steps_per_epoch
    last = total if stop_after is None else min(total, stop_after)
    begun = saved = time.monotonic()
    while step < last:
        epoch, place = divmod(step, steps_per_epoch)
        order = torch.randperm(len(learn), generator=torch.Generator().manual_seed(recipe.seed * 1000 + epoch))
        chosen = order[place * recipe.batch : (place + 1) * recipe.batch].to(device)
        generator = torch.Generator(device).manual_seed((recipe.seed + 1) * 1_000_003 + step)
        side = side_at(recipe, step / total)
        x = random_view(learn.pixels[chosen], learn.sizes[chosen], side, generator, recipe.noise)
        rest = (learn.labels[chosen], learn.heads[chosen], learn.class_heads)
        for group in optimizer.param_groups:
            group["lr"] = recipe.peak_rate * one_cycle(step / total)
        loss, g = descend(model, optimizer, x, *rest)
        # The gradient on the pictures is there already: "free" adversarial training (Shafahi et al. 2019).
        if recipe.adversarial and step >= recipe.adversarial_from * total:
            descend(model, optimizer, perturbed(x, g, recipe.adversarial), *rest)
        step += 1
        losses += loss
        now = time.monotonic()
        if step % steps_per_epoch == 0 or step == last:
            scores = accuracy(model, test)
            seconds = spent + now - begun
            record(out / "curve.csv", step, step / steps_per_epoch, losses / (place + 1), seconds, scores)
            print(
                f"epoch {step / steps_per_epoch:.2f}  side {side}  loss {losses / (place + 1):.3f}  "
                f"held-out {scores['all']:.3f}  {seconds:.0f} s",
                flush=True,
            )
            losses = 0.0
        if now - saved > save_every or step == last:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": spent + now - begun,
                "losses": losses,
            }
            save_atomically(state, checkpoint)
            saved = now
    return checkpoint


def record(path: Path, step: int, epoch: float, loss: float, seconds: float, scores: dict[str, float]) -> None:
    """Append one row to the curves."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "epoch", "loss", "seconds", *scores])
        writer.writerow(
            [step, round(epoch, 3), round(loss, 4), round(seconds), *(round(s, 4) for s in scores.values())]
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint of a finished run to begin with")
    defaults = asdict(Recipe())
    for name, value in defaults.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(value), default=value)
    given = vars(parser.parse_args())
    train(given["dataset"], given["out"], Recipe(**{name: given[name] for name in defaults}), start=given["start"])


if __name__ == "__main__":
    main()
