"""The events of a run and of its painter: a stream that every front end renders in its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impasto.engine.loss import Loss
from impasto.painting.octaves import Octave

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.record import StoredChange
    from impasto.painting.result import Painting
    from impasto.painting.snapshot import Snapshot
    from impasto.painting.steering import Stage
    from impasto.settings.fields import Precision


@dataclass(frozen=True)
class Announced:
    """A run was accepted; its first event, within a second of the command.

    Attributes:
        photo: path of the photograph, in words if it has none; None for a texture.
        styles: names or paths of the paintings.
        size: size that the settings ask for.
        destination: path of the picture to write, in words if it has none.
    """

    photo: str | None
    styles: tuple[str, ...]
    size: int | str
    destination: str


@dataclass(frozen=True)
class Preparing:
    """A step before the first iteration has begun.

    Attributes:
        step: ``loading`` of PyTorch, ``reading`` of the pictures, or ``timing`` of a few iterations.
    """

    step: Literal["loading", "reading", "timing"]


@dataclass(frozen=True)
class Reading:
    """A picture is being read.

    Attributes:
        path: path of its file.
        share: completed share of the work, in [0, 1].
    """

    path: Path
    share: float


@dataclass(frozen=True)
class Writing:
    """A picture is being written; emitted on any thread.

    Attributes:
        path: path of its file.
        share: completed share of the work, in [0, 1].
    """

    path: Path
    share: float


@dataclass(frozen=True)
class Started:
    """The pictures are read and the octaves are planned.

    Attributes:
        octaves: sizes and iterations, coarse to fine.
        device: device of the arithmetic, as in ``cpu`` or ``cuda:0``.
        threads: number of CPU threads.
        encoder: name of the encoder.
        warnings: sentences for the user.
        precision: precision of the encoder.
    """

    octaves: tuple[Octave, ...]
    device: str
    threads: int
    encoder: str
    warnings: tuple[str, ...] = ()
    precision: Precision = "float32"


@dataclass(frozen=True)
class OctaveStarted:
    """A new size begins, or the same or an earlier one anew after a change.

    Attributes:
        number: number of the octave, from 1.
        octave: its size and iterations.
    """

    number: int
    octave: Octave


@dataclass(frozen=True)
class Iteration:
    """The loss has been evaluated; the image has not moved yet.

    Attributes:
        octave: number of the octave, from 1.
        iteration: number within the octave, from 1.
        iterations: number of iterations of the octave.
        loss: loss of the image before the step.
        share: completed share of the run's arithmetic, in (0, 1].
        elapsed: seconds since painting began.
        remaining: expected seconds to the end; None before there is a basis for the estimate.
        image: returns the current image, H×W×3 float32 in [0, 1], at the octave's size; valid until the next event.
        converged: whether the octave ends here, before its last iteration, because its loss no longer falls.
    """

    octave: int
    iteration: int
    iterations: int
    loss: Loss
    share: float
    elapsed: float
    remaining: float | None
    image: Callable[[], np.ndarray]
    converged: bool = False


@dataclass(frozen=True)
class StepFinished:
    """The image has moved, and the painter can be stopped and continued here.

    Attributes:
        octave: number of the octave, from 1.
        iteration: number within the octave, from 1.
        share: completed share of the run's arithmetic, in (0, 1].
        expected_seconds: expected duration of the whole run; None before there is a basis for the estimate.
        snapshot: returns a snapshot, whose tensors are the painter's own; valid until the next event, or for good if
            the painter stops here.
    """

    octave: int
    iteration: int
    share: float
    expected_seconds: float | None
    snapshot: Callable[[], Snapshot]


@dataclass(frozen=True)
class Steered:
    """Settings have changed, or an earlier stage has come back; its octave begins anew from that picture.

    Attributes:
        change: octave, iteration and values of the change, as the record stores it.
        before: the stage before the change; None if nothing was painted before.
        remarks: sentences for the user.
    """

    change: StoredChange
    before: Stage | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The painting is complete, or was stopped.

    Attributes:
        painting: the result; ``painting.complete`` tells whether the run came to its end.
        message: reason for an early end, in one sentence; empty for a complete run.
    """

    painting: Painting
    message: str = ""


Event = (
    Announced | Preparing | Reading | Writing | Started | OctaveStarted | Iteration | StepFinished | Steered | Finished
)
