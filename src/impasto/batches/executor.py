"""The interface between the scheduler of a batch and the workers that paint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from impasto.batches.events import BatchEvent
from impasto.batches.manifest.entries import Entry
from impasto.batches.works import Work
from impasto.settings.model import Settings

Paintable = Work | Entry
"""A painting to make: planned for this machine, or an entry of a manifest."""


@dataclass(frozen=True)
class Task:
    """A painting for a worker. Pictures with paths need workers with the same file system; URLs do not.

    Attributes:
        number: index of the painting in the batch.
        work: the painting, with its inputs and output.
    """

    number: int
    work: Paintable


@dataclass(frozen=True)
class TaskReturned:
    """A task that did not begin because its worker could not be started.

    Attributes:
        number: index of the work.
        reason: why, in one sentence.
    """

    number: int
    reason: str


class Executor(Protocol):
    """Paints tasks on workers, such as local processes or the nodes of a cluster.

    All methods but :meth:`stop` are called on one thread.
    """

    @property
    def worker_count(self) -> int:
        """Number of tasks that run at the same time; falls by one for each worker that cannot be replaced."""
        ...

    def prepare(self, task_count: int, common: Settings | None) -> None:
        """Prepare for tasks; called once, before the first one.

        Args:
            task_count: number of tasks to come; no more workers are needed.
            common: settings of all tasks, which workers check before they begin; None if settings differ.
        """
        ...

    def submit(self, task: Task) -> None:
        """Begin a task on a free worker; called for at most ``worker_count`` tasks at a time.

        Raises:
            ImpastoError: no worker can be started, and none ever was.
        """
        ...

    def receive(self) -> Sequence[BatchEvent | TaskReturned]:
        """Wait for events of the submitted tasks; return early, perhaps without any, after :meth:`stop`.

        Every submitted task ends with one :class:`~impasto.batches.events.Ended` or one :class:`TaskReturned`. The
        death of a worker ends its task as failed.

        Raises:
            ImpastoError: the workers refuse the common settings, or no worker can be started and none ever was.
        """
        ...

    def release_idle(self) -> None:
        """End workers without a task, as no more tasks are waiting; a later :meth:`submit` may start one again."""
        ...

    def stop(self) -> None:
        """Ask all workers to end their tasks after the current iteration; may be called on any thread."""
        ...

    def shut_down(self) -> None:
        """End all workers, and release every resource; tasks that still run are stopped."""
        ...
