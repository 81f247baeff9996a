"""Events of a batch. Each names its work by the work's index in the batch, from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.engine.loss import Loss

State = Literal["painted", "done", "failed", "stopped"]
"""Final state of a work: painted now; done before; failed; or unpainted because the batch was stopped."""


@dataclass(frozen=True)
class Begun:
    """A worker has begun a painting.

    Attributes:
        number: index of the work.
        threads: CPU threads of the worker.
    """

    number: int
    threads: int


@dataclass(frozen=True)
class Advanced:
    """A painting has advanced; sent at most a few times a second.

    Attributes:
        number: index of the work.
        octave: number of the octave, from 1.
        octaves: number of octaves.
        iteration: iteration within the octave, from 1.
        iterations: iterations of the octave.
        loss: loss at the last image.
        share: completed share of the painting's arithmetic, in (0, 1].
        elapsed: seconds since the painting began.
        remaining: expected seconds to the end; None if there is no estimate yet.
    """

    number: int
    octave: int
    octaves: int
    iteration: int
    iterations: int
    loss: Loss
    share: float
    elapsed: float
    remaining: float | None


@dataclass(frozen=True)
class Remarked:
    """A remark on a painting.

    Attributes:
        number: index of the work.
        text: one sentence.
    """

    number: int
    text: str


@dataclass(frozen=True)
class Ended:
    """The last event of a work.

    Attributes:
        number: index of the work.
        state: final state.
        message: reason for a failure, in one sentence.
        seconds: duration of the painting.
    """

    number: int
    state: State
    message: str = ""
    seconds: float = 0.0


BatchEvent = Begun | Advanced | Remarked | Ended
