"""The commands that paint one picture: ``paint``, ``texture`` and ``again``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.sources import sources_from
from impasto.cli.commands.weights import show_downloads
from impasto.cli.interrupts import Interrupts
from impasto.cli.options import ReportOptions, RunOptions, WatchOptions
from impasto.cli.setting_options import Changes
from impasto.settings.making import make_settings, make_texture_settings

if TYPE_CHECKING:
    from impasto.cli.reporting.reporters import Reporter
    from impasto.runs.job import Job


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(help="Paint CONTENT in the manner of STYLE, or of several.")(paint)
    app.command(
        short_help="Paint a texture in the manner of a painting, without a photograph.",
        help="Paint a texture of any shape in the manner of STYLE, or of several, without a photograph; with "
        "--seamless one that tiles. Another --seed gives another texture.",
    )(texture)
    app.command(
        short_help="Paint a picture again, with or without changes.",
        help="Paint a picture again from the settings and sources stored in it, with the changes that the options "
        "name.",
    )(again)


@options.with_groups
@options.with_settings(without=("seamless",))
def paint(
    context: typer.Context,
    content: Annotated[str, typer.Argument(metavar="CONTENT", show_default=False, help="The photograph.")],
    styles: options.Styles = None,
    output: Annotated[
        str | None,
        options.output_option(
            "The picture to write: .png, .jpg, .webp or .tif. By default CONTENT-as-STYLE.png beside CONTENT."
        ),
    ] = None,
    *,
    changes: Changes,
    texture_from: options.TextureFrom = None,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
) -> int:
    """Paint a photograph, and return the exit code."""
    paintings, changes = sources_from(styles or (), texture_from, changes)
    settings = make_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.outputs import default_output

    photo = Path(content)
    outputs = run.outputs(options.to_path(output) or default_output(photo, paintings))
    job = Job(photo, paintings, settings, outputs, checkpoints=run.checkpoints())
    return _paint_or_explain(job, run, watch, report, context.obj)


@options.with_groups
@options.with_settings(without=("strength", "protect"))
def texture(
    context: typer.Context,
    styles: options.Styles = None,
    output: Annotated[
        str | None,
        options.output_option(
            "The picture to write: .png, .jpg, .webp or .tif. By default STYLE-texture.png beside STYLE."
        ),
    ] = None,
    *,
    changes: Changes,
    texture_from: options.TextureFrom = None,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
) -> int:
    """Paint a texture, and return the exit code."""
    paintings, changes = sources_from(styles or (), texture_from, changes)
    settings = make_texture_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.outputs import default_texture_output

    outputs = run.outputs(options.to_path(output) or default_texture_output(paintings))
    job = Job(None, paintings, settings, outputs, checkpoints=run.checkpoints())
    return _paint_or_explain(job, run, watch, report, context.obj)


@options.with_groups
@options.with_settings()
def again(
    context: typer.Context,
    file: options.Painted,
    output: Annotated[
        str | None,
        options.output_option("The picture to write. By default FILE-again beside FILE, or FILE-again-2 and so on."),
    ] = None,
    *,
    sources: options.RepeatOptions,
    changes: Changes,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
) -> int:
    """Paint a picture again from its record, and return the exit code."""
    from impasto.runs.job import Job
    from impasto.runs.repeating import free_name, prepare

    repeat = prepare(file, content=sources.content, styles=sources.styles or (), changes=changes)
    outputs = run.outputs(options.to_path(output) or free_name(Path(file)))
    job = Job(repeat.content, repeat.styles, repeat.settings, outputs, repeat, run.checkpoints())
    return _paint_or_explain(job, run, watch, report, context.obj)


def _paint_or_explain(
    job: Job, run: RunOptions, watch: WatchOptions, report: ReportOptions, interrupts: Interrupts
) -> int:
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.cli.running import paint_job

    reporter = choose_reporter(quiet=report.quiet, as_json=report.as_json, watch=watch.watch and not run.explain)
    with show_downloads(reporter):
        if run.explain:
            explain_job(job, reporter, as_json=report.as_json)
            return 0
        return paint_job(job, reporter, interrupts, options.to_path(watch.live))


def explain_job(job: Job, reporter: Reporter, *, as_json: bool) -> None:
    """Print the plan of a job: octaves, tiles, memory, arithmetic and expected time.

    Args:
        job: inputs and settings.
        reporter: receives the remarks on the plan.
        as_json: print an object instead of a table.

    Raises:
        ImpastoError: painting would be refused. The outputs are not checked, as none is written.
    """
    from impasto.cli.reporting.tables import print_plan
    from impasto.painting.events import Preparing
    from impasto.runs.job import make_painter, note_picture_warnings

    job.check_inputs()
    with note_picture_warnings(reporter.note):
        with reporter:
            painter = make_painter(job, reporter)
            reporter.on_event(Preparing("timing"))
            from impasto.painting.timing import estimate_time  # loads PyTorch

            time = estimate_time(painter)
        print_plan(painter, time, as_json=as_json)
