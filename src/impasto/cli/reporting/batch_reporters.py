"""Reporters of a batch: for ``--quiet``, for logs, and for ``--json``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from impasto.batches.events import Advanced, BatchEvent, Begun, Ended, Remarked, State
from impasto.batches.executor import Paintable
from impasto.batches.manifest.addresses import is_url
from impasto.cli.errors import as_options
from impasto.cli.reporting.formatting import announcement_line, clock, counted, to_json
from impasto.cli.reporting.reporters import SECONDS_BETWEEN_LINES
from impasto.cli.reporting.streams import one_line, print_error, print_note, print_out, print_status
from impasto.files import shown
from impasto.painting.events import Announced

LONGEST_TABLE = 40
"""Number of pictures up to which the final table lists those that were painted, too."""

_STATES: dict[State, str] = {"painted": "painted", "done": "done before", "failed": "failed", "stopped": "not painted"}


class BatchReporter:
    """Prints only failures; the reporter for ``--quiet``, and the base class of the others.

    It is entered as a context while events arrive, so that a display can open and close.

    Args:
        works: the paintings of the batch.
        names: short names of the works; None for the file names of their outputs.
        temporary: folder of the outputs if it is removed at the end; None if the outputs stay.

    Attributes:
        ends: the last event of each work that has ended, by number.
        jobs: number of paintings at a time.
    """

    def __init__(
        self, works: Sequence[Paintable], names: Sequence[str] | None = None, temporary: Path | None = None
    ) -> None:
        self.works, self.temporary = works, temporary
        self.names = [Path(work.output).name for work in works] if names is None else names
        self._paths = [str(work.output) for work in works] if names is None else names
        self.ends: dict[int, Ended] = {}
        self.jobs = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the display, if there is one."""

    @property
    def failed(self) -> int:
        """Number of paintings that failed."""
        return sum(end.state == "failed" for end in self.ends.values())

    def plan(self) -> None:
        """Show the paintings without painting them, even for ``--quiet``."""
        from impasto.cli.reporting.tables import print_columns  # rich, which a single painting does without

        rows = ((str(w.output), str(w.content), " + ".join(map(str, w.styles)), _planned(w)) for w in self.works)
        print_columns(("picture", "photograph", "style", "state"), rows)

    def announce(self, event: Announced) -> None:
        """Show the inputs and the destination of pictures that belong together."""

    def begin(self, jobs: int) -> None:
        """Receive the number of processes before painting begins."""
        self.jobs = jobs

    def on_event(self, event: BatchEvent) -> None:
        """Show an event."""
        if isinstance(event, Ended):
            self.ends[event.number] = event
            if event.state == "failed":
                self.on_failure(event)

    def on_failure(self, event: Ended) -> None:
        """Print the reason why a painting failed."""
        print_error(f"{self.name(event.number)}: {event.message}")

    def on_stop(self) -> None:
        """Acknowledge the signal that stops the batch; called on another thread."""
        rest = "Without --keep nothing of it stays." if self.temporary else "What is finished stays."
        self.note(f"Stopping after these iterations; a second signal stops at once. {rest}")

    @property
    def remains(self) -> str:
        """Clause on the files that remain if the program ends at once."""
        return f"what is finished is in {shown(self.temporary)}" if self.temporary else "what is finished stays"

    def note(self, text: str) -> None:
        """Show a remark of one sentence."""

    def finish(self) -> None:
        """Show the result, once the batch is over."""

    def written(self, what: str, path: Path) -> None:
        """Show another file that was written.

        Args:
            what: its kind, such as ``grid``.
            path: of the file.
        """

    def name(self, number: int) -> str:
        """Return the short name of a work."""
        return self.names[number]

    def count(self) -> str:
        """Return the numbers of paintings by state, in words."""
        counts = Counter(end.state for end in self.ends.values())
        return ", ".join(f"{counts[state]} {words}" for state, words in _STATES.items() if counts[state])


def _absolute(output: str | Path) -> str:
    return str(output) if is_url(output) else str(Path(output).absolute())


def _planned(work: Paintable) -> str:
    return "done" if work.done else "replaced" if work.replaces else "to be painted"


