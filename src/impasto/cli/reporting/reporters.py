"""How a run looks while it goes on: on a terminal, in a log, as JSON, or not at all."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from typing import Any

from impasto.cli.reporting.streams import one_line, say, say_note, tell
from impasto.engine.loss import Loss
from impasto.painting.events import Event, Iteration, OctaveStarted, Reading, Started, Writing
from impasto.runs.listener import Outcome, Reporter

SECONDS_BETWEEN_LINES = 5.0


class LineReporter(Reporter):
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._octaves = 0
        self._last = 0.0
        self._file = ""

    def tell(self, event: Event) -> None:
        """Write a line at the start, at each octave, its early end and each slow file, and every few seconds."""
        if isinstance(event, Reading | Writing):
            name = file_line(event)
            if name == self._file and time.monotonic() - self._last < SECONDS_BETWEEN_LINES and event.share < 1:
                return
            self._file = name
            tell(f"{name}: {event.share:.0%}")
        elif isinstance(event, Started):
            self._octaves = len(event.octaves)
            tell(plan_line(event))
        elif isinstance(event, OctaveStarted):
            size = f"{event.octave.width}×{event.octave.height} px"
            tell(f"octave {event.number}/{self._octaves}: {size}, {_counted(event.octave.iterations, 'iteration')}")
        elif isinstance(event, Iteration) and event.converged:
            tell(
                f"octave {event.octave}/{self._octaves} ends after {event.iteration} of {event.iterations} iterations, "
                f"as its loss no longer falls: {loss_line(event.loss)}"
            )
        elif isinstance(event, Iteration) and time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            tell(
                f"octave {event.octave}/{self._octaves}, iteration {event.iteration}/{event.iterations}: "
                f"{loss_line(event.loss)}, {event.share:.0%} done, {clock(event.remaining)} left"
            )
        else:
            return
        self._last = time.monotonic()

    def note(self, text: str) -> None:
        """One line on stderr."""
        say_note(text)

    def finished(self, outcome: Outcome) -> None:
        """The sheet and the others on stderr, the picture's path on stdout."""
        for name, path in outcome.files.items():
            if name != "picture":
                tell(f"{name}: {one_line(str(path))}")
        tell(f"painted in {clock(outcome.painting.seconds)}" + ("" if outcome.painting.complete else ", incomplete"))
        say(str(outcome.files["picture"]), needed=False)


class JsonReporter(Reporter):
    """Every event as a line of JSON on stdout."""

    def tell(self, event: Event) -> None:
        """Write an event."""
        if isinstance(event, Reading | Writing):
            name = "reading" if isinstance(event, Reading) else "writing"
            _say_json(name, path=str(event.path), share=event.share)
        elif isinstance(event, Started):
            octaves = [octave._asdict() for octave in event.octaves]
            _say_json("started", **(_fields(event) | {"octaves": octaves}))
        elif isinstance(event, OctaveStarted):
            _say_json("octave", number=event.number, **event.octave._asdict())
        elif isinstance(event, Iteration):
            values = _fields(event)
            del values["image"]
            _say_json("iteration", **(values | {"loss": asdict(event.loss)}))

    def note(self, text: str) -> None:
        """One line on stderr."""
        say_note(text)

    def finished(self, outcome: Outcome) -> None:
        """Write the last event, with what was written where."""
        others = {name: str(path) for name, path in outcome.files.items() if name != "picture"}
        _say_json(
            "finished",
            output=str(outcome.files["picture"]),
            complete=outcome.painting.complete,
            message=outcome.message,
            seconds=outcome.painting.seconds,
            **({"checkpoint": str(outcome.checkpoint)} if outcome.checkpoint else {}),
            **others,
        )


def plan_line(event: Started) -> str:
    """What is about to be painted, in a line."""
    last = event.octaves[-1]
    return (
        f"painting {last.width}×{last.height} px in {_counted(len(event.octaves), 'octave')} "
        f"on {event.device} with {_counted(event.threads, 'thread')} in {event.precision}, "
        f"encoder {one_line(event.encoder)}"
    )


def file_line(event: Reading | Writing) -> str:
    """What is done with a file, in a line."""
    return f"{'reading' if isinstance(event, Reading) else 'writing'} {one_line(str(event.path))}"


def loss_line(loss: Loss) -> str:
    """The losses, in a line."""
    return f"loss {loss.total:.3g} (content {loss.content:.3g}, style {loss.style:.3g})"


def clock(seconds: float | None) -> str:
    """Seconds as ``0:07``, ``1:02:03``; ``–`` where they are not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def to_json(value: Any) -> str:
    """JSON on one line, with null for numbers that are not finite, which JSON lacks."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _say_json(name: str, **values: Any) -> None:
    say(to_json({"event": name, **values}), needed=False)


def _fields(event: Event) -> dict[str, Any]:
    return dict(vars(event))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
