"""A photograph from standard input, and a painting to standard output."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

from impasto.cli.reporting.streams import print_bytes, print_error
from impasto.errors import SettingsError
from impasto.files import reason, shown

PIPE = "-"
"""Argument in place of a file that stands for standard input or output."""


def temporary_folder(stack: ExitStack, purpose: str) -> Path:
    """Make a folder that the stack removes, with the purpose in its name."""
    folder = Path(mkdtemp(prefix=f"impasto-{purpose}-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def spool_input(stack: ExitStack) -> Path:
    """Copy standard input to a file that the stack removes, and return its path.

    Raises:
        SettingsError: standard input is a terminal, or empty.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise SettingsError(
            "Standard input is a terminal, so no photograph comes from it: write impasto paint - STYLE < photo.jpg."
        )
    path = temporary_folder(stack, "pipe") / "standard-input"
    with path.open("xb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        if not file.tell():
            raise SettingsError(
                "The photograph from standard-input is empty (0 bytes): write impasto paint - STYLE < photo.jpg."
            )
    return path


def output_file(suffix: str, stack: ExitStack) -> Path:
    """Return the path of a temporary file for a picture that goes to standard output.

    Raises:
        SettingsError: standard output is a terminal.
    """
    if sys.stdout.isatty():
        raise SettingsError("The picture would be written to the terminal: send it to a file, as in -o - > out.png.")
    return temporary_folder(stack, "pipe") / f"standard-output{suffix}"


def send(picture: Path, stack: ExitStack) -> bool:
    """Write a file to standard output; if that fails, print an error and keep the file.

    Args:
        picture: file from :func:`output_file`.
        stack: removes the file.

    Returns:
        Whether everything was written.
    """
    error = print_bytes(picture.read_bytes())
    if error is not None:
        stack.pop_all()
        print_error(
            f"Standard output took no picture ({reason(error)}). Nothing is lost: the picture is {shown(picture)}."
        )
    return error is None
