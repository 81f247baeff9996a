"""The history of a run: every evaluation of the loss, and its form as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from impasto.engine.loss import Loss

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One evaluation of the loss.

    Attributes:
        octave: number of the octave, from 1.
        iteration: number within the octave, from 1.
        loss: terms of the loss.
        seconds: seconds since painting began.
    """

    octave: int
    iteration: int
    loss: Loss
    seconds: float


def to_table(history: Iterable[Step]) -> Tensor:
    """Convert steps to rows of octave, iteration, the loss's four terms, and seconds; n×7 float64."""
    import torch

    rows = [
        (s.octave, s.iteration, s.loss.total, s.loss.content, s.loss.style, s.loss.total_variation, s.seconds)
        for s in history
    ]
    return torch.tensor(rows, dtype=torch.float64, device="cpu").reshape(len(rows), 7)


def from_table(table: Tensor) -> list[Step]:
    """Convert the rows of :func:`to_table` back to steps."""
    return [Step(int(row[0]), int(row[1]), Loss(*row[2:6]), row[6]) for row in table.tolist()]
