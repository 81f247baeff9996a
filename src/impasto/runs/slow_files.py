"""Report the reading and writing of pictures only if it takes long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from impasto.painting.events import Event, Reading, Writing
from impasto.runs.listener import Listener

PATIENCE: Final = 1.0
"""Seconds that a file takes before its progress is reported."""

INTERVAL: Final = 0.25
"""Seconds between two reports on the same file."""


@contextmanager
def report_slow_files(listener: Listener) -> Iterator[Callable[[Event], None]]:
    """Report slow files to a listener while this context lasts.

    Args:
        listener: receives the events; entered at the first one, and left at the end.

    Yields:
        The callback for every ``Reading`` and ``Writing`` event, on any thread.
    """
    with ExitStack() as display:
        yield _SlowFileFilter(listener, display).on_event


class _SlowFileFilter:
    """Passes on the events of files that take longer than :data:`PATIENCE`.

    Args:
        listener: receives those events.
        display: stack that the listener is entered on.
    """

    def __init__(self, listener: Listener, display: ExitStack) -> None:
        self._listener = listener
        self._display = display
        self._entered = False
        self._file: object = None
        self._begun = self._last = 0.0

    def on_event(self, event: Event) -> None:
        """Pass an event on if it is due."""
        if not isinstance(event, Reading | Writing):
            return
        now = time.monotonic()
        if (type(event), event.path) != self._file:
            self._file, self._begun, self._last = (type(event), event.path), now, -math.inf
        was_reported = self._last > -math.inf
        is_due = now - self._begun >= PATIENCE and now - self._last >= INTERVAL
        if was_reported if event.share >= 1 else is_due:
            self._last = now
            if not self._entered:
                self._entered = True
                self._display.enter_context(self._listener)
            self._listener.on_event(event)
        if event.share >= 1:
            self._file = None  # the same picture may be both photograph and style
