"""``impasto demo``: the sample photograph in the styles of the sample paintings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.weights import show_downloads
from impasto.cli.setting_options import Changes
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, replace_file, shown
from impasto.samples import PHOTO_NAME, STYLE_NAMES, photo_path, style_path
from impasto.settings.making import make_settings

if TYPE_CHECKING:
    from impasto.runs.job import Job
    from impasto.settings.model import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint an example, without any files of your own.",
        help="Paint a photograph of a cat in the style of a sample painting. Earlier results are replaced.",
    )(demo)


@options.with_groups
@options.with_settings(only=("size", "preset", "strength", "encoder", "iterations"))
def demo(
    context: typer.Context,
    style: Annotated[
        str, typer.Option("--style", metavar="NAME|all", help=f"One of {', '.join(STYLE_NAMES)}, or all.")
    ] = STYLE_NAMES[0],
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="DIR", help="Folder for all written files; made if missing.")
    ] = "impasto-demo",
    *,
    changes: Changes,
    watch: options.WatchOptions,
    report: options.ReportOptions,
) -> int:
    """Paint the photograph in one style, or in all, and return the first exit code that is not 0."""
    settings = make_settings(**changes)
    if style != "all" and style not in STYLE_NAMES:
        raise SettingsError(f"There is no style {style!r}: choose one of {', '.join(STYLE_NAMES)}, or all.")
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.cli.running import paint_job

    folder = Path(out)
    _make_folder(folder)
    for name in STYLE_NAMES if style == "all" else (style,):
        reporter = choose_reporter(quiet=report.quiet, as_json=report.as_json, watch=watch.watch)
        with show_downloads(reporter):
            code = paint_job(_job(name, folder, settings), reporter, context.obj, options.to_path(watch.live))
        if code:
            return code
    return 0


def _job(style: str, folder: Path, settings: Settings) -> Job:
    from impasto.runs.job import Job
    from impasto.runs.outputs import Outputs

    name = f"{PHOTO_NAME}-as-{style}"
    outputs = Outputs(folder / f"{name}.png", sheet=folder / f"{name}-sheet.png", force=True)
    for path in outputs.named.values():
        _check_replaceable(path)
    return Job(_copy_photo(folder), (style_path(style),), settings, outputs)


def _copy_photo(folder: Path) -> Path:
    """Copy the sample photograph into the demonstration's folder unless it is there, and return its path."""
    path, content = folder / photo_path().name, photo_path().read_bytes()
    if not path.exists():
        replace_file(path, content)
    elif path.is_dir() or path.read_bytes() != content:
        raise _not_replaceable(path)
    return path


def _check_replaceable(path: Path) -> None:
    """Refuse to overwrite a file that impasto did not write."""
    from impasto.pictures.metadata.records import is_ours

    if path.exists() and not is_ours(path):
        raise _not_replaceable(path)


def _not_replaceable(path: Path) -> PictureError:
    return PictureError(f"{shown(path)} is none of the demonstration's: name another folder with --out.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(
            f"The folder {shown(folder)} cannot be made ({reason(error)}): name another with --out."
        ) from None
