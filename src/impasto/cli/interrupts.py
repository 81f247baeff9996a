"""Ctrl-C and SIGTERM: before painting they end the program, while painting they end the painting."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NoReturn, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"

NOTHING_LEFT = "nothing was saved"


class Interrupts:
    """The answer to the signals while this context lasts.

    A thread gives it, woken by the signal itself. Python's own handlers run on the main thread only, and would wait
    there for PyTorch to come back from a gradient, which at large sizes takes the better part of a minute.

    Args:
        ends_process: whether the process ends with this context. After a signal that was answered, others are then let
            pass: while the interpreter is taken down they would change the exit code.

    Attributes:
        received: number of the first signal that came while painting or saving; None where none did.
    """

    def __init__(self, *, ends_process: bool = False) -> None:
        self.ends_process = ends_process
        self.received: int | None = None
        self._stage: Literal["starting", "painting", "saving"] = "starting"
        self._stop: Callable[[], None] = lambda: None
        self._left: Callable[[], str] = lambda: NOTHING_LEFT
        self._lock = threading.Lock()
        self._restore: list[Callable[[], Any]] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
            self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self._restore and self.ends_process and self.received is not None:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            return
        for restore in reversed(self._restore):
            restore()

    @contextmanager
    def painting(self, stop: Callable[[], None], left: Callable[[], str] = lambda: NOTHING_LEFT) -> Iterator[None]:
        """While this lasts a first signal calls ``stop``, on another thread, and a second one ends the program.

        Args:
            stop: ends the painting.
            left: says in a clause what is left of it where the program ends at once.
        """
        with self._lock:
            self._stage, self._stop, self._left = "painting", stop, left
        try:
            yield
        finally:
            with self._lock:
                # No painter is held on to.
                self._stage, self._stop, self._left = "starting", lambda: None, lambda: NOTHING_LEFT

    def saving(self) -> None:
        """From here to the end of :meth:`painting` files are written, and signals no longer cut in."""
        with self._lock:
            self._stage = "saving"

    def _listen(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        thread = threading.Thread(target=self._watch, args=(reader,), name="interrupts", daemon=True)
        thread.start()
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        handlers = [(number, signal.signal(number, lambda *_: None)) for number in _SIGNALS]
        # The last is undone first; the thread ends when there is no more to read.
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
                self._answer(data[0])

    def _answer(self, number: int) -> None:
        with self._lock:
            if self._stage == "starting":
                _leave(number, "Stopped before there was anything to save.")
            first = self.received is None
            if first:
                self.received = number
            if self._stage == "painting":
                if not first:
                    _leave(number, f"Stopped at once: {self._left()}.")
                self._stop()


def _leave(number: int, sentence: str) -> NoReturn:
    """End the process here and now.

    No exception, because one that strikes in the middle of PyTorch's import comes out as something else or not at
    all; and in the stages that call this there is nothing to clean up but the cursor.
    """
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}error: {sentence}\n".encode())
    os._exit(128 + number)
