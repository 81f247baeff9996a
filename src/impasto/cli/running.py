"""Run one job on the command line: with a reporter as its listener, and with signals as its control."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.interrupts import NOTHING_SAVED, Interrupts
from impasto.cli.reporting.reporters import Reporter
from impasto.runs.checkpointing import resume_command
from impasto.runs.job import Job, PainterMaker, run_job
from impasto.runs.listener import Listener, ListenerGroup, Outcome

if TYPE_CHECKING:
    from impasto.painting.painter import Painter


@dataclass(frozen=True)
class _SignalControl:
    """A run's control that stops it upon a signal."""

    interrupts: Interrupts

    def painting(
        self, stop: Callable[[], None], checkpoint: Callable[[], Path | None], painter: Painter | None
    ) -> AbstractContextManager[object]:
        def remains() -> str:
            path = checkpoint()
            return f"{resume_command(path)} goes on from the last checkpoint" if path else NOTHING_SAVED

        return self.interrupts.painting(stop, remains)

    def saving(self) -> None:
        self.interrupts.saving()


def paint_job(job: Job, reporter: Reporter, interrupts: Interrupts, live: Path | None = None) -> int:
    """Paint a job and return the exit code.

    Args:
        job: inputs and outputs.
        reporter: prints the progress.
        interrupts: the signal handlers, which may stop the painting.
        live: picture or page that shows the painting in progress; None for none.

    Returns:
        0 if everything was painted and written, 1 if not, 128 + n if signal n ended the painting.

    Raises:
        ImpastoError: the job was refused; nothing was written.
    """
    listener: Listener = reporter
    if live is not None:
        from impasto.runs.live import LiveFiles, LivePicture

        files = LiveFiles.named(live)
        files.check([*job.inputs, *job.outputs.named.values()], force=job.outputs.force)
        listener = ListenerGroup(LivePicture(files, reporter), reporter)
    return _exit_code(run_job(job, listener, _SignalControl(interrupts), _maker_for(job)), interrupts.received)


def _exit_code(outcome: Outcome, signal_number: int | None) -> int:
    if signal_number is not None and outcome.is_saved:
        return 128 + signal_number
    return 0 if outcome.state == "complete" else 1


def _maker_for(job: Job) -> PainterMaker | None:
    """Return the maker of painters that do without PyTorch if they can; None if the job needs it in any case."""
    if job.settings.optimization.method != "feed-forward":
        return None
    # It is an optional layer above the command line, so it is imported by name.
    maker: PainterMaker = import_module("impasto.fast.painter").make_painter
    return maker
