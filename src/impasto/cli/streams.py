"""What is said, and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TextIO


def say(text: str) -> None:
    """A line on stdout."""
    _write(text, sys.stdout)


def tell(text: str) -> None:
    """A line on stderr."""
    _write(text, sys.stderr)


def say_note(text: str) -> None:
    """A remark, on one line of stderr."""
    tell(f"note: {one_line(text)}")


def say_error(text: str) -> None:
    """What went wrong, on one line of stderr."""
    tell(f"error: {one_line(text)}")


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, which a file's name may smuggle in."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def tolerate_odd_names() -> None:
    """Let stdout pass on file names that are no valid text, byte by byte."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


def _write(text: str, stream: TextIO) -> None:
    """A reader that has gone, as in ``impasto … | head``, must not end a painting: the rest goes nowhere."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
