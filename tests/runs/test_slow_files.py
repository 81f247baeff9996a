"""Word of files that take long."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from impasto.cli.reporting import reporters
from impasto.cli.reporting.reporters import JsonReporter, LineReporter
from impasto.cli.reporting.terminal import TerminalReporter
from impasto.painting.events import Event, OctaveStarted, Reading, Started, Writing
from impasto.painting.octaves import Octave
from impasto.pictures import write_picture
from impasto.pictures.codecs import encoding, formats, strip_reducer
from impasto.runs import slow_files
from impasto.runs.listener import Reporter
from impasto.runs.slow_files import slow_files_told
from tests.cli.reporting.test_reporters import OCTAVES, terminal

PHOTO = Path("a photo.tif")


class Listener(Reporter):
    """Remembers what it is told, and whether it was entered."""

    def __init__(self) -> None:
        self.told: list[Event | str] = []

    def __enter__(self):
        self.told.append("entered")
        return self

    def __exit__(self, *_: object) -> None:
        self.told.append("left")

    def tell(self, event: Event) -> None:
        self.told.append(event)


@pytest.fixture
def now(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(slow_files.time, "monotonic", lambda: now.value)
    return now


def test_quick_files_are_not_worth_a_word(now):
    reporter = Listener()
    with slow_files_told(reporter) as tell:
        for path in ("a", "b", "c"):
            for share in (0.0, 0.5, 1.0):
                tell(Reading(Path(path), share))
                now.value += 0.4
    assert reporter.told == []


def test_slow_files_are_told_after_a_second_and_not_too_often(now):
    reporter = Listener()
    with slow_files_told(reporter) as tell:
        for step in range(101):
            tell(Writing(PHOTO, step / 100))
            now.value += 0.125
    events = reporter.told[1:-1]
    assert (reporter.told[0], reporter.told[-1]) == ("entered", "left")
    assert events[0] == Writing(PHOTO, 0.08)
    assert events[-1] == Writing(PHOTO, 1.0)
    assert len(events) < 50


def test_the_display_is_left_when_reading_fails(now):
    reporter = Listener()

    def read():
        with slow_files_told(reporter) as tell:
            tell(Reading(PHOTO, 0.0))
            now.value += 2
            tell(Reading(PHOTO, 0.1))
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        read()
    assert reporter.told[-1] == "left"


def test_lines(now, capsys, monkeypatch):
    monkeypatch.setattr(reporters.time, "monotonic", lambda: now.value)
    reporter = LineReporter()
    for share in (0.1, 0.2, 0.6, 1.0):
        reporter.tell(Reading(PHOTO, share))
        now.value += 3
    assert capsys.readouterr().err.splitlines() == [f"reading a photo.tif: {share}" for share in ("10%", "60%", "100%")]


def test_json(capsys):
    JsonReporter().tell(Reading(PHOTO, 0.25))
    JsonReporter().tell(Writing(PHOTO, 1.0))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": "reading", "path": "a photo.tif", "share": 0.25},
        {"event": "writing", "path": "a photo.tif", "share": 1.0},
    ]


def test_the_terminal_shows_files_before_and_after_the_painting(monkeypatch):
    stream = terminal(monkeypatch)
    reporter = TerminalReporter()
    shown = []
    for event in (Reading(PHOTO, 0.25), OctaveStarted(2, OCTAVES[1]), Writing(PHOTO, 0.75)):
        start = len(stream.getvalue())
        with reporter:
            if isinstance(event, OctaveStarted):
                reporter.tell(Started((Octave(36, 48, 3), *OCTAVES[1:]), "cpu", 1, "name"))
            reporter.tell(event)
            reporter._live.refresh()
        shown.append(stream.getvalue()[start:])
    assert "reading a photo.tif" in shown[0]
    assert " 25%" in shown[0]
    assert "octave 2/2" in shown[1]
    assert "a photo.tif" not in shown[1]
    assert "writing a photo.tif" in shown[2]
    assert " 75%" in shown[2]
    assert all(text.count("\x1b[?25h") == text.count("\x1b[?25l") == 1 for text in shown)


def test_a_run_tells_of_slow_files(folder, impasto_command, small, monkeypatch, photo):
    monkeypatch.setattr(slow_files, "PATIENCE", 0.0)
    monkeypatch.setattr(slow_files, "_BETWEEN", 0.0)
    monkeypatch.setattr(strip_reducer, "LARGE", 0)
    monkeypatch.setattr(encoding, "LARGE", 0)
    write_picture(folder / "large.png", np.tile(photo, (4, 4, 1)))
    result = impasto_command("paint", "large.png", "style.png", "-o", "out.tif", *small, "--json")
    assert result.code == 0, result.err
    events = [json.loads(line) for line in result.out.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "reading"
    assert events[0]["path"] == "large.png"
    assert names.index("started") > max(i for i, name in enumerate(names) if name == "reading")
    assert names[-2:] == ["writing", "finished"]
    assert events[-2] == {"event": "writing", "path": "out.tif", "share": 1.0}


@pytest.mark.parametrize(("name", "size"), [("out.webp", "16384"), ("out.jpg", "65501")])
def test_a_size_that_the_format_cannot_hold_is_refused_first(folder, impasto_command, name, size):
    result = impasto_command("paint", "photo.png", "style.png", "-o", name, "--size", size)
    assert result.code == 2
    assert name in result.err
    assert "cannot have a side longer than" in result.err
    assert result.err.count("\n") == 1


def test_the_original_size_is_checked_before_painting(folder, impasto_command, small, monkeypatch):
    monkeypatch.setitem(formats.LONGEST_SIDE, "JPEG", 90)
    result = impasto_command("paint", "photo.png", "style.png", "-o", "out.jpg", *small, "--size", "original")
    assert result.code == 2
    assert "longer than 90 pixels" in result.err
    assert "octave" not in result.err
    assert not (folder / "out.jpg").exists()
