"""Reporters of a run."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from impasto.cli.reporting import reporters
from impasto.cli.reporting.choosing import choose_reporter
from impasto.cli.reporting.formatting import announcement_line, clock, time_range, to_json
from impasto.cli.reporting.reporters import JsonReporter, LineReporter, Reporter
from impasto.cli.reporting.terminal import TerminalReporter
from impasto.engine.loss import Loss
from impasto.painting.events import Announced, Iteration, OctaveStarted, Preparing, Reading, Started, Writing
from impasto.painting.octaves import Octave
from impasto.runs.listener import Outcome

PHOTO = Path("a photo.tif")
OCTAVES = (Octave(36, 48, 3), Octave(72, 96, 2))


def iteration(number=1, octave=1, total=2.5, converged=False):
    loss, planned = Loss(total, 0.25, 0.5, 0.0), OCTAVES[octave - 1].iterations
    return Iteration(octave, number, planned, loss, 0.1, 1.0, 75.0, lambda: np.zeros((1, 1, 3)), converged)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """Replace stderr by a terminal; not a fixture, as pytest replaces stderr after fixtures ran."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_choose_reporter_fits_options_and_terminal(monkeypatch):
    terminal(monkeypatch)
    assert isinstance(choose_reporter(quiet=False, as_json=False), TerminalReporter)
    assert isinstance(choose_reporter(quiet=False, as_json=True), JsonReporter)
    assert type(choose_reporter(quiet=True, as_json=False)) is Reporter
    monkeypatch.setenv("TERM", "dumb")
    assert type(choose_reporter(quiet=False, as_json=False)) is LineReporter
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(choose_reporter(quiet=False, as_json=False)) is LineReporter


