"""``impasto vary``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from impasto.batches.checking import check_works, make_folders
from impasto.batches.variants import grid_of, plan_variants
from impasto.batches.works import Work
from impasto.cli.commands.batch import paint_works
from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.choosing import choose_batch_reporter
from impasto.cli.reporting.streams import say_error
from impasto.errors import PictureError, SettingsError
from impasto.files import shown
from impasto.painting.record import GRID
from impasto.pictures import check_output, write_picture
from impasto.version import __version__


@dataclass(frozen=True)
class VaryRequest:
    """What the command line asks for.

    Attributes:
        file: the painted picture.
        assignments: settings with their values.
        changes: settings for all variants.
        content: a photograph in place of the stored one.
        styles: paintings in place of the stored ones.
        output: the grid; None for the name beside the file.
        keep: folder for the single pictures; None where they are not kept.
        jobs: at a time.
        force: replace files.
        between: steps of a series from the first of two styles to the second; None for no series.
    """

    file: Path
    assignments: Sequence[str]
    changes: Mapping[str, Any]
    content: Path | None = None
    styles: Sequence[Path] = ()
    output: Path | None = None
    keep: Path | None = None
    jobs: int = 1
    force: bool = False
    between: int | None = None


def run_vary(request: VaryRequest, interrupts: Interrupts, *, quiet: bool, as_json: bool) -> int:
    """Paint the variants and the grid of them.

    Args:
        request: what is asked for.
        interrupts: the signals' handlers, which end the paintings.
        quiet: say nothing but errors.
        as_json: one line of JSON an event.

    Returns:
        The exit code: 0 all is there; 1 some failed, or the grid cannot be written; 128 + n ended by signal n, without
        the grid.

    Raises:
        ImpastoError: refused; nothing was painted.
    """
    output = request.output or request.file.with_name(f"{request.file.stem}-vary.png")
    with ExitStack() as stack:
        folder = request.keep or _passing_folder(stack)
        variants = plan_variants(
            request.file,
            request.assignments,
            folder,
            changes=request.changes,
            content=request.content,
            styles=request.styles,
            between=request.between,
        )
        works = check_works([variant.work for variant in variants.variants], force=request.force)
        _check_grid(output, works, request)
        make_folders(works)
        reporter = choose_batch_reporter(
            works,
            [variant.label for variant in variants.variants],
            None if request.keep else folder,
            quiet=quiet,
            as_json=as_json,
        )
        code = paint_works(works, request.jobs, reporter, interrupts, fetch_quietly=quiet or as_json)
        failed = [number for number, end in reporter.ends.items() if end.state == "failed"]
        if interrupts.received is not None or len(failed) == len(works):
            return code
        with interrupts.painting(lambda: None):
            interrupts.saving()  # seconds, where to stop would lose what took minutes
            try:
                # The record tells a batch over this folder that this is no photograph.
                record = json.dumps({"impasto": __version__, GRID: True})
                write_picture(output, grid_of(variants, failed), record=record)
            except PictureError as error:
                stack.pop_all()  # the folder stays
                say_error(f"{error} Nothing is lost: the variants are in {shown(folder)}.")
                return 1
            reporter.written("grid", output.absolute())
    return code


def _passing_folder(stack: ExitStack) -> Path:
    """A folder that is removed in the end."""
    folder = Path(mkdtemp(prefix="impasto-vary-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _check_grid(output: Path, works: Sequence[Work], request: VaryRequest) -> None:
    inputs = [request.file, *(path for work in works for path in work.inputs)]
    check_output(output, force=request.force, inputs=inputs)
    if request.keep and any(output.resolve() == work.output.resolve() for work in works):
        raise SettingsError("The grid would have the name of one of the variants: give it another with --output.")
