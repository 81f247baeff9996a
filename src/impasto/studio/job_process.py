"""The process of one job: paints it, follows orders of the server, and reports to it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from impasto.batches.messages import STOP, STOP_SIGNALS
from impasto.engine.loss import Loss
from impasto.errors import CheckpointError, ImpastoError
from impasto.files import replace_file
from impasto.painting.events import Event, Iteration, OctaveStarted, Started, Steered, StepFinished
from impasto.painting.octaves import Octave
from impasto.painting.painter import Painter
from impasto.painting.steering import STEERABLE, Stage
from impasto.pictures import over_white
from impasto.runs.checkpointing import CheckpointPolicy
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.job import Job, run_job
from impasto.runs.listener import Outcome, StopSwitch
from impasto.runs.outputs import Outputs
from impasto.runs.resuming import open_run, resuming_job
from impasto.studio.job_files import PREVIEW, stage_file
from impasto.studio.limits import PREVIEW_INTERVAL
from impasto.studio.messages import (
    JobEnded,
    JobMessage,
    Noted,
    PaintOrder,
    Previewed,
    Progressed,
    StageKept,
    Steering,
    SteeringApplied,
    SteeringRefused,
)
from impasto.studio.renditions import Pixels, preview_jpeg
from impasto.studio.stages import read_stage, write_stage

PROGRESS_INTERVAL = 0.1
"""Fewest seconds between two progress messages."""

CHECKPOINT_INTERVAL = 5.0
"""Least seconds between two checkpoints."""

TIMES_PREVIEW = 20.0
"""Least ratio of painting to making previews, so that previews cost at most 5 %."""

LOCK_SECONDS = 60.0
"""Seconds to wait for the process of a killed server, which still writes the checkpoint."""


def paint_job(connection: Connection, order: PaintOrder) -> None:
    """Paint a job, report to the server, and end when it is done or the server dies.

    Args:
        connection: takes messages; brings :class:`Steering` orders and ``STOP``.
        order: the job.
    """
    for number in STOP_SIGNALS:  # they reach the server too, which decides what happens
        signal.signal(number, signal.SIG_IGN)
    channel = _Channel(connection)
    control = _JobControl(channel.send, order)
    threading.Thread(target=_receive, args=(connection, control), name="orders", daemon=True).start()
    channel.send(_painted(order, control, channel.send))


class _Channel:
    """The sending side of the connection to the server, for all threads of the process."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: JobMessage) -> None:
        """Send a message; a dead server is noticed when receiving from it."""
        try:
            with self._lock:
                self._connection.send(message)
        except OSError:
            pass


def _receive(connection: Connection, control: _JobControl) -> None:
    """Follow orders until the connection closes, as it does when the server dies."""
    try:
        while True:
            order = connection.recv()
            if order == STOP:
                control.request()
            else:
                control.steer(order)
    except (EOFError, OSError):
        control.request()


class _JobControl(StopSwitch):
    """Stops and steers the painter of a job.

    Args:
        send: sends a message to the server.
        order: the job; its change waits for the painter.
    """

    def __init__(self, send: Callable[[JobMessage], None], order: PaintOrder) -> None:
        super().__init__()
        self._send, self._painter = send, None  # type: Callable[[JobMessage], None], Painter | None
        self._waiting: list[Steering] = [order.steering] if order.steering else []
        self._steering_lock = threading.Lock()
        self.went_back: dict[tuple[int, int], int] = {}

    @contextmanager
    def painting(
        self,
        stop: Callable[[], None],
        checkpoint: Callable[[], Path | None] = lambda: None,
        painter: Painter | None = None,
    ) -> Iterator[None]:
        """Pass orders to the painter while this context lasts."""
        with super().painting(stop, checkpoint):
            with self._steering_lock:
                self._painter, waiting = painter, self._waiting
                for order in waiting:
                    self._apply(order)
            try:
                yield
            finally:
                with self._steering_lock:
                    self._painter = None

    def steer(self, order: Steering) -> None:
        """Steer the painter, or keep the order until there is one."""
        with self._steering_lock:
            if self._painter is None:
                self._waiting.append(order)
            else:
                self._apply(order)

    def _apply(self, order: Steering) -> None:
        painter = self._painter
        assert painter is not None
        wanted = {name: getattr(order.settings, name) for name in STEERABLE}
        settings = painter.settings.model_copy(update=wanted)
        try:
            stage = read_stage(order.stage, settings) if order.stage else None
            if stage and order.number:
                self.went_back[stage.octave, stage.iteration] = order.number
            painter.steer(settings, stage=stage)
        except ImpastoError as error:
            self._send(SteeringRefused(str(error)))


def _painted(order: PaintOrder, control: _JobControl, send: Callable[[JobMessage], None]) -> JobEnded:
    """Paint a job, and return its last message whatever happens."""
    try:
        with ExitStack() as stack:
            job = _job(order, send, stack)
            outcome = run_job(job, _JobListener(order, control, send), control)
        return _ended(outcome)
    except ImpastoError as error:
        return JobEnded("failed", str(error))
    except MemoryError:
        return JobEnded("failed", "The memory ran out: choose a smaller size.")
    except Exception as error:  # a bug, which must not stay silent
        return JobEnded("failed", f"An error of impasto's own ({type(error).__name__}: {error}).")


