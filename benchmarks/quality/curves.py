"""A method's scores as a curve over its style weight, and what the curve gives between its points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.quality.store import Row


class Point(NamedTuple):
    """Scores at one factor on the style weight."""

    factor: float
    style: float
    strokes: float
    content: float


Curve = Sequence[Point]
"""In rising order of the factor."""


def curve_of(rows: Iterable[Row], method: str, pair: str) -> list[Point]:
    """One method's curve on one pair."""
    mine = [row for row in rows if row.method == method and row.pair == pair]
    return sorted(Point(row.factor, row.style, row.strokes, row.content) for row in mine)


def mean_curve(rows: Iterable[Row], method: str) -> list[Point]:
    """One method's curve with scores that are means over all pairs of the rows; factors that one lacks are left out.

    So a method that failed on a hard pair is not compared over the others.
    """
    rows = list(rows)
    mine, pairs = [row for row in rows if row.method == method], {row.pair for row in rows}
    points = []
    for factor in sorted({row.factor for row in mine}):
        here = [row for row in mine if row.factor == factor]
        if {row.pair for row in here} == pairs:
            means = np.mean([(row.style, row.strokes, row.content) for row in here], 0)
            points.append(Point(factor, *map(float, means)))
    return points


def at_content(curve: Curve, level: float) -> Point | None:
    """Where a curve crosses a level of content, linear between its points, the factor geometrically; None outside.

    Points are taken in the order of their content: with more style there is less of it, but for the last few per cent.
    """
    ordered = sorted(curve, key=lambda point: point.content)
    contents = [point.content for point in ordered]
    if not contents or not contents[0] <= level <= contents[-1]:
        return None
    style, strokes = (
        float(np.interp(level, contents, values))
        for values in ([p.style for p in ordered], [p.strokes for p in ordered])
    )
    factor = float(np.exp(np.interp(level, contents, np.log([p.factor for p in ordered]))))
    return Point(factor, style, strokes, level)


def nearest(curve: Curve, level: float) -> Point:
    """The point whose content is nearest to a level."""
    return min(curve, key=lambda point: abs(point.content - level))


def at_default(curve: Curve) -> Point | None:
    """The point at the method's own style weight."""
    return next((point for point in curve if abs(point.factor - 1) < 1e-9), None)


class Beaten(NamedTuple):
    """A pair on which a peer beats us: lower strokes, and more content, or as much on its curve.

    Attributes:
        peer: its name.
        pair: the pair's.
        ours: at our default weight.
        theirs: the point that beats it.
        where: ``defaults``: at the peer's own weight; ``curves``: somewhere on its curve, between its points too.
    """

    peer: str
    pair: str
    ours: Point
    theirs: Point
    where: str


def beaten(rows: Sequence[Row], peers: Sequence[str], ours: str = "default") -> list[Beaten]:
    """All pairs on which some peer beats a method of ours, taken at our own weight."""
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
    """On how many pairs there is a method of ours, at our own weight, and some peer."""
    pairs = dict.fromkeys(row.pair for row in rows)
    return sum(
        at_default(curve_of(rows, ours, pair)) is not None and any(curve_of(rows, peer, pair) for peer in peers)
        for pair in pairs
    )


def _best_from(curve: Curve, level: float) -> Point | None:
    """The point with the lowest strokes where a curve has at least so much content; None where it nowhere has."""
    points = [point for point in (at_content(curve, level), *curve) if point and point.content >= level]
    return min(points, key=lambda point: point.strokes, default=None)
