"""Choose the reporter of a run or of a batch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from impasto.batches.works import Work
from impasto.cli.reporting.batch_reporters import BatchJsonReporter, BatchLineReporter, BatchReporter
from impasto.cli.reporting.reporters import JsonReporter, LineReporter
from impasto.runs.listener import Reporter


def choose_batch_reporter(
    works: Sequence[Work],
    names: Sequence[str] | None = None,
    passing: Path | None = None,
    *,
    quiet: bool,
    as_json: bool,
) -> BatchReporter:
    """The reporter that fits the options and the terminal."""
    if as_json:
        return BatchJsonReporter(works, names, passing)
    if quiet:
        return BatchReporter(works, names, passing)
    if sys.stderr.isatty():
        from impasto.cli.reporting.terminal import can_redraw

        if can_redraw():
            from impasto.cli.reporting.batch_terminal import BatchTerminalReporter

            return BatchTerminalReporter(works, names, passing)
    return BatchLineReporter(works, names, passing)


def choose_reporter(*, quiet: bool, as_json: bool) -> Reporter:
    """The reporter that fits the options and the terminal."""
    if as_json:
        return JsonReporter()
    if quiet:
        return Reporter()
    if sys.stderr.isatty():
        from impasto.cli.reporting.terminal import TerminalReporter, can_redraw

        if can_redraw():
            return TerminalReporter()
    return LineReporter()
