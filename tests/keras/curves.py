"""Make the pictures of docs/parity.md: ``.venv-keras/bin/python -m tests.keras.curves docs/pictures``, in the root.

A cat is painted by ``impasto paint --preset tutorial`` and by TensorFlow's tutorial, 1000 iterations each.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from impasto.pictures import read_picture
from impasto.samples import style_path
from impasto.samples.photos import load_photo
from tests.keras.samples import write_vgg19
from tests.keras.tutorials import Tutorial, load_vgg19

SIZE = 128
ITERATIONS = 1000


def main() -> None:
    """Write ``parity-loss.svg`` and ``parity-stages.png`` into the given folder."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = write_vgg19(folder / "vgg19_seeded_notop.h5")
        content, style = shrunk(load_photo("chelsea")), shrunk(read_picture(style_path("swirls")).pixels)
        Image.fromarray(content).save(folder / "content.png")
        Image.fromarray(style).save(folder / "style.png")
        begun = time.monotonic()
        ours = painted(folder, encoder)
        between = time.monotonic()
        theirs = np.array(Tutorial(load_vgg19(encoder), content, style).run(ITERATIONS).losses)
        print(f"impasto {between - begun:.0f} s, TensorFlow {time.monotonic() - between:.0f} s")
        (target / "parity-stages.png").write_bytes((folder / "stages.png").read_bytes())
    difference = np.abs(ours / theirs - 1)
    for step in (1, 10, 50, 100, 200, 500, 1000):
        print(f"| {step} | {theirs[step - 1]:.6g} | {ours[step - 1]:.6g} | {difference[step - 1]:.1e} |")
    print(
        f"largest {difference.max():.1e} at step {difference.argmax() + 1}, lowest {theirs.min():.6g} {ours.min():.6g}"
    )
    plot(ours, theirs, difference, target / "parity-loss.svg")


def shrunk(pixels: np.ndarray) -> np.ndarray:
    """Convert a picture in [0, 1] to 8 bits with the long side :data:`SIZE`, like the tutorial of 2018."""
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    scale = SIZE / max(image.size)
    size = round(image.width * scale), round(image.height * scale)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def painted(folder: Path, encoder: Path) -> np.ndarray:
    """Run the command, and return the total loss before each step."""
    command = ["paint", "content.png", "style.png", "-o", "out.png", "--preset", "tutorial", "--encoder", encoder,
               "--size", SIZE, "--iterations", ITERATIONS, "--stages", "stages.png", "--history", "history.csv",
               "--device", "cpu", "--quiet"]  # fmt: skip
    subprocess.run([sys.executable, "-m", "impasto", *map(str, command)], cwd=folder, check=True)
    with (folder / "history.csv").open(newline="") as file:
        return np.array([float(row["total"]) for row in csv.DictReader(file)])


def plot(ours: np.ndarray, theirs: np.ndarray, difference: np.ndarray, path: Path) -> None:
    """Plot both curves, and below them their difference."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=(2, 1))
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    steps = range(1, len(ours) + 1)
    upper.plot(steps, theirs, color="#56b4e9", linewidth=5, label="TensorFlow")
    upper.plot(steps, ours, color="#222222", linewidth=1.3, label="impasto paint --preset tutorial")
    upper.set_ylabel("total loss")
    upper.legend(frameon=False)
    lower.plot(steps, np.maximum(difference, 1e-9), color="#d55e00", linewidth=1)
    lower.set_ylabel("relative difference")
    lower.set_xlabel("iteration")
    for axes in (upper, lower):
        _plain(axes)
    figure.savefig(path, metadata={"Date": None})


def _plain(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)


if __name__ == "__main__":
    main()
