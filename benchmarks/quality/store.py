"""Storage of scores in files, so that a killed run resumes."""

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
    """Scores of one picture; :class:`benchmarks.measures.Score` defines them.

    Attributes:
        method: name of the method.
        pair: name of the pair.
        factor: factor on the method's own style weight.
        style: patch distance to the style; lower is better.
        strokes: patch distance beyond the reach of a filter; lower is better.
        content: similarity to the photograph's structure; higher is more similar.
        seconds: seconds of painting.
        operations: multiplications of the encoder.
        picture: path of the picture, relative to the store's folder.
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
        folder: folder of the store; created if missing.
        canvas: size and encoder.
    """

    def __init__(self, folder: Path, canvas: Canvas) -> None:
        self.folder, self.canvas = folder, canvas
        self.painted = 0
        self._hashes: dict[Path, str] = {}
        self._judge: tuple[Pair, Judge] | None = None

    def row(self, method: Method, pair: Pair, factor: float) -> Row:
        """Return the stored row, or paint, score and store a new one.

        Raises:
            ImpastoError: painting failed, or a file cannot be written.
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
        # The scores are written last, so that their presence implies the picture's.
        write_json(path, {"row": asdict(row), "made": method.record(self.canvas, factor)})
        self.painted += 1
        return row

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
                f"{row.seconds:.1f} s",
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
