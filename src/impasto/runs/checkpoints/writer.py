"""Writing checkpoints from time to time while a painter paints."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from impasto.errors import CheckpointError, SettingsError
from impasto.files import reason, shown
from impasto.painting.events import Event, Iteration, StepFinished
from impasto.runs.checkpoints.container import write_container
from impasto.runs.checkpoints.slot import Slot

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.snapshot import Snapshot

FORMAT = 1
"""Version of the description's format; other versions are refused."""

LEAST_SECONDS = 30.0
"""Seconds between the end of one write and the start of the next."""

TIMES_WRITING = 20.0
"""Least ratio of painting to writing time, so that checkpoints cost at most 5 %."""

Attachment = tuple[Mapping[str, Any], Mapping[str, "np.ndarray"]]
"""Data that a front end stores in a checkpoint: JSON values, and arrays by name."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; painting continues."""


class CheckpointWriter:
    """Writes checkpoints from the events of a painter.

        with CheckpointWriter("run.checkpoint") as writer:
            for event in painter:
                writer.see(event)
            writer.remove()

    If a checkpoint cannot be written, as on a full disk, one warning says so; painting continues, the older checkpoints
    stay, and the writer tries again later.

    Args:
        place: the file; a :class:`Slot`; or a function that makes one, called before the first write.
        least_seconds: seconds between the end of one write and the start of the next; the first waits as long.
        times_writing: least ratio of that interval to the duration of the last write.
        least_expected: expected seconds below which a run gets no checkpoints.
        attach: returns further data to store.
        warn: called once if a checkpoint cannot be written; by default it emits a :class:`CheckpointWarning`.
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
        self._has_warned = False
        self._next = time.monotonic() + least_seconds
        self._last_step: StepFinished | None = None
        self._written: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock of the checkpoint."""
        if self._slot is not None:
            self._slot.release()

    @property
    def slot(self) -> Slot | None:
        """Place of the checkpoints; None before the first write if it is not chosen yet."""
        return self._slot

    def see(self, event: Event) -> None:
        """Write a checkpoint after a step if one is due; ignore all other events."""
        if isinstance(event, Iteration):
            self._last_step = None
        elif isinstance(event, StepFinished):
            self._last_step = event
            if time.monotonic() >= self._next and event.share < 1 and self._serves(event):
                self.write(event.snapshot())

    def write_last(self) -> bool:
        """Write a checkpoint of the last step, for a run that ends early.

        Returns:
            Whether there is one of this moment. There is none of a run that is too short, or in which the evaluation
            after the last step failed.
        """
        if self._last_step is None or not self._serves(self._last_step):
            return False
        try:
            snapshot = self._last_step.snapshot()
        except RuntimeError:
            return False
        return self.write(snapshot)

    def write(self, snapshot: Snapshot) -> bool:
        """Write a checkpoint now, unless the last one holds the same moment.

        Returns:
            Whether there is one of this moment.
        """
        state = snapshot.state
        if self._written == (state.octave, state.iteration):
            return True
        begun = time.monotonic()
        try:
            slot = self._acquire_slot()
            attached, arrays = self._attach()
            description = {
                "format": FORMAT,
                "written": time.time(),
                "state": state.model_dump(mode="json"),
                "attached": dict(attached),
            }
            tensors: dict[str, Any] = {
                **snapshot.tensors,
                **{f"attached.{name}": array for name, array in arrays.items()},
            }
            slot.write(lambda file: write_container(file, description, tensors))
        except (OSError, CheckpointError) as error:
            self._warn_once(error)
            return False
        finally:
            now = time.monotonic()
            self._next = now + max(self._least_seconds, self._times_writing * (now - begun))
        self._written = state.octave, state.iteration
        return True

    def remove(self) -> None:
        """Remove the checkpoints of a run that is complete; one warning says so if that fails."""
        if self._slot is None:
            return
        try:
            self._slot.remove()
        except OSError as error:
            self._warn(
                f"The checkpoint {shown(self._slot.path)} is of no more use, but could not be removed "
                f"({reason(error)})."
            )

    def _serves(self, step: StepFinished) -> bool:
        """Tell whether the run is long enough for checkpoints."""
        return (step.expected_seconds or 0.0) >= self._least_expected

    def _acquire_slot(self) -> Slot:
        """Choose the place if necessary, and lock it.

        Raises:
            CheckpointError: the place is not usable.
            OSError: the operating system refuses the place.
        """
        try:
            if self._slot is None:
                assert not isinstance(self._place, Slot)
                self._slot = self._place() if callable(self._place) else Slot(self._place)
            self._slot.acquire()
        except (RuntimeError, KeyError, ValueError, SettingsError) as error:  # such as a home folder that is unknown
            raise CheckpointError(f"There is no place for checkpoints ({reason(error).rstrip('.')}).") from None
        return self._slot

    def _warn_once(self, error: Exception) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        if isinstance(error, CheckpointError):
            self._warn(f"{error} Painting continues without checkpoints.")
            return
        slot = self._slot
        name = f" {shown(slot.path)}" if slot else ""
        self._warn(
            f"The checkpoint{name} could not be written ({reason(error)}). Painting continues with "
            f"{'the previous one' if slot and slot.exists else 'no checkpoint yet'}, and will try again later."
        )


def _warn(text: str) -> None:
    warnings.warn(text, CheckpointWarning, stacklevel=2)