class BatchLineReporter(BatchReporter):
    """Prints a line for each picture, one for the whole batch every few seconds, and a table at the end."""

    def __init__(
        self, works: Sequence[Paintable], names: Sequence[str] | None = None, temporary: Path | None = None
    ) -> None:
        super().__init__(works, names, temporary)
        self.shares: dict[int, float] = {}
        self._are_variants, self._noted = names is not None, set[str]()
        self._begun = self._last = time.monotonic()

    def announce(self, event: Announced) -> None:
        """Print the inputs and the destination."""
        self.line(announcement_line(event))

    def begin(self, jobs: int) -> None:
        """Print the number of pictures and processes."""
        super().begin(jobs)
        done = sum(work.done for work in self.works)
        self.line(
            f"{counted(len(self.works), 'picture')}, {done} done before; painting "
            f"{'one' if jobs == 1 else jobs} at a time"
        )
        self._begun = self._last = time.monotonic()

    def on_event(self, event: BatchEvent) -> None:
        """Print a line if one is due."""
        super().on_event(event)
        if isinstance(event, Advanced):
            self.shares[event.number] = event.share
            if self.is_due():
                self.line(self.whole())
        elif isinstance(event, Remarked):
            self._remark(event)
        elif isinstance(event, Ended):
            self.shares.pop(event.number, None)
            if event.state == "painted":
                self.line(f"{self.name(event.number)}: painted in {clock(event.seconds)}")

    def _remark(self, event: Remarked) -> None:
        """Print a note; if several variants share it, as a note on the photograph, only once."""
        if not self._are_variants:
            self.note(f"{self.name(event.number)}: {event.text}")
        elif event.text not in self._noted:
            self._noted.add(event.text)
            self.note(event.text)

    def is_due(self) -> bool:
        """Return whether a line on the whole batch is due."""
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True

    def whole(self) -> str:
        """Return a line on the progress of the whole batch."""
        return f"{len(self.ends)}/{len(self.works)} pictures, {self.share:.0%} done, {clock(self.remaining)} left"

    @property
    def share(self) -> float:
        """Share of the batch that is done, in [0, 1]; pictures that were done before count as well."""
        return (len(self.ends) + sum(self.shares.values())) / len(self.works)

    @property
    def remaining(self) -> float | None:
        """Expected seconds to the end; None before there is any progress."""
        before = sum(work.done for work in self.works)
        done = len(self.ends) - before + sum(self.shares.values())
        left = len(self.works) - before - done
        return (time.monotonic() - self._begun) * left / done if done > 0 else None

    def line(self, text: str) -> None:
        """Print a line on stderr."""
        print_status(one_line(text))

    def note(self, text: str) -> None:
        """Print a note on stderr."""
        print_note(text)

    def finish(self) -> None:
        """Print a table of the pictures; of a large batch only those that were not painted."""
        numbers = sorted(self.ends)
        if len(numbers) > LONGEST_TABLE:
            numbers = [number for number in numbers if self.ends[number].state in ("failed", "stopped")]
        if numbers:
            from impasto.cli.reporting.tables import print_columns

            print_columns(("picture", "state", "time", ""), map(self._row, numbers), needed=False)
        print_out(self.count(), needed=False)

    def written(self, what: str, path: Path) -> None:
        """Print the path of another file on stdout."""
        print_out(str(path), needed=False)

    def _row(self, number: int) -> tuple[str, str, str, str]:
        end = self.ends[number]
        return (
            self._paths[number],
            _STATES[end.state],
            clock(end.seconds) if end.state == "painted" else "",
            as_options(end.message),
        )


class BatchJsonReporter(BatchReporter):
    """Prints every event as a line of JSON on stdout, with the names of the pictures."""

    def plan(self) -> None:
        """Print an event for each picture."""
        for number, work in enumerate(self.works):
            self._print("planned", number=number, state=_planned(work), **self._names(number))

    def announce(self, event: Announced) -> None:
        """Print an event with the inputs and the destination."""
        self._print("announced", **asdict(event))

    def begin(self, jobs: int) -> None:
        """Print the numbers of pictures and processes."""
        super().begin(jobs)
        self._print("batch", works=len(self.works), done=sum(work.done for work in self.works), jobs=jobs)

    def on_event(self, event: BatchEvent) -> None:
        """Print an event."""
        super().on_event(event)
        values = asdict(event) | self._names(event.number)
        values |= {name: as_options(values[name]) for name in ("text", "message") if name in values}
        if isinstance(event, Begun):
            self._print("started", **values)
        elif isinstance(event, Advanced):
            self._print("iteration", **values)
        elif isinstance(event, Remarked):
            self._print("note", **values)
        else:
            self._print(values.pop("state"), **values)

    def note(self, text: str) -> None:
        """Print a note on stderr."""
        print_note(text)

    def finish(self) -> None:
        """Print the last event."""
        counts = Counter(end.state for end in self.ends.values())
        self._print("finished", **{state: counts[state] for state in _STATES})

    def written(self, what: str, path: Path) -> None:
        """Print an event with the path of another file."""
        self._print(what, output=str(path))

    def _names(self, number: int) -> dict[str, Any]:
        work = self.works[number]
        return {
            "name": self.name(number),
            "content": str(work.content) if work.content else None,
            "styles": list(map(str, work.styles)),
            "output": None if self.temporary else _absolute(work.output),
        }

    def _print(self, event: str, /, **values: Any) -> None:
        print_out(to_json({"event": event, **values}), needed=False)
