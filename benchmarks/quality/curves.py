"""Curves of a method's scores over its style weight, with interpolation between their points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.measures import Score
from benchmarks.quality.store import Row


class Point(NamedTuple):
    """Scores of a method at one factor on its style weight; ``judge`` is NaN if it was not measured."""

    factor: float
    style: float
    strokes: float
    content: float
    tone: float
    flow: float
    judge: float = math.nan


MEASURES = (*Score._fields, "judge")
"""Names of the scores of a point."""


Curve = Sequence[Point]
"""Points in ascending order of the factor."""


def curve_of(rows: Iterable[Row], method: str, pair: str) -> list[Point]:
    """Return the curve of one method on one pair."""
    mine = [row for row in rows if row.method == method and row.pair == pair]
    return sorted((Point(row.factor, *_scores(row)) for row in mine), key=lambda point: point.factor)


def _scores(row: Row) -> list[float]:
    return [math.nan if (score := getattr(row, name)) is None else score for name in MEASURES]


def mean_curve(rows: Iterable[Row], method: str) -> list[Point]:
    """Average the curve of one method over all pairs in the rows, leaving out factors that a pair lacks.

    So a method that failed on a hard pair is not compared by the others alone.
    """
    rows = list(rows)
    mine, pairs = [row for row in rows if row.method == method], {row.pair for row in rows}
    points = []
    for factor in sorted({row.factor for row in mine}):
        at_factor = [row for row in mine if row.factor == factor]
        if {row.pair for row in at_factor} == pairs:
            means = np.mean([_scores(row) for row in at_factor], 0)
            points.append(Point(factor, *map(float, means)))
    return points


def at_content(curve: Curve, level: float) -> Point | None:
    """Interpolate a curve at a level of content, linearly in the scores and geometrically in the factor.

    Points are ordered by content, which decreases with more style, apart from the last few per cent.

    Returns:
        The interpolated point, or None if the level is outside the curve.
    """
    ordered = sorted(curve, key=lambda point: point.content)
    contents = [point.content for point in ordered]
    if not contents or not contents[0] <= level <= contents[-1]:
        return None
    columns = np.array(ordered).T
    columns[0] = np.log(columns[0])
    point = Point(*(float(np.interp(level, contents, column)) for column in columns))
    return point._replace(factor=math.exp(point.factor), content=level)


def nearest(curve: Curve, level: float) -> Point:
    """Return the point whose content is nearest to a level."""
    return min(curve, key=lambda point: abs(point.content - level))


def at_default(curve: Curve) -> Point | None:
    """Return the point at the method's own style weight, if the curve has one."""
    return next((point for point in curve if abs(point.factor - 1) < 1e-9), None)


class Beaten(NamedTuple):
    """A pair on which a peer beats impasto: lower strokes at more content, or at equal content on its curve.

    Attributes:
        peer: name of the peer.
        pair: name of the pair.
        ours: impasto's point at its default weight.
        theirs: the peer's point that beats it.
        where: ``defaults``: at the peer's own weight; ``curves``: anywhere on its curve, interpolated if necessary.
    """

    peer: str
    pair: str
    ours: Point
    theirs: Point
    where: str


def beaten(rows: Sequence[Row], peers: Sequence[str], ours: str = "default") -> list[Beaten]:
    """List the pairs on which a peer beats a method of impasto at that method's own weight."""
    found = []
    for pair in dict.fromkeys(row.pair for row in rows):
        own = at_default(curve_of(rows, ours, pair))
        if own is None:
            continue
        for peer in peers:
            curve = curve_of(rows, peer, pair)
            theirs = at_default(curve)
            if theirs and theirs.strokes < own.strokes and theirs.content > own.content:
                found.append(Beaten(peer, pair, own, theirs, "defaults"))
            best = _best_from(curve, own.content)
            if best and best.strokes < own.strokes:
                found.append(Beaten(peer, pair, own, best, "curves"))
    return found


def pairs_compared(rows: Sequence[Row], peers: Sequence[str], ours: str = "default") -> int:
    """Count the pairs that have scores of a peer, and of impasto's method at its own weight."""
    pairs = dict.fromkeys(row.pair for row in rows)
    return sum(
        at_default(curve_of(rows, ours, pair)) is not None and any(curve_of(rows, peer, pair) for peer in peers)
        for pair in pairs
    )


def _best_from(curve: Curve, level: float) -> Point | None:
    """Return the point with the lowest strokes and at least ``level`` content; None if there is none."""
    points = [point for point in (at_content(curve, level), *curve) if point and point.content >= level]
    return min(points, key=lambda point: point.strokes, default=None)
