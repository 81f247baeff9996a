"""Order in which the driver gives work to Ray, without a cluster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from impasto import make_settings
from impasto.batches.events import Ended
from impasto.batches.executor import Task
from impasto.batches.works import Work
from impasto.version import __version__

ray = pytest.importorskip("ray")

from impasto.cluster import executor as module, resources  # noqa: E402 (they need Ray)
from impasto.cluster.executor import RayExecutor  # noqa: E402
from impasto.cluster.tasks import WorkerFacts  # noqa: E402


class FakeRay:
    """Two machines with a core each, on which tasks end when a test says so.

    Attributes:
        calls: name and options of each task, by its reference.
        results: results of the tasks that have ended.
    """

    exceptions = ray.exceptions

    def __init__(self):
        self.calls, self.results = {}, {}

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 1.0, "memory": 8e9}}] * 2

    def remote(self, function):
        def options(**values):
            def start(*arguments):
                reference = f"{function.__name__} {len(self.calls)}"
                self.calls[reference] = values
                return reference if function.__name__ != "Mailbox" else SimpleNamespace(take=take, stop=take)

            return SimpleNamespace(remote=start)

        return SimpleNamespace(options=options)

    def wait(self, references, timeout=None, num_returns=1):
        return [one for one in references if one in self.results], []

    def get(self, reference):
        return self.results.get(reference, [])

    def named(self, name):
        return [reference for reference in self.calls if reference.startswith(name)]


take = SimpleNamespace(remote=lambda: "events")


@pytest.fixture
def fake(monkeypatch):
    """Return a fake of Ray, in which this process must not estimate memory."""
    fake = FakeRay()
    monkeypatch.setattr(module, "ray", fake)
    monkeypatch.setattr(module, "connect", lambda address: True)

    def refuse(settings):
        raise AssertionError("imports PyTorch")

    monkeypatch.setattr(resources, "estimate_memory", refuse)
    return fake


@pytest.fixture
def executor(fake):
    """Return an executor that has got as many of six tasks as it takes."""
    executor, settings = RayExecutor("auto"), make_settings(size=256)
    executor.prepare(6, settings)
    for number in range(executor.worker_count):
        executor.submit(Task(number, Work(Path("a.png"), (Path("b.png"),), settings, Path("c.png"))))
    return executor


def test_first_tasks_fill_every_slot(fake, executor):
    assert executor.worker_count == 3  # two slots, and one task that waits
    assert (len(fake.named("check")), fake.named("paint")) == (2, [])
    assert executor.receive() == []
    fake.results[fake.named("check")[1]] = WorkerFacts(__version__, True, 3 * 10**9)
    assert executor.receive() == []
    assert [fake.calls[name]["memory"] for name in fake.named("paint")] == [3 * 10**9] * 3
    fake.results[fake.named("check")[0]] = WorkerFacts(__version__, True, 3 * 10**9)
    fake.results[fake.named("paint")[0]] = Ended(0, "painted")
    assert executor.receive() == [Ended(0, "painted")]
    assert len(fake.named("paint")) == 3


def test_memory_is_at_most_that_of_a_machine(fake, executor):
    fake.results[fake.named("check")[0]] = WorkerFacts(__version__, True, 9 * 10**9)
    executor.receive()
    assert [fake.calls[name]["memory"] for name in fake.named("paint")] == [8 * 10**9] * 3
    assert executor.worker_count == 3


def test_stop_before_check_paints_nothing(fake, executor):
    executor.stop()
    assert executor.receive() == [Ended(number, "stopped") for number in range(3)]
    assert fake.named("paint") == []
