"""TODO."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from impasto.errors import PaintingError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


@dataclass
class _Worker:
    """A process and our end of the connection to it."""

    process: BaseProcess
    connection: Connection
    number: int | None = None
    ready: bool = False

    def send(self, order: object) -> None:
        with suppress(OSError):  # one that is dead is heard of by its connection's end
            self.connection.send(order)


def _start(jobs: int, common: object) -> _Worker:
    # A fork server loads PyTorch once for all processes. Elsewhere forks are unsafe or unknown.
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["impasto.batches.worker"])
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, jobs, common), daemon=True)  # type: ignore[attr-defined]
    try:
        with _signals_held_back():
            process.start()
    except OSError as error:
        raise PaintingError(
            f"A process for painting could not be started ({error.strerror}): try fewer jobs."
        ) from None
    theirs.close()  # or its end would not be heard
    return _Worker(process, ours)


def _serve(connection: Connection, jobs: int, common: Any) -> None:
    from impasto.batches.worker import serve  # here, as it loads PyTorch

    serve(connection, jobs, common)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """While this lasts signals wait, and in processes that are started for ever: Ctrl-C goes to all of a terminal's."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # by itself it would let the signals through in the middle
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
