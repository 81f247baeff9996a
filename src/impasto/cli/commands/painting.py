"""The commands that paint one picture: ``paint``, ``texture`` and ``again``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.sources import photo_from, sources_from
from impasto.cli.commands.weights import show_downloads
from impasto.cli.interrupts import Interrupts
from impasto.cli.options import ReportOptions, RunOptions, WatchOptions
from impasto.cli.pipes import PIPE, send, spool_input
from impasto.cli.setting_options import Changes
from impasto.errors import ImpastoError, SettingsError
from impasto.settings.making import make_settings, make_sketch, make_texture_settings, preview_changes
from impasto.settings.merging import deep_merge

if TYPE_CHECKING:
    from impasto.cli.reporting.reporters import Reporter
    from impasto.painting.painter import Painter
    from impasto.painting.timing import TimeEstimate
    from impasto.runs.job import Job
    from impasto.runs.outputs import Outputs
    from impasto.runs.repeating import Repeat
    from impasto.settings.fields import Preset
    from impasto.settings.model import Settings


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
    content: Annotated[
        str, typer.Argument(metavar="CONTENT", show_default=False, help="The photograph, or - for stdin.")
    ],
    styles: options.Styles = None,
    output: Annotated[
        str | None,
        options.output_option(
            "The picture to write: .png, .jpg, .webp or .tif; - for stdout. By default CONTENT-as-STYLE.png beside "
            "CONTENT."
        ),
    ] = None,
    *,
    more_styles: options.StyleOption = None,
    changes: Changes,
    texture_from: options.TextureFrom = None,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
) -> int:
    """Paint a photograph, and return the exit code."""
    is_piped = content == PIPE
    name = Path("standard-input") if is_piped else photo_from(content, styles or ())
    paintings, changes = sources_from((*(styles or ()), *(more_styles or ())), texture_from, changes)
    settings = make_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.outputs import default_output

    with ExitStack() as stack:
        outputs = run.outputs(output, default_output(name, paintings), stack)
        checkpoints = run.checkpoints(is_piped=is_piped or outputs.is_temporary)
        photo = spool_input(stack) if is_piped else name
        job = Job(photo, paintings, settings, outputs, checkpoints=checkpoints, has_temporary_content=is_piped)
        preview = None
        if run.preview:
            preview = _make_preview(lambda changes: replace(job, settings=make_settings(**changes)), changes, settings)
        return _paint_or_explain(job, preview, run, watch, report, stack, context.obj)


@options.with_groups
@options.with_settings(without=("strength", "protect"))
def texture(
    context: typer.Context,
    styles: options.Styles = None,
    output: Annotated[
        str | None,
        options.output_option(
            "The picture to write: .png, .jpg, .webp or .tif; - for stdout. By default STYLE-texture.png beside STYLE."
        ),
    ] = None,
    *,
    more_styles: options.StyleOption = None,
    changes: Changes,
    texture_from: options.TextureFrom = None,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
) -> int:
    """Paint a texture, and return the exit code."""
    paintings, changes = sources_from((*(styles or ()), *(more_styles or ())), texture_from, changes)
    settings = make_texture_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.outputs import default_texture_output

    with ExitStack() as stack:
        outputs = run.outputs(output, default_texture_output(paintings), stack)
        checkpoints = run.checkpoints(is_piped=outputs.is_temporary)
        job = Job(None, paintings, settings, outputs, checkpoints=checkpoints)
        preview = None
        if run.preview:
            preview = _make_preview(
                lambda changes: replace(job, settings=make_texture_settings(**changes)),
                changes,
                settings,
                has_photo=False,
            )
        return _paint_or_explain(job, preview, run, watch, report, stack, context.obj)


@options.with_groups
@options.with_settings()
def again(
    context: typer.Context,
    file: options.Painted,
    output: Annotated[
        str | None,
        options.output_option(
            "The picture to write; - for stdout. By default FILE-again beside FILE, or FILE-again-2 and so on."
        ),
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

    def repeat_with(changes: Changes) -> Repeat:
        return prepare(file, content=sources.content, styles=sources.styles or (), changes=changes)

    def job_of(repeat: Repeat, outputs: Outputs) -> Job:
        checkpoints = run.checkpoints(is_piped=outputs.is_temporary)
        return Job(repeat.content, repeat.styles, repeat.settings, outputs, repeat, checkpoints)

    repeat = repeat_with(changes)
    with ExitStack() as stack:
        outputs = run.outputs(output, free_name(Path(file), run.suffix), stack)
        preview = None
        if run.preview:
            preview = _make_preview(
                lambda changes: job_of(repeat_with(changes), outputs),
                changes,
                repeat.settings,
                has_photo=repeat.content is not None,
            )
        job = job_of(repeat, outputs)
        return _paint_or_explain(job, preview, run, watch, report, stack, context.obj)


def _make_preview(
    make: Callable[[Changes], Job], changes: Changes, settings: Settings, *, has_photo: bool = True
) -> Job:
    """Make the job of a preview.

    Args:
        make: makes a job with changed settings.
        changes: changes of the full painting's settings.
        settings: settings of the full painting.
        has_photo: whether it has a photograph.
    """

    def make_with(preset: Preset) -> Job:
        job = make(deep_merge(changes, preview_changes(settings, preset, has_photo=has_photo)))
        job.settings.check_photo(has_photo)
        return job

    return make_sketch(make_with)


def _paint_or_explain(
    job: Job,
    preview: Job | None,
    run: RunOptions,
    watch: WatchOptions,
    report: ReportOptions,
    stack: ExitStack,
    interrupts: Interrupts,
) -> int:
    """Paint a job or its preview, or print its plan, and return the exit code.

    Args:
        job: the full painting.
        preview: the same with the settings of a preview, if one is wanted.
        run: options of the run.
        watch: options to watch it.
        report: options for the output.
        stack: removes the temporary files.
        interrupts: the signal handlers.
    """
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.cli.running import paint_job

    if preview is not None and (run.explain or run.sheet or run.stages or run.history or run.checkpoint):
        raise SettingsError(
            "--preview writes only the preview: leave out --explain, --sheet, --stages, --history and --checkpoint."
        )
    if job.outputs.is_temporary and report.as_json:
        raise SettingsError("--json and -o - would both write to standard output: leave one of them out.")
    reporter = choose_reporter(quiet=report.quiet, as_json=report.as_json, watch=watch.watch and not run.explain)
    with show_downloads(reporter):
        if run.explain:
            explain_job(job, reporter, as_json=report.as_json)
            return 0
        painted = job if preview is None else _with_preview_output(preview)
        code = paint_job(painted, reporter, interrupts, options.to_path(watch.live))
        if painted.outputs.is_temporary and painted.outputs.picture.exists():
            code = code if send(painted.outputs.picture, stack) else 1
        if preview is not None and not code and not report.quiet:
            note_full_painting(job, reporter)
        return code


def _with_preview_output(preview: Job) -> Job:
    """Return a preview with its own output, which may replace an earlier preview."""
    from impasto.pictures.metadata.records import is_ours
    from impasto.runs.checkpointing import NO_CHECKPOINTS

    outputs = preview.outputs
    if not outputs.is_temporary:
        path = outputs.picture.with_stem(f"{outputs.picture.stem}-preview")
        outputs = replace(outputs, picture=path, force=outputs.force or is_ours(path))
    return replace(preview, outputs=outputs, checkpoints=NO_CHECKPOINTS)


def note_full_painting(job: Job, reporter: Reporter) -> None:
    """Note the size of the full painting, and the time that it would take.

    Args:
        job: the full painting.
        reporter: receives the note.
    """
    from impasto.cli.reporting.formatting import estimate_line

    try:
        painter, time = _estimate(job, reporter)
    except ImpastoError as error:
        reporter.note(f"The full painting would be refused: {error}")
        return
    height, width = painter.octaves[-1][:2]
    reporter.note(
        f"The full painting of {width}×{height} px, preset {job.settings.preset}, would take {estimate_line(time)}."
    )


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

    job.check_inputs()
    painter, time = _estimate(job, reporter)
    print_plan(painter, time, as_json=as_json)


def _estimate(job: Job, reporter: Reporter) -> tuple[Painter, TimeEstimate]:
    """Return the painter of a job, and the time that it would take; the reporter shows both steps."""
    from impasto.painting.events import Preparing
    from impasto.runs.job import make_painter, note_picture_warnings

    with note_picture_warnings(reporter.note), reporter:
        painter = make_painter(job, reporter)
        reporter.on_event(Preparing("timing"))
        from impasto.painting.timing import estimate_time  # loads PyTorch

        return painter, estimate_time(painter)
