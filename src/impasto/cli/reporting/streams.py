"""What is said, and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from typing import TextIO


def say(text: str, *, needed: bool = True) -> None:
    """A line on stdout.

    Args:
        text: the line, or several.
        needed: whether it is what the command is for, so that it has failed where the line is lost. Of a painting it
            is the picture.
    """
    global _lost
    error = _write(text, sys.stdout)
    if error is not None and needed and not isinstance(error, ConnectionError):  # a broken pipe is one
        _lost = error


def lost_output() -> OSError | None:
    """Why something that was needed did not come onto stdout, asked once; None where all came, or its reader left."""
    global _lost
    error, _lost = _lost, None
    return error


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


def mend_streams() -> None:
    """Let stdout pass on file names that are no valid text, byte by byte, and escape what its encoding lacks.

    Streams that were closed before the program began, which are None, take whatever comes and keep nothing.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (for good)
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error(_BYTES_OR_ESCAPES, _bytes_or_escapes)
        sys.stdout.reconfigure(errors=_BYTES_OR_ESCAPES)


_BYTES_OR_ESCAPES = "impasto-bytes-or-escapes"


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


_lost: OSError | None = None


def _write(text: str, stream: TextIO) -> OSError | None:
    """Where a line goes must not end a painting, be it a reader that has gone (``impasto … | head``) or a full disk.

    The rest goes nowhere.

    Returns:
        Why the line did not get there; None where it did.
    """
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return error
    return None
