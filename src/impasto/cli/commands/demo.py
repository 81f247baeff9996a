"""``impasto demo``: photographs of scikit-image in the styles of the sample paintings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.weights import show_downloads
from impasto.cli.setting_options import Changes
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, shown
from impasto.samples import PHOTO_OF_STYLE, STYLE_NAMES, style_path
from impasto.settings.making import make_settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from impasto.runs.job import Job
    from impasto.settings.model import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint an example, without any files of your own.",
        help="Paint one of scikit-image's photographs in the style of a sample painting. Earlier results are replaced.",
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
    report: options.ReportOptions,
) -> int:
    """Paint one pair of photograph and style, or all pairs, and return the first exit code that is not 0."""
    settings = make_settings(**changes)
    if style != "all" and style not in STYLE_NAMES:
        raise SettingsError(f"There is no style {style!r}: choose one of {', '.join(STYLE_NAMES)}, or all.")
    from impasto.cli.reporting.choosing import choose_reporter
    from impasto.cli.running import paint_job
    from impasto.samples.photos import check_photos

    check_photos()
    folder = Path(out)
    _make_folder(folder)
    for name in STYLE_NAMES if style == "all" else (style,):
        reporter = choose_reporter(quiet=report.quiet, as_json=report.as_json)
        with show_downloads(reporter):
            code = paint_job(_job(name, folder, settings), reporter, context.obj)
        if code:
            return code
    return 0


def _job(style: str, folder: Path, settings: Settings) -> Job:
    from impasto.pictures import read_picture
    from impasto.runs.job import Job
    from impasto.runs.outputs import Outputs
    from impasto.samples.photos import load_photo

    photo = PHOTO_OF_STYLE[style]
    name = f"{photo}-as-{style}"
    outputs = Outputs(folder / f"{name}.png", sheet=folder / f"{name}-sheet.png", force=True)
    for path in (*outputs.named.values(), folder / f"{photo}.png", folder / f"{style}.png"):
        _check_replaceable(path)
    content = _sample_file(folder / f"{photo}.png", lambda: load_photo(photo))
    painting = _sample_file(folder / f"{style}.png", lambda: read_picture(style_path(style)).pixels)
    return Job(content, (painting,), settings, outputs)


def _sample_file(path: Path, load: Callable[[], npt.NDArray[np.float32]]) -> Path:
    """Return the path of a sample picture in the demonstration's folder, writing it if it is missing."""
    from impasto.pictures import write_picture

    if not path.exists():
        write_picture(path, load())
    return path


def _check_replaceable(path: Path) -> None:
    """Refuse to overwrite a file that impasto did not write."""
    from impasto.pictures.metadata.records import is_ours

    if path.exists() and not is_ours(path):
        raise PictureError(f"{shown(path)} is none of the demonstration's: name another folder with --out.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(
            f"The folder {shown(folder)} cannot be made ({reason(error)}): name another with --out."
        ) from None
