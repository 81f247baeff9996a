"""Scores of existing pictures.

    python -m benchmarks.quality score PHOTOGRAPH STYLE PAINTING [PAINTING …] [--judge PYTHON]

All pictures are scored at the same size.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from benchmarks.measures import Score, Scorer
from benchmarks.pairs import Pair, loaded, to_tensor
from benchmarks.quality.judge import judge_from
from benchmarks.quality.options import JUDGE_HELP, in_sentences
from benchmarks.quality.tables import markdown, number
from impasto.errors import PictureError
from impasto.pictures import read_picture, resize


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("photograph", type=Path)
    options.add_argument("style", type=Path)
    options.add_argument("paintings", type=Path, nargs="+", metavar="painting")
    options.add_argument("--size", type=int, default=512, help="long side in pixels")
    options.add_argument("--judge", type=Path, metavar="PYTHON", help=JUDGE_HELP)
    given = options.parse_args(arguments)
    print(run(Pair(given.photograph, given.style), given.paintings, given.size, given.judge))


def run(pair: Pair, paintings: Sequence[Path], size: int, python: Path | None = None) -> str:
    """Return a Markdown table of the scores of paintings.

    Args:
        pair: photograph and style.
        paintings: files of the paintings, with the photograph's proportions.
        size: long side in pixels.
        python: Python of the judge's environment; None to leave the judge out.

    Raises:
        PictureError: a picture cannot be read, or has other proportions than the photograph.
        PaintingError: the judge did not start, or ended.
    """
    scorer, lines = Scorer(loaded(pair.content, size), loaded(pair.style, size)), []
    with judge_from(python) as judge:
        for path in paintings:
            line = [path.name, *map(number, scorer.score(_painting(path, pair, scorer.photograph)))]
            lines.append([*line, number(judge.score(path, pair))] if judge else line)
    return markdown(["painting", *Score._fields, *(["judge"] if python else [])], lines)


def _painting(path: Path, pair: Pair, photograph: Tensor) -> Tensor:
    """Read a painting at the photograph's size; other sizes of both may have differed by rounding."""
    pixels, (height, width) = read_picture(path).pixels, photograph.shape[-2:]
    if abs(pixels.shape[1] / pixels.shape[0] * height / width - 1) > 0.02:
        raise PictureError(f"The painting {str(path)!r} has other proportions than {str(pair.content)!r}.")
    return to_tensor(resize(pixels, height, width))


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
