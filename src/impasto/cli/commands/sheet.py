"""``impasto sheet``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.sources import photo_from
from impasto.cli.commands.vary import paint_grid
from impasto.cli.pipes import temporary_folder
from impasto.cli.setting_options import Changes
from impasto.errors import SettingsError
from impasto.files import fitting_name
from impasto.settings.making import make_sketch_settings
from impasto.settings.presets import SKETCH_PRESETS
from impasto.styles.lookup import find_style, style_paths


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint a photograph in every style, side by side.",
        help="Paint PHOTO in every style of `impasto styles`, or in those that --styles lists, as one labelled "
        f"picture. The preset is {SKETCH_PRESETS[0]}, or {SKETCH_PRESETS[-1]} with options that need it, unless "
        "--preset names another.",
    )(sheet)


@options.with_groups
@options.with_settings(without=("seamless", "style_weights", "masks", "style_masks", "grow_from", "depth"))
def sheet(
    context: typer.Context,
    photo: Annotated[str, typer.Argument(metavar="PHOTO", show_default=False, help="The photograph.")],
    styles: Annotated[
        str | None, typer.Option("--styles", metavar="A,B,…", help="The styles, as names or files; by default all.")
    ] = None,
    output: Annotated[
        str | None, options.output_option("The picture to write. By default PHOTO-styles.png beside PHOTO.")
    ] = None,
    keep: options.Keep = None,
    *,
    jobs: options.Jobs = 1,
    changes: Changes,
    force: options.Force = False,
    report: options.ReportOptions,
) -> int:
    """Paint a photograph in several styles and a grid of them, and return the exit code of :func:`paint_grid`."""
    content = photo_from(photo)
    names = [name for name in map(str.strip, styles.split(",")) if name] if styles else [*style_paths()]
    if not names:
        raise SettingsError(f"--styles {styles} names no style: list some, as in --styles swirls,mosaic.")
    paths = [find_style(name) for name in names]
    settings = make_sketch_settings(changes)
    from impasto.batches.variants import plan_styles

    grid = options.to_path(output) or content.with_name(fitting_name(f"{content.stem}-styles.png"))
    with ExitStack() as stack:
        variants = plan_styles(content, paths, settings, options.to_path(keep) or temporary_folder(stack, "vary"))
        code, is_written = paint_grid(
            variants, grid, content, context.obj, jobs=jobs, force=force, keep=keep is not None, report=report
        )
        if not is_written:
            stack.pop_all()  # keep the folder
    return code
