"""Draw the four sample paintings as JPEG files: ``python -m drawings OUT``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from drawings import draw_style
from impasto.samples import STYLE_NAMES

QUALITY = 88
"""JPEG quality at which all four files together stay under 2 MB."""


def main(arguments: list[str] | None = None) -> None:
    """Draw the paintings into a folder, as ``NAME.jpg``; existing files are replaced."""
    parser = argparse.ArgumentParser(prog="python -m drawings", description="Draw the four sample paintings.")
    parser.add_argument("out", type=Path, help="folder for the JPEG files")
    parser.add_argument("--long-side", type=int, default=1024, help="in pixels; 1024 if not given")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in STYLE_NAMES:
        path = options.out / f"{name}.jpg"
        write_jpeg(path, draw_style(name, options.long_side))
        print(path)


def write_jpeg(path: Path, pixels: npt.NDArray[np.float32]) -> None:
    """Write a drawing as a JPEG file with artefacts too faint to be painted.

    Colour keeps its full resolution, because the dots and stones differ in hue from pixel to pixel. Of the tables for
    quantisation that mozjpeg offers, number 3 (of ImageMagick) gave the least error for these drawings and this size.

    Args:
        path: file to write; an existing one is replaced.
        pixels: H×W×3 in [0, 1].
    """
    image = pyvips.Image.new_from_array(np.rint(255 * pixels).astype(np.uint8), interpretation="srgb")
    image.jpegsave(
        str(path),
        Q=QUALITY,
        subsample_mode="off",
        quant_table=3,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_coding=True,
        optimize_scans=True,
        interlace=True,
        keep="none",
    )


if __name__ == "__main__":
    main()
