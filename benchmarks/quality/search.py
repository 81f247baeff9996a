"""One experiment in the search for defaults: scores of some settings at a few style weights, beside the default's.

    python -m benchmarks.quality search --pairs 4 --size 384 --set losses.total_variation=0.2 --name smoother

It appends to OUT/search.csv. Pictures and scores are stored in OUT/scores, so the default is painted once. Experiments
and their reasons are logged in benchmarks/quality/LOG.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import tables
from benchmarks.quality.curves import MEASURES, at_content, at_default, mean_curve
from benchmarks.quality.methods import DEFAULT, Ours, custom
from benchmarks.quality.options import Bench, bench, in_sentences, parser
from benchmarks.quality.store import Row, collect
from impasto.errors import SettingsError
from impasto.files import replace_file

FACTORS = (0.25, 1.0, 4.0)
LEVELS = (0.50, 0.55)
COLUMNS = (
    "name", "settings", "pairs", "size", *(f"strokes at content {level:.2f}" for level in LEVELS),
    *MEASURES, "seconds", "seconds / default", "arithmetic / default",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments")
    options.add_argument("--name", required=True)
    options.add_argument("--factors", type=float, nargs="+", default=list(FACTORS), help="factors on the style weight")
    given = options.parse_args(arguments)
    if given.name == DEFAULT.name or not given.assignments:
        raise SettingsError("An experiment needs --set KEY=VALUE, and a --name other than default.")
    method = custom(given.name, given.assignments)
    print(run(bench(given), method, given.assignments, given.factors))


def run(where: Bench, method: Ours, assignments: Sequence[str], factors: Sequence[float]) -> str:
    """Paint the missing pictures, append the row, and return it in a table with the default's.

    Raises:
        ImpastoError: a picture cannot be read, or a file cannot be written.
    """
    with where.store() as store:
        rows = collect(store, [DEFAULT, method], where.pairs, sorted(factors))
    lines = [_line(rows, DEFAULT.name, "", where), _line(rows, method.name, " ".join(assignments), where)]
    _append(where.out / "search.csv", lines[1])
    return tables.markdown(COLUMNS, lines, 2)


def _line(rows: Sequence[Row], name: str, settings: str, where: Bench) -> list[str]:
    curve = mean_curve(rows, name)
    levels = [at_content(curve, level) for level in LEVELS]
    own = at_default(curve)
    mine = [row.seconds for row in rows if row.method == name]
    return [
        name, settings, str(len(where.pairs)), str(where.canvas.size),
        *(tables.number(point.strokes if point else None) for point in levels),
        *(tables.number(getattr(own, what, None)) for what in MEASURES),
        f"{sum(mine) / max(1, len(mine)):.1f}",
        *(tables.number(tables.ratio(rows, name, what), ".2f") for what in ("seconds", "operations")),
    ]  # fmt: skip


def _append(path: Path, line: Sequence[str]) -> None:
    """Append a row; earlier rows keep their cells, and have empty ones in columns that are new."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*csv.DictReader(io.StringIO(before)), dict(zip(COLUMNS, line, strict=True))])
    replace_file(path, text.getvalue().encode())


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
