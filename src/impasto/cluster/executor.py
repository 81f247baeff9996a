"""Executor that paints on the machines of a Ray cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import ray

from impasto.batches.events import BatchEvent, Begun, Ended
from impasto.batches.executor import Task, TaskReturned
from impasto.cluster.connection import NO_TOKEN, check_address, connect
from impasto.cluster.resources import Resources, resources_for
from impasto.cluster.tasks import PROGRESS_INTERVAL, Mailbox, WorkerFacts, check, paint
from impasto.errors import PaintingError
from impasto.files import reason
from impasto.settings.model import Settings
from impasto.version import __version__

LOST_RETRIES = 3
"""Times that a painting begins again after its worker or machine was lost. Failed pictures are not painted again."""

MOST_IN_FLIGHT = 4096
"""Most tasks that Ray holds at the same time; it slows down with a million of them."""

POSTS_PER_SECOND = 200
"""Most progress events a second of all paintings together; a mailbox takes about a thousand."""

COUNT_SECONDS = 5.0
"""Seconds after which the machines of the cluster are counted anew, as they come and go."""

POLL_SECONDS = 0.2
"""Seconds to wait for results before looking for events and for a stop."""


class RayExecutor:
    """Paints each task in a plain Ray task, with the cores, GPUs and memory that it needs reserved.

    Before the first tasks, as many workers as the machines have slots load PyTorch and the encoder at the same time.
    The first of them checks the settings that all tasks share, and estimates their memory, so this process loads
    neither.

    Ray begins a task again if its worker or its machine is lost. The pictures do not travel through Ray, only paths or
    URLs and the events. If this process dies, Ray ends its tasks.

    Args:
        address: ``auto``, or ``ray://HOST:PORT``.
        note: receives warnings of one sentence.

    Raises:
        SettingsError: the address is not valid.
    """

    def __init__(self, address: str, note: Callable[[str], None] = lambda text: None) -> None:
        check_address(address)
        self._address, self._note = address, note
        self._running: dict[Any, int] = {}
        self._waiting: list[Task] = []
        self._begun: set[int] = set()
        self._mailbox: Any = None
        self._checks: list[Any] = []
        self._is_checked = False
        self._common: Settings | None = None
        self._memory: int | None = None
        self._is_own = self._is_stopped = self._is_stop_sent = False
        self._task_count = self._window = 1
        self._least: Resources | None = None
        self._counted = -math.inf
        self._nodes: list[dict[str, float]] = []

    @property
    def worker_count(self) -> int:
        """Number of tasks in flight: those that the machines can run, and a quarter more, which wait."""
        if self._least is not None and time.monotonic() - self._counted > COUNT_SECONDS:
            self._count_nodes()
            self._counted = time.monotonic()
            slots = self._count_slots(self._least)
            self._window = min(max(1, slots + math.ceil(slots / 4)), MOST_IN_FLIGHT, max(1, self._task_count))
        return self._window

    def prepare(self, task_count: int, common: Settings | None) -> None:
        """Join the cluster, and let workers check the settings."""
        self._task_count, self._common = task_count, common
        if not task_count:
            return
        self._is_own = connect(self._address)
        self._count_nodes()
        self._mailbox = ray.remote(Mailbox).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        count, cpus = 1, 1
        if common is not None:
            self._least = resources_for(common, has_gpus=self._has_gpus, memory=1)  # until a worker has estimated it
            count, cpus = min(self._count_slots(self._least) or 1, task_count, MOST_IN_FLIGHT), self._least.cpus
        checking = ray.remote(check).options(num_cpus=cpus, max_retries=LOST_RETRIES)
        self._checks = [checking.remote(common) for _ in range(count)]

    def submit(self, task: Task) -> None:
        """Give a task to Ray, once a worker has checked the settings."""
        if not self._is_checked:
            self._waiting.append(task)
            return
        resources = self._resources(task.work.settings)
        self._least = self._least or resources
        options = resources.options | {"max_retries": LOST_RETRIES, "retry_exceptions": False}
        interval = max(PROGRESS_INTERVAL, self._window / POSTS_PER_SECOND)
        reference = ray.remote(paint).options(**options).remote(task, resources.cpus, self._mailbox, interval)
        self._running[reference] = task.number

    def receive(self) -> Sequence[BatchEvent | TaskReturned]:
        """Wait for events and results.

        Raises:
            ImpastoError: the workers refuse the settings, or the cluster is lost.
        """
        try:
            return self._receive()
        except (ray.exceptions.RaySystemError, ConnectionError) as error:
            raise PaintingError(
                f"The cluster is lost ({reason(error)}): run the same command again, which paints the rest."
            ) from None

    def release_idle(self) -> None:
        """Do nothing, as Ray ends idle workers itself."""

    def stop(self) -> None:
        """Let :meth:`receive` stop the tasks."""
        self._is_stopped = True

    def shut_down(self) -> None:
        """Cancel the running tasks, and leave the cluster."""
        if self._mailbox is None:
            return
        with suppress(ray.exceptions.RayError, ConnectionError):
            for reference in (*self._running, *self._checks):
                ray.cancel(reference)
            ray.kill(self._mailbox)
        self._mailbox = None
        if self._is_own:
            ray.shutdown()

    def _receive(self) -> list[BatchEvent]:
        if self._is_stopped and not self._is_stop_sent:
            self._send_stop()
        if self._is_stopped and self._waiting:
            waiting, self._waiting = self._waiting, []
            return [Ended(task.number, "stopped") for task in waiting]
        references = [*self._running, *self._checks]
        ready, _ = ray.wait(references, timeout=POLL_SECONDS)
        if ready:
            ready, _ = ray.wait(references, num_returns=len(references), timeout=0)
        events = self._take_events()
        for reference in self._checks[:]:
            if reference in ready:
                self._checks.remove(reference)
                self._end_check(reference)
        return events + [self._result(reference) for reference in ready if reference in self._running]

    def _take_events(self) -> list[BatchEvent]:
        """Return the events of running tasks; those of a task that has ended came late."""
        try:
            posted = ray.get(self._mailbox.take.remote())
        except ray.exceptions.RayActorError:  # its machine is lost, and it begins again elsewhere
            return []
        running = set(self._running.values())
        self._begun |= {event.number for event in posted if isinstance(event, Begun)}
        return [event for event in posted if event.number in running]

    def _result(self, reference: Any) -> Ended:
        number = self._running.pop(reference)
        try:
            ended: Ended = ray.get(reference)
            return ended
        except ray.exceptions.RayError as error:
            if self._is_stopped or isinstance(error, ray.exceptions.TaskCancelledError):
                return Ended(number, "stopped")
            cause = getattr(error, "cause", None) or error
            if isinstance(error, ray.exceptions.RayTaskError):
                return Ended(number, "failed", f"The worker could not paint ({reason(cause)}): install impasto there.")
            return Ended(
                number,
                "failed",
                f"Its worker was lost {LOST_RETRIES + 1} times ({type(error).__name__}), perhaps because memory ran "
                f"out: choose a smaller size.",
            )

    def _end_check(self, reference: Any) -> None:
        """Judge the first worker that has checked the settings, and give Ray the tasks that wait for it."""
        if self._is_checked:
            return
        facts = self._judge_worker(reference)
        self._is_checked = True
        if self._common is not None and facts is not None:
            self._memory = facts.memory
            self._least, self._counted = self._resources(self._common), -math.inf  # to count the slots anew
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self.submit(task)

    def _judge_worker(self, reference: Any) -> WorkerFacts | None:
        """Raise the error of a worker that refuses the settings, and warn of a cluster without authentication.

        Returns:
            None if the batch was stopped meanwhile.
        """
        try:
            facts: WorkerFacts = ray.get(reference)
        except ray.exceptions.RayError as error:
            if self._is_stopped:
                return None
            cause = getattr(error, "cause", None) or error
            raise PaintingError(
                f"The cluster's machines cannot paint ({reason(cause)}): install impasto {__version__} on all of them."
            ) from None
        if facts.error is not None:
            raise facts.error
        if facts.version != __version__:
            raise PaintingError(
                f"The cluster has impasto {facts.version}, and this is {__version__}: install the same on all machines."
            )
        if not facts.has_token:
            self._note(NO_TOKEN)
        return facts

    def _send_stop(self) -> None:
        self._is_stop_sent = True
        ray.get(self._mailbox.stop.remote())
        for reference, number in self._running.items():
            if number not in self._begun:
                ray.cancel(reference)

    def _count_nodes(self) -> None:
        self._nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def _count_slots(self, resources: Resources) -> int:
        return sum(resources.slots(node) for node in self._nodes)

    @property
    def _has_gpus(self) -> bool:
        return any(node.get("GPU", 0) for node in self._nodes)

    def _resources(self, settings: Settings) -> Resources:
        """Return the resources of a painting, with no more memory than the largest machine has: tiles need less."""
        memory = self._memory if settings == self._common else None
        needed = resources_for(settings, has_gpus=self._has_gpus, memory=memory)
        largest = max((node.get("memory", 0) for node in self._nodes if node.get("CPU", 0) >= needed.cpus), default=0)
        return needed._replace(memory=int(min(needed.memory, largest or needed.memory)))
