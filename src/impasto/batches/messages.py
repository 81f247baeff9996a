"""Messages between the parent process and a worker, besides tasks and events."""

from __future__ import annotations

from dataclasses import dataclass

STOP = "stop"
"""Order to a worker to stop the current painting and refuse later ones."""


@dataclass(frozen=True)
class Ready:
    """Message of a worker that it has started and accepts the common settings."""
