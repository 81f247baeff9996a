"""The log of events that all open pages follow, with replay for those that reconnect."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any

from impasto.studio.limits import EVENTS

KEEP_ALIVE = 15.0
"""Seconds of silence after which a listener gets a comment, so that a broken connection is noticed."""


SECONDS_PER_LISTENER = 0.001
"""Seconds, for each listener, in which events are gathered and then sent together, so that many listeners leave the
processor to the painting."""


class EventLog:
    """The newest events, each rendered once; any thread may publish, and any number of listeners follow.

    A listener holds nothing but a position, so that its memory does not depend on the number of events.

    Attributes:
        listeners: number of open streams.
    """

    def __init__(self) -> None:
        # Ids grow over restarts too, because no server publishes a thousand events a second.
        self._last = int(time.time() * 1000)
        self._events: deque[tuple[int, bytes]] = deque(maxlen=EVENTS)
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._is_gathering = self._is_closed = False
        self.listeners = 0

    @property
    def last(self) -> int:
        """Id of the newest event."""
        return self._last

    def open(self) -> None:
        """Begin to wake listeners; called in the server's loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End all streams once they have sent the last events."""
        self._is_closed = True
        self._wake()

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event.

        Args:
            kind: name of the event, as docs/api.md lists them.
            data: JSON values.
        """
        with self._lock:
            self._last += 1
            self._events.append((self._last, _rendered(self._last, kind, data)))
        self._wake()

    async def follow(self, after: int) -> AsyncIterator[bytes]:
        """Yield all events after an id, and then each new one; a ``reset`` first if some are not kept any more."""
        self.listeners += 1
        try:
            yield b": impasto\n\n"
            while True:
                news = self._news
                events, after = self._since(after)
                if events:
                    yield events
                    continue
                if self._is_closed:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), KEEP_ALIVE)
                    continue
                yield b": still there\n\n"
        finally:
            self.listeners -= 1

    def _since(self, after: int) -> tuple[bytes, int]:
        """Return the rendered events after an id, and the id of the last one."""
        with self._lock:
            oldest = self._events[0][0] if self._events else self._last + 1
            if after < oldest - 1 or after > self._last:
                return _rendered(self._last, "reset", {}), self._last
            # Ids have no gaps. The newest are taken from the right end, where a deque is fast.
            return b"".join(self._events[place][1] for place in range(after - self._last, 0)), self._last

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._gather)

    def _gather(self) -> None:
        """Wake the listeners after a moment, unless they are about to wake."""
        if self._loop is not None and not self._is_gathering:
            self._is_gathering = True
            self._loop.call_later(self.listeners * SECONDS_PER_LISTENER, self._announce)

    def _announce(self) -> None:
        self._is_gathering = False
        news, self._news = self._news, asyncio.Event()
        news.set()


def _rendered(number: int, kind: str, data: Mapping[str, Any]) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
