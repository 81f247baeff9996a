"""The commands that only print: ``show``, ``info`` and ``settings``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        short_help="Print how a picture was painted.",
        help="Print how a picture was painted, and the command that paints it again.",
    )(show)
    app.command(
        short_help="Print the versions and devices that impasto uses.",
        help="Print versions, devices, memory and the built-in encoder. Please add this to a bug report.",
    )(info)
    app.command(
        short_help="List all settings.",
        help="List all settings with default, allowed values and meaning; and which of them exclude each other.",
    )(settings)


def show(
    file: options.Painted,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON, with strength and command.")
    ] = False,
) -> None:
    """Print the record in a picture."""
    from impasto.cli.reporting.tables import print_record

    print_record(Path(file), as_json=as_json)


def info() -> None:
    """Print versions, devices and memory."""
    from impasto.cli.reporting.tables import print_info

    print_info()


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON schema.")] = False,
) -> None:
    """List the settings."""
    from impasto.cli.reporting.tables import print_settings

    print_settings(as_json=as_json)
