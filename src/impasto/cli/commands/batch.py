"""``impasto batch``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.batches.batch import Batch
from impasto.batches.checking import check_works, make_folders
from impasto.batches.collecting import collect
from impasto.batches.naming import DEFAULT_TEMPLATE
from impasto.batches.processes import ProcessExecutor
from impasto.batches.works import Work, plan_works
from impasto.cli.commands.weights import fetching_shown
from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.batch_reporters import BatchReporter
from impasto.cli.reporting.choosing import choose_batch_reporter, choose_reporter
from impasto.encoders.published.catalogue import KNOWN
from impasto.settings.model import Settings


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        photos: files, folders and patterns.
        styles: likewise.
        folder: for the pictures.
        settings: of all paintings.
        template: of the pictures' names; None for the default.
        zipped: pair one by one.
        blend: all styles together.
        jobs: at a time.
        force: replace what was made otherwise.
    """

    photos: Sequence[str]
    styles: Sequence[str]
    folder: Path
    settings: Settings
    template: str | None = None
    zipped: bool = False
    blend: bool = False
    jobs: int = 1
    force: bool = False


def run_batch(request: Request, interrupts: Interrupts, *, dry_run: bool, quiet: bool, as_json: bool) -> int:
    """Paint every pair.

    Args:
        request: what is asked for.
        interrupts: the signals' handlers, which end the paintings.
        dry_run: only list what would be painted.
        quiet: say nothing but errors.
        as_json: one line of JSON an event.

    Returns:
        The exit code: 0 all are there, 1 some failed, 128 + n ended by signal n.

    Raises:
        ImpastoError: refused; nothing was painted.
    """
    photos, styles = collect(request.photos), collect(request.styles)
    works = plan_works(
        photos.paths,
        styles.paths,
        request.settings,
        request.folder,
        template=DEFAULT_TEMPLATE if request.template is None else request.template,
        zipped=request.zipped,
        blend=request.blend,
    )
    works = check_works(works, force=request.force)
    reporter = choose_batch_reporter(works, quiet=quiet, as_json=as_json)
    for remark in (*photos.remarks, *styles.remarks):
        reporter.note(remark)
    if dry_run:
        reporter.plan()
        return 0
    make_folders(works)
    return paint_works(works, request.jobs, reporter, interrupts, fetch_quietly=quiet or as_json)


def paint_works(
    works: Sequence[Work], jobs: int, reporter: BatchReporter, interrupts: Interrupts, *, fetch_quietly: bool = False
) -> int:
    """Paint works, and tell a reporter.

    Args:
        works: as :func:`impasto.batches.checking.check_works` returned them.
        jobs: at a time.
        reporter: which is told.
        interrupts: the signals' handlers.
        fetch_quietly: show no download.

    Returns:
        The exit code, as :func:`run_batch`.

    Raises:
        ImpastoError: refused before anything was painted.
    """
    _fetch_weights(works, quiet=fetch_quietly)
    batch = Batch(works, ProcessExecutor(jobs))

    def stop() -> None:
        batch.stop()
        reporter.stopping()

    failed = 0
    with interrupts.painting(stop, lambda: reporter.left):
        with reporter:
            reporter.begin(batch.jobs)
            for event in batch:
                reporter.tell(event)
        failed = reporter.failed
        interrupts.saving()
        reporter.finish()
    if interrupts.received is not None:
        return 128 + interrupts.received
    return 1 if failed else 0


def _fetch_weights(works: Sequence[Work], *, quiet: bool) -> None:
    """Bring published weights into the cache once, before several processes ask for them."""
    wanted = [name for name in dict.fromkeys(w.settings.encoder for w in works if not w.done) if name in KNOWN]
    if wanted:
        from impasto.encoders.published.fetching import fetch

        with fetching_shown(choose_reporter(quiet=quiet, as_json=False)):
            for name in wanted:
                fetch(KNOWN[name])
