"""Code that runs on the machines of a cluster: the painting of a task, and the mailbox of its events."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray

from impasto.batches.events import Advanced, BatchEvent, Ended
from impasto.batches.executor import Task
from impasto.cluster.connection import has_token_authentication
from impasto.cluster.resources import estimate_memory
from impasto.errors import ImpastoError
from impasto.runs.listener import StopSwitch
from impasto.settings.model import Settings
from impasto.version import __version__

PROGRESS_INTERVAL = 1.0
"""Fewest seconds between two progress events of a painting."""

POST_SECONDS = 10.0
"""Seconds that a worker waits for the mailbox before it paints on without it."""


class Mailbox:
    """Actor that holds events until the driver takes them, and whether the batch was stopped."""

    def __init__(self) -> None:
        self._events: list[BatchEvent] = []
        self._is_stopped = False

    def post(self, events: Sequence[BatchEvent]) -> bool:
        """Add events, and return whether the batch was stopped."""
        self._events += events
        return self._is_stopped

    def take(self) -> list[BatchEvent]:
        """Remove and return all events."""
        events, self._events = self._events, []
        return events

    def stop(self) -> None:
        """Stop all paintings at their next event."""
        self._is_stopped = True


@dataclass(frozen=True)
class WorkerFacts:
    """Facts about a worker.

    Attributes:
        version: its version of impasto.
        has_token: whether its Ray processes demand a token.
        memory: estimated bytes of memory of a painting; None if the settings differ or are refused.
        error: reason why it refuses the settings.
    """

    version: str
    has_token: bool
    memory: int | None = None
    error: ImpastoError | None = None


class MailboxChannel:
    """Connects a worker with the driver through a mailbox; without the mailbox painting goes on.

    A thread posts the events. On the main thread of a task Ray would take a call that waits for a reason to lend the
    task's cores to another task.

    Args:
        mailbox: handle of the actor.
        interval: fewest seconds between two progress events.
    """

    def __init__(self, mailbox: Any, interval: float = PROGRESS_INTERVAL) -> None:
        self.stop_switch = StopSwitch()
        self._mailbox, self._interval = mailbox, interval
        self._last = float("-inf")
        self._queue: queue.SimpleQueue[BatchEvent | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._deliver, name="mailbox", daemon=True)
        self._thread.start()

    def send(self, event: BatchEvent) -> None:
        """Post an event, unless it is progress that follows too soon."""
        if isinstance(event, Advanced) and time.monotonic() - self._last < self._interval:
            return
        self._last = time.monotonic()
        self._queue.put(event)

    def close(self) -> None:
        """Post the last events."""
        self._queue.put(None)
        self._thread.join(POST_SECONDS)

    def _deliver(self) -> None:
        self._post([])  # the batch may be stopped already
        while (event := self._queue.get()) is not None:
            self._post([event])

    def _post(self, events: Sequence[BatchEvent]) -> None:
        """Post events, and stop if the batch was stopped."""
        try:
            if ray.get(self._mailbox.post.remote(events), timeout=POST_SECONDS):
                self.stop_switch.request()
        except ray.exceptions.RayError:
            pass


def paint(task: Task, cpus: int, mailbox: Any, interval: float) -> Ended:
    """Paint a task, and return its last event, the only result that the driver receives.

    Args:
        task: the painting.
        cpus: cores that Ray reserved for it.
        mailbox: handle of the actor for the other events.
        interval: fewest seconds between two progress events.
    """
    worker = _import_worker()
    from impasto.engine.cores import physical_cores

    channel = MailboxChannel(mailbox, interval)
    try:
        return worker.paint_task(task, channel, -(-physical_cores() // cpus))  # one of as many as the machine runs
    finally:
        channel.close()


def check(common: Settings | None) -> WorkerFacts:
    """Return facts about this worker, after it has loaded the encoder.

    Args:
        common: settings of all tasks, or None.
    """
    memory = error = None
    if common is not None:
        try:
            _import_worker().check_settings(common)
            memory = estimate_memory(common)
        except ImpastoError as refusal:
            error = refusal
    return WorkerFacts(__version__, has_token_authentication(), memory, error)


def _import_worker() -> Any:
    """Import the painting with its slow libraries, after setting how their threads wait."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see impasto.cli.main
    from impasto.batches import worker

    return worker
