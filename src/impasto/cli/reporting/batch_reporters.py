"""How a batch looks while it runs: on a terminal, in a log, as JSON, or not at all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from impasto.batches.events import Advanced, BatchEvent, Begun, Ended, Remarked, State
from impasto.batches.works import Work
from impasto.cli.reporting.reporters import SECONDS_BETWEEN_LINES, clock, to_json
from impasto.cli.reporting.streams import one_line, say, say_error, say_note, tell
from impasto.cli.reporting.tables import print_columns
from impasto.files import shown

LONGEST_TABLE = 40
"""From so many pictures on, the table in the end leaves out those that are there."""


_SAID: dict[State, str] = {"painted": "painted", "done": "done before", "failed": "failed", "stopped": "not painted"}


class BatchReporter:
    """Says nothing but what failed: what ``--quiet`` asks for, and the base of the others.

    A context in which the events are told.

    Args:
        works: of the batch.
        names: of the works, in a few words; those of their outputs where not given.
        passing: the folder of the outputs, where it is removed in the end; None where they stay.
    """

    def __init__(self, works: Sequence[Work], names: Sequence[str] | None = None, passing: Path | None = None) -> None:
        self.works, self.passing = works, passing
        self.names = [work.output.name for work in works] if names is None else names
        self._paths = [str(work.output) for work in works] if names is None else names
        self.ends: dict[int, Ended] = {}
        self.jobs = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no display behind."""

    @property
    def failed(self) -> int:
        """How many have failed."""
        return sum(end.state == "failed" for end in self.ends.values())

    def plan(self) -> None:
        """Show what would be painted, whatever else is said or not."""
        rows = ((str(w.output), str(w.content), " + ".join(map(str, w.styles)), _planned(w)) for w in self.works)
        print_columns(("picture", "photograph", "style", "state"), rows)

    def begin(self, jobs: int) -> None:
        """Painting begins, in so many processes."""
        self.jobs = jobs

    def tell(self, event: BatchEvent) -> None:
        """Something happened."""
        if isinstance(event, Ended):
            self.ends[event.number] = event
            if event.state == "failed":
                self.fail(event)

    def fail(self, event: Ended) -> None:
        """A painting failed."""
        say_error(f"{self.name(event.number)}: {event.message}")

    def stopping(self) -> None:
        """A signal asked for the end; called on another thread."""
        left = "Without --keep nothing of it stays." if self.passing else "What is finished stays."
        self.note(f"Stopping after these iterations; a second signal stops at once. {left}")

    @property
    def left(self) -> str:
        """What there is where the program ends at once, in a clause."""
        return f"what is finished is in {shown(self.passing)}" if self.passing else "what is finished stays"

    def note(self, text: str) -> None:
        """A remark, in one sentence."""

    def finish(self) -> None:
        """The batch is over."""

    def written(self, what: str, path: Path) -> None:
        """Something besides the pictures was written."""

    def name(self, number: int) -> str:
        """A work in a few words."""
        return self.names[number]

    def count(self) -> str:
        """How many are in which state, in words."""
        counts = Counter(end.state for end in self.ends.values())
        return ", ".join(f"{counts[state]} {words}" for state, words in _SAID.items() if counts[state])


def _planned(work: Work) -> str:
    return "done" if work.done else "replaced" if work.replaces else "to be painted"


