"""Time of each optimisation to reach the final loss of TensorFlow's tutorial.

    python -m benchmarks.quality time-to-loss [--list PAIRS.csv --pictures FOLDER] [--tensorflow PYTHON]

All methods have the tutorial's objective: Gram matrices, its raw weights, and content at block5_conv2. There are two
sets of network weights: random ones in VGG-19's layout and width, and the built-in encoder's. Each is scaled to the
mean activation at which the tutorial's loss falls as with ImageNet's weights, or to --activation. The target is the
lowest loss of the preset ``tutorial``, which equals TensorFlow's tutorial (docs/parity.md).

All other methods then run in turns of a few seconds until they reach the target. Their common loss is evaluated at the
full size, at the end of each octave and at each iteration of the last one; this time is not counted. The loss is that
of the picture, with pixels in [0, 1]. With optimization.clamp = octave the image of L-BFGS may leave [0, 1], and a
column shows when its loss reaches the target. Steps of the preset and of TensorFlow run among the others. Their seconds
are the median step times the number of iterations that the preset needs, unless --whole runs all of TensorFlow's steps.

Finished pairs are stored in OUT/time-to-loss, so a stopped run resumes. The table is OUT/time-to-loss.md, and plots of
the losses are in OUT/time-to-loss.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import impasto
from benchmarks.pairs import Pair
from benchmarks.quality import machine, tables
from benchmarks.quality.drawing import plot_lines
from benchmarks.quality.options import Bench, bench, in_sentences, parser
from benchmarks.quality.race import Course, run_rivals, run_tutorial
from benchmarks.quality.store import write_json
from benchmarks.quality.yardstick import HE, activation_of, encoders
from impasto.errors import SettingsError
from impasto.files import replace_file, sha256_of
from impasto.painting.octaves import REFERENCE_SIDE
from impasto.settings.making import make_settings
from impasto.settings.model import Optimization, Settings

TENSORFLOW = Path(".venv-keras/bin/python")
TUTORIAL = "tutorial preset"
GOAL = 1 / 15


def rivals(size: int = REFERENCE_SIDE) -> dict[str, dict[str, Any]]:
    """Return the optimisations to compare by name: those of default and presets, and variants of them.

    Args:
        size: long side of the paintings in pixels, at which the variants have the iterations that are written here.
    """
    adam = {"method": "adam", "clamp": "step"}
    variants: dict[str, dict[str, Any]] = {
        "L-BFGS, 1 octave": {"max_octaves": 1, "iterations": 300},
        "L-BFGS, 2 octaves, ×0.2": {"max_octaves": 2, "iterations": 150, "coarse_factor": 0.2},
        "L-BFGS, 3 octaves, ×0.3": {"max_octaves": 3, "iterations": 150, "coarse_factor": 0.3},
        "L-BFGS, 3 octaves, even": {"max_octaves": 3, "iterations": 100, "coarse_factor": 1.0},
        "L-BFGS, 3 octaves, ×1.6": {"max_octaves": 3, "iterations": 50, "coarse_factor": 1.6},
        "L-BFGS, 4 octaves, ×1.6": {"max_octaves": 4, "iterations": 50, "coarse_factor": 1.6},
        "L-BFGS clamped at its end, 1 octave": {"max_octaves": 1, "iterations": 150, "clamp": "octave"},
        "Adam, 1 octave": adam | {"max_octaves": 1, "iterations": 500},
        "Adam, 3 octaves, ×1.6": adam | {"max_octaves": 3, "iterations": 150, "coarse_factor": 1.6},
    }
    halvings = max(0.0, math.log2(REFERENCE_SIDE / size))
    for change in variants.values():
        if change["max_octaves"] > 1:
            change["iterations"] = max(1, round(change["iterations"] / change["coarse_factor"] ** halvings))
    own = {name: make_settings(preset=name).optimization.model_dump() for name in ("default", "quick", "fine")}
    base = Settings().optimization.model_dump() | {"smallest_octave": 32}
    return {f"preset {name}": how for name, how in own.items()} | {n: base | change for n, change in variants.items()}


@dataclass(frozen=True)
class Plan:
    """Parameters of the race on every pair.

    Attributes:
        rivals: optimisations by name.
        iterations: number of iterations of the tutorial.
        activation: mean activation of every channel; None for that of :func:`activation_of`.
        tensorflow: Python of TensorFlow's environment; None to leave TensorFlow out.
        steps: number of TensorFlow's steps from which its pace is measured.
        whole: whether TensorFlow runs all steps.
    """

    rivals: Mapping[str, Mapping[str, Any]]
    iterations: int = 1000
    activation: float | None = None
    tensorflow: Path | None = None
    steps: int = 36
    whole: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.add_argument("--weights", nargs="+", help="he, builtin or an encoder's file; he and --encoder by default")
    options.add_argument("--iterations", type=int, default=1000, help="iterations of the tutorial")
    options.add_argument("--activation", type=float, help="mean activation of every channel; each set has its default")
    options.add_argument("--only", nargs="+", metavar="TEXT", help="run only methods whose names contain one of these")
    options.add_argument("--tensorflow", type=Path, default=TENSORFLOW, metavar="PYTHON")
    options.add_argument("--steps", type=int, default=36, help="steps from which TensorFlow's time is extrapolated")
    options.add_argument("--whole", action="store_true", help="run all iterations in TensorFlow")
    given = options.parse_args(arguments)
    chosen = {
        n: how for n, how in rivals(given.size).items() if not given.only or any(text in n for text in given.only)
    }
    if given.iterations < 2 or given.steps < 1 or (given.activation is not None and not given.activation > 0):
        raise SettingsError("--iterations needs at least 2, --steps at least 1, --activation a number above 0.")
    if not chosen:
        raise SettingsError(f"No method has {' or '.join(map(repr, given.only))} in its name: {', '.join(rivals())}.")
    for how in chosen.values():
        Optimization.model_validate(how)
    python = given.tensorflow.absolute() if given.tensorflow.is_file() else None
    plan = Plan(chosen, given.iterations, given.activation, python, given.steps, given.whole)
    print(run(bench(given), plan, tuple(given.weights or (HE, given.encoder))))


def run(where: Bench, plan: Plan, weights: tuple[str, ...]) -> str:
    """Run the missing races, and write the table and the plots.

    Returns:
        The tables.

    Raises:
        ImpastoError: a file cannot be read or written, or TensorFlow's process ended early.
    """
    folder = where.out / "time-to-loss"
    parts = [_head(where, plan)]
    for name, encoder in encoders(where.out / "encoders", weights, plan.activation).items():
        results = {pair.name: _cached_race(where, plan, pair, encoder, folder / name) for pair in where.pairs}
        head = f"## Weights: {name}, mean activation {plan.activation or activation_of(name):g}"
        parts.append(f"{head}\n\n{table(list(results.values()))}\n\n{_starts(results)}")
        for pair, result in results.items():
            _plot(folder / name / f"{pair}.svg", result, f"{pair}, weights {name}")
    report = "\n\n".join(parts)
    replace_file(where.out / "time-to-loss.md", f"{report}\n".encode())
    return report


def _cached_race(where: Bench, plan: Plan, pair: Pair, encoder: Path, folder: Path) -> dict[str, Any]:
    """Return the results of a pair from the folder, running the race if they are missing."""
    course = Course(pair, where.canvas.size, encoder, plan.iterations, torch.get_num_threads())
    facts = [impasto.__version__, course.size, course.iterations, course.threads]
    facts += map(sha256_of, (encoder, pair.content, pair.style))
    tutorial_file = folder / f"{pair.name}-tutorial-{_key(facts)}.json"
    facts += [plan.rivals, plan.tensorflow is not None, plan.whole, plan.steps]
    file = folder / f"{pair.name}-{_key(facts)}.json"
    if not file.exists():
        if not tutorial_file.exists():
            write_json(tutorial_file, run_tutorial(course))
        tutorial = json.loads(tutorial_file.read_text(encoding="utf-8"))
        methods = run_rivals(
            course, tutorial, plan.rivals, plan.tensorflow, folder / "tensorflow", steps=plan.steps, whole=plan.whole
        )
        write_json(file, {"start": tutorial["start"], "target": tutorial["target"], "methods": methods})
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _key(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Tabulate medians over the pairs of arithmetic and seconds to the target, relative to the tutorial's.

    A pair on which a method does not reach the target counts as infinite.

    Args:
        results: result of each pair, with ``methods`` from :func:`benchmarks.quality.race.run_rivals`.
    """
    lines = []
    names = list(dict.fromkeys(name for result in results for name in result["methods"]))
    eager = next((name for name in names if name.endswith("eager")), None)
    for name in names:
        reached = sum(r["methods"][name]["reached"] for r in results)
        compared = (("passes", TUTORIAL), ("seconds", TUTORIAL), ("seconds", eager))
        shares = [_shares(results, name, what, to) for what, to in compared]
        lowest = statistics.median(r["methods"][name]["loss"] / r["target"] for r in results)
        passes = statistics.median(r["methods"][name]["passes"] for r in results)
        cells = [f"{reached} of {len(results)}", f"{lowest:.3f}", f"{passes:.1f}", *map(_spread, shares)]
        lines.append([name, *cells, _spread(_free_shares(results, name))])
    heads = ["method", "pairs at the target", "lowest loss ÷ target", "passes", "arithmetic ÷ tutorial's",
             "seconds ÷ preset's", "seconds ÷ TensorFlow eager's",
             "arithmetic where pixels may leave [0, 1]"]  # fmt: skip
    return tables.markdown(heads, lines)


