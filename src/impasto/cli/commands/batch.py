"""``impasto batch``, and the painting of many pictures for ``impasto vary``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.weights import show_downloads
from impasto.cli.interrupts import Interrupts
from impasto.cli.setting_options import Changes
from impasto.settings.making import make_settings

if TYPE_CHECKING:
    from impasto.batches.batch import Batch
    from impasto.batches.executor import Paintable
    from impasto.batches.works import Work
    from impasto.cli.reporting.batch_reporters import BatchReporter


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint many photographs, in many styles.",
        help="Paint each of PHOTOS (files, folders, patterns) in each style, or with --zip the first in the first and "
        "so on. Finished pictures are skipped, so that the same command continues after an interruption. A failure "
        "does not stop the other paintings. For many machines, `impasto batch plan` writes the paintings to a file, and"
        " `impasto batch run` paints parts of it; a folder named plan, run or status is written as ./plan.",
    )(batch)


@options.with_groups
@options.with_settings(without=("seamless", "grow_from"))
def batch(
    context: typer.Context,
    photos: options.Photos,
    styles: options.StylesOfBatch,
    out: options.OutputFolder,
    *,
    pairing: options.PairingOptions,
    jobs: options.Jobs = 1,
    changes: Changes,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the paintings, without painting them.")] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace files that were made otherwise; finished pictures stay.")
    ] = False,
    report: options.ReportOptions,
) -> int:
    """Paint many photographs, and return the exit code of :func:`paint_works`."""
    settings = make_settings(**changes)
    from impasto.batches.checking import check_works, make_folders
    from impasto.batches.collecting import collect, collect_styles
    from impasto.batches.works import plan_works
    from impasto.cli.reporting.choosing import choose_batch_reporter

    found_photos, found_styles = collect(photos), collect_styles(styles)
    works = plan_works(found_photos.paths, found_styles.paths, settings, Path(out), **pairing.keywords)
    works = check_works(works, force=force)
    reporter = choose_batch_reporter(works, quiet=report.quiet, as_json=report.as_json)
    for remark in (*found_photos.remarks, *found_styles.remarks):
        reporter.note(remark)
    if dry_run:
        reporter.plan()
        return 0
    make_folders(works)
    return paint_works(works, jobs, reporter, context.obj, fetch_quietly=report.quiet or report.as_json)


def paint_works(
    works: Sequence[Work], jobs: int, reporter: BatchReporter, interrupts: Interrupts, *, fetch_quietly: bool = False
) -> int:
    """Paint works, and report the progress.

    Args:
        works: as :func:`impasto.batches.checking.check_works` returned them.
        jobs: number of paintings at a time.
        reporter: prints the progress.
        interrupts: the signal handlers, which may stop the paintings.
        fetch_quietly: show no download of weights.

    Returns:
        The exit code: 0 everything is painted, 1 some paintings failed, 128 + n signal n stopped them.

    Raises:
        ImpastoError: the works were refused; nothing was painted.
    """
    from impasto.batches.batch import Batch
    from impasto.batches.processes import ProcessExecutor

    fetch_weights(works, quiet=fetch_quietly)
    return paint_batch(Batch(works, ProcessExecutor(jobs)), reporter, interrupts)


def paint_batch(paintings: Batch, reporter: BatchReporter, interrupts: Interrupts) -> int:
    """Paint a batch, and report the progress; exit code and errors as for :func:`paint_works`.

    Args:
        paintings: the batch, whose workers have the weights.
        reporter: prints the progress.
        interrupts: the signal handlers, which may stop the paintings.
    """

    def stop() -> None:
        paintings.stop()
        reporter.on_stop()

    with interrupts.painting(stop, lambda: reporter.remains):
        with reporter:
            reporter.begin(paintings.jobs)
            for event in paintings:
                reporter.on_event(event)
        interrupts.saving()
        reporter.finish()
    if interrupts.received is not None:
        return 128 + interrupts.received
    return 1 if reporter.failed else 0


def fetch_weights(works: Sequence[Paintable], *, quiet: bool) -> None:
    """Fetch published weights into the cache once, before several processes need them.

    Args:
        works: paintings, of which the unfinished ones need weights.
        quiet: show no download.
    """
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.encoders.published.catalogue import KNOWN

    wanted = [name for name in dict.fromkeys(w.settings.encoder for w in works if not w.done) if name in KNOWN]
    if wanted:
        from impasto.encoders.published.fetching import fetch

        with show_downloads(choose_reporter(quiet=quiet, as_json=False)):
            for name in wanted:
                fetch(KNOWN[name])
