"""``impasto styles``: list the styles that have names, add and remove some."""

from __future__ import annotations

from typing import Annotated

import typer

from impasto.cli.help_pages import PanelTyper
from impasto.cli.reporting.streams import print_note, print_out
from impasto.errors import PictureError
from impasto.files import shown
from impasto.samples import STYLE_DESCRIPTIONS
from impasto.styles.lookup import style_paths, user_styles

app = PanelTyper(
    short_help="List the styles, and add your own.",
    help="List the styles that have names, one a line; add pictures to them, and remove some.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def styles(context: typer.Context) -> None:
    """List the styles if no subcommand is given."""
    if context.invoked_subcommand is not None:
        return
    paths = style_paths()
    width = max(map(len, paths))
    for name, path in paths.items():
        print_out(f"{name:<{width}}  {STYLE_DESCRIPTIONS.get(name) or shown(path)}")
    try:
        user_styles()
    except PictureError as error:
        print_note(str(error))


@app.command(
    short_help="Add a picture to the styles.",
    help="Copy the picture FILE into your folder of styles, and print the path of the copy.",
)
def add(
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="The painting.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the style; by default that of FILE.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a style of the same name.")] = False,
) -> None:
    """Copy a picture into the user's folder of styles."""
    from impasto.runs.job import note_picture_warnings
    from impasto.styles.changing import add_style

    with note_picture_warnings(print_note):
        print_out(str(add_style(file, name, force=force)))


@app.command(short_help="Remove a style of yours.", help="Remove a style from your folder of styles.")
def remove(names: Annotated[list[str], typer.Argument(metavar="NAME…", show_default=False, help="Its name.")]) -> None:
    """Remove styles from the user's folder."""
    from impasto.styles.changing import own_style, remove_style

    for name in names:
        own_style(name)  # refuse all before any is removed
    for name in dict.fromkeys(names):
        print_out(f"{name}: removed {shown(remove_style(name))}")
