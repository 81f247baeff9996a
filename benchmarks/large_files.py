"""Time and memory of writing and reading large files: ``python -m benchmarks.large_files --megapixels 1000``.

Each file is written from strips, so that the picture is nowhere in memory, and read to a long side of 2048 px, each in
a process of its own, whose peak of resident memory is told. The picture is a photograph's worth of work: soft waves
with grain.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_resident

LONG_SIDE = 2048
KINDS = ("tif", "png", "jpg")


def strips(side: int) -> Iterator[np.ndarray]:
    """A square picture in strips of 64 rows × side × 3, float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    grain = (0.02 * rng.standard_normal((64, side, 3))).astype(np.float32)
    across = np.sin(np.arange(side, dtype=np.float32)[:, None] / np.array([90, 130, 170], np.float32))
    for top in range(0, side, 64):
        rows = np.arange(top, min(side, top + 64), dtype=np.float32)[:, None, None]
        yield np.roll(grain, 7 * top, axis=1)[: len(rows)] + 0.5 + 0.2 * (across + np.cos(rows / 110))


def measure(task: str, path: Path, side: int) -> dict[str, float]:
    """Write or read a file in this process; seconds, and the peak of resident memory in MB before and after."""
    from impasto.pictures import Strips, read_picture, write_picture
    from impasto.pictures.codecs.libraries import vips

    vips()
    before = peak_resident() / 1e6
    begun = time.perf_counter()
    if task == "write":
        write_picture(path, Strips(side, side, strips(side)))
    else:
        picture = read_picture(path, fit=LONG_SIDE)
        assert picture.size == (LONG_SIDE, LONG_SIDE), "too small a picture to be shrunk while it is read"
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "before": before, "peak": peak_resident() / 1e6}


def main() -> None:
    """Measure every kind of file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder if not given")
    parser.add_argument("--task", nargs=2, metavar=("TASK", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    side = round((arguments.megapixels * 1e6) ** 0.5)
    if arguments.task:
        print(json.dumps(measure(arguments.task[0], Path(arguments.task[1]), side)))
        return
    print("| file | megapixels | MB | task | s | peak MB | of which imports |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for kind in arguments.kinds:
            path = Path(folder) / f"x.{kind}"
            for task in ("write", "read"):
                command = [sys.executable, "-m", "benchmarks.large_files", "--megapixels", str(arguments.megapixels)]
                done = subprocess.run([*command, "--task", task, str(path)], check=True, capture_output=True, text=True)
                found = json.loads(done.stdout)
                size = path.stat().st_size / 1e6
                print(
                    f"| {kind} | {side * side / 1e6:.0f} | {size:.0f} | {task} | {found['seconds']:.1f} "
                    f"| {found['peak']:.0f} | {found['before']:.0f} |",
                    flush=True,
                )
            path.unlink()


if __name__ == "__main__":
    main()
