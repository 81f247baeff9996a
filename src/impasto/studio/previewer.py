"""Instant previews: one process paints them, and the newest request counts."""

from __future__ import annotations

import itertools
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from impasto.batches.processes import Worker, start_process
from impasto.settings.model import Settings
from impasto.studio.api_errors import ApiError, invalid
from impasto.studio.messages import PreviewOrder, PreviewPainted
from impasto.studio.process_targets import paint_previews

SECONDS = 120.0
"""Seconds after which a preview is given up."""


class Previewer:
    """Owns the process of instant previews, and starts it anew if it died."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._waiting: dict[int, Future[bytes]] = {}
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._is_closed = False

    def warm_up(self) -> None:
        """Start the process, so that the first preview need not wait for it."""
        with self._lock:
            self._running()

    def paint(self, content: Path | None, styles: tuple[Path, ...], settings: Settings) -> bytes:
        """Paint a preview and return it as a JPEG file.

        Raises:
            ApiError: a newer request came, or it cannot be painted.
        """
        answer: Future[bytes] = Future()
        number = next(self._numbers)
        with self._lock:
            worker = self._running()
            self._waiting[number] = answer
            worker.send(PreviewOrder(number, content, styles, settings))
        return answer.result(SECONDS)

    def close(self) -> None:
        """End the process; one that is being started ends by itself."""
        self._is_closed = True
        worker = self._worker
        if worker:
            worker.send(None)
            worker.process.join(2)
            if worker.process.is_alive():
                worker.process.kill()

    def _running(self) -> Worker:
        """Return the process, started if necessary."""
        if self._worker is None or not self._worker.process.is_alive():
            self._worker = start_process(paint_previews)
            if self._is_closed:
                self._worker.send(None)
            Thread(target=self._receive, args=(self._worker,), name="previews", daemon=True).start()
        return self._worker

    def _receive(self, worker: Worker) -> None:
        """Pass answers on until the process ends; its open requests then fail."""
        with suppress(EOFError, OSError):
            while True:
                painted: PreviewPainted = worker.connection.recv()
                answer = self._waiting.pop(painted.number, None)
                if answer is None:
                    continue
                if painted.data is not None:
                    answer.set_result(painted.data)
                elif painted.message:
                    answer.set_exception(invalid(painted.message))
                else:
                    answer.set_exception(ApiError(409, "superseded", "A newer preview was asked for."))
        with self._lock:
            if self._worker is worker:
                self._worker = None
        self.cancel()

    def cancel(self) -> None:
        """Refuse all previews that wait."""
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.set_exception(ApiError(409, "unavailable", "The preview could not be painted: try again."))
