"""What the benches' command lines have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.pairs import Pair, builtin_pairs, read_pairs
from benchmarks.quality.methods import Canvas
from impasto.engine.devices import physical_cores
from impasto.errors import ImpastoError, SettingsError

FACTORS = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)
"""On the style weight: half a decade apart."""


@dataclass(frozen=True)
class Bench:
    """What is painted, and where the results go."""

    pairs: list[Pair]
    canvas: Canvas
    out: Path


def parser(description: str | None, *, several_encoders: bool = False) -> argparse.ArgumentParser:
    """With the options that all benches have.

    Args:
        description: of the bench.
        several_encoders: ``--encoder NAME[=FILE]`` may be repeated, and is kept as ``encoders``.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--list", type=Path, metavar="CSV", help="pairs, with the columns content and style; the "
                      "project's own pairs where not given")  # fmt: skip
    made.add_argument("--pictures", type=Path, metavar="FOLDER", help="of the pictures that the list names; the list's "
                      "own where not given")  # fmt: skip
    made.add_argument("--pairs", type=int, metavar="N", help="only the first so many pairs")
    made.add_argument("--size", type=int, default=512, help="long side in pixels")
    if several_encoders:
        made.set_defaults(encoder="builtin")
        made.add_argument("--encoder", action="append", required=True, metavar="NAME[=FILE]", dest="encoders")
    else:
        made.add_argument("--encoder", default="builtin")
    made.add_argument("--out", type=Path, default=Path("runs/bench"))
    made.add_argument("--threads", type=int, default=physical_cores())
    return made


def bench(given: argparse.Namespace) -> Bench:
    """The pairs and the canvas that options stand for. PyTorch's number of threads is set.

    Raises:
        PictureError: a table or picture that is missing.
        SettingsError: pictures without a list, or no pair left.
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
    return Bench(pairs[: given.pairs], Canvas(given.size, given.encoder), given.out)


def in_sentences(main: Callable[[Sequence[str] | None], None], arguments: Sequence[str] | None = None) -> int:
    """Run a bench; what the user can mend is said in a sentence, with the exit code 2."""
    try:
        main(arguments)
    except ImpastoError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0
