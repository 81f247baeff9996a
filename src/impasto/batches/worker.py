"""Painting of tasks in a worker, and the worker process, which ends when its parent does."""

from __future__ import annotations

import copy
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, lru_cache
from multiprocessing.connection import Connection
from typing import Any, Protocol

from impasto.batches.events import Advanced, BatchEvent, Begun, Ended, Remarked
from impasto.batches.executor import Task
from impasto.batches.manifest.checkpoints import open_writer, resume, slot_of
from impasto.batches.manifest.entries import Entry
from impasto.batches.manifest.outcomes import is_done
from impasto.batches.manifest.painting import staged
from impasto.batches.messages import STOP, STOP_SIGNALS, Ready
from impasto.batches.works import Work
from impasto.encoders.loading import LoadedEncoder, load_encoder
from impasto.encoders.names import find_encoder_file
from impasto.engine.cores import physical_cores
from impasto.engine.devices import available_memory, choose_device
from impasto.engine.style_terms import shares
from impasto.errors import ImpastoError
from impasto.painting.events import Finished, Iteration
from impasto.painting.faces import check_detector
from impasto.painting.memory import SAFE_SHARE
from impasto.painting.painter import Painter
from impasto.painting.result import Painting
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import CheckpointWriter
from impasto.runs.job import note_picture_warnings
from impasto.runs.listener import StopSwitch
from impasto.settings.fields import FACES, memory_bytes
from impasto.settings.making import change_settings
from impasto.settings.model import Settings

PROGRESS_INTERVAL = 0.1
"""Fewest seconds between two progress events."""


def serve(connection: Connection, worker_count: int, common: Settings | None) -> None:
    """Paint the tasks from a connection until it brings None or closes.

    Args:
        connection: brings each :class:`Task`, ``STOP`` and None; takes :class:`Ready` or an error, then events.
        worker_count: number of processes that share the machine.
        common: settings of all tasks, which are checked first; None if settings differ.
    """
    for number in STOP_SIGNALS:  # they reach the parent too, which decides what happens
        signal.signal(number, signal.SIG_IGN)
    parent = ParentChannel(connection)
    threading.Thread(target=parent.receive, name="orders", daemon=True).start()
    try:
        if common is not None:
            check_settings(common)
    except ImpastoError as error:
        parent.send(error)
        return
    parent.send(Ready())
    while (task := parent.tasks.get()) is not None:
        parent.send(paint_task(task, parent, worker_count))


class Channel(Protocol):
    """Connects a worker with the batch.

    Attributes:
        stop_switch: stops the painting once the batch asks to stop.
    """

    stop_switch: StopSwitch

    def send(self, event: BatchEvent) -> None:
        """Send an event to the batch."""


class ParentChannel:
    """Receives orders of the parent on a thread of its own, and sends events to it.

    Attributes:
        tasks: received tasks; None at the end.
        stop_switch: stops the painting once the parent asks to stop, or dies.
    """

    def __init__(self, connection: Connection) -> None:
        self.tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self.stop_switch = StopSwitch()
        self._connection = connection

    def receive(self) -> None:
        """Receive orders until None comes or the connection closes, as it does when the parent dies."""
        try:
            while (order := self._connection.recv()) is not None:
                if order == STOP:
                    self.stop_switch.request()
                else:
                    self.tasks.put(order)
        except (EOFError, OSError):
            self.stop_switch.request()
        self.tasks.put(None)

    def send(self, event: BatchEvent | Ready | ImpastoError) -> None:
        """Send to the parent; stop if it is dead."""
        try:
            self._connection.send(event)
        except OSError:
            self.stop_switch.request()


def check_settings(settings: Settings) -> None:
    """Refuse settings that would fail with every picture.

    Raises:
        ImpastoError: there is no such device, encoder or layer, or faces cannot be detected.
    """
    choose_device(settings.device)
    encoder = _load_once(settings.encoder).encoder
    for name in (*shares(settings.losses.content), *shares(settings.losses.style)):
        encoder.resolve(name)
    if settings.protect == FACES:
        check_detector()


