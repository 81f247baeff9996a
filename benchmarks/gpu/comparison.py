"""Comparison of losses, gradients and a small painting with the CPU's in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import impasto
from benchmarks.engine import picture
from benchmarks.gpu.bench import WEIGHTS, Bench, load
from benchmarks.measures import Scorer
from benchmarks.pairs import to_array, to_tensor
from impasto.engine.devices import exact_products
from impasto.engine.objective import make_objective
from impasto.pictures import read_picture, resize
from impasto.samples import style_path
from impasto.settings.fields import Precision
from impasto.settings.model import Losses

BOUNDS = {"float32": (5e-5, 2e-3), "bfloat16": (0.02, 0.35)}
"""Largest relative difference of a loss, and of a gradient in the 2-norm, by precision.

On the CPU, two kinds of float32 kernels, or tiles, differ by up to 1e-5 and 3e-4, and bfloat16 from float32 by up to
0.01 and 0.2. Random weights of VGG-19's width differ most."""

PAINTING_BOUNDS = {"last loss": 0.03, "mean pixel": 0.1, "style score": 0.03, "content score": 0.02}
"""Largest difference of a painting by measure: relative for the loss, absolute for pixels and scores.

L-BFGS amplifies rounding: with two kinds of CPU kernels the pixels differ by 0.05, the loss by 0.004, and the scores by
0.007 at most."""


@contextmanager
def tf32_convolutions(*, allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in cuDNN's convolutions, and restore the setting afterwards."""
    choices: tuple[Any, Any]
    place: Any = torch.backends.cudnn
    name, choices = "allow_tf32", (False, True)
    if hasattr(getattr(place, "conv", None), "fp32_precision"):  # from PyTorch 2.9 on
        place, name, choices = place.conv, "fp32_precision", ("ieee", "tf32")
    before = getattr(place, name)
    setattr(place, name, choices[allowed])
    try:
        yield
    finally:
        setattr(place, name, before)


def loss_and_gradient(
    bench: Bench, encoder: str, device: torch.device, precision: Precision, losses: Losses, tile: int | None = None
) -> tuple[float, Tensor]:
    """Evaluate an objective on a device, and return the loss and the gradient on the CPU in float64.

    The style is in float64, and with it the eigendecompositions. In float32 they amplify the rounding of the features
    to a tenth of the gradient, which would hide smaller faults.
    """
    content, style, image = (picture(bench.scale.compared, seed).to(device) for seed in (1, 2, 3))
    style = style.double()
    with exact_products(device):
        loaded = load(encoder, device, precision)
        objective = make_objective(loaded, content, [style], [1.0], losses, *WEIGHTS, tile=tile)
        loss, gradient = objective.value_and_gradient(image)
    return loss.total, gradient.cpu().double()


def compare_objectives(bench: Bench) -> None:
    """Compare losses and gradients of each encoder, style distance and precision, and in tiles."""
    cases: tuple[tuple[Precision, int | None], ...] = (
        ("float32", None),
        ("float32", bench.scale.compared // 2),
        ("bfloat16", None),
    )
    for name, encoder in bench.encoders.items():
        for distance in ("gaussian", "gram"):
            losses = Losses.model_validate({"style_distance": distance})
            on_cpu = cache(partial(loss_and_gradient, bench, encoder, torch.device("cpu"), "float32", losses))
            for precision, tile in cases:
                found = partial(loss_and_gradient, bench, encoder, bench.device, precision, losses, tile)
                measure = partial(objective_differences, on_cpu, found, *BOUNDS[precision])
                bench.compare(f"{name}, {distance}, {precision}{', tiles' if tile else ''}", measure)


def objective_differences(
    expected: Callable[[], tuple[float, Tensor]],
    found: Callable[[], tuple[float, Tensor]],
    loss_bound: float,
    gradient_bound: float,
) -> dict[str, tuple[float, float | None]]:
    """Return the relative differences of two results of :func:`loss_and_gradient`, with their bounds."""
    (loss, gradient), (expected_loss, expected_gradient) = found(), expected()
    by_gradient = ((gradient - expected_gradient).norm() / expected_gradient.norm()).item()
    return {
        "loss": (abs(loss - expected_loss) / abs(expected_loss), loss_bound),
        "gradient": (by_gradient, gradient_bound),
    }


def compare_paintings(bench: Bench) -> None:
    """Compare a small painting end to end, and a repetition of it on the device."""
    size, cpu = bench.scale.painted, torch.device("cpu")
    content, style = to_array(picture(size, 1)), style_path("swirls")
    kept: dict[str, impasto.Painting] = {}

    def paint(precision: Precision, device: torch.device) -> impasto.Painting:
        return impasto.paint(content, style, bench.settings(size, precision, device, "builtin"))

    def measure(precision: Precision) -> dict[str, tuple[float, float | None]]:
        if "expected" not in kept:
            kept["expected"] = paint("float32", cpu)
        expected = kept["expected"]
        found = kept[precision] = paint(precision, bench.device)
        last, expected_last = (p.history[-1].loss.total for p in (found, expected))
        scorer = Scorer(to_tensor(content), to_tensor(resize(read_picture(style).pixels, size, size)))
        score, expected_score = (scorer.score(to_tensor(p.array)) for p in (found, expected))
        differences = {
            "last loss": abs(last - expected_last) / expected_last,
            "mean pixel": float(np.abs(found.array - expected.array).mean()),
            "style score": abs(score.style - expected_score.style),
            "content score": abs(score.content - expected_score.content),
        }
        return {name: (value, PAINTING_BOUNDS[name]) for name, value in differences.items()}

    def repeat() -> dict[str, tuple[float, float | None]]:
        first = kept["float32"] if "float32" in kept else paint("float32", bench.device)
        again = paint("float32", bench.device)
        return {"largest pixel": (float(np.abs(again.array - first.array).max()), None)}

    bench.compare(f"painting of {size} px, float32", lambda: measure("float32"))
    bench.compare(f"painting of {size} px, bfloat16", lambda: measure("bfloat16"))
    bench.compare(f"painting of {size} px, repeated on the device", repeat)
