"""The live display of a batch on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from impasto.batches.events import Advanced, BatchEvent, Begun, Ended
from impasto.batches.executor import Paintable
from impasto.cli.reporting.batch_reporters import BatchLineReporter
from impasto.cli.reporting.formatting import clock
from impasto.cli.reporting.streams import advice_line, one_line
from impasto.cli.reporting.terminal import stderr_console


class BatchTerminalReporter(BatchLineReporter):
    """Displays a line for each current painting and one for the whole batch, until the batch is over."""

    def __init__(
        self, works: Sequence[Paintable], names: Sequence[str] | None = None, temporary: Path | None = None
    ) -> None:
        super().__init__(works, names, temporary)
        self._running: dict[int, Advanced | None] = {}
        self._stopping = False
        self._console = stderr_console()
        self._live = Live(
            console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the display and show the cursor."""
        self._live.stop()

    def on_event(self, event: BatchEvent) -> None:
        """Store an event for the display's own thread."""
        if isinstance(event, Begun):
            self._running = self._running | {event.number: None}
        elif isinstance(event, Advanced):
            self._running = self._running | {event.number: event}
        elif isinstance(event, Ended):
            self._running = {number: last for number, last in self._running.items() if number != event.number}
        super().on_event(event)

    def on_failure(self, event: Ended) -> None:
        """Print an error above the display."""
        self.line(f"error: {self.name(event.number)}: {advice_line(event.message)}")

    def is_due(self) -> bool:
        """Return False, as the display always shows the whole batch."""
        return False

    def line(self, text: str) -> None:
        """Print a line above the display."""
        self._console.print(Text(one_line(text)), soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a note above the display."""
        self.line(f"note: {advice_line(text)}")

    def on_stop(self) -> None:
        """Show with the next refresh that the batch is stopping."""
        self._stopping = True

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        for number, last in sorted(self._running.items()):
            share = last.share if last else 0.0
            remaining = last.remaining if last else None
            name = Text(one_line(self.name(number)), no_wrap=True, overflow="ellipsis")
            table.add_row(name, _bar(share), Text(f"{share:4.0%}"), Text(f"{clock(remaining)} left"))
        table.add_row(
            Text(f"{len(self.ends)}/{len(self.works)} pictures", style="bold"),
            _bar(self.share),
            Text(f"{self.share:4.0%}"),
            Text(f"{clock(self.remaining)} left"),
        )
        if self._stopping:
            return Group(table, Text("stopping (once more: at once)", style="yellow"))
        return table


def _bar(share: float) -> ProgressBar:
    return ProgressBar(total=1.0, completed=share, width=30)
