"""Writing checkpoints now and then while a painter paints."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from impasto.errors import CheckpointError
from impasto.files import reason, shown
from impasto.runs.checkpoints.files import write_container
from impasto.runs.checkpoints.slot import Slot

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.painter import Painter

FORMAT = 1
"""Of a checkpoint's description; another one is another version's business."""

LEAST_SECONDS = 30.0
"""Between the end of one writing and the beginning of the next."""

TIMES_WRITING = 20.0
"""Painting takes at least so many times as long as writing, so that the writing costs no more than 5 %."""

Attachment = tuple[Mapping[str, Any], Mapping[str, "np.ndarray"]]
"""What a face keeps in a checkpoint for itself: what JSON holds, and arrays by name."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; painting goes on."""


class CheckpointWriter:
    """Writes a painter's checkpoints between its iterations.

        with CheckpointWriter("run.checkpoint").attend(painter) as writer:
            for event in painter: ...
            writer.remove()

    Where one cannot be written, as on a full disk, a warning says so once; painting goes on, the older checkpoints
    stay, and it is tried again later.

    Args:
        place: the file; a :class:`Slot`; or a function that makes one, called before the first writing.
        least_seconds: between the end of one writing and the beginning of the next; the first waits as long.
        times_writing: and so many times the duration of that one writing.
        least_expected: nothing is written for runs that are expected to take less than so many seconds.
        attach: gives what is to be stored besides.
        warn: is told once where a checkpoint cannot be written; a :class:`CheckpointWarning` where not given.
    """

    def __init__(
        self,
        place: str | os.PathLike[str] | Slot | Callable[[], Slot],
        *,
        least_seconds: float = LEAST_SECONDS,
        times_writing: float = TIMES_WRITING,
        least_expected: float = 0.0,
        attach: Callable[[], Attachment] = lambda: ({}, {}),
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._slot: Slot | None = place if isinstance(place, Slot) else None
        self._place = place
        self._least_seconds, self._least_expected = least_seconds, least_expected
        self._times_writing = times_writing
        self._attach, self._warn = attach, warn or _warn
        self._warned = False
        self._next = time.monotonic() + least_seconds
        self._written: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let other processes have the checkpoint."""
        if self._slot is not None:
            self._slot.release()

    @property
    def slot(self) -> Slot | None:
        """Where this one's checkpoints are; None where none was written yet, and the place was not chosen."""
        return self._slot

    def attend(self, painter: Painter) -> Self:
        """Write this painter's checkpoints whenever they are due."""
        painter.between = lambda: self._see(painter)
        return self

    def _see(self, painter: Painter) -> None:
        if time.monotonic() >= self._next and painter.share < 1 and self.serves(painter):
            self.write(painter)

    def serves(self, painter: Painter) -> bool:
        """Whether the run is long enough for checkpoints."""
        return (painter.expected_seconds or 0.0) >= self._least_expected

    def write(self, painter: Painter) -> bool:
        """Write a checkpoint now, unless the last one holds the same moment.

        Args:
            painter: between two iterations, or stopped there.

        Returns:
            Whether there is one of this moment.
        """
        snapshot = painter.snapshot()
        facts = snapshot.facts
        if self._written == (facts.octave, facts.iteration):
            return True
        begun = time.monotonic()
        try:
            slot = self._ready()
            attached, arrays = self._attach()
            description = {
                "format": FORMAT,
                "written": time.time(),
                "facts": facts.model_dump(mode="json"),
                "attached": dict(attached),
            }
            tensors: dict[str, Any] = {
                **snapshot.tensors,
                **{f"attached.{name}": array for name, array in arrays.items()},
            }
            slot.write(lambda file: write_container(file, description, tensors))
        except (OSError, CheckpointError) as error:
            self._tell(error)
            return False
        finally:
            now = time.monotonic()
            self._next = now + max(self._least_seconds, self._times_writing * (now - begun))
        self._written = facts.octave, facts.iteration
        return True

    def remove(self) -> None:
        """The run is over: nothing is left to resume."""
        if self._slot is not None:
            self._slot.remove()

    def _ready(self) -> Slot:
        """The place, locked."""
        if self._slot is None:
            assert not isinstance(self._place, Slot)
            self._slot = self._place() if callable(self._place) else Slot(self._place)
        self._slot.acquire()
        return self._slot

    def _tell(self, error: Exception) -> None:
        if self._warned:
            return
        self._warned = True
        if isinstance(error, CheckpointError):
            self._warn(f"{error} Painting goes on without.")
            return
        slot = self._slot
        name = f" {shown(slot.path)}" if slot else ""
        self._warn(
            f"The checkpoint{name} could not be written ({reason(error)}), so painting goes on with "
            f"{'the one before it' if slot and slot.exists else 'none yet'}, and it is tried again later."
        )


def _warn(text: str) -> None:
    warnings.warn(text, CheckpointWarning, stacklevel=2)
