"""Comparison of encoders by their textures, paintings and reconstructions.

    python -m benchmarks.encoder --encoder random --encoder builtin --encoder other=other.safetensors
        [--list PAIRS.csv --pictures FOLDER]

The results of each encoder are saved to ``OUT/NAME.json`` after every texture, reconstruction and painting, and nothing
is made twice: the same command resumes after an interruption, and a longer list adds to earlier results. The tables
(``OUT/encoders.md``) and sheets (``OUT/sheets``) cover the encoders and pairs of the command line; its first encoder is
the reference. ``random`` without a file has the shape of the built-in encoder and random weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.encoder.measuring import random_weights, run
from benchmarks.encoder.results import curves_table, table
from benchmarks.encoder.sheets import write_sheets
from benchmarks.quality import machine
from benchmarks.quality.options import bench, in_sentences, parser
from impasto.files import replace_file
from training.export import write_encoder


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parser(__doc__, several_encoders=True)
    options.set_defaults(out=Path("runs/encoders"), size=320)
    options.add_argument("--iterations", type=int, default=30, help="iterations of the last octave")
    given = options.parse_args(arguments)
    where = bench(given)
    where.out.mkdir(parents=True, exist_ok=True)
    results = []
    for text in given.encoders:
        name, _, path = text.partition("=")
        if name == "random" and not path:
            path = str(where.out / "random.safetensors")
            if not Path(path).exists():
                write_encoder(random_weights(), Path(path))
        results.append(run(name, path or name, where.pairs, where.canvas.size, given.iterations, where.out))
    write_sheets(results, where.pairs, where.canvas.size, where.out)
    report = (
        f"{machine.describe()}\n\n{table(results)}\n\nStrokes / content / tone / flow:\n\n{curves_table(results)}\n"
    )
    replace_file(where.out / "encoders.md", report.encode())
    print(report)


if __name__ == "__main__":
    raise SystemExit(in_sentences(main))
