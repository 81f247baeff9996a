"""A picture that is rewritten while a run paints, and a web page that shows it."""

from __future__ import annotations

import html
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from impasto.errors import ImpastoError, PictureError
from impasto.files import replace_file, shown
from impasto.painting.events import Announced, Event, Iteration, Started
from impasto.painting.record import LIVE
from impasto.pictures import check_output, over_white, resize, write_picture
from impasto.pictures.sizes import scaled_size
from impasto.runs.listener import Listener, Outcome, SilentListener
from impasto.runs.sheets import Pixels
from impasto.version import __version__

LEAST_SECONDS = 1.0
"""Least seconds between two versions of the picture."""

LARGEST_SHARE = 0.05
"""Largest share of the time that is spent on the picture."""

LONGEST_SIDE = 1024
"""Long side of the picture in pixels; that of the painting if it is smaller."""

PAGE_SUFFIXES = (".html", ".htm")
"""Suffixes of a page; its picture has the same name with ``.jpg``."""

_GENERATOR = '<meta name="generator" content="impasto">'

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{generator}{refresh}
<title>{title}</title>
<style>
body {{ margin: 0; height: 100vh; display: flex; flex-direction: column; background: #222; color: #ccc;
        font: 16px/1.5 sans-serif; text-align: center; }}
p {{ margin: 0.5em; }}
img {{ flex: 1; min-height: 0; object-fit: contain; }}
</style>
</head>
<body>
<p>{title}<br>{progress}</p>
<img src="{picture}?{number}" alt="the painting so far">
</body>
</html>
"""


@dataclass(frozen=True)
class LiveFiles:
    """The files of a live picture.

    Attributes:
        picture: file to rewrite.
        page: web page beside it that reloads itself; None for the picture alone.
    """

    picture: Path
    page: Path | None = None

    @classmethod
    def named(cls, path: Path) -> LiveFiles:
        """Return the files for the name of a picture or of a page."""
        return cls(path.with_suffix(".jpg"), path) if path.suffix.lower() in PAGE_SUFFIXES else cls(path)

    def check(self, others: Sequence[Path], *, force: bool) -> None:
        """Refuse files that cannot be written; those of an earlier live picture may be replaced.

        Args:
            others: files that the run reads or writes.
            force: replace other files as well.

        Raises:
            PictureError: unsupported suffix, a folder that is not writable, or a file that may not be replaced.
        """
        check_output(self.picture, force=force, inputs=others)
        for path in (self.picture, self.page):
            if path and any(os.path.realpath(path) == os.path.realpath(other) for other in others):
                raise PictureError(f"The live picture would be {shown(path)}, as another file: give it its own name.")
        if self.page and self.page.exists() and not force and not _is_page(self.page):
            raise PictureError(
                f"{shown(self.page)} exists already; choose another name, or replace it with force=True."
            )


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(1000)
    except OSError:
        return False


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"


class LivePicture(SilentListener):
    """A listener that rewrites a picture while a run paints; a failure to write it is noted once, and ends it.

    Args:
        files: files to write, checked before.
        listener: receives the note.
    """

    def __init__(self, files: LiveFiles, listener: Listener) -> None:
        self._files, self._listener = files, listener
        self._title = "impasto"
        self._size = (1, 1)
        self._next = 0.0
        self._number = 0
        self._has_failed = False

    def on_event(self, event: Event) -> None:
        """Rewrite the picture if it is due."""
        if isinstance(event, Announced):
            self._title = f"{event.photo or 'texture'} in the style of {' and '.join(event.styles)}"
        elif isinstance(event, Started):
            height, width = event.octaves[-1][:2]
            self._size = scaled_size(height, width, min(LONGEST_SIDE, max(height, width)))
        elif isinstance(event, Iteration) and time.monotonic() >= self._next:
            self._write(event.image(), f"{event.share:.0%} painted{_left(event.remaining)}", refresh=True)

    def on_finished(self, outcome: Outcome) -> None:
        """Write the result, and a page that no longer reloads itself."""
        painting = outcome.painting
        progress = "finished" if painting.complete else "stopped early"
        self._write(over_white(painting.array, painting.alpha), progress, refresh=False)

    def _write(self, pixels: Pixels, progress: str, *, refresh: bool) -> None:
        if self._has_failed:
            return
        begun = time.monotonic()
        try:
            record = json.dumps({"impasto": __version__, LIVE: True, "complete": False})
            write_picture(self._files.picture, resize(pixels, *self._size), record=record)
            if self._files.page:
                self._number += 1  # or the browser would show the picture that it has
                replace_file(self._files.page, self._page(progress, refresh=refresh).encode())
        except ImpastoError as error:
            self._has_failed = True
            self._listener.note(f"The live picture ends here, and painting goes on: {error}")
        spent = time.monotonic() - begun
        self._next = begun + max(LEAST_SECONDS, spent / LARGEST_SHARE)

    def _page(self, progress: str, *, refresh: bool) -> str:
        return _PAGE.format(
            generator=_GENERATOR,
            refresh=f'\n<meta http-equiv="refresh" content="{LEAST_SECONDS:g}">' if refresh else "",
            title=html.escape(self._title),
            progress=html.escape(progress),
            picture=quote(self._files.picture.name),
            number=self._number,
        )
