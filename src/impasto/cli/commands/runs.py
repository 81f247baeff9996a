"""``impasto resume`` and ``impasto runs``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.weights import show_downloads


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        short_help="Finish an interrupted painting.",
        help="Finish an interrupted painting from its last checkpoint; the picture is the same as without the "
        "interruption. All outputs of the interrupted command are written (-o, --sheet, --stages, --history).",
    )(resume)
    app.command(help="List the interrupted runs, newest first.")(runs)


@options.with_groups
def resume(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="The checkpoint, or its name in `impasto runs`; by default the newest one.",
        ),
    ] = None,
    output: Annotated[str | None, options.output_option("Write the picture to another place.")] = None,
    force: options.Force = False,
    *,
    watch: options.WatchOptions,
    report: options.ReportOptions,
) -> int:
    """Finish an interrupted run, and return the exit code."""
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.cli.running import paint_job
    from impasto.runs.resuming import open_run, resuming_job

    reporter = choose_reporter(quiet=report.quiet, as_json=report.as_json, watch=watch.watch)
    with show_downloads(reporter), ExitStack() as stack:
        run = open_run(file, reporter.note, stack)
        job = resuming_job(run, output, force=force)
        return paint_job(job, reporter, context.obj, options.to_path(watch.live))


def runs(
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="Remove a run's checkpoints instead. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the interrupted runs, or remove some."""
    from impasto.cli.stored_runs import print_runs, remove_runs

    if remove:
        remove_runs(remove)
    else:
        print_runs(as_json=as_json)
