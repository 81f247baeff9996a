"""Painting in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

import psutil
import pytest

from impasto import make_settings
from impasto.batches import batch as running
from impasto.batches.batch import Batch
from impasto.batches.events import Advanced, Begun, Ended
from impasto.batches.processes import _Worker
from impasto.batches.tasks import Ready
from impasto.batches.works import Work, settle
from impasto.errors import EncoderError, PaintingError
from impasto.pictures import write_picture
from impasto.runs.repeating import stored_record
from impasto.settings.making import change_settings
from tests.helpers import smooth_picture

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes of another kind")


@pytest.fixture
def works(tmp_path, tiny_encoder) -> list[Work]:
    """Four works of a moment."""
    settings = make_settings(encoder=str(tiny_encoder), size=40, optimization={"iterations": 2})
    write_picture(tmp_path / "style.png", smooth_picture(32, 32, seed=9))
    for number in range(4):
        write_picture(tmp_path / f"{number}.png", smooth_picture(32, 40, seed=number))
    return [
        Work(tmp_path / f"{number}.png", (tmp_path / "style.png",), settings, tmp_path / f"{number}-out.png")
        for number in range(4)
    ]


def ends(events):
    return {event.number: event.state for event in events if isinstance(event, Ended)}


def endless(works):
    long = change_settings(works[0].settings, optimization={"iterations": 100_000})
    return [Work(work.content, work.styles, long, work.output) for work in works]


def test_a_failing_picture_does_not_stop_the_rest(works):
    works[1].content.write_bytes(b"\xff\xd8\xff damaged")
    events = list(Batch(settle(works), jobs=2))
    assert ends(events) == {0: "painted", 1: "failed", 2: "painted", 3: "painted"}
    assert next(e for e in events if isinstance(e, Ended) and e.state == "failed").message.count(str(works[1].content))
    assert {event.number for event in events if isinstance(event, Advanced)} == {0, 2, 3}
    assert not works[1].output.exists()
    record = stored_record(works[0].output)
    assert "threads" not in record.settings  # those of the process are no wish of the user's
    assert "memory" not in record.settings


def test_what_is_done_is_left_alone(works):
    list(Batch(settle(works[:2])))
    before = [work.output.stat().st_mtime_ns for work in works[:2]]
    assert ends(Batch(settle(works))) == {0: "done", 1: "done", 2: "painted", 3: "painted"}
    assert [work.output.stat().st_mtime_ns for work in works[:2]] == before
    assert ends(Batch(settle(works))) == dict.fromkeys(range(4), "done")


def test_stopping_writes_nothing_unfinished(works):
    batch = Batch(endless(works), jobs=2)
    events = []
    for event in batch:
        events.append(event)
        if isinstance(event, Advanced):
            batch.stop()
    assert ends(events) == dict.fromkeys(range(4), "stopped")
    assert not any(work.output.exists() for work in works)


def test_settings_that_fit_nothing_are_refused_before_all(works, tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    wrong = change_settings(works[0].settings, encoder=str(tmp_path / "text.safetensors"))
    works = [Work(work.content, work.styles, wrong, work.output) for work in works]
    with pytest.raises(EncoderError):
        list(Batch(settle(works), jobs=2))
    assert not any(work.output.exists() for work in works)


@linux
def test_a_process_that_is_killed_takes_only_its_picture_with_it(works):
    mixed = [endless(works)[0], *works[1:]]
    killed = []
    events = []
    for event in Batch(mixed):
        events.append(event)
        if isinstance(event, Advanced) and event.number == 0 and not killed:
            killed += _workers()
            for worker in killed:
                os.kill(worker.pid, signal.SIGKILL)
    assert killed
    assert ends(events) == {0: "failed", 1: "painted", 2: "painted", 3: "painted"}
    assert any(isinstance(event, Begun) and event.number == 1 for event in events)


class Fake:
    """A process that says what it is told to say."""

    exitcode = 7

    def __init__(self, *messages):
        ours, self.theirs = multiprocessing.Pipe()
        self.worker = _Worker(self, ours)
        for message in messages:
            self.theirs.send(message)

    def dies(self):
        self.theirs.close()
        return self

    def join(self, timeout=None):
        pass

    def is_alive(self):
        return False


@pytest.mark.parametrize("failure", ["dies", "refuses", "is not there"])
def test_a_process_that_cannot_be_replaced_leaves_the_rest_to_the_others(works, monkeypatch, failure):
    started = [Fake(Ready()).dies(), Fake(Ready(), *(Ended(number, "painted") for number in (1, 2, 3))).dies()]

    def start(jobs, common):
        if started:
            return started.pop(0).worker
        if failure == "is not there":
            raise PaintingError("no more processes")
        return (Fake().dies() if failure == "dies" else Fake(EncoderError("gone")).dies()).worker

    monkeypatch.setattr(running, "_start", start)
    events = list(Batch(works, jobs=2))
    assert ends(events) == {0: "failed", 1: "painted", 2: "painted", 3: "painted"}
    assert "ended too early (exit code 7)" in next(e for e in events if e.number == 0).message


def test_where_no_process_is_left_the_rest_fails_with_the_reason(works, monkeypatch):
    started = [Fake(Ready(), Ended(0, "painted")).dies()]
    monkeypatch.setattr(running, "_start", lambda *_: (started.pop(0) if started else Fake().dies()).worker)
    events = list(Batch(works))
    assert ends(events) == {0: "painted", 1: "failed", 2: "failed", 3: "failed"}
    assert "could not be started (exit code 7)" in events[-1].message


def _workers() -> list[psutil.Process]:
    """The processes that paint: children of the fork server."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if child.parent() and "forkserver" in " ".join(child.parent().cmdline())]


@linux
def test_no_process_is_left(works):
    list(Batch(works, jobs=2))
    assert _workers() == []
    assert all(work.output.exists() for work in works)
