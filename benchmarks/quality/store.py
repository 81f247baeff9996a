"""Storage of scores in files, so that a killed run resumes."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measures import Score, Scorer
from benchmarks.pairs import Pair, loaded, to_tensor
from benchmarks.quality.judge import Judge
from benchmarks.quality.methods import Canvas, Method
from impasto.encoders.loading import load_encoder
from impasto.errors import ImpastoError
from impasto.files import replace_file, sha256_of
from impasto.pictures import read_picture, write_picture


@dataclass(frozen=True)
class Row:
    """Scores of one picture; :class:`benchmarks.measures.Score` defines them.

    Attributes:
        method: name of the method.
        pair: name of the pair.
        factor: factor on the method's own style weight.
        style: patch distance to the style; lower is better.
        strokes: patch distance beyond the reach of a filter; lower is better.
        content: similarity to the photograph's structure; higher is more similar.
        tone: similarity to the photograph's light and shade; higher is more similar.
        flow: coherence of the strokes' direction; 1 is the style's.
        seconds: seconds of painting.
        operations: multiplications of the encoder.
        picture: path of the picture, relative to the store's folder.
        judge: distance to the style in another network; lower is better. None if it was not measured.
    """

    method: str
    pair: str
    factor: float
    style: float
    strokes: float
    content: float
    tone: float
    flow: float
    seconds: float
    operations: float
    picture: str
    judge: float | None = None


class Store:
    """A folder of scores and pictures.

    Args:
        folder: folder of the store; created if missing.
        canvas: size and encoder.
        judge: judge of the pictures; None to leave its scores out.
    """

    def __init__(self, folder: Path, canvas: Canvas, judge: Judge | None = None) -> None:
        self.folder, self.canvas, self.judge = folder, canvas, judge
        self.painted = 0
        self._hashes: dict[Path, str] = {}
        self._scorer: tuple[Pair, Scorer] | None = None

    def row(self, method: Method, pair: Pair, factor: float) -> Row:
        """Return the stored row, or paint, score and store a new one.

        Scores that a stored row lacks are computed from its picture, which is rounded to 8 bits.

        Raises:
            ImpastoError: painting failed, a file cannot be read or written, or the judge ended.
        """
        path = self.path(method, pair, factor)
        if not path.exists():
            self._paint(method, pair, factor, path)
        stored = json.loads(path.read_text(encoding="utf-8"))
        before = dict(stored["row"])
        picture = self.folder / before["picture"]
        if not set(Score._fields) <= before.keys():
            score = self._scorer_of(pair).score(to_tensor(read_picture(picture).pixels))
            stored["row"] |= score._asdict()
        row = Row(**stored["row"])
        if self.judge is not None and row.judge is None:
            row = replace(row, judge=self.judge.score(picture, pair))
        if asdict(row) != before:
            write_json(path, stored | {"row": asdict(row)})
        return row

    def _paint(self, method: Method, pair: Pair, factor: float, path: Path) -> None:
        painted = method.paint(pair, self.canvas, factor)
        score = self._scorer_of(pair).score(to_tensor(painted.array))
        picture = path.with_suffix(".png")
        name = picture.relative_to(self.folder).as_posix()
        row = Row(method.name, pair.name, factor, *score, painted.seconds, painted.operations, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(picture, painted.array)
        # The scores are written last, so that their presence implies the picture's.
        write_json(path, {"row": asdict(row), "made": method.record(self.canvas, factor)})
        self.painted += 1

    def path(self, method: Method, pair: Pair, factor: float) -> Path:
        """Return the path of a picture's scores, with a hash of everything that they depend on."""
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

    def _scorer_of(self, pair: Pair) -> Scorer:
        if self._scorer is None or self._scorer[0] != pair:
            self._scorer = pair, Scorer(*(loaded(path, self.canvas.size) for path in (pair.content, pair.style)))
        return self._scorer[1]


def collect(
    store: Store,
    methods: Sequence[Method],
    pairs: Sequence[Pair],
    factors: Sequence[float],
    sparse: Collection[str] = (),
) -> list[Row]:
    """Collect the rows of all methods on all pairs, painting the missing ones.

    Methods alternate, so that a machine that slows down affects all of them. A painting that fails is reported on
    standard error and left out.

    Args:
        store: store of the rows.
        methods: methods to paint with.
        pairs: pairs to paint.
        factors: factors on the style weights.
        sparse: names of methods that skip every other factor, but not the one nearest to 1.
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
                f"tone {row.tone:.3f} flow {row.flow:.3f} {row.seconds:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    return rows


def _turns(
    methods: Iterable[Method], pairs: Iterable[Pair], factors: Sequence[float], sparse: Collection[str]
) -> Iterator[tuple[Pair, float, Method]]:
    """Yield pairs, factors and methods in turns; methods that do not vary appear once per pair, with the factor 1."""
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
    """Write a JSON file atomically, creating its folder if missing.

    Raises:
        PictureError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(value, indent=1, default=_plain).encode())


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text)
