"""Scheduling of a batch's works on an executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from impasto.batches.events import BatchEvent, Ended
from impasto.batches.executor import Executor, Paintable, Task, TaskReturned


class Batch:
    """Iterable over the events of painting works; finished works come first.

    The failure of a picture, or the death of its worker, fails only that picture. If a worker cannot be replaced, the
    others paint the rest. Only complete pictures are written.

    Args:
        works: works as :func:`impasto.batches.checking.check_works` returned them, or entries of a manifest.
        executor: workers that paint, such as :class:`impasto.batches.processes.ProcessExecutor`; used for this batch
            alone.
    """

    def __init__(self, works: Sequence[Paintable], executor: Executor) -> None:
        self.works = works
        self._executor = executor
        self._pending = deque(number for number, work in enumerate(works) if not work.done)
        self._running: set[int] = set()
        self._stopped = False
        self._start_failure = ""  # reason of the last one
        settings = [works[number].settings for number in self._pending]
        common = settings[0] if settings and all(one == settings[0] for one in settings) else None
        executor.prepare(len(self._pending), common)

    @property
    def jobs(self) -> int:
        """Number of pictures painted at the same time."""
        return self._executor.worker_count

    def stop(self) -> None:
        """Stop after the current iterations; may be called on another thread."""
        self._stopped = True
        self._executor.stop()

    def __iter__(self) -> Iterator[BatchEvent]:
        """Paint, and yield the events.

        Raises:
            ImpastoError: before anything is painted: settings that all works share are refused, or no worker can be
                started.
        """
        try:
            for number, work in enumerate(self.works):
                if work.done:
                    yield Ended(number, "done")
            while self._assign():
                for message in self._executor.receive():
                    if isinstance(message, TaskReturned):
                        self._take_back(message)
                        continue
                    if isinstance(message, Ended):
                        self._running.remove(message.number)
                    yield message
            for number in self._pending:
                yield Ended(number, "stopped") if self._stopped else Ended(number, "failed", self._start_failure)
        finally:
            self._executor.shut_down()

    def _assign(self) -> bool:
        """Submit pending works to free workers, and return whether any work is running."""
        while not self._stopped and self._pending and len(self._running) < self._executor.worker_count:
            number = self._pending.popleft()
            self._running.add(number)
            self._executor.submit(Task(number, self.works[number]))
        if self._stopped or not self._pending:
            self._executor.release_idle()
        return bool(self._running)

    def _take_back(self, returned: TaskReturned) -> None:
        self._start_failure = returned.reason
        self._running.remove(returned.number)
        self._pending.appendleft(returned.number)
