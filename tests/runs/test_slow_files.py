"""Progress of files that take long to read or write."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from impasto.painting.events import Event, Reading, Writing
from impasto.runs import slow_files
from impasto.runs.slow_files import report_slow_files

PHOTO = Path("a photo.tif")


class Recorder:
    """A listener that records events, and when it was entered and left."""

    def __init__(self) -> None:
        self.calls: list[Event | str] = []

    def __enter__(self):
        self.calls.append("entered")
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("left")

    def on_event(self, event: Event) -> None:
        self.calls.append(event)


@pytest.fixture
def now(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(slow_files.time, "monotonic", lambda: now.value)
    return now


def test_fast_files_are_not_reported(now):
    recorder = Recorder()
    with report_slow_files(recorder) as on_event:
        for path in ("a", "b", "c"):
            for share in (0.0, 0.5, 1.0):
                on_event(Reading(Path(path), share))
                now.value += 0.4
    assert recorder.calls == []


def test_slow_files_are_reported_after_a_second(now):
    recorder = Recorder()
    with report_slow_files(recorder) as on_event:
        for step in range(101):
            on_event(Writing(PHOTO, step / 100))
            now.value += 0.125
    events = recorder.calls[1:-1]
    assert (recorder.calls[0], recorder.calls[-1]) == ("entered", "left")
    assert events[0] == Writing(PHOTO, 0.08)
    assert events[-1] == Writing(PHOTO, 1.0)
    assert len(events) < 50


def test_display_closes_when_reading_fails(now):
    recorder = Recorder()

    def read():
        with report_slow_files(recorder) as on_event:
            on_event(Reading(PHOTO, 0.0))
            now.value += 2
            on_event(Reading(PHOTO, 0.1))
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        read()
    assert recorder.calls[-1] == "left"
