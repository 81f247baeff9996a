"""Handle Ctrl-C, SIGTERM and SIGHUP: before painting they end the program, while painting they end the painting."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, NoReturn, Self

_SIGNALS = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_HANGUP = getattr(signal, "SIGHUP", None)  # none on Windows

HANGUP_SECONDS = 5.0
"""Seconds after the first signal in which a SIGHUP does not count as the second one.

One closed terminal sends several: the shell passes its own on, and the kernel sends another when the shell exits. When
a user logs out, systemd sends SIGHUP right after SIGTERM.
"""

_SHOW_CURSOR = "\x1b[?25h"

NOTHING_SAVED = "nothing was saved"


class Interrupts:
    """Handles the signals while this context lasts; a SIGHUP that was ignored before, as by nohup, stays ignored.

    A thread does so, woken by the signal itself. Python's own handlers run on the main thread only, where they wait
    for PyTorch to return from a gradient, which for large pictures takes up to a minute.

    Args:
        ends_process: whether the process ends with this context. If so, signals after the first one are ignored from
            then on: while the interpreter shuts down they would change the exit code.

    Attributes:
        received: number of the first signal while painting or saving; None if there was none.
    """

    def __init__(self, *, ends_process: bool = False) -> None:
        self.ends_process = ends_process
        self.received: int | None = None
        self._phase: Literal["starting", "painting", "saving"] = "starting"
        self._stop: Callable[[], None] = lambda: None
        self._remains: Callable[[], str] = lambda: NOTHING_SAVED
        self._lock = threading.Lock()
        self._first_time = 0.0
        self._restore: list[Callable[[], Any]] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
            self._install_handlers()
        return self

    def __exit__(self, *_: object) -> None:
        if self._restore and self.ends_process and self.received is not None:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            return
        for restore in reversed(self._restore):
            restore()

    @contextmanager
    def painting(self, stop: Callable[[], None], remains: Callable[[], str] = lambda: NOTHING_SAVED) -> Iterator[None]:
        """Let a first signal stop the painting and a second one end the program while this context lasts.

        Args:
            stop: ends the painting; called on another thread.
            remains: returns a clause on the files that remain if the program ends at once.
        """
        with self._lock:
            self._phase, self._stop, self._remains = "painting", stop, remains
        try:
            yield
        finally:
            with self._lock:
                # The callbacks would keep the painter in memory.
                self._phase, self._stop, self._remains = "starting", lambda: None, lambda: NOTHING_SAVED

    def saving(self) -> None:
        """Ignore signals from here to the end of :meth:`painting`, as files are being written."""
        with self._lock:
            self._phase = "saving"

    def _install_handlers(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        thread = threading.Thread(target=self._watch, args=(reader,), name="interrupts", daemon=True)
        thread.start()
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        handlers = [(number, signal.signal(number, lambda *_: None)) for number in _handled()]
        # Undone in reverse order; the thread ends when the pipe is closed.
        self._restore = [
            lambda: os.close(reader),
            thread.join,
            lambda: os.close(writer),
            lambda: signal.set_wakeup_fd(wakeup),
            *(lambda number=number, handler=handler: signal.signal(number, handler) for number, handler in handlers),
        ]

    def _watch(self, reader: int) -> None:
        while data := os.read(reader, 1):
            if data[0] in _SIGNALS:
                self._handle(data[0])

    def _handle(self, number: int) -> None:
        with self._lock:
            first = self.received is None
            if not first and number == _HANGUP and time.monotonic() - self._first_time < HANGUP_SECONDS:
                return
            if self._phase == "starting":
                _exit_at_once(number, "Stopped before there was anything to save.")
            if first:
                self.received, self._first_time = number, time.monotonic()
            if self._phase == "painting":
                if not first:
                    _exit_at_once(number, f"Stopped at once: {self._remains()}.")
                self._stop()


def _handled() -> list[signal.Signals]:
    return [n for n in _SIGNALS if n != _HANGUP or signal.getsignal(n) != signal.SIG_IGN]


def _exit_at_once(number: int, sentence: str) -> NoReturn:
    """End the process immediately.

    An exception would not do: raised during PyTorch's import it is replaced by another one or lost. In the phases that
    call this there is nothing to clean up but the cursor.
    """
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):  # the terminal may be closed
        os.write(2, f"{cursor}error: {sentence}\n".encode())
    os._exit(128 + number)
