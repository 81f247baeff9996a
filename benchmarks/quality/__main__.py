"""``python -m benchmarks.quality BENCH …``: pictures, time-to-loss, strength, search, score; several: small, full.

small: two pairs at a small size, in less than half an hour on two cores. full: everything, in some hours. Both resume
after an interruption, and pass on further options (--list, --pictures, --out, --encoder, --threads, --judge).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from benchmarks.quality import pictures, score, search, strength, time_to_loss
from benchmarks.quality.options import in_sentences

Main = Callable[[Sequence[str] | None], None]

BENCHES: dict[str, Main] = {
    "pictures": pictures.main,
    "time-to-loss": time_to_loss.main,
    "strength": strength.main,
    "search": search.main,
    "score": score.main,
}

# Without the preset fine, which takes nearly twice as long as the default.
SMALL = [f"--method={name}" for name in ("default", "quick", *pictures.PEERS)]

SUITES: dict[str, list[tuple[Main, list[str]]]] = {
    "small": [
        (pictures.main, ["--pairs", "2", "--size", "256", "--factors", "0.1", "1", "10", *SMALL]),
        (time_to_loss.main, ["--pairs", "2", "--size", "128", "--steps", "12", "--only", "preset default",
                             "preset fine", "L-BFGS, 1 octave", "L-BFGS, 2 octaves"]),
        (strength.main, ["--pairs", "2", "--size", "192"]),
    ],
    "full": [
        (pictures.main, ["--full"]),
        (time_to_loss.main, ["--pairs", "2", "--size", "128"]),
        (strength.main, []),
    ],
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if name in BENCHES:
        BENCHES[name](rest)
    elif name in SUITES:
        for bench, options in SUITES[name]:
            bench([*options, *rest])
    else:
        print(__doc__)
        raise SystemExit(0 if name in ("-h", "--help") else 2)


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