def _shares(results: Sequence[Mapping[str, Any]], name: str, what: str, to: str | None) -> list[float]:
    if to is None:
        return []
    return [
        r["methods"][name][what] / r["methods"][to][what] if r["methods"][name]["reached"] else math.inf
        for r in results
    ]


def _free_shares(results: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Return the relative arithmetic until the optimiser's image reaches the target; empty if not measured."""
    if any("free passes" not in r["methods"][name] for r in results):
        return []
    return [(r["methods"][name]["free passes"] or math.inf) / r["methods"][TUTORIAL]["passes"] for r in results]


def _spread(shares: Sequence[float]) -> str:
    """Format the median, with minimum and maximum in brackets."""
    if not shares:
        return tables.NOTHING
    values = (statistics.median(shares), min(shares), max(shares))
    middle, least, most = ("∞" if math.isinf(value) else f"{value:.3f}" for value in values)
    return f"{middle} ({least}–{most})"


def _head(where: Bench, plan: Plan) -> str:
    told = f"its first and then {plan.steps - 1} steps, the rest extrapolated"
    tensorflow = f"TensorFlow: {'all of its steps' if plan.whole else told}."
    if plan.tensorflow is None:
        tensorflow = "TensorFlow was not available (make test-keras sets it up), so its rows are missing."
    return (
        f"# Time to the tutorial's loss\n\n{len(where.pairs)} pairs, {where.canvas.size} px, {plan.iterations} "
        f"iterations of the tutorial. Medians over the pairs, with minimum and maximum in brackets; the goal is "
        f"{GOAL:.3f}. {tensorflow}\n\n{machine.describe()}"
    )


def _starts(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Tabulate the fall of the tutorial's loss, and the difference of TensorFlow's losses to the preset's."""
    lines = []
    for pair, result in results.items():
        apart = [m["apart"] for m in result["methods"].values() if "apart" in m]
        fall = result["start"] / result["target"]
        difference = f"{max(apart):.1e}" if apart else tables.NOTHING
        lines.append([pair, f"{result['start']:.4g}", f"{result['target']:.4g}", f"{fall:.2f}", difference])
    heads = ["pair", "loss at the start", "target", "start ÷ target", "TensorFlow's losses differ by at most"]
    return tables.markdown(heads, lines)


def _plot(path: Path, result: Mapping[str, Any], title: str) -> None:
    lines = {
        name: ([moment[0] for moment in method["moments"]], [moment[2] for moment in method["moments"]])
        for name, method in result["methods"].items()
        if method["moments"]
    }
    labels = "forward and backward passes at the full size", "the tutorial's loss"
    plot_lines(path, lines, title, labels, result["target"])


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
