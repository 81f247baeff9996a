"""Sheets of a pair with the methods side by side, with and without their names."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.pairs import Pair, covering, loaded, to_array
from benchmarks.quality.curves import Point, curve_of, nearest
from benchmarks.quality.store import Row, write_json
from benchmarks.quality.tables import labelled
from impasto.pictures import read_picture, write_picture
from impasto.runs.sheets import Stage, grid

BLIND, KEY = "blind", "blind-key.json"


def write_sheets(
    folder: Path, store: Path, rows: Sequence[Row], pairs: Sequence[Pair], methods: Sequence[str], level: float,
    size: int, seed: int,
) -> None:  # fmt: skip
    """Write ``sheets/PAIR.jpg`` and ``blind/PAIR.jpg`` for each pair, and ``blind-key.json`` for all of them.

    Each method appears at the factor whose content is nearest to a level.

    Args:
        folder: folder of the sheets.
        store: folder of the rows' pictures.
        rows: rows of all pairs.
        pairs: pairs to show.
        methods: methods to show, in this order except on blind sheets.
        level: level of content.
        size: long side in pixels.
        seed: seed of the order on blind sheets.

    Raises:
        PictureError: a picture is missing, or a file cannot be written.
    """
    key = {}
    for number, pair in enumerate(pairs):
        chosen = _chosen(rows, pair.name, methods, level)
        if not chosen:
            continue
        shuffled = list(chosen)
        random.Random(f"{seed}/{number}/{pair.name}").shuffle(shuffled)
        letters = dict(zip(shuffled, string.ascii_uppercase, strict=False))
        key[pair.name] = {letter: name for name, letter in letters.items()}
        labels = {name: f"{name} at {p.factor:.3g}: {labelled(p)}" for name, (_, p) in chosen.items()}
        beside = _beside(pair, size)
        _write(folder / "sheets" / f"{pair.name}.jpg", beside, store, chosen, labels)
        _write(folder / BLIND / f"{pair.name}.jpg", beside, store, {name: chosen[name] for name in shuffled}, letters)
    write_json(folder / KEY, key)


def _chosen(rows: Sequence[Row], pair: str, methods: Sequence[str], level: float) -> dict[str, tuple[Row, Point]]:
    found = {}
    for name in methods:
        curve = curve_of(rows, name, pair)
        if curve:
            point = nearest(curve, level)
            row = next(r for r in rows if (r.method, r.pair, r.factor) == (name, pair, point.factor))
            found[name] = row, point
    return found


def _beside(pair: Pair, size: int) -> list[Stage]:
    photograph = to_array(loaded(pair.content, size))
    return [Stage(photograph, "photograph"), Stage(covering(pair.style, *photograph.shape[:2]), "style (its middle)")]


def _write(
    path: Path, beside: list[Stage], store: Path, chosen: Mapping[str, tuple[Row, Point]], labels: Mapping[str, str]
) -> None:
    stages = [
        *beside,
        *(Stage(read_picture(store / row.picture).pixels, labels[name]) for name, (row, _) in chosen.items()),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, grid(stages, columns=min(4, len(stages))))
