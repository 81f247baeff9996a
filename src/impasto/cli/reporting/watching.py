"""The live display of a run with its picture, in terminals that show pictures."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import numpy as np
from PIL import Image
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live

from impasto.cli.reporting.reporters import LineReporter, Reporter
from impasto.cli.reporting.terminal import TerminalReporter, can_redraw
from impasto.errors import SettingsError
from impasto.painting.events import Event, Iteration
from impasto.pictures import over_white
from impasto.runs.listener import Outcome

LEAST_SECONDS: Final = 1.0
"""Least seconds between two pictures in the terminal."""

TEXT_LINES: Final = 7
"""Lines of the terminal that stay free for text."""

NO_PICTURES: Final = (
    "This terminal shows no pictures (kitty, iTerm2 and others with sixel graphics do): watch a file with --live FILE."
)
"""Note on a terminal in which ``--watch`` does nothing."""


def choose_watching_reporter(*, quiet: bool, as_json: bool) -> Reporter:
    """Return a reporter that shows the picture, or one with a note that the terminal cannot.

    Raises:
        SettingsError: an argument is True, or the library is not installed.
    """
    if quiet or as_json:
        raise SettingsError(f"--watch excludes {'--json' if as_json else '--quiet'}: leave one of them out.")
    try:
        importlib.import_module("textual_image")
    except ImportError:
        raise SettingsError(
            'To show the painting in the terminal, impasto needs textual-image: run pip install "impasto[watch]", or '
            "watch it in a browser with --live live.html."
        ) from None
    renderable = _find_renderable()
    if renderable is not None:
        return WatchingReporter(renderable)
    reporter = TerminalReporter() if sys.stderr.isatty() and can_redraw() else LineReporter()
    reporter.note(NO_PICTURES)
    return reporter


def _find_renderable() -> Callable[..., Any] | None:
    """Ask the terminal for its kind of pictures, and return the class that draws them; None if it has none."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream is not None and stream.isatty() for stream in streams) or not can_redraw():
        return None
    if hasattr(os, "tcgetpgrp") and os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        return None  # a job in the background, which the question would stop
    if not os.get_terminal_size(sys.stdout.fileno()).columns:
        return None  # the library would divide by it
    logging.getLogger("textual_image").addHandler(logging.NullHandler())  # or its warnings would break the display
    from textual_image import renderable

    is_pixels = renderable.Image in (renderable.TGPImage, renderable.SixelImage)
    return renderable.Image if is_pixels else None


class _Fitted:
    """A picture as large as fits above :data:`TEXT_LINES` of text.

    Attributes:
        image: renderable of textual-image.
    """

    def __init__(self, image: Any) -> None:
        self.image = image

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.image.__rich_console__(console, options.update(height=max(1, console.height - TEXT_LINES)))


class WatchingReporter(TerminalReporter):
    """Displays the picture above the progress, and at the end leaves it in the terminal.

    Args:
        renderable: class of textual-image that draws a picture.
    """

    def __init__(self, renderable: Callable[..., Any]) -> None:
        self._renderable = renderable
        self._picture: _Fitted | None = None
        self._drawn: list[_Fitted] = []
        self._next = 0.0
        super().__init__()

    def _new_display(self) -> Live:
        display = super()._new_display()
        display.refresh_per_second = 1 / LEAST_SECONDS  # as each refresh sends a sixel picture again
        return display

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the display, and its pictures from the terminal's memory."""
        super().__exit__(kind, error, trace)
        if not self._entered:
            self._forget(self._drawn)

    def on_event(self, event: Event) -> None:
        """Keep the picture for the display if one is due."""
        super().on_event(event)
        if isinstance(event, Iteration) and time.monotonic() >= self._next:
            self._next = time.monotonic() + LEAST_SECONDS
            self._picture = self._fitted(event.image())

    def on_finished(self, outcome: Outcome) -> None:
        """Print the painting, and then what the base class prints."""
        painting = outcome.painting
        self._console.print(self._fitted(over_white(painting.array, painting.alpha)))
        super().on_finished(outcome)

    def _fitted(self, pixels: np.ndarray) -> _Fitted:
        image = Image.fromarray((pixels * 255 + 0.5).astype(np.uint8))
        return _Fitted(self._renderable(image, width="auto", height="auto"))

    def _render(self) -> Group:
        text, picture = super()._render(), self._picture
        if picture is None:
            return text
        if picture not in self._drawn:
            self._drawn.append(picture)
            self._forget(self._drawn[:-2])  # the last but one is on the screen until the new one is drawn
        return Group(picture, text)

    def _forget(self, pictures: list[_Fitted]) -> None:
        for picture in [*pictures]:
            picture.image.cleanup()
            self._drawn.remove(picture)
