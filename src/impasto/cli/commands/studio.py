"""``impasto studio``: serve a page on which to paint in the browser."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.streams import print_note, print_out
from impasto.errors import SettingsError

_LIBRARIES = ("starlette", "uvicorn")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Paint in the browser.",
        help="Serve a page on this machine alone, on which to paint in the browser, print its address and open it.",
    )(studio)


def studio(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 for any. By default 8417.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page in the browser.")] = False,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="FOLDER", help="Folder of uploads and paintings; by default in your home folder."
        ),
    ] = None,
) -> int:
    """Serve the studio until a signal comes, and return 0."""
    if not all(map(find_spec, _LIBRARIES)):
        raise SettingsError('The studio needs more libraries: run pip install "impasto[studio]".')
    # The studio is an optional layer above the command line, so it is imported by name.
    server = import_module("impasto.studio.server")
    folder = server.default_folder() if state is None else Path(state).absolute()
    running = server.StudioServer(folder, server.PORT if port is None else port)
    interrupts: Interrupts = context.obj
    with interrupts.painting(running.stop, lambda: "jobs go on with the next start"):
        running.run(on_start=lambda: _announce(running.url, opens=not no_browser))
    return 0


def _announce(url: str, *, opens: bool) -> None:
    """Print the address, and open it."""
    print_out(url)
    sys.stdout.flush()  # a pipe would keep it back
    print_note("Press Ctrl-C to end the studio; its jobs go on with the next start.")
    if opens:
        import webbrowser

        webbrowser.open(url)
