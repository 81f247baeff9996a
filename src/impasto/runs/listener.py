"""What a run tells its listener, and the outcome that it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from impasto.painting.events import Event

if TYPE_CHECKING:
    from impasto.painting.result import Painting


@dataclass(frozen=True)
class Outcome:
    """A run that is over and saved.

    Attributes:
        painting: the result.
        message: why it stopped early; empty where it did not.
        files: what was written, by name; ``picture`` is the painting.
        checkpoint: what the run can go on from; None where it is over.
    """

    painting: Painting
    message: str
    files: dict[str, Path]
    checkpoint: Path | None = None


class Reporter:
    """Says nothing: what ``--quiet`` asks for, and the base of the others.

    A context in which the events are told.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no display behind."""

    def tell(self, event: Event) -> None:
        """Something happened."""

    def stopping(self) -> None:
        """A signal asked for the end; called on another thread."""
        self.note("Stopping after this iteration; a second signal stops at once, without saving the picture.")

    def note(self, text: str) -> None:
        """A remark, in one sentence."""

    def finished(self, outcome: Outcome) -> None:
        """All is saved."""
