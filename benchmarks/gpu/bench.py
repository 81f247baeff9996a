"""The run of the benchmark: sizes, time, tables, and helpers of both tables."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.quality.yardstick import VGG19
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.engine.devices import choose_precision
from impasto.errors import ImpastoError
from impasto.settings.fields import Precision
from impasto.settings.making import make_settings
from impasto.settings.model import Settings

WEIGHTS = (1.0, 40.0)
"""Weights of content and style in the compared objectives."""

MEMORY_ERRORS = (torch.OutOfMemoryError, MemoryError)


class Scale(NamedTuple):
    """Sizes of a run of the benchmark.

    Attributes:
        compared: long side of the compared objectives' picture in pixels.
        painted: long side of the compared paintings in pixels.
        sizes: long sides of the timed paintings in pixels.
        iterations: iterations of the last octave of a painting.
        warm: untimed iterations, after which L-BFGS's history is full.
        timed: timed iterations.
        product: side of the square matrices whose product is the peak; on the CPU 2048 at most.
        channels: width of the random encoder, by block.
    """

    compared: int
    painted: int
    sizes: tuple[int, ...]
    iterations: int
    warm: int
    timed: int
    product: int
    channels: tuple[int, ...]


FULL = Scale(256, 192, (512, 2048, 4096), 30, 21, 10, 8192, VGG19)
SMALL = Scale(64, 64, (64, 96), 3, 1, 2, 256, (4, 6, 8, 8, 8))


class Report:
    """Markdown that is printed and written line by line, so that an interrupted run leaves its rows.

    Args:
        path: file to write; None for standard output alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._text = path, ""

    def add(self, *lines: str) -> None:
        """Add lines."""
        for line in lines:
            print(line, flush=True)
            self._text += f"{line}\n"
        if self._path:
            self._path.write_text(self._text, encoding="utf-8")

    def add_row(self, *cells: str) -> None:
        """Add a row of a table."""
        self.add(f"| {' | '.join(cells)} |")

    def add_header(self, *cells: str) -> None:
        """Add the header of a table, after an empty line."""
        self.add("", f"| {' | '.join(cells)} |", "|---" * len(cells) + "|")


@dataclass
class Bench:
    """One run of the benchmark.

    Attributes:
        device: device to measure.
        scale: sizes.
        deadline: value of ``time.monotonic`` at which the run should have ended.
        encoders: files or names of encoders, by the name in the tables.
        report: receives the tables.
        peaks: measured peak in operations a second, by precision.
        failures: number of failed comparisons.
    """

    device: torch.device
    scale: Scale
    deadline: float
    encoders: dict[str, str]
    report: Report
    peaks: dict[Precision, float] = field(default_factory=dict)
    failures: int = 0

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    def settings(
        self, size: int, precision: Precision, device: torch.device, encoder: str, **optimization: int
    ) -> Settings:
        """Make the settings of a painting."""
        changes: dict[str, Any] = {"optimization": {"iterations": self.scale.iterations} | optimization}
        return make_settings(size=size, precision=precision, device=str(device), encoder=encoder, **changes)

    def compare(self, name: str, measure: Callable[[], dict[str, tuple[float, float | None]]]) -> None:
        """Add a row for each difference of a comparison.

        Args:
            name: name of the comparison.
            measure: returns differences and their bounds by measure; None for a difference that may be of any size.
        """
        if self.remaining <= 0:
            self.report.add_row(name, "", "", "", "skipped: no time left")
            return
        try:
            found = measure()
        except (*MEMORY_ERRORS, ImpastoError, RuntimeError) as error:
            self.failures += 1
            self.report.add_row(name, "", "", "", f"**FAILED**: {first_sentence(error)}")
            release(self.device)
            return
        for measured, (difference, bound) in found.items():
            has_passed = bound is None or difference <= bound  # false for NaN
            self.failures += not has_passed
            verdict = "" if bound is None else "passed" if has_passed else "**FAILED**"
            self.report.add_row(name, measured, f"{difference:.2g}", "" if bound is None else f"{bound:g}", verdict)


def first_sentence(error: BaseException) -> str:
    """Return the beginning of an error's message, on one line and without the table's separator."""
    text = " ".join(str(error).split()).replace("|", "/") or type(error).__name__
    return text.split(". ")[0][:200].rstrip(".") + "."


def release(device: torch.device) -> None:
    """Return PyTorch's unused memory to the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def load(name: str, device: torch.device, precision: Precision) -> Encoder:
    """Load an encoder of its own to a device, in a precision."""
    return load_encoder(name).encoder.to(device, choose_precision(precision, device))
