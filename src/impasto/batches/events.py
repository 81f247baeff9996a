"""What a batch tells while it runs. Works are told of by their place in the batch, from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.engine.loss import Loss

State = Literal["painted", "done", "failed", "stopped"]
"""Painted now; found done; failed; or not painted, or not to its end, as the batch was stopped."""


@dataclass(frozen=True)
class Begun:
    """A process has taken up a painting.

    Attributes:
        number: of the work.
        threads: of the CPU.
    """

    number: int
    threads: int


@dataclass(frozen=True)
class Advanced:
    """A painting went on; told a few times a second at most.

    Attributes:
        number: of the work.
        octave: from 1.
        octaves: how many there are.
        iteration: within the octave, from 1.
        iterations: of the octave.
        loss: at the last image.
        share: of this painting's arithmetic that is done, in (0, 1].
        elapsed: seconds since painting began.
        remaining: seconds expected to the end; None where there is nothing yet to judge by.
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
    """A remark on a painting, in a sentence."""

    number: int
    text: str


@dataclass(frozen=True)
class Ended:
    """Nothing more comes of a work.

    Attributes:
        number: of the work.
        state: what became of it.
        message: why it failed, in a sentence.
        seconds: that painting took.
    """

    number: int
    state: State
    message: str = ""
    seconds: float = 0.0


BatchEvent = Begun | Advanced | Remarked | Ended
