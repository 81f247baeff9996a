"""Painting in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

import psutil
import pytest

from impasto.batches import processes
from impasto.batches.batch import Batch
from impasto.batches.checking import check_works
from impasto.batches.events import Advanced, Begun, Ended
from impasto.batches.messages import Ready
from impasto.batches.processes import MOST_WORKERS, ProcessExecutor, Worker
from impasto.batches.works import Work
from impasto.errors import EncoderError, PaintingError
from impasto.runs.repeating import stored_record
from impasto.settings.making import change_settings

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no fork server")


def paint(works, jobs=1):
    return Batch(works, ProcessExecutor(jobs))


def states(events):
    return {event.number: event.state for event in events if isinstance(event, Ended)}


def make_endless(works):
    long = change_settings(works[0].settings, optimization={"iterations": 100_000})
    return [Work(work.content, work.styles, long, work.output) for work in works]


def test_damaged_picture_does_not_stop_the_rest(works):
    works[1].content.write_bytes(b"\xff\xd8\xff damaged")
    events = list(paint(check_works(works), jobs=2))
    assert states(events) == {0: "painted", 1: "failed", 2: "painted", 3: "painted"}
    assert next(e for e in events if isinstance(e, Ended) and e.state == "failed").message.count(str(works[1].content))
    assert {event.number for event in events if isinstance(event, Advanced)} == {0, 2, 3}
    assert not works[1].output.exists()
    record = stored_record(works[0].output)
    assert "threads" not in record.settings  # the worker's share was not requested
    assert "memory" not in record.settings


def test_finished_pictures_stay_unchanged(works):
    list(paint(check_works(works[:2])))
    before = [work.output.stat().st_mtime_ns for work in works[:2]]
    assert states(paint(check_works(works))) == {0: "done", 1: "done", 2: "painted", 3: "painted"}
    assert [work.output.stat().st_mtime_ns for work in works[:2]] == before
    assert states(paint(check_works(works))) == dict.fromkeys(range(4), "done")


def test_stopped_batch_writes_nothing_unfinished(works):
    batch = paint(make_endless(works), jobs=2)
    events = []
    for event in batch:
        events.append(event)
        if isinstance(event, Advanced):
            batch.stop()
    assert states(events) == dict.fromkeys(range(4), "stopped")
    assert not any(work.output.exists() for work in works)


def test_common_settings_are_refused_before_painting(works, tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    wrong = change_settings(works[0].settings, encoder=str(tmp_path / "text.safetensors"))
    works = [Work(work.content, work.styles, wrong, work.output) for work in works]
    with pytest.raises(EncoderError):
        list(paint(check_works(works), jobs=2))
    assert not any(work.output.exists() for work in works)


@linux
def test_killed_process_fails_only_its_picture(works):
    mixed = [make_endless(works)[0], *works[1:]]
    killed = []
    events = []
    for event in paint(mixed):
        events.append(event)
        if isinstance(event, Advanced) and event.number == 0 and not killed:
            killed += worker_processes()
            for worker in killed:
                os.kill(worker.pid, signal.SIGKILL)
    assert killed
    assert states(events) == {0: "failed", 1: "painted", 2: "painted", 3: "painted"}
    assert any(isinstance(event, Begun) and event.number == 1 for event in events)


class FakeProcess:
    """A process that has sent the given messages."""

    exitcode = 7

    def __init__(self, *messages):
        ours, self.theirs = multiprocessing.Pipe()
        self.worker = Worker(self, ours)
        for message in messages:
            self.theirs.send(message)

    def die(self):
        self.theirs.close()
        return self

    def join(self, timeout=None):
        pass

    def is_alive(self):
        return False


@pytest.mark.parametrize("failure", ["dies", "refuses", "is not started"])
def test_others_paint_for_an_irreplaceable_process(works, monkeypatch, failure):
    started = [FakeProcess(Ready()).die(), FakeProcess(Ready(), *(Ended(n, "painted") for n in (1, 2, 3))).die()]

    def start(worker_count, common):
        if started:
            return started.pop(0).worker
        if failure == "is not started":
            raise PaintingError("no more processes")
        return (FakeProcess().die() if failure == "dies" else FakeProcess(EncoderError("gone")).die()).worker

    monkeypatch.setattr(processes, "start_worker", start)
    events = list(paint(works, jobs=2))
    assert states(events) == {0: "failed", 1: "painted", 2: "painted", 3: "painted"}
    assert "died (exit code 7)" in next(e for e in events if e.number == 0).message


def test_without_any_process_the_rest_fails(works, monkeypatch):
    started = [FakeProcess(Ready(), Ended(0, "painted")).die()]
    monkeypatch.setattr(
        processes, "start_worker", lambda *_: (started.pop(0) if started else FakeProcess().die()).worker
    )
    events = list(paint(works))
    assert states(events) == {0: "painted", 1: "failed", 2: "failed", 3: "failed"}
    assert "could not be started (exit code 7)" in events[-1].message


@pytest.mark.parametrize("failure", ["dies", "is not started"])
def test_batch_fails_if_no_process_ever_starts(works, monkeypatch, failure):
    def start(worker_count, common):
        if failure == "is not started":
            raise PaintingError("A worker process could not be started (no memory): try fewer jobs.")
        return FakeProcess().die().worker

    monkeypatch.setattr(processes, "start_worker", start)
    with pytest.raises(PaintingError, match="could not be started"):
        list(paint(works))


def test_start_failure_after_stop_is_not_an_error(works, monkeypatch):
    batch = paint(works)

    def start(worker_count, common):
        batch.stop()
        return FakeProcess().die().worker

    monkeypatch.setattr(processes, "start_worker", start)
    assert states(batch) == dict.fromkeys(range(4), "stopped")


@pytest.mark.parametrize(
    ("jobs", "task_count", "expected"), [(2, 4, 2), (9, 4, 4), (1, 4, 1), (3, 0, 1), (999, 999, 256)]
)
def test_worker_count_is_bounded_by_tasks(jobs, task_count, expected):
    executor = ProcessExecutor(jobs)
    executor.prepare(task_count, None)
    assert executor.worker_count == expected <= MOST_WORKERS
    executor.shut_down()


def worker_processes() -> list[psutil.Process]:
    """Return the children of the fork server."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if child.parent() and "forkserver" in " ".join(child.parent().cmdline())]


@linux
def test_batch_leaves_no_process(works):
    list(paint(works, jobs=2))
    assert worker_processes() == []
    assert all(work.output.exists() for work in works)


@linux
def test_idle_process_ends_before_the_last_picture(works):
    mixed = [make_endless(works)[0], works[1]]
    batch, events, numbers = paint(mixed, jobs=2), [], []
    for event in batch:
        events.append(event)
        if isinstance(event, Advanced) and event.number == 0 and states(events).get(1) == "painted":
            alive = [p for p in worker_processes() if p.status() != psutil.STATUS_ZOMBIE]
            numbers.append(len(alive))
            if numbers[-1] == 1 or len(numbers) > 200:
                batch.stop()
    assert states(events) == {0: "stopped", 1: "painted"}
    assert 1 in numbers
