"""Choose the reporter of a run or of a batch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.reporting.reporters import JsonReporter, LineReporter, Reporter

if TYPE_CHECKING:  # a single painting starts sooner without the batches
    from impasto.batches.executor import Paintable
    from impasto.cli.reporting.batch_reporters import BatchReporter


def choose_batch_reporter(
    works: Sequence[Paintable],
    names: Sequence[str] | None = None,
    temporary: Path | None = None,
    *,
    quiet: bool,
    as_json: bool,
) -> BatchReporter:
    """Return the reporter of a batch that fits the options and the terminal; see :class:`BatchReporter`."""
    from impasto.cli.reporting.batch_reporters import BatchJsonReporter, BatchLineReporter, BatchReporter

    if as_json:
        return BatchJsonReporter(works, names, temporary)
    if quiet:
        return BatchReporter(works, names, temporary)
    if sys.stderr.isatty():
        from impasto.cli.reporting.terminal import can_redraw

        if can_redraw():
            from impasto.cli.reporting.batch_terminal import BatchTerminalReporter

            return BatchTerminalReporter(works, names, temporary)
    return BatchLineReporter(works, names, temporary)


def choose_reporter(*, quiet: bool, as_json: bool, watch: bool = False) -> Reporter:
    """Return the reporter of a run that fits the options and the terminal.

    Args:
        quiet: print only errors.
        as_json: print events as JSON.
        watch: show the picture in the terminal while it is painted.

    Raises:
        SettingsError: ``watch`` with one of the others, or without the library that it needs.
    """
    if watch:
        from impasto.cli.reporting.watching import choose_watching_reporter

        return choose_watching_reporter(quiet=quiet, as_json=as_json)
    if as_json:
        return JsonReporter()
    if quiet:
        return Reporter()
    if sys.stderr.isatty():
        from impasto.cli.reporting.terminal import TerminalReporter, can_redraw

        if can_redraw():
            return TerminalReporter()
    return LineReporter()
