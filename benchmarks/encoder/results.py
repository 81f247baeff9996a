"""Results of an encoder in a file, and tables that compare several encoders."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measures import Score
from benchmarks.pairs import Pair
from benchmarks.quality.tables import joined
from impasto.errors import SettingsError
from impasto.files import replace_file

STYLE_WEIGHTS = (15.0, 45.0, 135.0, 405.0)
REFERENCE = 135.0
"""Style weight at which the first encoder's content sets the level of comparison; the nearest to the default of 100."""

TEXTURES = 8
"""Number of pairs whose styles are synthesised as textures, at most."""

RECONSTRUCTIONS = 6
"""Number of pairs whose photographs are reconstructed, at most."""


@dataclass
class Result:
    """Results of one encoder.

    Attributes:
        name: name of the encoder.
        made_with: SHA-256 of its file, size and iterations; empty in files without them.
        texture: distance of each painting's synthesised texture, divided by that of uniform noise; mean over levels.
        pairs: scores by style weight and pair.
        reconstruction: root mean square error of each photograph's reconstruction from relu4_1, sRGB in [0, 1].
        seconds: mean seconds per painting.
    """

    name: str
    made_with: dict[str, Any] = field(default_factory=dict)
    texture: dict[str, float] = field(default_factory=dict)
    pairs: dict[str, dict[str, Score]] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def stored(cls, path: Path, name: str, made_with: dict[str, Any]) -> Result:
        """Read the results of an earlier run, or return empty results if the file does not exist.

        Raises:
            SettingsError: the earlier run had another encoder, size or number of iterations.
        """
        if not path.exists():
            return cls(name, made_with)
        values = json.loads(path.read_text())
        names = {field.name for field in fields(cls)}  # older files have more fields
        result = cls(**{name: value for name, value in values.items() if name in names})
        result._complete_scores(path)
        if result.made_with and result.made_with != made_with:
            raise SettingsError(
                f"{path} was made with {result.made_with}, not {made_with}: remove it, or give another --out."
            )
        return result

    def _complete_scores(self, path: Path) -> None:
        """Convert the scores of a file, and drop those of older files, which have fewer measures."""
        before = sum(map(len, self.pairs.values()))
        self.pairs = {
            weight: {pair: Score(*score) for pair, score in scores.items() if len(score) == len(Score._fields)}
            for weight, scores in self.pairs.items()
        }
        dropped = before - sum(map(len, self.pairs.values()))
        if dropped:
            print(
                f"{path}: {dropped} paintings have no {Score._fields[-1]}, so they are painted again.", file=sys.stderr
            )

    def store(self, path: Path) -> None:
        """Write the file atomically."""
        replace_file(path, json.dumps(asdict(self), indent=1).encode())

    def add(self, weight: float, pair: str, score: Score, seconds: float) -> None:
        """Add the scores of a painting."""
        count = sum(map(len, self.pairs.values()))
        self.seconds = (self.seconds * count + seconds) / (count + 1)
        self.pairs.setdefault(f"{weight:g}", {})[pair] = score

    def has(self, weight: float, pair: str) -> bool:
        """Return whether the scores of a painting are present."""
        return pair in self.pairs.get(f"{weight:g}", {})

    def over(self, pairs: Sequence[Pair]) -> Result:
        """Restrict the results to some pairs."""
        weights = [f"{weight:g}" for weight in STYLE_WEIGHTS]
        return replace(
            self,
            texture={style.name: self.texture[style.name] for style in texture_styles(pairs)},
            pairs={weight: {pair.name: self.pairs[weight][pair.name] for pair in pairs} for weight in weights},
            reconstruction={photo.name: self.reconstruction[photo.name] for photo in reconstructed_photos(pairs)},
        )

    @property
    def curve(self) -> dict[str, Score]:
        """Mean scores over the pairs, by style weight."""
        return {weight: Score(*np.mean(list(scores.values()), 0).tolist()) for weight, scores in self.pairs.items()}


def texture_styles(pairs: Sequence[Pair]) -> list[Path]:
    """List the paintings whose textures are synthesised."""
    return list(dict.fromkeys(pair.style for pair in pairs[:TEXTURES]))


def reconstructed_photos(pairs: Sequence[Pair]) -> list[Path]:
    """List the photographs that are reconstructed."""
    return list(dict.fromkeys(pair.content for pair in pairs[:RECONSTRUCTIONS]))


def at_content(curve: dict[str, Score], level: float) -> Score:
    """Interpolate the scores of a curve at a level of content; NaN outside the curve."""
    rows = sorted(curve.values(), key=lambda row: row.content)
    contents = [row.content for row in rows]
    return Score(*(float(np.interp(level, contents, column, math.nan, math.nan)) for column in np.array(rows).T))


def level_of(results: Sequence[Result]) -> float:
    """Return the content at which encoders are compared, the first one's at :data:`REFERENCE`."""
    return results[0].curve[f"{REFERENCE:g}"].content


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table of the encoders; the first result is the reference."""
    level = level_of(results)
    lines = [
        f"| encoder | texture | strokes at content {level:.3f} | style there | tone there | flow there "
        "| reconstruction | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        there = at_content(result.curve, level)
        scores = [f"{score:.3f}" for score in (there.strokes, there.style, there.tone, there.flow)]
        texture, error = (float(np.mean(list(d.values()))) for d in (result.texture, result.reconstruction))
        cells = [f"{texture:.3f}", *scores, f"{error:.3f}", f"{result.seconds:.1f}"]
        lines.append(f"| {result.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def curves_table(results: Sequence[Result]) -> str:
    """Return a Markdown table of strokes / content / tone / flow by encoder and style weight; means over the pairs."""
    weights = [f"{weight:g}" for weight in STYLE_WEIGHTS]
    lines = [
        f"| encoder | {' | '.join(f'style weight {weight}' for weight in weights)} |",
        "|---|" + "---|" * len(weights),
    ]
    for result in results:
        cells = [joined(result.curve[weight]) for weight in weights]
        lines.append(f"| {result.name} | {' | '.join(cells)} |")
    return "\n".join(lines)
