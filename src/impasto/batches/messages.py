"""Messages between the parent process and a worker, besides tasks and events."""

from __future__ import annotations

import signal
from dataclasses import dataclass

STOP = "stop"
"""Order to a worker to stop the current painting and refuse later ones."""

STOP_SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that the parent handles and workers ignore, as some reach all processes; Windows has no SIGHUP."""


@dataclass(frozen=True)
class Ready:
    """Message of a worker that it has started and accepts the common settings."""
