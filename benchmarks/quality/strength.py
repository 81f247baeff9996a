"""Evenness of the strength slider.

    python -m benchmarks.quality strength [--measure content]

The default is painted at strengths 0, 1/8 … 1. The last columns are the steps of a measure from each strength to the
next, and the same as multiples of their mean: 1 everywhere if equal steps of the slider are equal steps of the measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.measures import Score
from benchmarks.quality import machine, tables
from benchmarks.quality.methods import DEFAULT, Ours
from benchmarks.quality.options import Bench, bench, in_sentences, parser
from benchmarks.quality.store import collect
from impasto.errors import PaintingError
from impasto.files import replace_file
from impasto.settings.making import make_settings
from impasto.settings.strength import style_weight_of

STRENGTHS = tuple(i / 8 for i in range(9))
MEASURES = Score._fields


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.set_defaults(encoder=make_settings().encoder)  # the peers of other benchmarks need the layers of VGG-19
    options.add_argument("--measure", choices=MEASURES, default="content")
    given = options.parse_args(arguments)
    print(run(bench(given), given.measure))


def run(where: Bench, measure: str) -> str:
    """Paint the missing pictures, and write ``strength.md``.

    Returns:
        The table.

    Raises:
        ImpastoError: a picture cannot be read, or a file cannot be written.
        PaintingError: a pair could not be painted at some strength.
    """
    methods = [Ours(f"strength {s:g}", {**DEFAULT.changes, "strength": s}, varies=False) for s in STRENGTHS]
    with where.store() as store:
        rows = collect(store, methods, where.pairs, [1.0])
    if len(rows) < len(methods) * len(where.pairs):
        raise PaintingError("Some strengths could not be painted on all pairs, so the slider cannot be judged.")
    measures = tables.measured(rows)
    scores = {
        name: [float(np.mean([getattr(row, name) for row in rows if row.method == m.name])) for m in methods]
        for name in measures
    }
    report = "\n\n".join(
        (
            f"# The strength's slider\n\nMeans over {len(where.pairs)} pairs, {where.canvas.size} px, encoder "
            f"{where.canvas.encoder}; steps of *{measure}*.\n\n{machine.describe()}",
            _table(scores, steps_of(scores[measure])),
        )
    )
    where.out.mkdir(parents=True, exist_ok=True)
    replace_file(where.out / "strength.md", f"{report}\n".encode())
    return report


def steps_of(scores: Sequence[float]) -> list[tuple[float, float]]:
    """Compute each step from a score to the next, and the step as a multiple of the mean step.

    Args:
        scores: one for each strength, in ascending order of the strengths; the first and the last differ.
    """
    steps = np.diff(scores)
    return list(zip(steps.tolist(), (steps / steps.mean()).tolist(), strict=True))


def _table(scores: Mapping[str, Sequence[float]], steps: Sequence[tuple[float, float]]) -> str:
    lines = []
    for number, strength in enumerate(STRENGTHS):
        found = [tables.number(values[number]) for values in scores.values()]
        step = [tables.number(value) for value in steps[number]] if number < len(steps) else ["", ""]
        lines.append([f"{strength:g}", f"{style_weight_of(strength):.3g}", *found, *step])
    return tables.markdown(["strength", "style weight", *scores, "step to the next", "÷ mean step"], lines, 0)


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
