"""The commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from impasto.cli import options
from impasto.cli.commands.sources import sources_from
from impasto.cli.commands.weights import app as weights_app, fetching_shown
from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.streams import lost_output, say, say_error
from impasto.demo import STYLE_NAMES
from impasto.errors import ImpastoError
from impasto.settings.making import make_settings, make_texture_settings
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.runs.job import Job

# Whatever is wrong with the words of a command: typer's own class for it has no public name in all its versions.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="impasto",
    help="Paint a photograph in the manner of a painting. Try `impasto demo` first.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(weights_app, name="weights")

Styles = Annotated[
    list[str] | None, typer.Argument(metavar="STYLE", show_default=False, help="The painting, or several.")
]
Painted = Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="A picture that impasto painted.")]


def run(arguments: Sequence[str], interrupts: Interrupts) -> int:
    """Run the command that the arguments name.

    Args:
        arguments: without the program's name; none at all stand for ``--help``.
        interrupts: the signals' handlers.

    Returns:
        The exit code.
    """
    command = typer.main.get_command(app)
    empty = next((i for i, text in enumerate(arguments) if not text or re.fullmatch(r"--[\w-]+=", text)), None)
    if empty is not None:
        say_error(_empty_sentence(arguments, empty))
        return 2
    try:
        code = command.main(list(arguments) or ["--help"], "impasto", standalone_mode=False, obj=interrupts)
    except ImpastoError as error:
        say_error(str(error))
        return 2
    except OSError as error:  # a path that may not even be looked at, or is none, wherever that is tried
        from impasto.files import reason, shown

        mend = "choose another, or mend its rights" if isinstance(error, PermissionError) else "choose another"
        what = shown(error.filename) if error.filename else "A file or the output"
        say_error(f"{what} may not be used ({reason(error)}): {mend}.")
        return 2
    except _UsageError as error:
        say_error(_usage_sentence(cast("typer.BadParameter", error)))
        return 2
    lost = lost_output()
    if lost is not None:
        say_error(f"The output could not be written ({lost.strerror}): free some space or choose another place.")
        return 1
    return code if isinstance(code, int) else 0


def _empty_sentence(arguments: Sequence[str], number: int) -> str:
    """An argument without a letter in it, as a script has it whose variable is not set. It is no name of any file."""
    text = arguments[number]
    before = arguments[number - 1] if number else "impasto"
    what = f"{text[:-1]} is given nothing" if text else f"The argument after {before!r} is empty"
    return f"{what}: name what is meant, or leave it out."


def _usage_sentence(error: typer.BadParameter) -> str:
    """A complaint about the words of a command, and where to read what they can be."""
    message = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "impasto"
    return f"{message}{'' if message.endswith('?') else '.'} See `{command} --help`."


def _print_version(asked: bool) -> None:
    if asked:
        say(f"impasto {__version__}")
        raise typer.Exit


@app.callback()
def impasto(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before any command."""


