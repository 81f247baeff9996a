"""Quality of the paintings: strokes over content at several style weights, for impasto's presets and its peers.

    python -m benchmarks.quality pictures [--list PAIRS.csv --pictures FOLDER] [--method NAME …]

Each picture and its scores are stored in OUT/scores, so a stopped run resumes. Tables are in OUT/pictures.md, plots in
OUT/curves, sheets in OUT/sheets, and sheets without names in OUT/blind, with their key in OUT/blind-key.json.

A method is one of impasto's presets, a peer, or "NAME: KEY=VALUE …" for impasto with these settings. The peers are
gatys, gatys-noise, crowson, galerne, and gatys-bounded and galerne-bounded, whose L-BFGS keeps pixels in [0, 1] at
every step. Their suffix is the budget: -full for that of the authors, -short for the arithmetic of impasto's default.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import machine, tables
from benchmarks.quality.contact import write_sheets
from benchmarks.quality.curves import curve_of, mean_curve
from benchmarks.quality.drawing import plot_curves
from benchmarks.quality.methods import REFERENCES, Method, Peer, parse_method
from benchmarks.quality.options import FACTORS, Bench, bench, in_sentences, parser
from benchmarks.quality.store import Row, collect
from impasto.files import replace_file

PEERS = ("gatys-short", "gatys-bounded-short", "crowson-short", "galerne-short", "galerne-bounded-short")
METHODS = ("default", "quick", "fine", *PEERS)
FULL = (*METHODS, "gatys-bounded-full", "crowson-full", "galerne-bounded-full")
LEVELS = (0.45, 0.5, 0.55, 0.6, 0.65)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.add_argument("--method", action="append", dest="methods", help=f"a method; by default {', '.join(METHODS)}")
    options.add_argument("--full", action="store_true", help="include the peers with the budgets of their authors")
    options.add_argument("--factors", type=float, nargs="+", default=list(FACTORS))
    options.add_argument("--level", type=float, default=0.55, help="content at which the sheets compare")
    options.add_argument("--seed", type=int, default=0, help="seed of the order on blind sheets")
    given = options.parse_args(arguments)
    methods = [parse_method(name) for name in given.methods or (FULL if given.full else METHODS)]
    print(run(bench(given), methods, given.factors, given.level, given.seed))


def run(where: Bench, methods: Sequence[Method], factors: Sequence[float], level: float, seed: int) -> str:
    """Paint the missing pictures, and write tables, plots and sheets.

    Peers with the budget of their authors skip every other factor.

    Returns:
        The tables.

    Raises:
        ImpastoError: a picture cannot be read, or a file cannot be written.
    """
    subjects = [*methods, *(r for r in REFERENCES if r.name not in [m.name for m in methods])]
    sparse = [m.name for m in methods if isinstance(m, Peer) and m.budget == "full"]
    with where.store() as store:
        rows = collect(store, subjects, where.pairs, sorted(factors), sparse)
    report = _report(rows, where, [m.name for m in methods if isinstance(m, Peer)])
    replace_file(_made(where.out) / "pictures.md", report.encode())
    _plots(where.out / "curves", rows)
    shown = [m.name for m in methods] + ["filter"]
    write_sheets(where.out, store.folder, rows, where.pairs, shown, level, where.canvas.size, seed)
    return report


def _report(rows: Sequence[Row], where: Bench, peers: Sequence[str]) -> str:
    parts = [
        f"# The pictures\n\n{len(where.pairs)} pairs, {where.canvas.size} px, encoder {where.canvas.encoder}. Lower "
        "style, strokes and judge are better, and higher content and tone are more of the photograph. Flow 1 is the "
        f"style's.\n\n{machine.describe()}",
        f"## At each method's own style weight\n\n{tables.defaults_table(rows)}",
        f"## At equal content: {' / '.join(tables.LEVEL_CELL)} (style)\n\n{tables.levels_table(rows, LEVELS)}",
        f"## Pair by pair: {' / '.join(tables.CELL)}\n\n{tables.pairs_table(rows)}",
        f"## Where a peer beats the default\n\n{tables.beaten_table(rows, peers)}",
    ]
    return "\n\n".join(parts) + "\n"


def _plots(folder: Path, rows: Sequence[Row]) -> None:
    names = [name for name in tables.names_of(rows) if name != "style"]  # its strokes and content are off the scale
    plot_curves(folder / "mean.svg", {name: mean_curve(rows, name) for name in names}, "mean over the pairs")
    for pair in dict.fromkeys(row.pair for row in rows):
        curves = {name: curve for name in names if (curve := curve_of(rows, name, pair))}
        plot_curves(folder / f"{pair}.svg", curves, pair)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
