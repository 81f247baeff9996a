"""``impasto vary``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.batch import paint_works
from impasto.cli.commands.sources import photo_from
from impasto.cli.interrupts import Interrupts
from impasto.cli.pipes import temporary_folder
from impasto.cli.reporting.streams import print_error
from impasto.cli.setting_options import Changes
from impasto.errors import PictureError, SettingsError
from impasto.files import fitting_name, shown
from impasto.settings.presets import SKETCH_PRESETS
from impasto.styles.lookup import find_style, style_name
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.batches.variants import Variants
    from impasto.batches.works import Work
    from impasto.cli.reporting.batch_reporters import BatchReporter
    from impasto.painting.events import Announced


Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=A,B,…",
        show_default=False,
        help="A setting and its values. May be repeated; the values of the last one go from left to right. Write a "
        "value that is a list as [A,B].",
    ),
]
Between = Annotated[
    int | None,
    typer.Option(
        "--between", metavar="N", help="Also vary the style, in N even steps from the first of two to the second."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint variants of a picture, side by side.",
        help="Paint variants of a picture that impasto painted, or of a photograph in a STYLE: one for each "
        "combination of the values that --set lists, as in --set strength=0.3,0.5,0.7 --set "
        "optimization.iterations=10,20, or with --between N a series between two styles. The result is one labelled "
        f"picture of all variants. For a photograph the preset is {SKETCH_PRESETS[0]}, or {SKETCH_PRESETS[-1]} with "
        "settings that need it, unless --preset names another.",
    )(vary)


@options.with_groups
@options.with_settings(without=("assignments", "depth"))
def vary(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", show_default=False, help="A picture that impasto painted, or a photograph."),
    ],
    paintings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STYLE…]",
            show_default=False,
            help="For a photograph: the painting, or several; files, or names of `impasto styles`.",
        ),
    ] = None,
    assignments: Assignments = None,
    between: Between = None,
    output: Annotated[
        str | None, options.output_option("The picture to write. By default FILE-vary.png beside FILE.")
    ] = None,
    keep: options.Keep = None,
    *,
    sources: options.RepeatOptions,
    jobs: options.Jobs = 1,
    changes: Changes,
    force: options.Force = False,
    report: options.ReportOptions,
) -> int:
    """Paint variants and a grid of them, and return the exit code of :func:`paint_works`, or 1 without a grid."""
    source = photo_from(file, paintings or ())
    grid = options.to_path(output) or source.with_name(fitting_name(f"{source.stem}-vary.png"))
    with ExitStack() as stack:
        folder = options.to_path(keep) or temporary_folder(stack, "vary")
        variants = _plan(source, paintings or (), sources, assignments or (), folder, changes, between)
        code, is_written = paint_grid(
            variants, grid, source, context.obj, jobs=jobs, force=force, keep=keep is not None, report=report
        )
        if not is_written:
            stack.pop_all()  # keep the folder
    return code


def _plan(
    source: Path,
    styles: Sequence[str],
    others: options.RepeatOptions,
    assignments: Sequence[str],
    folder: Path,
    changes: Changes,
    between: int | None,
) -> Variants:
    """Plan variants of a photograph if styles are given, and of a painted picture otherwise.

    Raises:
        SettingsError: styles together with other sources of a painted picture, or as the planning.
        PictureError: neither styles nor a painted picture.
    """
    from impasto.batches.variants import plan_photo_variants, plan_variants
    from impasto.pictures import read_record

    if not styles and read_record(source) is None:
        if not others.styles:
            raise PictureError(
                f"{shown(source)} holds no record of a painting: to vary a photograph, name a style too, as in "
                f"`impasto vary {source.name} swirls --set strength=0.2,0.5,0.8`."
            )
        styles, others = others.styles, replace(others, styles=None)
    if not assignments and between is None:
        raise SettingsError(
            "There is nothing to vary: give --set a setting and its values, as in --set strength=0.2,0.5,0.8."
        )
    if not styles:
        content = options.to_path(others.content)
        return plan_variants(
            source, assignments, folder, changes=changes, content=content, styles=others.styles or (), between=between
        )
    if others.content or others.styles:
        raise SettingsError("--content and --style replace pictures of a painting: with a STYLE leave them out.")
    paths = [find_style(style) for style in styles]
    return plan_photo_variants(source, paths, assignments, folder, changes=changes, between=between)


def paint_grid(
    variants: Variants,
    grid: Path,
    source: Path,
    interrupts: Interrupts,
    *,
    jobs: int,
    force: bool,
    keep: bool,
    report: options.ReportOptions,
) -> tuple[int, bool]:
    """Paint variants, and write a labelled grid of them unless a signal came or all failed.

    Args:
        variants: planned variants, all in one folder.
        grid: picture to write.
        source: the picture that is varied.
        interrupts: the signal handlers.
        jobs: number of paintings at a time.
        force: replace existing files.
        keep: whether the variants stay.
        report: options for the output.

    Returns:
        The exit code of :func:`paint_works`, or 1 without a grid; and False if the grid could not be written, so that
        the variants should stay.
    """
    from impasto.batches.checking import check_works, make_folders
    from impasto.cli.reporting.choosing import choose_batch_reporter

    works = check_works([variant.work for variant in variants.variants], force=force)
    _check_grid(grid, source, works, force=force, keep=keep)
    make_folders(works)
    folder = works[0].output.parent
    labels = [variant.label for variant in variants.variants]
    temporary = None if keep else folder
    reporter = choose_batch_reporter(works, labels, temporary, quiet=report.quiet, as_json=report.as_json)
    reporter.announce(_announcement(works, grid))
    code = paint_works(works, jobs, reporter, interrupts, fetch_quietly=report.quiet or report.as_json)
    if interrupts.received is None and reporter.failed < len(works):
        try:
            _write_grid(grid, variants, reporter, interrupts)
        except PictureError as error:
            print_error(f"{error} Nothing is lost: the variants are in {shown(folder)}.")
            return 1, False
    return code, True


def _announcement(works: Sequence[Work], grid: Path) -> Announced:
    """Return the first event of a grid: the photograph, all styles, the size and the destination."""
    from impasto.painting.events import Announced

    styles = dict.fromkeys(style for work in works for style in work.styles)
    sizes = {work.settings.size for work in works}
    return Announced(
        photo=None if works[0].content is None else str(works[0].content),
        styles=tuple(style_name(style) or str(style) for style in styles),
        size=sizes.pop() if len(sizes) == 1 else "several sizes",
        destination=str(grid),
    )


def _check_grid(grid: Path, painted: Path, works: list[Work], *, force: bool, keep: bool) -> None:
    """Refuse a grid that cannot be written, or that would replace an input or a kept variant."""
    from impasto.pictures import check_output

    check_output(grid, force=force, inputs=[painted, *(path for work in works for path in work.inputs)])
    if keep and any(grid.resolve() == work.output.resolve() for work in works):
        raise SettingsError("The grid would have the name of one of the variants: give it another with --output.")


def _write_grid(path: Path, variants: Variants, reporter: BatchReporter, interrupts: Interrupts) -> None:
    """Write the grid, with a record by which a batch recognizes that it is not a photograph."""
    from impasto.batches.variants import grid_of
    from impasto.painting.record import GRID
    from impasto.pictures import write_picture

    failed = [number for number, end in reporter.ends.items() if end.state == "failed"]
    with interrupts.painting(lambda: None):
        interrupts.saving()  # the grid takes seconds, and without it minutes of painting would be lost
        write_picture(path, grid_of(variants, failed), record=json.dumps({"impasto": __version__, GRID: True}))
        reporter.written("grid", path.absolute())