@app.command(help="Paint CONTENT in the manner of STYLE, or of several.")
@options.with_settings(without=("seamless",))
def paint(
    context: typer.Context,
    content: Annotated[str, typer.Argument(metavar="CONTENT", show_default=False, help="The photograph.")],
    styles: Styles = None,
    output: options.Output = None,
    *,
    changes: options.Changes,
    texture_from: options.TextureFrom = None,
    explain: options.Explain = False,
    sheet: options.Sheet = None,
    stages: options.Stages = None,
    history: options.History = None,
    checkpoint: options.Checkpoint = None,
    no_checkpoint: options.NoCheckpoint = False,
    checkpoint_every: options.CheckpointEvery = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint a photograph."""
    paintings, changes = sources_from(styles or (), texture_from, changes)
    settings = make_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.keeping import keeping_from
    from impasto.runs.outputs import Outputs, default_output

    keeping = keeping_from(checkpoint, no_checkpoint, checkpoint_every)
    photo = Path(content)
    picture = Path(output) if output is not None else default_output(photo, paintings)
    outputs = Outputs(picture, _path(sheet), _path(stages), _path(history), force)
    job = Job(photo, paintings, settings, outputs, keeping=keeping)
    return _run_job(job, context.obj, explain=explain, quiet=quiet, as_json=as_json)


@app.command(
    short_help="Paint a texture in the manner of a painting, without a photograph.",
    help="Paint a texture of any shape in the manner of STYLE, or of several, without a photograph; with --seamless "
    "one that tiles. Other seeds give other textures.",
)
@options.with_settings(without=("strength", "protect"))
def texture(
    context: typer.Context,
    styles: Styles = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="The picture to write: .png, .jpg, .webp or .tif. STYLE-texture.png beside STYLE where not given.",
        ),
    ] = None,
    *,
    changes: options.Changes,
    texture_from: options.TextureFrom = None,
    explain: options.Explain = False,
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet", metavar="FILE", help="Also write style and texture side by side, a seamless one tiled 2×2."
        ),
    ] = None,
    stages: options.Stages = None,
    history: options.History = None,
    checkpoint: options.Checkpoint = None,
    no_checkpoint: options.NoCheckpoint = False,
    checkpoint_every: options.CheckpointEvery = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint a texture."""
    paintings, changes = sources_from(styles or (), texture_from, changes)
    settings = make_texture_settings(**changes)
    from impasto.runs.job import Job
    from impasto.runs.keeping import keeping_from
    from impasto.runs.outputs import Outputs, default_texture

    keeping = keeping_from(checkpoint, no_checkpoint, checkpoint_every)
    picture = Path(output) if output is not None else default_texture(paintings)
    outputs = Outputs(picture, _path(sheet), _path(stages), _path(history), force)
    job = Job(None, paintings, settings, outputs, keeping=keeping)
    return _run_job(job, context.obj, explain=explain, quiet=quiet, as_json=as_json)


@app.command(
    short_help="Paint a picture again, with changes or without.",
    help="Paint a picture again from the settings and sources stored in it, with the changes that the options name.",
)
@options.with_settings()
def again(
    context: typer.Context,
    file: Painted,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="The picture to write. FILE-again beside FILE where not given, FILE-again-2 where that exists, ….",
        ),
    ] = None,
    content: Annotated[
        str | None, typer.Option("--content", metavar="FILE", help="A photograph in place of the stored one.")
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option("--style", metavar="FILE", help="A painting in place of all the stored ones; may be repeated."),
    ] = None,
    *,
    changes: options.Changes,
    explain: options.Explain = False,
    sheet: options.Sheet = None,
    stages: options.Stages = None,
    history: options.History = None,
    checkpoint: options.Checkpoint = None,
    no_checkpoint: options.NoCheckpoint = False,
    checkpoint_every: options.CheckpointEvery = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint a picture again."""
    from impasto.runs.job import Job
    from impasto.runs.keeping import keeping_from
    from impasto.runs.outputs import Outputs
    from impasto.runs.repeating import free_name, prepare

    repeat = prepare(file, content=content, styles=styles or (), changes=changes)
    picture = Path(output) if output is not None else free_name(Path(file))
    outputs = Outputs(picture, _path(sheet), _path(stages), _path(history), force)
    keeping = keeping_from(checkpoint, no_checkpoint, checkpoint_every)
    job = Job(repeat.content, repeat.styles, repeat.settings, outputs, repeat.remarks_on, repeat.plan, keeping)
    return _run_job(job, context.obj, explain=explain, quiet=quiet, as_json=as_json)


@app.command(
    short_help="Paint many photographs, in many styles.",
    help="Paint every one of PHOTOS (files, folders, patterns) in every style, or with --zip the first in the first "
    "and so on. What is done already is skipped, so that the same command goes on after an interruption; what fails "
    "does not stop the rest.",
)
@options.with_settings(without=("seamless",))
def batch(
    context: typer.Context,
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS", show_default=False, help="The photographs.")],
    styles: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            show_default=False,
            help="A painting, or a folder of them; may be repeated.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="DIR", show_default=False, help="Folder for the pictures; made where there is none."
        ),
    ],
    name: options.NameTemplate = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Pair photographs and styles one by one.")] = False,
    blend: Annotated[bool, typer.Option("--blend", help="Paint each photograph in all styles together.")] = False,
    jobs: options.Jobs = 1,
    *,
    changes: options.Changes,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be painted, and end there.")] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace files that were made otherwise; what is done stays.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint many photographs."""
    settings = make_settings(**changes)
    from impasto.cli.commands.batch import Request, run_batch

    request = Request(photos, styles, Path(out), settings, name, zipped, blend, jobs, force)
    return run_batch(request, context.obj, dry_run=dry_run, quiet=quiet, as_json=as_json)


