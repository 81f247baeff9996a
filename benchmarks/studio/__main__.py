"""Speed of the studio: the first sketch, the stop, 200 listeners, and the brush.

    python -m benchmarks.studio [--parts sketch stop listeners brush] [--seconds 60] [--listeners 200]

Each part starts a studio of its own with an empty state folder. *sketch* and *brush* use the page in Debian's Chromium,
by Playwright. *listeners* alternates windows without and with listeners during one painting, so that a machine that
slows down affects both, and compares their iterations per second. The listeners run in one other process of the same
machine, whose processor time counts against the studio.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable

from benchmarks.studio.page import measure_brush, measure_sketch
from benchmarks.studio.painting import measure_listeners, measure_stop
from benchmarks.studio.server import Row
from impasto.engine.cores import physical_cores


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("sketch", "stop", "listeners", "brush")
    parser.add_argument("--parts", nargs="+", choices=names, default=list(names))
    parser.add_argument("--rounds", type=int, default=5, help="drops and stops")
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="time with listeners")
    given = parser.parse_args()
    measures: dict[str, Callable[[], list[Row]]] = {
        "sketch": lambda: measure_sketch(given.rounds),
        "stop": lambda: measure_stop(given.rounds),
        "listeners": lambda: measure_listeners(given.listeners, given.seconds),
        "brush": lambda: measure_brush(5),
    }
    where = f"{platform.processor() or platform.machine()}, {physical_cores()} cores"
    print(f"{where}, load before the start {os.getloadavg()[0]:.1f}\n")
    print("| quantity | value | goal | met |\n|---|---|---|---|")
    words = {True: "yes", False: "**no**", None: ""}
    for part in given.parts:
        for row in measures[part]():
            print(f"| {row.quantity} | {row.value} | {row.goal} | {words[row.met]} |", flush=True)


if __name__ == "__main__":
    main()
