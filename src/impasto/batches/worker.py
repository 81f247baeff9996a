"""A process that paints what it is sent, one picture after the other, and ends when its parent does."""

from __future__ import annotations

import queue
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from multiprocessing.connection import Connection

from impasto.batches.events import Advanced, BatchEvent, Begun, Ended, Remarked
from impasto.batches.tasks import STOP, Ready, Task
from impasto.batches.works import Work
from impasto.encoders.loading import load_encoder
from impasto.engine.devices import available_memory, choose_device, physical_cores
from impasto.engine.style_terms import shares
from impasto.errors import ImpastoError
from impasto.painting.events import Finished, Iteration
from impasto.painting.faces import check_detector
from impasto.painting.painter import Painter
from impasto.painting.planning import SAFE_SHARE
from impasto.pictures import PictureWarning
from impasto.settings.fields import FACES, memory_bytes
from impasto.settings.making import change_settings
from impasto.settings.model import Settings

BETWEEN = 0.1
"""Seconds from one word of progress to the next."""


def serve(connection: Connection, jobs: int, common: Settings | None) -> None:
    """Paint what comes through a connection until ``None`` comes, or nothing more can.

    Args:
        connection: brings a :class:`Task`, ``STOP`` or None; takes :class:`Ready`, or the error why not, and events.
        jobs: processes that share the machine.
        common: settings of all works, checked before any; None where they differ.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent is told by them as well, and says what is to be done
        signal.signal(number, signal.SIG_IGN)
    desk = _Desk(connection)
    threading.Thread(target=desk.read, name="orders", daemon=True).start()
    try:
        if common is not None:
            _check(common)
    except ImpastoError as error:
        desk.send(error)
        return
    desk.send(Ready())
    while (task := desk.tasks.get()) is not None:
        desk.send(_ended(task, desk, jobs))


class _Desk:
    """Where orders come in, on a thread of its own, and events go out."""

    def __init__(self, connection: Connection) -> None:
        self.tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self.stopped = False
        self._on_stop: Callable[[], None] = lambda: None
        self._connection = connection

    def read(self) -> None:
        """Take orders to the end of the connection, which is also what the parent's death looks like."""
        try:
            while (order := self._connection.recv()) is not None:
                if order == STOP:
                    self._stop()
                else:
                    self.tasks.put(order)
        except (EOFError, OSError):
            self._stop()
        self.tasks.put(None)

    def send(self, event: BatchEvent | Ready | ImpastoError) -> None:
        """Tell the parent, if there is one still."""
        try:
            self._connection.send(event)
        except OSError:
            self._stop()

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """While this lasts, STOP calls ``stop``, whose painter is not held on to afterwards."""
        self._on_stop = stop
        try:
            yield
        finally:
            self._on_stop = lambda: None

    def _stop(self) -> None:
        self.stopped = True
        self._on_stop()


def _check(settings: Settings) -> None:
    """Refuse what would fail with every picture."""
    choose_device(settings.device)
    encoder = load_encoder(settings.encoder).encoder
    for name in (*shares(settings.losses.content), *shares(settings.losses.style)):
        encoder.resolve(name)
    if settings.protect == FACES:
        check_detector()


def _ended(task: Task, desk: _Desk, jobs: int) -> Ended:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PictureWarning)
            ended = _paint(task, desk, jobs)
        for warning in caught:
            desk.send(Remarked(task.number, str(warning.message)))
        return ended
    except ImpastoError as error:
        return Ended(task.number, "failed", str(error))
    except MemoryError:
        return Ended(task.number, "failed", "The memory ran out: choose a smaller size, or fewer jobs at a time.")
    except Exception as error:  # a bug, which must not stop the others
        return Ended(task.number, "failed", f"An error of impasto's own ({type(error).__name__}: {error}).")


def _paint(task: Task, desk: _Desk, jobs: int) -> Ended:
    work, number = task.work, task.number
    if desk.stopped:
        return Ended(number, "stopped")
    settings = _shared_out(work.settings, jobs)
    desk.send(Begun(number, settings.threads or 1))
    painter = Painter(work.content, work.styles, settings, plan=work.plan)
    with desk.stopping(painter.stop):
        return _advance(painter, work, number, desk)


def _advance(painter: Painter, work: Work, number: int, desk: _Desk) -> Ended:
    for text in painter.remarks:
        desk.send(Remarked(number, text))
    if desk.stopped:  # while the painter was made
        return Ended(number, "stopped")
    last = 0.0
    for event in painter:
        if isinstance(event, Iteration) and time.monotonic() - last >= BETWEEN:
            last = time.monotonic()
            desk.send(_advanced(number, len(painter.octaves), event))
        elif isinstance(event, Finished):
            return _saved(number, work, event, desk)
    raise AssertionError("a painter's last event is Finished")


def _saved(number: int, work: Work, event: Finished, desk: _Desk) -> Ended:
    if not event.painting.complete:
        return Ended(number, "stopped") if desk.stopped else Ended(number, "failed", event.message)
    # What was asked for, not this process's part of the machine, which another run would be bound by.
    replace(event.painting, settings=work.settings).save(work.output, force=work.replaces)
    return Ended(number, "painted", seconds=event.painting.seconds)


def _shared_out(settings: Settings, jobs: int) -> Settings:
    """The settings with this process's part of the cores, where they name no threads, and of the memory."""
    changes: dict[str, object] = {}
    if settings.threads is None:
        changes["threads"] = max(1, physical_cores() // jobs)
    if jobs > 1:
        memory = _free_memory(settings.device) if settings.memory is None else memory_bytes(settings.memory)
        changes["memory"] = str(memory // jobs)
    return change_settings(settings, **changes) if changes else settings


@cache
def _free_memory(device: str) -> int:
    """Bytes that all processes may use: asked once, as later on the others hold some of it."""
    return int(SAFE_SHARE * available_memory(choose_device(device)))


def _advanced(number: int, octaves: int, event: Iteration) -> Advanced:
    return Advanced(
        number=number,
        octave=event.octave,
        octaves=octaves,
        iteration=event.iteration,
        iterations=event.iterations,
        loss=event.loss,
        share=event.share,
        elapsed=event.elapsed,
        remaining=event.remaining,
    )