@app.command(
    short_help="Paint variants of a picture, side by side.",
    help="Paint variants of a picture that impasto painted, one for each combination of the values that --set lists, "
    "as in --set strength=0.3,0.5,0.7 --set optimization.iterations=10,20, or with --between N a series between two "
    "styles; all of them come in one labelled picture.",
)
@options.with_settings(without=("assignments", "depth"))
def vary(
    context: typer.Context,
    file: Painted,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=A,B,…",
            show_default=False,
            help="A setting and its values, the last one's from left to right; may be repeated. A list as a value is "
            "written [A,B].",
        ),
    ] = None,
    between: Annotated[
        int | None,
        typer.Option(
            "--between", metavar="N", help="Also vary the style, in N even steps from the first of two to the second."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUT", help="The picture to write. FILE-vary.png where not given."),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="DIR", help="Also keep each variant as a picture in DIR.")
    ] = None,
    content: Annotated[
        str | None, typer.Option("--content", metavar="FILE", help="A photograph in place of the stored one.")
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option("--style", metavar="FILE", help="A painting in place of all the stored ones; may be repeated."),
    ] = None,
    jobs: options.Jobs = 1,
    *,
    changes: options.Changes,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint variants."""
    from impasto.cli.commands.vary import VaryRequest, run_vary

    request = VaryRequest(
        Path(file),
        assignments or (),
        changes,
        _path(content),
        list(map(Path, styles or ())),
        _path(output),
        _path(keep),
        jobs,
        force,
        between,
    )
    return run_vary(request, context.obj, quiet=quiet, as_json=as_json)


@app.command(
    short_help="Finish a painting that was interrupted.",
    help="Finish a painting that was interrupted, from its last checkpoint: the picture is the one that the run would "
    "have come to. What was asked for at first (-o, --sheet, --stages, --history) is written.",
)
def resume(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="The checkpoint, or its name in `impasto runs`; the newest where not given.",
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="OUT", help="Write the picture to another place.")
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Finish an interrupted run."""
    from impasto.cli.commands.runs import run_resume
    from impasto.cli.reporting.choosing import choose_reporter

    reporter = choose_reporter(quiet=quiet, as_json=as_json)
    with fetching_shown(reporter):
        return run_resume(file, output, force=force, reporter=reporter, interrupts=context.obj)


@app.command(help="List what can be resumed, newest first.")
def runs(
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="Remove a run's checkpoints instead; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List the runs, or remove some."""
    from impasto.cli.commands.runs import print_runs, remove_runs

    if remove:
        remove_runs(remove)
    else:
        print_runs(as_json=as_json)


@app.command(
    short_help="Paint something without any files of your own.",
    help="Paint a photograph of scikit-image's in a style that impasto draws by itself. Earlier results are replaced.",
)
@options.with_settings(only=("size", "preset", "strength", "encoder", "iterations"))
def demo(
    context: typer.Context,
    style: Annotated[
        str, typer.Option("--style", metavar="NAME|all", help=f"One of {', '.join(STYLE_NAMES)}, or all.")
    ] = STYLE_NAMES[0],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="DIR", help="Folder for what is written; made where there is none.")
    ] = "impasto-demo",
    *,
    changes: options.Changes,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Paint the demonstration pictures."""
    settings = make_settings(**changes)
    from impasto.cli.commands.demo import run_demo
    from impasto.cli.reporting.choosing import choose_reporter

    with fetching_shown(choose_reporter(quiet=quiet, as_json=as_json)):
        return run_demo(style, Path(out), settings, lambda: choose_reporter(quiet=quiet, as_json=as_json), context.obj)


@app.command(help="Print how a picture was painted.")
def show(
    file: Painted,
    as_json: Annotated[bool, typer.Option("--json", help="Print the stored record itself.")] = False,
) -> None:
    """Print a picture's record."""
    from impasto.cli.reporting.tables import print_record

    print_record(Path(file), as_json=as_json)


@app.command(
    short_help="Print what impasto runs on.",
    help="Print versions, devices, memory and the built-in encoder: what a report of a bug should hold.",
)
def info() -> None:
    """Print what impasto runs on."""
    from impasto.cli.reporting.tables import print_info

    print_info()


@app.command(
    short_help="List all settings.",
    help="List all settings: name, default, what is allowed, and what each does; and what does not combine.",
)
def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON schema.")] = False,
) -> None:
    """List the settings."""
    from impasto.cli.reporting.tables import print_settings

    print_settings(as_json=as_json)


def _run_job(job: Job, interrupts: Interrupts, *, explain: bool, quiet: bool, as_json: bool) -> int:
    """Paint, or print the plan."""
    from impasto.cli.commands.painting import explain_job
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.runs.job import run_job

    reporter = choose_reporter(quiet=quiet, as_json=as_json)
    with fetching_shown(reporter):
        return explain_job(job, reporter, as_json=as_json) if explain else run_job(job, reporter, interrupts)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)
