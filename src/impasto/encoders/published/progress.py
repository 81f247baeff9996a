"""What happens while weights are fetched, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Fetching:
    """A download has begun or come further.

    Attributes:
        file: name of the published file.
        url: where it comes from.
        done: bytes that are there, those of an earlier attempt among them.
        total: bytes of the whole file.
    """

    file: str
    url: str
    done: int
    total: int


@dataclass(frozen=True)
class Note:
    """A remark, in one sentence."""

    text: str


FetchEvent = Fetching | Note
Watcher = Callable[[FetchEvent], None]


def _ignore(event: FetchEvent) -> None:
    """What happens where nobody watches."""


_watcher: ContextVar[Watcher] = ContextVar("impasto-weights-watcher", default=_ignore)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """While this lasts ``watcher`` is told of every download that this thread needs, however deep inside a painter.

    Args:
        watcher: called with :class:`Fetching` for every piece that arrives and with :class:`Note`.
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def current_watcher() -> Watcher:
    """The innermost watcher of :func:`watching`."""
    return _watcher.get()
