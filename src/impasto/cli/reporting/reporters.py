"""Reporters of a run: for ``--quiet``, for logs, and for ``--json``."""

from __future__ import annotations

import time
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from impasto.cli.errors import as_options
from impasto.cli.reporting.formatting import announcement_line, clock, counted, file_line, loss_line, plan_line, to_json
from impasto.cli.reporting.streams import one_line, print_error, print_note, print_out, print_status
from impasto.files import shown
from impasto.painting.events import Announced, Event, Iteration, OctaveStarted, Reading, Started, Writing
from impasto.runs.checkpointing import resume_command
from impasto.runs.listener import Outcome

SECONDS_BETWEEN_LINES = 5.0
"""Least seconds between two lines on the progress."""


class Reporter:
    """A run's listener that prints only errors; the reporter for ``--quiet``, and the base class of the others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the display, if there is one."""

    def pause(self) -> None:
        """Remove the display, if there is one, so that another one can take its place."""

    def resume(self) -> None:
        """Show the display again."""

    def on_event(self, event: Event) -> None:
        """Show an event."""

    def note(self, text: str) -> None:
        """Show a remark of one sentence."""

    def on_stop(self) -> None:
        """Acknowledge the signal that stops the run; called on another thread."""
        self.note("Stopping after this iteration; a second signal stops at once, without saving the picture.")

    def on_finished(self, outcome: Outcome) -> None:
        """Print errors and notes on the outcome, and then the files."""
        if not outcome.is_saved:
            self._report_unsaved(outcome)
            return
        if outcome.message:
            self._report_early_end(outcome)
        for failure in outcome.failures:
            print_error(failure)
        self.show_files(outcome)

    def show_files(self, outcome: Outcome) -> None:
        """Show the files that a run wrote."""

    def _report_unsaved(self, outcome: Outcome) -> None:
        for failure in outcome.failures:
            print_error(failure)
        if outcome.checkpoint:
            command = resume_command(outcome.checkpoint)
            self.note(f"Nothing is lost: {command} writes the picture, with -o to another place.")
        elif outcome.rescued:
            self.note(f"Nothing is lost: the picture is {shown(outcome.rescued)}.")

    def _report_early_end(self, outcome: Outcome) -> None:
        kept = outcome.checkpoint
        later = f"{resume_command(kept)} finishes it" if kept else "a later run may replace it"
        if outcome.stop_requested:
            self.note(f"{outcome.message} It is marked incomplete, and {later}.")
            return
        print_error(outcome.message)
        if kept:
            self.note(f"The picture is marked incomplete, and {later}.")


class LineReporter(Reporter):
    """Prints a line every few seconds, for logs and pipes."""

    def __init__(self) -> None:
        self._octaves = 0
        self._last = 0.0
        self._file = ""
        self._announced = ""

    def on_event(self, event: Event) -> None:
        """Print a line at the start, at each octave and its early end, for slow files, and every few seconds."""
        if isinstance(event, Reading | Writing):
            name = file_line(event)
            if name == self._file and time.monotonic() - self._last < SECONDS_BETWEEN_LINES and event.share < 1:
                return
            self._file = name
            print_status(f"{name}: {event.share:.0%}")
        elif isinstance(event, Announced):
            self._announced = announcement_line(event)  # printed once the pictures are accepted
            return
        elif isinstance(event, Started):
            self._octaves = len(event.octaves)
            if self._announced:
                print_status(self._announced)
            print_status(plan_line(event))
        elif isinstance(event, OctaveStarted):
            size = f"{event.octave.width}×{event.octave.height} px"
            iterations = counted(event.octave.iterations, "iteration")
            print_status(f"octave {event.number}/{self._octaves}: {size}, {iterations}")
        elif isinstance(event, Iteration) and event.converged:
            print_status(
                f"octave {event.octave}/{self._octaves} ends after {event.iteration} of {event.iterations} iterations, "
                f"as its loss no longer falls: {loss_line(event.loss)}"
            )
        elif isinstance(event, Iteration) and time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            print_status(
                f"octave {event.octave}/{self._octaves}, iteration {event.iteration}/{event.iterations}: "
                f"{loss_line(event.loss)}, {event.share:.0%} done, {clock(event.remaining)} left"
            )
        else:
            return
        self._last = time.monotonic()

    def note(self, text: str) -> None:
        """Print a remark on stderr."""
        print_note(text)

    def show_files(self, outcome: Outcome) -> None:
        """Print the path of the picture on stdout, and those of the other files on stderr."""
        for name, path in outcome.files.items():
            if name != "picture":
                print_status(f"{name}: {one_line(str(path))}")
        incomplete = "" if outcome.painting.complete else ", incomplete"
        print_status(f"painted in {clock(outcome.painting.seconds)}{incomplete}")
        if not outcome.is_temporary:
            print_out(str(outcome.files["picture"]), needed=False)


class JsonReporter(Reporter):
    """Prints every event as a line of JSON on stdout."""

    def on_event(self, event: Event) -> None:
        """Print an event."""
        if isinstance(event, Reading | Writing):
            name = "reading" if isinstance(event, Reading) else "writing"
            _print_json(name, path=str(event.path), share=event.share)
        elif isinstance(event, Started):
            octaves = [octave._asdict() for octave in event.octaves]
            warnings = [as_options(text) for text in event.warnings]
            _print_json("started", **(vars(event) | {"octaves": octaves, "warnings": warnings}))
        elif isinstance(event, OctaveStarted):
            _print_json("octave", number=event.number, **event.octave._asdict())
        elif isinstance(event, Iteration):
            values = vars(event) | {"loss": asdict(event.loss)}
            del values["image"]
            _print_json("iteration", **values)

    def note(self, text: str) -> None:
        """Print a remark on stderr."""
        print_note(text)

    def show_files(self, outcome: Outcome) -> None:
        """Print the last event, with the paths of all files."""
        others = {name: str(path) for name, path in outcome.files.items() if name != "picture"}
        _print_json(
            "finished",
            output=str(outcome.files["picture"]),
            complete=outcome.painting.complete,
            message=as_options(outcome.message),
            seconds=outcome.painting.seconds,
            **({"checkpoint": str(outcome.checkpoint)} if outcome.checkpoint else {}),
            **others,
        )


def _print_json(name: str, **values: Any) -> None:
    print_out(to_json({"event": name, **values}), needed=False)
