"""The live display of a run on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import IO, Self, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from impasto.cli.reporting.formatting import (
    announcement_line,
    clock,
    file_line,
    loss_line,
    plan_line,
    preparing_line,
)
from impasto.cli.reporting.reporters import LineReporter
from impasto.cli.reporting.streams import Stderr, advice_line
from impasto.painting.events import Announced, Event, Iteration, OctaveStarted, Preparing, Reading, Started, Writing


def stderr_console() -> Console:
    """Return a console on stderr that outlives its terminal."""
    return Console(file=cast("IO[str]", Stderr()), highlight=False, emoji=False)


def can_redraw() -> bool:
    """Return whether the terminal on stderr can move its cursor."""
    console = stderr_console()
    return console.is_terminal and not console.is_dumb_terminal


class TerminalReporter(LineReporter):
    """Displays the current octave, the losses, and a bar with the remaining time, until the run is over."""

    def __init__(self) -> None:
        super().__init__()
        self._octave: OctaveStarted | None = None
        self._iteration: Iteration | None = None
        self._slow: Reading | Writing | None = None
        self._step = ""
        self._stopping = False
        self._entered = 0
        self._console = stderr_console()
        self._live = self._new_display()

    def _new_display(self) -> Live:
        return Live(
            console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._entered += 1
        if self._entered == 1:
            self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the display and show the cursor, unless it was entered before."""
        self._slow = None
        self._entered -= 1
        if not self._entered:
            self._live.stop()

    def pause(self) -> None:
        """Remove the display, so that another one has its place."""
        self._live.stop()

    def resume(self) -> None:
        """Show the display, if it is entered."""
        if self._entered:
            # A display that was shown before would first clear the lines of its former position.
            self._live = self._new_display()
            self._live.start()

    def on_event(self, event: Event) -> None:
        """Store an event for the display's own thread."""
        if isinstance(event, Reading | Writing):
            self._slow = event
        elif isinstance(event, Announced):
            self._print(announcement_line(event))
        elif isinstance(event, Preparing):
            self._step = preparing_line(event)
            self._octave = self._iteration = None  # of an earlier run
        elif isinstance(event, Started):
            self._octaves = len(event.octaves)
            self._print(plan_line(event))
        elif isinstance(event, OctaveStarted):
            self._octave = event
        elif isinstance(event, Iteration):
            self._iteration = event

    def note(self, text: str) -> None:
        """Print a line above the display."""
        self._print(f"note: {advice_line(text)}")

    def _print(self, text: str) -> None:
        """Print a line above the display; it is wrapped between words unless that would break a path."""
        console = self._live.console
        longest = max(map(len, text.split()), default=0)
        console.print(Text(text), soft_wrap=longest > console.width)

    def on_stop(self) -> None:
        """Show with the next refresh that the run is stopping."""
        self._stopping = True

    def _render(self) -> Group:
        slow = self._slow
        if slow is not None:
            return Group(Text(file_line(slow), style="bold", no_wrap=True, overflow="ellipsis"), _bar(slow.share))
        if self._octave is None:
            return Group(Text(self._step, style="bold"))
        return Group(self._position(self._octave), self._bar(), *self._losses())

    def _position(self, started: OctaveStarted) -> Text:
        number, (height, width, iterations) = started.number, started.octave[:3]
        text = Text(f"octave {number}/{self._octaves}", style="bold", no_wrap=True, overflow="ellipsis")
        text.append(f"  {width}×{height} px", style="not bold")
        if self._iteration is not None and self._iteration.octave == number:
            text.append(f"  iteration {self._iteration.iteration}/{iterations}", style="not bold")
        if self._stopping:
            text.append("  stopping (once more: at once)", style="yellow not bold")
        return text

    def _bar(self) -> Table:
        share = self._iteration.share if self._iteration else 0.0
        return _bar(share, Text(f"{clock(self._iteration.remaining if self._iteration else None)} left"))

    def _losses(self) -> list[Text]:
        return [Text(loss_line(self._iteration.loss), style="dim")] if self._iteration else []


def _bar(share: float, *remarks: Text) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_row(ProgressBar(total=1.0, completed=share, width=40), Text(f"{share:4.0%}"), *remarks)
    return row
