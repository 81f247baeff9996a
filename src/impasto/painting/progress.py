"""The progress of a painting in Python: a bar, or in a notebook a bar above the picture as it grows."""

from __future__ import annotations

import base64
import io
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
from PIL import Image

from impasto.painting.events import Event, Finished, Iteration, Started

SECONDS_BETWEEN_PICTURES = 1.0
"""Least seconds between two pictures in a notebook."""

LIVE_SIDE = 384
"""Longest side in pixels of the live picture in a notebook."""


class Display(Protocol):
    """A receiver of a painter's events."""

    def see(self, event: Event) -> None:
        """Show an event."""


class _Silence:
    def see(self, event: Event) -> None:
        """Show nothing."""


def show_progress(wanted: bool | None) -> AbstractContextManager[Display]:
    """Return a display of a painter's progress, as a context manager that closes it.

    Args:
        wanted: whether there is a display; None for one in notebooks only.
    """
    is_notebook = in_notebook()
    if not (is_notebook if wanted is None else wanted):
        return nullcontext(_Silence())
    return _notebook_display() if is_notebook else _bar()


def in_notebook() -> bool:
    """Return whether this program runs in a notebook that displays pictures."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class _Bar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def see(self, event: Event) -> None:
        """Advance the bar."""
        if isinstance(event, Iteration):
            self._bar.set_postfix_str(f"loss {event.loss.total:.3g}", refresh=False)
            self._bar.update(event.share - self._bar.n)


@contextmanager
def _bar() -> Iterator[Display]:
    from tqdm import tqdm

    with tqdm(
        total=1.0, desc="painting", bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}"
    ) as bar:
        yield _Bar(bar)


class NotebookDisplay:
    """Displays a bar and the growing picture in a notebook's cell, and in the end one line.

    Args:
        update: receives the HTML that replaces the last one.
    """

    def __init__(self, update: Any) -> None:
        self._update = update
        self._last = -SECONDS_BETWEEN_PICTURES
        self._octaves = 0

    def see(self, event: Event) -> None:
        """Show an iteration, at most one a second, or the end."""
        if isinstance(event, Started):
            self._octaves = len(event.octaves)
            self._update("<p>painting …</p>" + "".join(f"<p>{_escaped(text)}</p>" for text in event.warnings))
        elif isinstance(event, Iteration) and time.monotonic() - self._last >= SECONDS_BETWEEN_PICTURES:
            left = "" if event.remaining is None else f", {event.remaining:.0f} s left"
            text = f"octave {event.octave} of {self._octaves}, loss {event.loss.total:.3g}{left}"
            bar = f'<progress value="{event.share:.3f}" max="1"></progress>'
            self._update(f'<p>{bar} {event.share:.0%} {text}</p><img src="{_data_url(event.image())}">')
            self._last = time.monotonic()
        elif isinstance(event, Finished):
            height, width = event.painting.array.shape[:2]
            message = f" {_escaped(event.message)}" if event.message else ""
            self._update(f"<p>painted {width}×{height} px in {event.painting.seconds:.0f} s.{message}</p>")


@contextmanager
def _notebook_display() -> Iterator[Display]:
    from IPython.display import HTML, display

    handle = display(HTML("<p>painting …</p>"), display_id=True)
    yield NotebookDisplay(lambda html: handle.update(HTML(html)))


def _data_url(array: np.ndarray) -> str:
    """Return a picture as a JPEG in a URL.

    Args:
        array: H×W×3 in [0, 1].
    """
    image = Image.fromarray((array.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    image.thumbnail((LIVE_SIDE, LIVE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