def paint_task(task: Task, channel: Channel, worker_count: int) -> Ended:
    """Paint a task, and return its last event, also after an error.

    Args:
        task: the painting.
        channel: receives the other events, and may stop the painting.
        worker_count: number of workers that share the machine.
    """
    try:
        with note_picture_warnings(lambda text: channel.send(Remarked(task.number, text))):
            return _paint(task, channel, worker_count)
    except ImpastoError as error:
        return Ended(task.number, "failed", str(error))
    except MemoryError:
        return Ended(task.number, "failed", "The memory ran out: choose a smaller size, or fewer jobs at a time.")
    except Exception as error:  # a bug, which must not stop the other paintings
        return Ended(task.number, "failed", f"An error of impasto's own ({type(error).__name__}: {error}).")


def _paint(task: Task, channel: Channel, worker_count: int) -> Ended:
    work, number = task.work, task.number
    if channel.stop_switch.requested:
        return Ended(number, "stopped")
    if isinstance(work, Entry) and is_done(work):  # by another machine, since the batch began
        return Ended(number, "done")
    settings = share_machine(work.settings, worker_count)
    channel.send(Begun(number, settings.threads or 1))
    if isinstance(work, Entry):
        with staged(work) as entry:
            return _paint_work(replace(entry.work, settings=settings), number, channel, entry.save, slot_of(entry))

    def save(painting: Painting) -> None:
        # The record holds the requested settings, as this worker's share of the machine would bind later runs.
        replace(painting, settings=work.settings).save(work.output, force=work.replaces)

    return _paint_work(replace(work, settings=settings), number, channel, save)


def _paint_work(
    work: Work, number: int, channel: Channel, save: Callable[[Painting], None], slot: Slot | None = None
) -> Ended:
    """Paint and save; with a slot, continue from its checkpoint, and write checkpoints of a long painting."""

    def note(text: str) -> None:
        channel.send(Remarked(number, text))

    painter = resume(slot, work, note) if slot else None
    if painter is None:
        loaded = _load_once(work.settings.encoder)
        painter = Painter(work.content, work.styles, work.settings, plan=work.plan, loaded=loaded)
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(slot, note)) if slot else None
        stack.enter_context(channel.stop_switch.painting(painter.stop))
        ended = _iterate(painter, number, channel, save, writer)
        if writer and ended.state == "painted":
            writer.remove()
        elif writer:
            writer.write_last()
        return ended


def _load_once(name: str) -> LoadedEncoder:
    """Return a copy of an encoder, which this worker reads only once; a painter changes its encoder's precision."""
    file = find_encoder_file(name)
    state = file.path.stat() if file else None
    loaded = _load_cached(name, state and (state.st_mtime_ns, state.st_size, state.st_ino))
    return replace(loaded, encoder=copy.deepcopy(loaded.encoder))


@lru_cache(maxsize=1)
def _load_cached(name: str, state: tuple[int, ...] | None) -> LoadedEncoder:
    """Load an encoder; ``state`` changes with its file."""
    return load_encoder(name)


def _iterate(
    painter: Painter,
    number: int,
    channel: Channel,
    save: Callable[[Painting], None],
    writer: CheckpointWriter | None,
) -> Ended:
    for text in painter.remarks:
        channel.send(Remarked(number, text))
    if channel.stop_switch.requested:  # while the painter was made
        return Ended(number, "stopped")
    last = 0.0
    for event in painter:
        if writer:
            writer.see(event)
        if isinstance(event, Iteration) and time.monotonic() - last >= PROGRESS_INTERVAL:
            last = time.monotonic()
            channel.send(_advanced(number, len(painter.octaves), event))
        elif isinstance(event, Finished):
            if not event.painting.complete:
                stopped = channel.stop_switch.requested
                return Ended(number, "stopped") if stopped else Ended(number, "failed", event.message)
            save(event.painting)
            return Ended(number, "painted", seconds=event.painting.seconds)
    raise AssertionError("a painter's last event is Finished")


def share_machine(settings: Settings, worker_count: int) -> Settings:
    """Return settings with a worker's share of the memory, and of the cores unless they give ``threads``."""
    changes: dict[str, Any] = {}
    if settings.threads is None:
        changes["threads"] = max(1, physical_cores() // worker_count)
    if worker_count > 1:
        memory = _free_memory(settings.device) if settings.memory is None else memory_bytes(settings.memory)
        changes["memory"] = str(memory // worker_count)
    return change_settings(settings, **changes) if changes else settings


@cache
def _free_memory(device: str) -> int:
    """Return the bytes that all workers together may use; measured once, before they use any."""
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
