"""What a painter tells while it paints: a stream that each face renders in its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.engine.loss import Loss
from impasto.painting.octaves import Octave

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.result import Painting
    from impasto.settings.fields import Precision


@dataclass(frozen=True)
class Reading:
    """A picture is being read.

    Attributes:
        path: of its file.
        share: of the work that is done, in [0, 1].
    """

    path: Path
    share: float


@dataclass(frozen=True)
class Writing:
    """A picture is being written; told on any thread.

    Attributes:
        path: of its file.
        share: of the work that is done, in [0, 1].
    """

    path: Path
    share: float


@dataclass(frozen=True)
class Started:
    """The plan is made and the pictures are read.

    Attributes:
        octaves: sizes and iterations, coarse to fine.
        device: where the arithmetic runs, as in ``cpu`` or ``cuda:0``.
        threads: of the CPU.
        encoder: its name.
        warnings: sentences for the user.
        precision: what the encoder computes in.
    """

    octaves: tuple[Octave, ...]
    device: str
    threads: int
    encoder: str
    warnings: tuple[str, ...] = ()
    precision: Precision = "float32"


@dataclass(frozen=True)
class OctaveStarted:
    """A new size begins.

    Attributes:
        number: from 1.
        octave: its size and iterations.
    """

    number: int
    octave: Octave


@dataclass(frozen=True)
class Iteration:
    """One evaluation of the loss is done.

    Attributes:
        octave: number of the octave, from 1.
        iteration: within the octave, from 1.
        iterations: of the octave.
        loss: at the image before the step.
        share: of the whole run's arithmetic that is done, in (0, 1].
        elapsed: seconds since painting began.
        remaining: seconds expected to the end; None where there is nothing yet to judge by.
        image: gives the image as it stands, H×W×3 float32 in [0, 1], at the octave's size; valid until the next event.
        converged: the octave ends here, before its last iteration, as its loss no longer falls.
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
class Finished:
    """The painting is done, or was stopped.

    Attributes:
        painting: the result; ``painting.complete`` says whether the run came to its end.
        message: why it stopped early, in one sentence; empty where it did not.
    """

    painting: Painting
    message: str = ""


Event = Reading | Writing | Started | OctaveStarted | Iteration | Finished
