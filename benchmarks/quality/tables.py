"""Markdown tables of scores."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.measures import Score
from benchmarks.quality.curves import (
    MEASURES,
    Point,
    at_content,
    at_default,
    beaten,
    curve_of,
    mean_curve,
    pairs_compared,
)
from benchmarks.quality.store import Row

NOTHING = "–"

CELL = ("strokes", "content", "tone", "flow")
"""Scores in a cell of the tables by pair."""

LEVEL_CELL = ("strokes", "tone", "flow")
"""Scores in a cell of the table by content."""


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]], text_columns: int = 1) -> str:
    """Format a table whose first columns are text, and whose others are right-aligned numbers."""
    rule = ["---" if i < text_columns else "---:" for i in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))


def number(value: float | None, form: str = ".3f") -> str:
    """Format a value, or a dash for None and NaN."""
    return NOTHING if value is None or value != value else format(value, form)


def names_of(rows: Iterable[Row]) -> list[str]:
    """List the methods in the order of their first rows."""
    return list(dict.fromkeys(row.method for row in rows))


def measured(rows: Iterable[Row]) -> list[str]:
    """List the scores with a column: all, but the judge's only if a row has it."""
    return list(MEASURES if any(row.judge is not None for row in rows) else MEASURES[:-1])


def joined(scores: Point | Score, names: Sequence[str] = CELL) -> str:
    """Format several scores as one cell, separated by slashes."""
    return " / ".join(number(getattr(scores, name)) for name in names)


def labelled(scores: Point | Score) -> str:
    """Format scores with their names, for the label of a picture."""
    return ", ".join(f"{name} {getattr(scores, name):.2f}" for name in CELL)


def ratio(rows: Sequence[Row], method: str, what: str, to: str = "default") -> float | None:
    """Compute the median ratio of a method's seconds or operations to another's over common pairs and factors."""
    values = {(r.method, r.pair, r.factor): getattr(r, what) for r in rows}
    shares = [
        value / base
        for (name, pair, factor), value in values.items()
        if name == method and (base := values.get((to, pair, factor)))
    ]
    return statistics.median(shares) if shares else None


def defaults_table(rows: Sequence[Row]) -> str:
    """Tabulate every method at its own style weight: means over the pairs, and relative cost."""
    lines, measures = [], measured(rows)
    for name in names_of(rows):
        point = at_default(mean_curve(rows, name))
        scores = [number(getattr(point, what, None)) for what in measures]
        costs = [number(ratio(rows, name, what), ".2f") for what in ("seconds", "operations")]
        lines.append([name, *scores, *costs])
    heads = ["method", *measures, "seconds ÷ default's", "arithmetic ÷ default's"]
    return markdown(heads, lines)


def levels_table(rows: Sequence[Row], levels: Sequence[float]) -> str:
    """Tabulate strokes / tone / flow, and style in brackets, of the mean curves at levels of content."""
    lines = []
    for name in names_of(rows):
        curve = mean_curve(rows, name)
        if len(curve) < 2:
            continue
        points = [at_content(curve, level) for level in levels]
        lines.append([name, *(f"{joined(p, LEVEL_CELL)} ({p.style:.3f})" if p else NOTHING for p in points)])
    return markdown(["method", *(f"content {level:.2f}" for level in levels)], lines)


def pairs_table(rows: Sequence[Row]) -> str:
    """Tabulate strokes / content / tone / flow of every method at its own style weight, by pair."""
    names, lines = names_of(rows), []
    for pair in dict.fromkeys(row.pair for row in rows):
        points = [at_default(curve_of(rows, name, pair)) for name in names]
        lines.append([pair, *(joined(p) if p else NOTHING for p in points)])
    return markdown(["pair", *names], lines)


def beaten_table(rows: Sequence[Row], peers: Sequence[str]) -> str:
    """Tabulate the cases in which a peer beats the default, or return a sentence if none does."""
    found, compared = beaten(rows, peers), pairs_compared(rows, peers)
    if not compared:
        return "No peer was compared with the default."
    if not found:
        return f"No peer beats the default on any of the {compared} pairs compared."
    lines = [[b.pair, b.peer, b.where, joined(b.ours), joined(b.theirs)] for b in found]
    return markdown(["pair", "peer", "compared at", f"default: {' / '.join(CELL)}", "peer"], lines, 3)
