"""Word of pictures that take long to read or write."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from impasto.painting.events import Event, Reading, Writing
from impasto.runs.listener import Reporter

PATIENCE: Final = 1.0
"""Seconds that a file takes before it is worth a word."""

_BETWEEN: Final = 0.25  # seconds


@contextmanager
def slow_files_told(reporter: Reporter) -> Iterator[Callable[[Event], None]]:
    """While this lasts a reporter is told of files, once one of them takes longer than most.

    Args:
        reporter: which is told; it is entered with the first word and left in the end.

    Yields:
        What to call with every ``Reading`` and ``Writing``, on any thread.
    """
    with ExitStack() as display:
        yield _SlowFiles(reporter, display).see


class _SlowFiles:
    def __init__(self, reporter: Reporter, display: ExitStack) -> None:
        self._reporter = reporter
        self._display = display
        self._entered = False
        self._file: object = None
        self._begun = self._last = 0.0

    def see(self, event: Event) -> None:
        """Pass an event on where it is due."""
        if not isinstance(event, Reading | Writing):
            return
        now = time.monotonic()
        if (type(event), event.path) != self._file:
            self._file, self._begun, self._last = (type(event), event.path), now, -math.inf
        told = self._last > -math.inf
        due = now - self._begun >= PATIENCE and now - self._last >= _BETWEEN
        if told if event.share >= 1 else due:
            self._last = now
            if not self._entered:
                self._entered = True
                self._display.enter_context(self._reporter)
            self._reporter.tell(event)
        if event.share >= 1:
            self._file = None  # the same picture may be photograph and style
