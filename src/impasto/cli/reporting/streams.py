"""Print results on stdout, and everything else on stderr."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from impasto.cli.errors import as_options


def print_out(text: str, *, needed: bool = True) -> None:
    """Print a line on stdout.

    Args:
        text: one line, or several.
        needed: whether the text is the purpose of the command, so that the command fails if it cannot be printed. The
            purpose of a painting is the picture.
    """
    global _lost
    error = _write(text, sys.stdout)
    if error is not None and needed and not isinstance(error, ConnectionError):  # such as a closed pipe
        _lost = error


def print_bytes(data: bytes) -> OSError | None:
    """Write bytes to stdout, and return the error if that fails."""

    def write() -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return _attempt(write, sys.stdout)


def lost_output() -> OSError | None:
    """Return the error that kept needed text from stdout, and forget it; None if there was none.

    A reader that closed the pipe is not an error.
    """
    global _lost
    error, _lost = _lost, None
    return error


def print_status(text: str) -> None:
    """Print a line on stderr."""
    _write(text, sys.stderr)


def print_note(text: str) -> None:
    """Print a note, translated for the command line, on one line of stderr."""
    print_status(f"note: {advice_line(text)}")


def print_error(text: str) -> None:
    """Print an error, translated for the command line, on one line of stderr."""
    print_status(f"error: {advice_line(text)}")


def advice_line(text: str) -> str:
    """Return a sentence of the library on one line, with options in place of Python arguments."""
    return one_line(as_options(text))


def one_line(text: str) -> str:
    """Replace line breaks and other control characters by spaces, as file names may contain them."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def configure_streams() -> None:
    """Make stdout accept any text: undecodable file names byte by byte, other characters escaped where necessary.

    Streams that were closed before the program began are replaced by ones that discard their text.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (it stays open)
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error(_BYTES_OR_ESCAPES, _bytes_or_escapes)
        sys.stdout.reconfigure(errors=_BYTES_OR_ESCAPES)


class Stderr:
    """File that writes to ``sys.stderr``, and discards text that cannot be written, as on a closed terminal."""

    def write(self, text: str) -> int:
        """Write text, or discard it."""
        _attempt(lambda: sys.stderr.write(text), sys.stderr)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        _attempt(sys.stderr.flush, sys.stderr)

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return sys.stderr.isatty()

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        return sys.stderr.fileno()


_BYTES_OR_ESCAPES = "impasto-bytes-or-escapes"


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


_lost: OSError | None = None


def _write(text: str, stream: TextIO) -> OSError | None:
    """Write a line to a stream, as :func:`_attempt` does."""

    def write() -> None:
        stream.write(text + "\n")
        stream.flush()

    return _attempt(write, stream)


def _attempt(write: Callable[[], object], stream: TextIO) -> OSError | None:
    """Write to a stream; if that fails, discard this text and all later ones.

    A closed pipe (``impasto … | head``), a closed terminal or a full disk must not end a painting.

    Returns:
        The error; None if there was none.
    """
    try:
        write()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return error
    return None
