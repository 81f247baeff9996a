"""Events of a download, and the listener that receives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class DownloadProgress:
    """Progress of a download, sent at its start and after every chunk.

    Attributes:
        file: name of the published file.
        host: server that sends it.
        done: bytes received, including those of earlier attempts.
        total: bytes of the whole file.
    """

    file: str
    host: str
    done: int
    total: int


@dataclass(frozen=True)
class Note:
    """A remark for the user, in one sentence."""

    text: str


FetchEvent = DownloadProgress | Note
FetchListener = Callable[[FetchEvent], None]


def _ignore(event: FetchEvent) -> None:
    """Ignore an event; the default listener."""


_listener: ContextVar[FetchListener] = ContextVar("impasto-fetch-listener", default=_ignore)


@contextmanager
def fetch_listener(listener: FetchListener) -> Iterator[None]:
    """Send the events of every download on this thread to a listener while the context lasts.

    This includes downloads that a painter starts internally.

    Args:
        listener: callback for :class:`DownloadProgress` and :class:`Note`.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def current_listener() -> FetchListener:
    """Return the innermost listener that :func:`fetch_listener` set."""
    return _listener.get()
