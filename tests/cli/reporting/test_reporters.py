"""How a run looks."""

from __future__ import annotations

import io
import json
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from impasto.cli.reporting import reporters
from impasto.cli.reporting.choosing import choose_reporter
from impasto.cli.reporting.reporters import JsonReporter, LineReporter, clock, to_json
from impasto.cli.reporting.terminal import TerminalReporter
from impasto.engine.loss import Loss
from impasto.painting.events import Iteration, OctaveStarted, Started
from impasto.painting.octaves import Octave
from impasto.runs.listener import Outcome, Reporter

OCTAVES = (Octave(36, 48, 3), Octave(72, 96, 2))


def iteration(number=1, octave=1, total=2.5, converged=False):
    loss, planned = Loss(total, 0.25, 0.5, 0.0), OCTAVES[octave - 1].iterations
    return Iteration(octave, number, planned, loss, 0.1, 1.0, 75.0, lambda: np.zeros((1, 1, 3)), converged)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """Stderr, as a terminal; no fixture, as pytest puts its own stderr in place after those."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_the_face_fits_the_surroundings(monkeypatch):
    terminal(monkeypatch)
    assert isinstance(choose_reporter(quiet=False, as_json=False), TerminalReporter)
    assert isinstance(choose_reporter(quiet=False, as_json=True), JsonReporter)
    assert type(choose_reporter(quiet=True, as_json=False)) is Reporter
    monkeypatch.setenv("TERM", "dumb")
    assert type(choose_reporter(quiet=False, as_json=False)) is LineReporter
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(choose_reporter(quiet=False, as_json=False)) is LineReporter


def test_the_terminal_shows_where_the_run_is_and_cleans_up(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    with reporter:
        reporter.tell(Started(OCTAVES, "cpu", 2, "[red]name[/red]"))
        reporter.tell(OctaveStarted(2, OCTAVES[1]))
        reporter.tell(iteration(2, octave=2))
        reporter.note("something [bold]odd[/bold]")
        reporter.stopping()
        reporter._live.refresh()
    text = stream.getvalue()
    for part in ("painting 96×72 px in 2 octaves", "[red]name[/red]", "octave 2/2", "iteration 2/2", "96×72 px",
                 "1:15 left", "10%", "loss 2.5 (content 0.25, style 0.5)", "note: something [bold]odd[/bold]",
                 "stopping"):  # fmt: skip
        assert part in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


def test_lines_come_at_starts_and_then_every_few_seconds(capsys, monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(reporters.time, "monotonic", lambda: now.value)
    reporter = LineReporter()
    reporter.tell(Started(OCTAVES, "cpu", 1, "builtin"))
    reporter.tell(OctaveStarted(1, OCTAVES[0]))
    for number in range(1, 13):
        now.value += 1
        reporter.tell(iteration(number))
    assert capsys.readouterr().err.splitlines() == [
        "painting 96×72 px in 2 octaves on cpu with 1 thread in float32, encoder builtin",
        "octave 1/2: 48×36 px, 3 iterations",
        "octave 1/2, iteration 5/3: loss 2.5 (content 0.25, style 0.5), 10% done, 1:15 left",
        "octave 1/2, iteration 10/3: loss 2.5 (content 0.25, style 0.5), 10% done, 1:15 left",
    ]


def test_an_octave_that_ends_early_has_a_line(capsys):
    reporter = LineReporter()
    reporter.tell(Started(OCTAVES, "cpu", 1, "builtin"))
    reporter.tell(OctaveStarted(1, OCTAVES[0]))
    reporter.tell(iteration(2, converged=True))
    assert capsys.readouterr().err.splitlines()[-1] == (
        "octave 1/2 ends after 2 of 3 iterations, as its loss no longer falls: loss 2.5 (content 0.25, style 0.5)"
    )
    JsonReporter().tell(iteration(2, converged=True))
    assert json.loads(capsys.readouterr().out)["converged"] is True


def test_json_has_no_numbers_that_json_lacks(capsys, tmp_path):
    JsonReporter().tell(iteration(total=math.nan))
    event = json.loads(capsys.readouterr().out)
    assert event["loss"] == {"total": None, "content": 0.25, "style": 0.5, "total_variation": 0.0}
    assert "image" not in event
    assert to_json({"a": [math.inf, (1, -math.inf)]}) == '{"a": [null, [1, null]]}'
    painting = SimpleNamespace(complete=False, seconds=1.5)
    JsonReporter().finished(Outcome(painting, "why", {"picture": tmp_path / "a.png"}))
    assert json.loads(capsys.readouterr().out)["output"] == str(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (3723, "1:02:03"), (math.inf, "–"), (-1, "0:00")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