class BatchLineReporter(BatchReporter):
    """A line for each picture, and now and then one for the whole; a table in the end."""

    def __init__(self, works: Sequence[Work], names: Sequence[str] | None = None, passing: Path | None = None) -> None:
        super().__init__(works, names, passing)
        self.shares: dict[int, float] = {}
        self._begun = self._last = time.monotonic()

    def begin(self, jobs: int) -> None:
        """Say what is to come."""
        super().begin(jobs)
        done = sum(work.done for work in self.works)
        self.line(
            f"{len(self.works)} picture{'' if len(self.works) == 1 else 's'}, {done} done before; painting "
            f"{'one' if jobs == 1 else jobs} at a time"
        )
        self._begun = self._last = time.monotonic()

    def tell(self, event: BatchEvent) -> None:
        """Write a line where one is due."""
        super().tell(event)
        if isinstance(event, Advanced):
            self.shares[event.number] = event.share
            if self.is_due():
                self.line(self.whole())
        elif isinstance(event, Remarked):
            self.note(f"{self.name(event.number)}: {event.text}")
        elif isinstance(event, Ended):
            self.shares.pop(event.number, None)
            if event.state == "painted":
                self.line(f"{self.name(event.number)}: painted in {clock(event.seconds)}")

    def is_due(self) -> bool:
        """Whether it is time for a line on the whole."""
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True

    def whole(self) -> str:
        """How far the whole is, in a line."""
        return f"{len(self.ends)}/{len(self.works)} pictures, {self.share:.0%} done, {clock(self.remaining)} left"

    @property
    def share(self) -> float:
        """Of all that this batch has to paint, done before or not, in [0, 1]."""
        return (len(self.ends) + sum(self.shares.values())) / len(self.works)

    @property
    def remaining(self) -> float | None:
        """Seconds expected to the end; None where there is nothing yet to judge by."""
        before = sum(work.done for work in self.works)
        done = len(self.ends) - before + sum(self.shares.values())
        left = len(self.works) - before - done
        return (time.monotonic() - self._begun) * left / done if done > 0 else None

    def line(self, text: str) -> None:
        """A line on stderr."""
        tell(one_line(text))

    def note(self, text: str) -> None:
        """A line on stderr."""
        say_note(text)

    def finish(self) -> None:
        """Print the table: of all, or of many only those that are not there."""
        numbers = sorted(self.ends)
        if len(numbers) > LONGEST_TABLE:
            numbers = [number for number in numbers if self.ends[number].state in ("failed", "stopped")]
        if numbers:
            print_columns(("picture", "state", "time", ""), map(self._row, numbers))
        say(self.count(), needed=False)

    def written(self, what: str, path: Path) -> None:
        """Its path on stdout."""
        say(str(path), needed=False)

    def _row(self, number: int) -> tuple[str, str, str, str]:
        end = self.ends[number]
        return (
            self._paths[number],
            _SAID[end.state],
            clock(end.seconds) if end.state == "painted" else "",
            end.message,
        )


class BatchJsonReporter(BatchReporter):
    """Every event as a line of JSON on stdout, with the names of the pictures."""

    def plan(self) -> None:
        """Write an event for each picture."""
        for number, work in enumerate(self.works):
            self._say("planned", number=number, state=_planned(work), **self._names(number))

    def begin(self, jobs: int) -> None:
        """Write the first event."""
        super().begin(jobs)
        self._say("batch", works=len(self.works), done=sum(work.done for work in self.works), jobs=jobs)

    def tell(self, event: BatchEvent) -> None:
        """Write an event."""
        super().tell(event)
        values = asdict(event) | self._names(event.number)
        if isinstance(event, Begun):
            self._say("started", **values)
        elif isinstance(event, Advanced):
            self._say("iteration", **values)
        elif isinstance(event, Remarked):
            self._say("note", **values)
        else:
            self._say(values.pop("state"), **values)

    def note(self, text: str) -> None:
        """One line on stderr."""
        say_note(text)

    def finish(self) -> None:
        """Write the last event."""
        counts = Counter(end.state for end in self.ends.values())
        self._say("finished", **{state: counts[state] for state in _SAID})

    def written(self, what: str, path: Path) -> None:
        """Write where it is."""
        self._say(what, output=str(path))

    def _names(self, number: int) -> dict[str, Any]:
        work = self.works[number]
        return {
            "name": self.name(number),
            "content": str(work.content) if work.content else None,
            "styles": list(map(str, work.styles)),
            "output": None if self.passing else str(Path(work.output).absolute()),
        }

    def _say(self, event: str, /, **values: Any) -> None:
        say(to_json({"event": event, **values}), needed=False)
