"""``impasto export``: write the instant preset's networks as ONNX models."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import options
from impasto.cli.reporting.streams import print_out


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        short_help="Write the networks of the preset instant as ONNX models.",
        help="Write encoder and decoder of the preset instant as ONNX models, with a description in JSON. Needs "
        "impasto[onnx].",
    )(export)


def export(
    to: Annotated[
        str, typer.Option("--to", metavar="FOLDER", show_default=False, help="Folder for the files; made if missing.")
    ],
    force: options.Force = False,
) -> None:
    """Write the models, and print their paths."""
    # It is an optional layer above the command line, so it is imported by name.
    for path in import_module("impasto.fast.export").export_models(Path(to), force=force):
        print_out(str(path))
