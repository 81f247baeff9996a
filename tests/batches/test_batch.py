"""The scheduler of a batch, on an executor that paints nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from impasto.batches.batch import Batch
from impasto.batches.events import Begun, Ended
from impasto.batches.executor import TaskReturned
from impasto.errors import PaintingError
from impasto.settings.making import change_settings


class FakeExecutor:
    """Ends one task at each call of ``receive``, the oldest first.

    Args:
        worker_count: number of workers.
        unstartable: numbers of tasks whose worker cannot be started, at the first try.
    """

    def __init__(self, worker_count=2, unstartable=()):
        self.worker_count, self.unstartable = worker_count, set(unstartable)
        self.running, self.most_running, self.submitted, self.calls = [], 0, [], []

    def prepare(self, task_count, common):
        self.calls.append(("prepare", task_count, common))

    def submit(self, task):
        self.submitted.append(task.number)
        self.running.append(task.number)
        self.most_running = max(self.most_running, len(self.running))

    def receive(self):
        number = self.running.pop(0)
        if number in self.unstartable:
            self.unstartable.remove(number)
            self.worker_count -= 1
            return [TaskReturned(number, "No more workers.")]
        return [Begun(number, threads=1), Ended(number, "stopped" if "stop" in self.calls else "painted")]

    def release_idle(self):
        self.calls.append("release")

    def stop(self):
        self.calls.append("stop")

    def shut_down(self):
        self.calls.append("shut down")


def states(events):
    return {event.number: event.state for event in events if isinstance(event, Ended)}


def test_batch_submits_as_many_tasks_as_workers(works):
    executor = FakeExecutor(worker_count=3)
    assert states(Batch(works, executor)) == dict.fromkeys(range(4), "painted")
    assert executor.submitted == [0, 1, 2, 3]
    assert executor.most_running == 3
    assert executor.calls[-1] == "shut down"


def test_batch_yields_finished_works_first(works):
    works[2] = replace(works[2], done=True)
    executor = FakeExecutor()
    events = list(Batch(works, executor))
    assert events[0] == Ended(2, "done")
    assert executor.submitted == [0, 1, 3]


def test_batch_prepares_with_common_settings_of_pending_works(works):
    other = change_settings(works[0].settings, seed=5)
    for batch, common in (
        (works, works[0].settings),
        ([*works[:3], replace(works[3], settings=other)], None),
        ([*works[:3], replace(works[3], settings=other, done=True)], works[0].settings),
    ):
        executor = FakeExecutor()
        Batch(batch, executor)
        assert executor.calls == [("prepare", sum(not work.done for work in batch), common)]


def test_batch_gives_returned_tasks_to_other_workers(works):
    executor = FakeExecutor(worker_count=2, unstartable=[1])
    batch = Batch(works, executor)
    assert states(batch) == dict.fromkeys(range(4), "painted")
    assert executor.submitted.count(1) == 2
    assert batch.jobs == 1


def test_batch_without_workers_fails_the_rest(works):
    executor = FakeExecutor(worker_count=1, unstartable=[1])
    events = list(Batch(works, executor))
    assert states(events) == {0: "painted", 1: "failed", 2: "failed", 3: "failed"}
    assert events[-1].message == "No more workers."


def test_stopped_batch_submits_nothing_more(works):
    executor = FakeExecutor(worker_count=1)
    batch, events = Batch(works, executor), []
    for event in batch:
        events.append(event)
        if isinstance(event, Begun):
            batch.stop()
    assert states(events) == {0: "painted", 1: "stopped", 2: "stopped", 3: "stopped"}
    assert executor.submitted == [0]
    assert executor.calls[-2:] == ["release", "shut down"]


def test_batch_shuts_its_executor_down_after_errors(works):
    class Broken(FakeExecutor):
        def submit(self, task):
            raise PaintingError("No process.")

    executor = Broken()
    with pytest.raises(PaintingError, match="No process"):
        list(Batch(works, executor))
    assert executor.calls[-1] == "shut down"


def test_abandoned_batch_shuts_its_executor_down(works):
    executor = FakeExecutor()
    events = iter(Batch(works, executor))
    next(events)
    events.close()
    assert executor.calls[-1] == "shut down"