def test_terminal_shows_progress_and_restores_cursor(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    with reporter:
        reporter.on_event(Started(OCTAVES, "cpu", 2, "[red]name[/red]"))
        reporter.on_event(OctaveStarted(2, OCTAVES[1]))
        reporter.on_event(iteration(2, octave=2))
        reporter.note("something [bold]odd[/bold]")
        reporter.on_stop()
        reporter._live.refresh()
    text = stream.getvalue()
    for part in ("painting 96×72 px in 2 octaves", "[red]name[/red]", "octave 2/2", "iteration 2/2", "96×72 px",
                 "1:15 left", "10%", "loss 2.5 (content 0.25, style 0.5)", "note: something [bold]odd[/bold]",
                 "stopping"):  # fmt: skip
        assert part in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


def test_terminal_tells_run_and_steps_before_first_iteration(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    with reporter:
        reporter.on_event(Announced("photo.jpg", ("swirls", "b.png"), "30x40cm@300", "out.png"))
        for step, words in (("loading", "loading PyTorch"), ("reading", "reading the pictures")):
            reporter.on_event(Preparing(step))
            with reporter:  # as a slow file does
                reporter._live.refresh()
            assert words in stream.getvalue()
        assert stream.getvalue().count("\x1b[?25l") == 1  # one display all the time
    assert "photo.jpg in the style of swirls and b.png, 30x40cm@300, to out.png" in stream.getvalue()


def test_terminal_breaks_lines_between_words_but_no_path(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    reporter.on_event(Started(OCTAVES, "cpu", 2, "builtin"))
    reporter.note(f"see {'x' * 90} for more")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "painting 96×72 px in 2 octaves on cpu with 2 threads in float32, encoder builtin"
    assert lines[-1] == f"note: see {'x' * 90} for more"
    reporter.on_event(Announced(f"{'a' * 40}.jpg", ("swirls",), 512, f"{'b' * 40}.png"))
    assert stream.getvalue().splitlines()[-1] == f"{'b' * 40}.png"


def test_paused_terminal_display_leaves_its_place(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    with reporter:
        reporter.pause()
        assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")
        reporter.resume()
        assert stream.getvalue().rindex("\x1b[?25h") < stream.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize(
    ("size", "words"),
    [(512, "512 px"), ("640x480", "640x480 px"), ("original", "original size"), ("9in@300", "9in@300")],
)
def test_announcement_names_size_with_unit(size, words):
    assert announcement_line(Announced(None, ("a",), size, "b")) == f"texture in the style of a, {words}, to b"


def test_line_reporter_prints_starts_and_sparse_progress(capsys, monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(reporters.time, "monotonic", lambda: now.value)
    reporter = LineReporter()
    reporter.on_event(Started(OCTAVES, "cpu", 1, "builtin"))
    reporter.on_event(OctaveStarted(1, OCTAVES[0]))
    for number in range(1, 13):
        now.value += 1
        reporter.on_event(iteration(number))
    assert capsys.readouterr().err.splitlines() == [
        "painting 96×72 px in 2 octaves on cpu with 1 thread in float32, encoder builtin",
        "octave 1/2: 48×36 px, 3 iterations",
        "octave 1/2, iteration 5/3: loss 2.5 (content 0.25, style 0.5), 10% done, 1:15 left",
        "octave 1/2, iteration 10/3: loss 2.5 (content 0.25, style 0.5), 10% done, 1:15 left",
    ]


def test_line_reporter_prints_early_end_of_octave(capsys):
    reporter = LineReporter()
    reporter.on_event(Started(OCTAVES, "cpu", 1, "builtin"))
    reporter.on_event(OctaveStarted(1, OCTAVES[0]))
    reporter.on_event(iteration(2, converged=True))
    assert capsys.readouterr().err.splitlines()[-1] == (
        "octave 1/2 ends after 2 of 3 iterations, as its loss no longer falls: loss 2.5 (content 0.25, style 0.5)"
    )
    JsonReporter().on_event(iteration(2, converged=True))
    assert json.loads(capsys.readouterr().out)["converged"] is True


def test_json_has_null_for_nan_and_infinity(capsys, tmp_path):
    JsonReporter().on_event(iteration(total=math.nan))
    event = json.loads(capsys.readouterr().out)
    assert event["loss"] == {"total": None, "content": 0.25, "style": 0.5, "total_variation": 0.0}
    assert "image" not in event
    assert to_json({"a": [math.inf, (1, -math.inf)]}) == '{"a": [null, [1, null]]}'
    painting = SimpleNamespace(complete=False, seconds=1.5)
    JsonReporter().on_finished(Outcome(painting, {"picture": tmp_path / "a.png"}, "why"))
    assert json.loads(capsys.readouterr().out)["output"] == str(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (3723, "1:02:03"), (math.inf, "–"), (-1, "0:00")]
)
def test_clock_formats_durations(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("least", "most", "text"),
    [
        (0.2, 0.9, "0 to 1 s"),
        (11.2, 17.1, "11 to 18 s"),
        (60, 95, "1 to 1.6 min"),
        (5390, 8990, "1.4 to 2.5 h"),
        (36000, 72000, "10 to 20 h"),
    ],
)
def test_time_range_rounds_outwards(least, most, text):
    assert time_range(least, most) == text


def test_line_reporter_prints_slow_files_sparsely(capsys, monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(reporters.time, "monotonic", lambda: now.value)
    reporter = LineReporter()
    for share in (0.1, 0.2, 0.6, 1.0):
        reporter.on_event(Reading(PHOTO, share))
        now.value += 3
    assert capsys.readouterr().err.splitlines() == [f"reading a photo.tif: {share}" for share in ("10%", "60%", "100%")]


def test_json_reporter_prints_file_events(capsys):
    JsonReporter().on_event(Reading(PHOTO, 0.25))
    JsonReporter().on_event(Writing(PHOTO, 1.0))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": "reading", "path": "a photo.tif", "share": 0.25},
        {"event": "writing", "path": "a photo.tif", "share": 1.0},
    ]


def test_terminal_shows_slow_files_around_painting(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    shown = []
    for event in (Reading(PHOTO, 0.25), OctaveStarted(2, OCTAVES[1]), Writing(PHOTO, 0.75)):
        start = len(stream.getvalue())
        with reporter:
            if isinstance(event, OctaveStarted):
                reporter.on_event(Started((Octave(36, 48, 3), *OCTAVES[1:]), "cpu", 1, "name"))
            reporter.on_event(event)
            reporter._live.refresh()
        shown.append(stream.getvalue()[start:])
    assert "reading a photo.tif" in shown[0]
    assert " 25%" in shown[0]
    assert "octave 2/2" in shown[1]
    assert "a photo.tif" not in shown[1]
    assert "writing a photo.tif" in shown[2]
    assert " 75%" in shown[2]
    assert all(text.count("\x1b[?25h") == text.count("\x1b[?25l") == 1 for text in shown)
