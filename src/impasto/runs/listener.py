"""The two sides of a run that its caller implements: a listener for progress, and a control of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

from impasto.painting.events import Event

if TYPE_CHECKING:
    from impasto.painting.painter import Painter
    from impasto.painting.result import Painting


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        painting: the painted picture.
        files: absolute paths of the files that were written, by name; ``picture`` is the painting.
        message: reason for an early end, in one sentence; empty for a complete painting.
        stop_requested: whether the caller asked for the early end.
        failures: one sentence for each file that could not be written.
        checkpoint: checkpoint that the run can be resumed from; None if there is nothing to resume.
        is_temporary: whether the picture's file is temporary, see :class:`~impasto.runs.outputs.Outputs`.
        rescued: path of the painting beside its intended place; None unless another file took that place.
    """

    painting: Painting
    files: Mapping[str, Path]
    message: str = ""
    stop_requested: bool = False
    failures: tuple[str, ...] = ()
    checkpoint: Path | None = None
    is_temporary: bool = False
    rescued: Path | None = None

    @property
    def is_saved(self) -> bool:
        """Whether the picture was written to its intended place."""
        return "picture" in self.files

    @property
    def state(self) -> Literal["complete", "incomplete", "with failures"]:
        """Whether everything was painted and written; a failure outweighs an incomplete painting."""
        if self.failures:
            return "with failures"
        return "complete" if self.painting.complete else "incomplete"


class Listener(Protocol):
    """Receives the progress of a run.

    The run enters the listener as a context while it paints or accesses a slow file, so that a display can open and
    close; this may happen several times, also within one another.
    """

    def __enter__(self) -> object:
        """Open the display."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the display."""

    def on_event(self, event: Event) -> None:
        """Receive an event of the painter; a :class:`Writing` event may come from another thread."""

    def note(self, text: str) -> None:
        """Receive a remark for the user, in one sentence."""

    def on_stop(self) -> None:
        """Learn that a stop was requested; called on the requesting thread, before the last iteration ends."""

    def on_finished(self, outcome: Outcome) -> None:
        """Receive the outcome, once all files are written."""


class SilentListener:
    """A listener that ignores everything; the base class of those that want only some of it."""

    def __enter__(self) -> object:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ignore the end of the display."""

    def on_event(self, event: Event) -> None:
        """Ignore an event."""

    def note(self, text: str) -> None:
        """Ignore a remark."""

    def on_stop(self) -> None:
        """Ignore a requested stop."""

    def on_finished(self, outcome: Outcome) -> None:
        """Ignore the outcome."""


class ListenerGroup:
    """Passes everything to several listeners, in their order.

    Args:
        listeners: at least one.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def __enter__(self) -> object:
        for listener in self._listeners:
            listener.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all displays."""
        for listener in self._listeners:
            listener.__exit__(kind, error, trace)

    def on_event(self, event: Event) -> None:
        """Pass an event on."""
        for listener in self._listeners:
            listener.on_event(event)

    def note(self, text: str) -> None:
        """Pass a remark on."""
        for listener in self._listeners:
            listener.note(text)

    def on_stop(self) -> None:
        """Pass a requested stop on."""
        for listener in self._listeners:
            listener.on_stop()

    def on_finished(self, outcome: Outcome) -> None:
        """Pass the outcome on."""
        for listener in self._listeners:
            listener.on_finished(outcome)


class Control(Protocol):
    """Lets the caller of a run stop and steer it, and learns which phase the run is in."""

    def painting(
        self, stop: Callable[[], None], checkpoint: Callable[[], Path | None], painter: Painter | None
    ) -> AbstractContextManager[object]:
        """Return a context that lasts from the first iteration to the last file written.

        Args:
            stop: ends the painting after the current iteration; may be called on any thread.
            checkpoint: returns the checkpoint that the run could be resumed from if the process ended now.
            painter: the painter, whose ``steer`` may be called from any thread; None if it cannot be steered.
        """

    def saving(self) -> None:
        """Learn that files are being written from here on, which should not be interrupted."""


class StopSwitch:
    """A control that stops a run when another thread calls :meth:`request`.

    Attributes:
        requested: whether a stop was requested, also before painting began.
    """

    def __init__(self) -> None:
        self.requested = False
        self._stop: Callable[[], None] | None = None
        self._lock = Lock()

    def request(self) -> None:
        """Stop the run after its current iteration, or the next run after its first one."""
        with self._lock:
            self.requested, stop = True, self._stop
        if stop is not None:
            stop()

    @contextmanager
    def painting(
        self,
        stop: Callable[[], None],
        checkpoint: Callable[[], Path | None] = lambda: None,
        painter: Painter | None = None,
    ) -> Iterator[None]:
        """Call ``stop`` upon a request while this context lasts; see :meth:`Control.painting`."""
        with self._lock:
            self._stop, already = stop, self.requested
        if already:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stop = None  # or the painter would stay in memory

    def saving(self) -> None:
        """Ignore requests from here on, as the painting has ended."""
        with self._lock:
            self._stop = None
