"""The callback that reports progress of reading and writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[float], None]
"""Receives the share of a file that is read or written, from 0 to 1; possibly on another thread."""


def ignore_progress(_share: float) -> None:
    """Do nothing; the default callback."""
