"""Scores kept as files, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measures import Judge
from benchmarks.pairs import Pair, loaded, to_tensor
from benchmarks.quality.methods import Canvas, Method
from impasto.encoders.loading import load_encoder
from impasto.errors import ImpastoError
from impasto.files import replace_file, sha256_of
from impasto.pictures import write_picture


@dataclass(frozen=True)
class Row:
    """One picture's scores; see :class:`benchmarks.measures.Score`.

    Attributes:
        method: its name.
        pair: its name.
        factor: on the method's own style weight.
        style: patch distance, lower is better.
        strokes: the same beyond what a filter could do, lower is better.
        content: the photograph's structure, higher is more of it.
        seconds: that painting took.
        operations: the encoder's multiplications.
        picture: the file, relative to the store's folder.
    """

    method: str
    pair: str
    factor: float
    style: float
    strokes: float
    content: float
    seconds: float
    operations: float
    picture: str


class Store:
    """A folder of scores and pictures.

    Args:
        folder: made where there is none.
        canvas: size and encoder.
    """

    def __init__(self, folder: Path, canvas: Canvas) -> None:
        self.folder, self.canvas = folder, canvas
        self.painted = 0
        self._hashes: dict[Path, str] = {}
        self._judge: tuple[Pair, Judge] | None = None

    def row(self, method: Method, pair: Pair, factor: float) -> Row:
        """The stored row, or a new one: painted, judged and stored.

        Raises:
            ImpastoError: painting failed, or the folder takes no files.
        """
        path = self.path(method, pair, factor)
        if path.exists():
            return Row(**json.loads(path.read_text(encoding="utf-8"))["row"])
        painted = method.paint(pair, self.canvas, factor)
        score = self._judge_of(pair).score(to_tensor(painted.array))
        picture = path.with_suffix(".png")
        row = Row(
            method.name, pair.name, factor, *score, painted.seconds, painted.operations,
            picture.relative_to(self.folder).as_posix(),
        )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(picture, painted.array)
        # The scores come last: where they are, the picture is.
        write_json(path, {"row": asdict(row), "made": method.record(self.canvas, factor)})
        self.painted += 1
        return row

    def path(self, method: Method, pair: Pair, factor: float) -> Path:
        """Where a picture's scores are, by all that they depend on."""
        facts = {
            "method": method.record(self.canvas, factor),
            "encoder": self._encoder_hash,
            "pair": [self._hash(pair.content), self._hash(pair.style)],
        }
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / _file_name(method.name) / f"{pair.name}-{factor:g}-{key}.json"

    @cached_property
    def _encoder_hash(self) -> str:
        return load_encoder(self.canvas.encoder).sha256

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = sha256_of(path)
        return self._hashes[path]

    def _judge_of(self, pair: Pair) -> Judge:
        if self._judge is None or self._judge[0] != pair:
            self._judge = pair, Judge(*(loaded(path, self.canvas.size) for path in (pair.content, pair.style)))
        return self._judge[1]


def collect(
    store: Store,
    methods: Sequence[Method],
    pairs: Sequence[Pair],
    factors: Sequence[float],
    sparse: Collection[str] = (),
) -> list[Row]:
    """Rows of all methods on all pairs. Methods take turns, so that a machine that slows down slows all of them.

    A painting that fails is told on the standard error and left out.

    Args:
        store: to take them from, and to put them into.
        methods: to paint with.
        pairs: to paint.
        factors: on the style weights.
        sparse: names of methods that take every other factor only, that nearest to 1 among them.
    """
    rows = []
    for pair, factor, method in _turns(methods, pairs, factors, sparse):
        before = store.painted
        try:
            row = store.row(method, pair, factor)
        except ImpastoError as error:
            print(f"{method.name} {pair.name} {factor:g}: {error}", file=sys.stderr)
            continue
        rows.append(row)
        if store.painted > before:
            print(
                f"{method.name} {pair.name} {factor:g}: strokes {row.strokes:.3f} content {row.content:.3f} "
                f"{row.seconds:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    return rows


def _turns(
    methods: Iterable[Method], pairs: Iterable[Pair], factors: Sequence[float], sparse: Collection[str]
) -> Iterator[tuple[Pair, float, Method]]:
    """Methods that do not vary come once, with the factor 1; sparse ones keep the factor nearest to it."""
    methods = list(methods)
    own = min(range(len(factors)), key=lambda number: abs(math.log(factors[number])))
    for pair in pairs:
        yield from ((pair, 1.0, method) for method in methods if not method.varies)
        for number, factor in enumerate(factors):
            for method in methods:
                is_kept = method.name not in sparse or (number - own) % 2 == 0
                if method.varies and is_kept:
                    yield pair, factor, method


def write_json(path: Path, value: Any) -> None:
    """In one step, with the folder where there is none.

    Raises:
        PictureError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(value, indent=1, default=_plain).encode())


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing for JSON")


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text)
