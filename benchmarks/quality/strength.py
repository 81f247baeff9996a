"""Evenness of the strength slider, and the style weights that would make it even.

    python -m benchmarks.quality strength [--measure content]

The default is painted at strengths 0, 1/8 … 1. The last column is the style weight at which the measure has covered the
same fraction of its range as the strength. With these weights, equal steps of the slider are equal steps of the score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.measures import Score
from benchmarks.quality import machine, tables
from benchmarks.quality.curves import Point, mean_curve
from benchmarks.quality.methods import DEFAULT
from benchmarks.quality.options import Bench, bench, in_sentences, parser
from benchmarks.quality.store import collect
from impasto.errors import PaintingError
from impasto.files import replace_file
from impasto.settings.model import DEFAULT_STRENGTH, style_weight_of

STRENGTHS = tuple(i / 8 for i in range(9))
MEASURES = Score._fields


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.add_argument("--measure", choices=MEASURES, default="content")
    given = options.parse_args(arguments)
    print(run(bench(given), given.measure))


def run(where: Bench, measure: str) -> str:
    """Paint the missing pictures, and write ``strength.md``.

    Returns:
        The table.

    Raises:
        ImpastoError: a picture cannot be read, or a file cannot be written.
    """
    weights = [style_weight_of(strength) for strength in STRENGTHS]
    default = style_weight_of(DEFAULT_STRENGTH)
    factors = [float(f"{weight / default:.12g}") for weight in weights]
    with where.store() as store:
        rows = collect(store, [DEFAULT], where.pairs, factors)
    curve = mean_curve(rows, DEFAULT.name)
    if len(curve) < len(factors):
        raise PaintingError("Some strengths could not be painted on all pairs, so the slider cannot be judged.")
    even = even_weights([(point.factor * default, getattr(point, measure)) for point in curve], STRENGTHS)
    report = "\n\n".join(
        (
            f"# The strength's slider\n\nMeans over {len(where.pairs)} pairs, {where.canvas.size} px, encoder "
            f"{where.canvas.encoder}; even steps of *{measure}*.\n\n{machine.describe()}",
            _table(curve, default, even, tables.measured(rows)),
        )
    )
    where.out.mkdir(parents=True, exist_ok=True)
    replace_file(where.out / "strength.md", f"{report}\n".encode())
    return report


def even_weights(scores: Sequence[tuple[float, float]], shares: Sequence[float]) -> list[float]:
    """Compute the style weights at which a score has covered given fractions of its range.

    Stretches where the score reverses are flattened, so that each fraction has one weight.

    Args:
        scores: at least two pairs of style weight and score, in ascending order of the weight.
        shares: fractions in [0, 1].
    """
    weights, values = (np.array(column) for column in zip(*scores, strict=True))
    way = (values - values[0]) * np.sign(values[-1] - values[0])
    way = np.maximum.accumulate(way).clip(0, way[-1])
    way, first = np.unique(way, return_index=True)
    return [float(np.exp(np.interp(share * way[-1], way, np.log(weights[first])))) for share in shares]


def _table(curve: Sequence[Point], default: float, even: Sequence[float], measures: Sequence[str]) -> str:
    lines = []
    for point, strength, weight in zip(curve, STRENGTHS, even, strict=True):
        scores = [tables.number(getattr(point, name)) for name in measures]
        lines.append([f"{strength:g}", f"{point.factor * default:.3g}", *scores, f"{weight:.3g}"])
    return tables.markdown(["strength", "style weight", *measures, "weight for even steps"], lines, 0)


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
