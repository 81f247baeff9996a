"""Painting many pictures in processes of their own."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from impasto.batches.events import BatchEvent, Ended
from impasto.batches.processes import _start, _Worker
from impasto.batches.tasks import STOP, Task
from impasto.batches.works import Work
from impasto.errors import ImpastoError, PaintingError

MOST_JOBS = 256


_PATIENCE = 10.0
"""Seconds that a process is given to end by itself."""


class Batch:
    """Paints works in processes, and yields events; what is done already comes first.

    Each process paints one picture after the other, with its part of the cores and of the memory. A process that dies
    takes only its picture with it, and where it cannot be replaced the others paint the rest. When this process dies,
    be it by SIGKILL, the others end after the iteration at hand. Nothing is written of a picture that is not painted to
    its end.

    Args:
        works: as :func:`impasto.batches.works.settle` left them.
        jobs: processes at a time, at least 1.

    Raises:
        ImpastoError: while iterating, before anything is painted: settings that are the same for all works fit none,
            or no process can be started.
    """

    def __init__(self, works: Sequence[Work], jobs: int = 1) -> None:
        self.works = works
        self._pending = deque(number for number, work in enumerate(works) if not work.done)
        self.jobs = max(1, min(jobs, len(self._pending), MOST_JOBS))
        settings = [works[number].settings for number in self._pending]
        self._common = settings[0] if settings and all(one == settings[0] for one in settings) else None
        self._workers: list[_Worker] = []
        self._stopped = False
        self._begun = False
        self._trouble = ""  # why there are no more processes
        self._woken, self._wake = multiprocessing.Pipe(duplex=False)

    def stop(self) -> None:
        """End after the iterations at hand; may be called on another thread."""
        self._stopped = True
        with suppress(OSError):
            self._wake.send(None)

    def __iter__(self) -> Iterator[BatchEvent]:
        """Paint.

        Raises:
            ImpastoError: settings that are the same for all works fit none, or no process can be started.
        """
        try:
            for number, work in enumerate(self.works):
                if work.done:
                    yield Ended(number, "done")
            while self._hire():
                connections = [worker.connection for worker in self._workers]
                for end in wait([*connections, self._woken]):
                    if end is self._woken:
                        self._woken.recv()
                        self._pass_stop_on()
                    else:
                        yield from self._hear(self._workers[connections.index(end)])  # type: ignore[arg-type]
                self._workers = [worker for worker in self._workers if not worker.connection.closed]
            for number in self._pending:
                yield Ended(number, "stopped" if self._stopped else "failed", "" if self._stopped else self._trouble)
        finally:
            self._dismiss()

    def _hire(self) -> bool:
        """Start what processes there is work for; whether any are left."""
        waiting = sum(worker.number is None for worker in self._workers)
        while not self._stopped and waiting < len(self._pending) and len(self._workers) < self.jobs:
            try:
                self._workers.append(_start(self.jobs, self._common))
            except PaintingError as error:
                self._do_without(error)
            waiting += 1
        return bool(self._workers)

    def _hear(self, worker: _Worker) -> Iterator[BatchEvent]:
        """What a process says; its death as well."""
        try:
            message: Any = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._mourn(worker)
            return
        if isinstance(message, ImpastoError):
            self._do_without(message)
            worker.connection.close()
            return
        worker.ready = self._begun = True
        if isinstance(message, Ended):
            worker.number = None
        if worker.number is None:
            self._employ(worker)
        if isinstance(message, BatchEvent):
            yield message

    def _employ(self, worker: _Worker) -> None:
        """Give a process the next work, or send it home."""
        if self._stopped or not self._pending:
            worker.send(None)
            return
        worker.number = self._pending.popleft()
        worker.send(Task(worker.number, self.works[worker.number]))

    def _mourn(self, worker: _Worker) -> Iterator[Ended]:
        worker.connection.close()
        worker.process.join(_PATIENCE)
        if worker.number is not None:
            yield Ended(
                worker.number,
                "failed",
                f"The process that painted it ended too early (exit code {worker.process.exitcode}), perhaps for want "
                f"of memory: choose a smaller size, or fewer jobs at a time.",
            )
        elif not worker.ready and not self._stopped:
            self._do_without(
                PaintingError(
                    f"A process for painting could not be started (exit code {worker.process.exitcode}): try fewer "
                    'jobs; a program of your own needs if __name__ == "__main__": around the batch.'
                )
            )

    def _do_without(self, error: ImpastoError) -> None:
        """Go on with a process less; where none has come to paint yet there is nothing to go on with."""
        if not self._begun:
            raise error
        self._trouble = str(error)
        self.jobs -= 1

    def _pass_stop_on(self) -> None:
        for worker in self._workers:
            worker.send(STOP)
            if worker.number is None:
                worker.send(None)

    def _dismiss(self) -> None:
        """Let go of all processes; those that paint stop, as they find their connection closed."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []
        self._wake.close()
        self._woken.close()