def _job(order: PaintOrder, send: Callable[[JobMessage], None], stack: ExitStack) -> Job:
    """Return the job, which goes on from the checkpoint if it should and can."""
    slot = Slot(order.checkpoint)
    _wait_for_lock(slot)
    if order.resumes and slot.exists:
        try:
            run = open_run(str(order.checkpoint), lambda text: send(Noted(text)), stack)
            return resuming_job(run, str(order.output), force=True)
        except CheckpointError as error:
            send(Noted(f"{error} Painting begins anew."))
            slot.release()
    outputs = Outputs(order.output, force=True)
    policy = CheckpointPolicy(file=order.checkpoint, interval=CHECKPOINT_INTERVAL, listed=False)
    if slot.exists:
        slot.remove()
    return Job(order.content, order.styles, order.settings, outputs, checkpoints=policy)


def _wait_for_lock(slot: Slot) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while slot.in_use and time.monotonic() < deadline:
        time.sleep(0.05)


def _ended(outcome: Outcome) -> JobEnded:
    height, width = outcome.painting.array.shape[:2] if outcome.is_saved else (0, 0)
    text = " ".join((outcome.message, *outcome.failures)).strip()
    state: Literal["finished", "stopped", "failed"] = "finished"
    if outcome.failures or not outcome.painting.complete:
        state = "stopped" if outcome.stop_requested and not outcome.failures else "failed"
    return JobEnded(state, text, width, height, outcome.painting.seconds)


class _JobListener:
    """Reports a run to the server, and writes previews and stages.

    Args:
        order: the job.
        control: knows to which stages painting went back.
        send: sends a message to the server.
    """

    def __init__(self, order: PaintOrder, control: _JobControl, send: Callable[[JobMessage], None]) -> None:
        self._order, self._control, self._send = order, control, send
        self._octaves: tuple[Octave, ...] = ()
        self._stage, self._stage_number = None, order.first_stage  # type: Stage | None, int
        self._losses: list[tuple[float, ...]] = []
        self._has_sent_history = not order.resumes
        self._next_progress = self._next_preview = 0.0
        self._ends_octave = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def note(self, text: str) -> None:
        """Pass a remark on."""
        self._send(Noted(text))

    def on_stop(self) -> None:
        """Learn of a stop, which the server knows of."""

    def on_finished(self, outcome: Outcome) -> None:
        """Write the last preview, of the painting itself."""
        painting = outcome.painting
        self._write_preview(over_white(painting.array, painting.alpha))

    def on_event(self, event: Event) -> None:
        """Report an event of the painter."""
        if isinstance(event, Started):
            self._octaves = event.octaves
        elif isinstance(event, OctaveStarted):
            if self._stage:
                self._keep(self._stage, "octave")
        elif isinstance(event, Iteration):
            self._report(event)
            self._ends_octave = event.converged or event.iteration == event.iterations
        elif isinstance(event, StepFinished):
            self._stage = Stage.of(event.snapshot()) if self._ends_octave and event.share < 1 else None
            if not self._has_sent_history:
                self._send_history(event)
        elif isinstance(event, Steered):
            self._on_steered(event)

    def _report(self, event: Iteration) -> None:
        loss, octave = event.loss, self._octaves[event.octave - 1]
        self._losses.append(_row(event.octave, event.iteration, loss, event.elapsed))
        now = time.monotonic()
        if now >= self._next_progress or event.share >= 1:
            self._next_progress = now + PROGRESS_INTERVAL
            values = {
                "octave": event.octave,
                "octaves": len(self._octaves),
                "iteration": event.iteration,
                "iterations": event.iterations,
                "width": octave.width,
                "height": octave.height,
                "loss": loss.total,
                "content": loss.content,
                "style": loss.style,
                "share": event.share,
                "elapsed": event.elapsed,
                "remaining": event.remaining,
            }
            losses, self._losses = self._losses, []
            self._send(Progressed(values, losses))
        if now >= self._next_preview:
            self._write_preview(event.image())
            spent = time.monotonic() - now
            self._next_preview = now + max(PREVIEW_INTERVAL, TIMES_PREVIEW * spent)

    def _send_history(self, event: StepFinished) -> None:
        """Send the losses from before an interruption, which this server may not know."""
        self._has_sent_history = True
        rows = [_row(step.octave, step.iteration, step.loss, step.seconds) for step in event.snapshot().history]
        self._send(Progressed({}, rows))
        self._losses = []

    def _write_preview(self, pixels: Pixels) -> None:
        data, (height, width) = preview_jpeg(pixels)
        try:
            replace_file(self._order.folder / PREVIEW, data)
        except ImpastoError:  # on a full disk painting goes on
            return
        self._send(Previewed(width, height))

    def _on_steered(self, event: Steered) -> None:
        self._stage = None
        if event.before:
            self._keep(event.before, "change")
        change = event.change
        number = self._control.went_back.get(change.stage) if change.stage else None
        self._send(SteeringApplied(change.octave, change.iteration, tuple(change.settings), number))
        for text in event.remarks:
            self.note(text)

    def _keep(self, stage: Stage, reason: Literal["octave", "change"]) -> None:
        """Write a stage and its picture."""
        self._stage = None
        number = self._stage_number
        path = stage_file(self._order.folder, number)
        try:
            write_stage(path, stage)
            preview = self._order.folder / PREVIEW
            replace_file(path.with_suffix(".jpg"), preview.read_bytes())
        except (ImpastoError, OSError):  # on a full disk painting goes on, without this stage
            path.unlink(missing_ok=True)
            return
        self._stage_number += 1
        self._send(StageKept(number, stage.octave, stage.iteration, stage.share, reason))


def _row(octave: int, iteration: int, loss: Loss, seconds: float) -> tuple[float, ...]:
    """Return a row of :class:`~impasto.studio.models.Losses`."""
    return octave, iteration, loss.total, loss.content, loss.style, seconds
