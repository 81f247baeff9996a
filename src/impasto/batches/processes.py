"""Executor that paints in processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from impasto.batches.events import BatchEvent, Ended
from impasto.batches.executor import Task, TaskReturned
from impasto.batches.messages import STOP, STOP_SIGNALS
from impasto.errors import ImpastoError, PaintingError
from impasto.settings.model import Settings

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

MOST_WORKERS = 256

SHUTDOWN_SECONDS = 10.0
"""Seconds that a process may take to exit before it is killed."""


@dataclass
class Worker:
    """A process, the parent's end of the connection to it, and its state.

    Attributes:
        process: the process.
        connection: sends tasks and orders, receives events.
        number: index of the work that it paints; None if idle.
        ready: whether it has sent its first message.
    """

    process: BaseProcess
    connection: Connection
    number: int | None = None
    ready: bool = False

    def send(self, order: object) -> None:
        """Send a task, ``STOP``, or None to end; a dead worker is noticed when receiving from it."""
        with suppress(OSError):
            self.connection.send(order)


# Pools of libraries do not fit. When one worker dies, concurrent.futures and loky fail all other tasks as well. pebble
# fails only one, but it sends no progress, SIGTERM to the process group kills its workers, and after the death of the
# parent they go on to the end of their task.
class ProcessExecutor:
    """Paints each task in a process, with equal shares of the cores and of the memory.

    Each process paints one picture after the other. Its death, by SIGKILL or lack of memory, fails only its picture.
    When the parent dies, even by SIGKILL, the workers stop after the current iteration.

    Args:
        jobs: number of processes, from 1 to :data:`MOST_WORKERS`.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.worker_count = max(1, min(jobs, MOST_WORKERS))
        self._common: Settings | None = None
        self._workers: list[Worker] = []
        self._dismissed: list[Worker] = []
        self._messages: list[BatchEvent | TaskReturned] = []
        self._was_ready = False  # whether any worker ever was
        self._stopped = False
        self._stop_receiver, self._stop_sender = multiprocessing.Pipe(duplex=False)

    def prepare(self, task_count: int, common: Settings | None) -> None:
        """Set the number of workers and the settings that they check."""
        self.worker_count = max(1, min(self.worker_count, task_count))
        self._common = common

    def submit(self, task: Task) -> None:
        """Send a task to an idle process, or start one for it."""
        worker = next((worker for worker in self._workers if worker.number is None), None)
        if worker is None:
            try:
                worker = start_worker(self.worker_count, self._common)
            except PaintingError as error:
                self._return_task(task.number, error)
                return
            self._workers.append(worker)
        worker.number = task.number
        worker.send(task)

    def receive(self) -> Sequence[BatchEvent | TaskReturned]:
        """Wait for messages of the processes."""
        if not self._messages:
            workers = {worker.connection: worker for worker in self._workers}
            for connection in wait([*workers, self._stop_receiver]):
                if connection is self._stop_receiver:
                    self._pass_on_stop()
                else:
                    self._receive_from(workers[connection])  # type: ignore[index]
        messages, self._messages = self._messages, []
        return messages

    def release_idle(self) -> None:
        """End idle processes, to free their memory."""
        for worker in [worker for worker in self._workers if worker.number is None]:
            worker.send(None)
            self._dismiss(worker)

    def stop(self) -> None:
        """Wake :meth:`receive`, which asks the processes to stop."""
        self._stopped = True
        with suppress(OSError):
            self._stop_sender.send(None)

    def shut_down(self) -> None:
        """End all processes; those that paint stop, as they find their connection closed."""
        for worker in list(self._workers):
            self._dismiss(worker)
        for worker in self._dismissed:
            worker.process.join(SHUTDOWN_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._dismissed = []
        self._stop_sender.close()
        self._stop_receiver.close()

    def _receive_from(self, worker: Worker) -> None:
        try:
            message: Any = worker.connection.recv()
        except (EOFError, OSError):
            self._on_death(worker)
            return
        if isinstance(message, ImpastoError):
            self._dismiss(worker)
            self._return_task(worker.number, message)
            return
        worker.ready = self._was_ready = True
        if isinstance(message, Ended):
            worker.number = None
        if isinstance(message, BatchEvent):
            self._messages.append(message)

    def _dismiss(self, worker: Worker) -> None:
        """Close the connection of a worker, which lets its process exit."""
        worker.connection.close()
        self._workers.remove(worker)
        self._dismissed.append(worker)

    def _on_death(self, worker: Worker) -> None:
        """Fail the task of a dead worker, or return it if the worker died before it was ready."""
        self._dismiss(worker)
        worker.process.join(SHUTDOWN_SECONDS)
        if worker.number is None:
            return
        code = worker.process.exitcode
        if worker.ready:
            message = (
                f"The worker process died (exit code {code}), perhaps because memory ran out: choose a smaller size, "
                f"or fewer jobs at a time."
            )
            self._messages.append(Ended(worker.number, "failed", message))
        elif self._stopped:
            self._messages.append(Ended(worker.number, "stopped"))
        else:
            message = (
                f"A worker process could not be started (exit code {code}): try fewer jobs; a program of your own "
                f'needs if __name__ == "__main__": around the batch.'
            )
            self._return_task(worker.number, PaintingError(message))

    def _return_task(self, number: int | None, error: ImpastoError) -> None:
        """Return a task and go on with one worker fewer; raise the error if no worker ever was ready."""
        if not self._was_ready:
            raise error
        self.worker_count -= 1
        if number is not None:
            self._messages.append(TaskReturned(number, str(error)))

    def _pass_on_stop(self) -> None:
        self._stop_receiver.recv()
        for worker in self._workers:
            worker.send(STOP)


def start_worker(worker_count: int, common: Settings | None) -> Worker:
    """Start a process that paints tasks.

    Args:
        worker_count: number of processes that share the machine.
        common: settings that the process checks before the first task, or None.

    Raises:
        PaintingError: the system cannot start it.
    """
    return start_process(_serve, worker_count, common)


def start_process(target: Callable[..., None], *arguments: object) -> Worker:
    """Start a process that ignores the stop signals, with PyTorch loaded if the system can fork.

    Args:
        target: function of a module, called in the process with its end of a connection and the arguments.
        arguments: further arguments, which can be pickled.

    Raises:
        PaintingError: the system cannot start it.
    """
    # A fork server imports PyTorch once for all processes. On other systems forks are unsafe or not available.
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["impasto.batches.worker"])
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)  # type: ignore[attr-defined]
    try:
        with _signals_blocked():
            process.start()
    except OSError as error:
        raise PaintingError(f"A worker process could not be started ({error.strerror}): try fewer jobs.") from None
    theirs.close()  # with this copy open, the worker's death would not close the connection
    return Worker(process, ours)


def _serve(connection: Connection, worker_count: int, common: Settings | None) -> None:
    from impasto.batches.worker import serve  # here, because it imports PyTorch

    serve(connection, worker_count, common)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the stop signals meanwhile, and for good in processes started here, as Ctrl-C reaches them too."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        # It ignores SIGINT and SIGTERM, but not SIGHUP. Its start unblocks those two, so they are blocked again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
