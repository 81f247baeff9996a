"""Time and memory of writing and reading large files: ``python -m benchmarks.large_files --megapixels 1000``.

Each file is written from an array (12 bytes per pixel) and read to a long side of 2048 px, each in its own process. The
table shows the peak of resident memory in that process. The picture compresses about as well as a photograph: soft
waves with grain.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_resident

LONG_SIDE = 2048
KINDS = ("tif", "png", "jpg")


def waves(side: int) -> np.ndarray:
    """Draw a square picture, side × side × 3, float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    grain = (0.02 * rng.standard_normal((64, side, 3))).astype(np.float32)
    across = np.sin(np.arange(side, dtype=np.float32)[:, None] / np.array([90, 130, 170], np.float32))
    picture = np.empty((side, side, 3), np.float32)
    for top in range(0, side, 64):
        rows = np.arange(top, min(side, top + 64), dtype=np.float32)[:, None, None]
        strip = np.roll(grain, 7 * top, axis=1)[: len(rows)] + 0.5 + 0.2 * (across + np.cos(rows / 110))
        picture[top : top + 64] = strip
    return picture


def measure(task: str, path: Path, side: int) -> dict[str, float]:
    """Write or read a file in this process; return seconds, and peak resident memory in MB before and after."""
    from impasto.pictures import read_picture, write_picture
    from impasto.pictures.codecs.backends import vips

    vips()
    picture = waves(side) if task == "write" else None
    before = peak_resident() / 1e6
    begun = time.perf_counter()
    if picture is not None:
        write_picture(path, picture)
    else:
        size = read_picture(path, fit=LONG_SIDE).size
        assert size == (LONG_SIDE, LONG_SIDE), "the picture is too small to be shrunk during reading"
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "before": before, "peak": peak_resident() / 1e6}


def main() -> None:
    """Measure every kind of file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--folder", type=Path, help="folder of the files; a temporary one by default")
    parser.add_argument("--task", nargs=2, metavar=("TASK", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    side = round((arguments.megapixels * 1e6) ** 0.5)
    if arguments.task:
        print(json.dumps(measure(arguments.task[0], Path(arguments.task[1]), side)))
        return
    print("| file | megapixels | MB | task | s | peak MB | before MB |\n|---|---|---|---|---|---|---|")
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
