"""What goes to a worker, and what comes from it besides events."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.batches.works import Work

STOP = "stop"
"""End the painting at hand and all that are to come."""


@dataclass(frozen=True)
class Task:
    """A work with its place in the batch."""

    number: int
    work: Work


@dataclass(frozen=True)
class Ready:
    """The process can paint."""
