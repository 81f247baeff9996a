"""Cost of tiles: time relative to an untiled iteration by tile size, and peak memory by picture size.

    python -m benchmarks.tiles [--encoder builtin] [--size 2048] [--tiles 256 384 512 768 1024] [--rounds 5]
                               [--megapixels 1 2 4 8 16 24] [--tile 512]

Times: tiled and untiled iterations alternate, so that a machine that slows down affects both. The table shows medians,
and the median of the ratios of each round. *Must* is the cost of tiles whose halo has the same width at every depth:
the area of all tiles with their halos relative to the picture's, times 3/2 for the third pass. *Arithmetic* is the cost
of impasto's tiles, whose halo shrinks with depth.

Memory: each picture is painted in its own process. The table shows the peak of resident memory above that before the
objective, and the rest without the picture's own buffers, which are its gradient and content features.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys

import torch

from benchmarks.engine import picture, timed
from benchmarks.memory import peak_resident
from impasto.encoders.loading import load_encoder
from impasto.engine.cores import physical_cores
from impasto.engine.objective import Objective, make_objective
from impasto.engine.tiles import cut
from impasto.painting.cost import cost_of
from impasto.painting.octaves import Octave
from impasto.painting.workload import Workload
from impasto.settings.making import make_settings
from impasto.settings.model import Losses


def default_objective(encoder: str, content: torch.Tensor, style: torch.Tensor, tile: int | None) -> Objective:
    """Make the default objective at the size of the content."""
    return make_objective(load_encoder(encoder).encoder, content, [style], [1.0], Losses(), 1.0, 40.0, tile=tile)


def measure_time(encoder: str, size: int, tile: int, rounds: int) -> tuple[float, float, float]:
    """Measure the median seconds untiled and tiled, and the median ratio of the two."""
    content, style = picture(size, 1), picture(size, 2)
    image = content.clone()
    objectives = [default_objective(encoder, content, style, side) for side in (None, tile)]
    for objective in objectives:
        objective.value_and_gradient(image)
    taken = [
        tuple(timed(lambda o=objective: o.value_and_gradient(image)) for objective in objectives)  # type: ignore[misc]
        for _ in range(rounds)
    ]
    untiled, tiled = (statistics.median(column) for column in zip(*taken, strict=True))
    return untiled, tiled, statistics.median(b / a for a, b in taken)


def arithmetic(encoder: str, size: int, tile: int) -> tuple[float, float]:
    """Compute *must* and *arithmetic* of the module's docstring, relative to an untiled iteration."""
    height, width = size * 3 // 4, size
    workload = Workload(load_encoder(encoder).encoder, make_settings(), [(height, width)] * 2, [(height, width)])
    tiles = cut(height, width, tile, workload.layers, workload.encoder.architecture)
    area = sum(t.pixels.area for t in tiles) / (height * width)
    whole, tiled = (cost_of(Octave(height, width, 1, side), workload).arithmetic for side in (None, tile))
    return (1.5 if len(tiles) > 1 else 1.0) * area, tiled / whole


def print_memory_of(encoder: str, megapixels: float, tile: int) -> None:
    """Print the bytes that an objective and two iterations add to this process, and the picture's own part of them."""
    warm = picture(64, 1)
    default_objective(encoder, warm, warm, None).value_and_gradient(warm)  # allocates the buffers of the libraries
    height, width = round((megapixels * 1e6 * 3 / 4) ** 0.5), round((megapixels * 1e6 * 4 / 3) ** 0.5)
    generator = torch.Generator().manual_seed(0)
    content, image = (torch.rand(1, 3, height, width, generator=generator) for _ in range(2))
    style = picture(1024, 2)
    before = peak_resident()
    objective = default_objective(encoder, content, style, tile)
    for _ in range(2):
        objective.value_and_gradient(image)
    own = 4 * (image.numel() + sum(target.numel() for target in objective.content.features.values()))
    print(peak_resident() - before, own)


def measure_memory(encoder: str, megapixels: float, tile: int) -> tuple[int, int]:
    """Run :func:`print_memory_of` in a new process, and return its numbers."""
    command = [sys.executable, "-m", "benchmarks.tiles", "--encoder", encoder, "--memory-of", str(megapixels)]
    answer = subprocess.run([*command, "--tile", str(tile)], check=True, capture_output=True, text=True)
    peak, own = map(int, answer.stdout.split())
    return peak, own


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--size", type=int, default=2048, help="long side of the picture whose time is measured")
    parser.add_argument("--tiles", type=int, nargs="*", default=[256, 384, 512, 768, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[1, 2, 4, 8, 16, 24])
    parser.add_argument("--tile", type=int, default=512, help="tile side of the pictures whose memory is measured")
    parser.add_argument("--memory-of", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(physical_cores())
    if given.memory_of:
        print_memory_of(given.encoder, given.memory_of, given.tile)
        return
    print(f"{platform.processor() or platform.machine()}, {physical_cores()} threads, torch {torch.__version__}\n")
    if given.tiles:
        print(f"{given.size}×{given.size * 3 // 4} px\n")
        print("| tile | untiled, s | tiled, s | time ÷ untiled | arithmetic ÷ untiled | must | time ÷ must |")
        print("|---|---|---|---|---|---|---|")
    for tile in given.tiles:
        untiled, tiled, ratio = measure_time(given.encoder, given.size, tile, given.rounds)
        must, counted = arithmetic(given.encoder, given.size, tile)
        print(
            f"| {tile} | {untiled:.2f} | {tiled:.2f} | {ratio:.2f} | {counted:.2f} | {must:.2f} | {ratio / must:.2f} |"
        )
    if given.megapixels:
        print(f"\ntiles of {given.tile} px\n")
        print("| megapixels | peak, MB | of it the picture's own, MB | the rest, MB |\n|---|---|---|---|")
    for megapixels in given.megapixels:
        peak, own = measure_memory(given.encoder, megapixels, given.tile)
        print(f"| {megapixels:g} | {peak / 1e6:.0f} | {own / 1e6:.0f} | {(peak - own) / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
