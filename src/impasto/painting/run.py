"""A run in progress: the mutable state of a painter, new or from a snapshot, and its progress."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from impasto.engine.loss import Loss
from impasto.engine.optimizers import Optimizer, OptimizerState, has_converged
from impasto.painting.history import Step, to_table
from impasto.painting.method import make_optimizer, method_of
from impasto.painting.octaves import Octave, total_effort
from impasto.painting.record import StoredChange
from impasto.painting.snapshot import Snapshot
from impasto.painting.steering import Stage
from impasto.settings.model import Optimization, Settings

_OPTIMIZER = "optimizer."
"""Prefix of the optimiser's tensors in a snapshot."""

_HELD_COLOURS = "held_colours"
"""Name of the averaged colours in a snapshot."""


class Moving(NamedTuple):
    """The image of the current octave, and the optimiser that moves it."""

    image: Tensor
    optimizer: Optimizer


@dataclass
class Run:
    """A run in progress.

    Attributes:
        octaves: the plan.
        optimization: settings of the optimiser.
        octave: number of the current octave, from 1; 0 before the first.
        iteration: number of finished iterations in it.
        seconds: seconds spent on painting.
        history: every evaluation of the loss.
        effort: arithmetic of these evaluations; less than the plan's if octaves converge.
        best: the result so far, 1×3×H×W at the size that the current octave paints; None before the first octave.
        held_colours: averaged colours of a smaller painting that the current octave holds, if any.
        lowest: lowest loss of the current octave.
        moving: image and optimiser; None outside an octave.
        at_rest: whether the run is between two steps, so that a snapshot can be taken.
        changes: changes of settings so far.
    """

    octaves: tuple[Octave, ...]
    optimization: Optimization
    octave: int = 0
    iteration: int = 0
    seconds: float = 0.0
    history: list[Step] = field(default_factory=list)
    effort: float = 0.0
    best: Tensor | None = None
    held_colours: Tensor | None = None
    lowest: float = math.inf
    moving: Moving | None = None
    at_rest: bool = False
    changes: list[StoredChange] = field(default_factory=list)

    @classmethod
    def resumed(cls, snapshot: Snapshot, optimization: Optimization, device: torch.device) -> Self:
        """Continue from a snapshot, whose tensors are copied.

        Args:
            snapshot: of a painter with the same settings.
            optimization: settings of the optimiser.
            device: device for the tensors.
        """
        state, tensors, history = snapshot.state, snapshot.tensors, snapshot.history
        moving = None
        if state.optimizer is not None:
            image = tensors["image"].to(device, copy=True)
            optimizer = make_optimizer(optimization, state.octaves[state.octave - 1])
            optimizer.load_state(OptimizerState(state.optimizer, _Prefixed(tensors, _OPTIMIZER)), image)
            moving = Moving(image, optimizer)
        return cls(
            octaves=state.octaves,
            optimization=optimization,
            octave=state.octave,
            iteration=state.iteration,
            seconds=state.seconds,
            history=history,
            effort=sum(state.octaves[step.octave - 1].effort for step in history),
            best=tensors["best"].to(device, copy=True),
            held_colours=tensors[_HELD_COLOURS].to(device, copy=True) if _HELD_COLOURS in tensors else None,
            lowest=min((s.loss.total for s in history[len(history) - state.iteration :]), default=math.inf),
            moving=moving,
            at_rest=True,
            changes=list(state.changes),
        )

    def stage(self, settings: Settings) -> Stage | None:
        """Return the picture that moves, or the result of a finished octave; None before the first octave.

        Args:
            settings: settings that it is painted with.
        """
        image = self.moving.image if self.moving else self.best
        return None if image is None else Stage(self.octave, self.iteration, self.share, image, settings)

    def begin_octave(self, number: int, image: Tensor, held_colours: Tensor | None = None) -> None:
        """Start an octave from an image.

        Args:
            number: number of the octave, from 1.
            image: 1×3×H×W, which is copied.
            held_colours: averaged colours of a smaller painting that the octave holds, if any.
        """
        # The copy is in memory that PyTorch aligns alike for new and resumed runs: alignment changes some kernels'
        # rounding.
        image = image.clone(memory_format=torch.contiguous_format)
        self.best, self.lowest, self.held_colours = image.clone(), math.inf, held_colours
        self.moving = Moving(image, make_optimizer(self.optimization, self.octaves[number - 1]))
        self.octave, self.iteration, self.at_rest = number, 0, True

    def begin_anew(self, number: int, image: Tensor, values: Mapping[str, Any], stage: Stage | None) -> StoredChange:
        """Start an octave from an image after a change, which is kept for the record and returned.

        Args:
            number: number of the octave, from 1.
            image: image to paint on from, 1×3×H×W.
            values: values of the settings that change.
            stage: stage that the image is from; None if it is the present one.
        """
        place = (stage.octave, stage.iteration) if stage else None
        change = StoredChange(octave=self.octave, iteration=self.iteration, settings=dict(values), stage=place)
        self.begin_octave(number, image)
        self.changes.append(change)
        return change

    def finish_octave(self, number: int, image: Tensor, seconds: float) -> None:
        """Keep the image of an octave that was painted in one pass, 1×3×H×W."""
        self.best, self.moving, self.at_rest = image, None, True
        self.octave, self.iteration, self.seconds = number, self.octaves[number - 1].iterations, seconds

    def add_evaluation(self, loss: Loss, gradient: Tensor, seconds: float) -> bool:
        """Add an evaluation to the history; a gradient that is not finite makes its loss NaN.

        Returns:
            Whether loss and gradient are finite.
        """
        self.at_rest = False
        is_finite = math.isfinite(loss.total) and bool(gradient.isfinite().all())
        loss = loss if is_finite else replace(loss, total=math.nan)
        self.history.append(Step(self.octave, self.iteration + 1, loss, seconds))
        self.effort += self.octaves[self.octave - 1].effort  # summing the history each time would be quadratic
        return is_finite

    def keep_if_best(self, loss: Loss) -> bool:
        """Copy the image to the result if its loss is the lowest of the octave; return whether it is."""
        assert self.moving is not None
        assert self.best is not None
        is_best = loss.total < self.lowest
        if is_best:
            self.lowest = loss.total
            self.best.copy_(self.moving.image)
        return is_best

    def step(self, loss: Loss, gradient: Tensor) -> None:
        """Move the image by one step of the optimiser."""
        assert self.moving is not None
        self.moving.optimizer.step(self.moving.image, loss.total, gradient)
        if self.optimization.clamp == "step":
            self.moving.image.clamp_(0, 1)

    def finish_iteration(self, *, is_best: bool, is_last: bool, seconds: float) -> None:
        """Keep the moved image if the settings ask for it, and leave the octave after its last iteration."""
        assert self.moving is not None
        assert self.best is not None
        keep = self.optimization.keep
        if keep == "last" or (keep == "after-best" and is_best):
            self.best.copy_(self.moving.image)
        self.iteration, self.seconds, self.at_rest = self.iteration + 1, seconds, True
        if is_last:
            self.moving = None

    def optimizer_state(self) -> OptimizerState | None:
        """Return the optimiser's state; None outside an octave."""
        return self.moving.optimizer.state() if self.moving else None

    def tensors(self, state: OptimizerState | None) -> dict[str, Tensor]:
        """Return the tensors of a :class:`Snapshot`, the run's own.

        Args:
            state: from :meth:`optimizer_state`.
        """
        assert self.best is not None
        tensors = {"best": self.best, "history": to_table(self.history)}
        if self.moving and state:
            tensors |= {"image": self.moving.image}
            tensors |= {} if self.held_colours is None else {_HELD_COLOURS: self.held_colours}
            tensors |= {f"{_OPTIMIZER}{name}": tensor for name, tensor in state.tensors.items()}
        return tensors

    def is_finished(self, number: int) -> bool:
        """Tell whether all of an octave is done."""
        iterations = self.octaves[number - 1].iterations
        return number < self.octave or (
            number == self.octave and (self.iteration == iterations or self.has_converged(number))
        )

    def has_converged(self, number: int) -> bool:
        """Tell whether an octave ends before its last iteration because its loss no longer falls.

        Adam's loss rises and falls on its way, so with Adam an octave never converges.
        """
        tolerance = self.optimization.tolerance
        if not tolerance or method_of(self.optimization, self.octaves[number - 1]).name != "lbfgs":
            return False
        evaluated = self.iteration if self.at_rest else self.iteration + 1  # since the octave began, perhaps anew
        return has_converged([s.loss.total for s in self.history[len(self.history) - evaluated :]], tolerance)

    @property
    def share(self) -> float:
        """Share of the run's arithmetic that is done or no longer needed, in [0, 1]."""
        if not self.octave:
            return 0.0
        is_finished = self.is_finished(self.octave)
        return self.share_after(
            self.octave, self.octaves[self.octave - 1].iterations if is_finished else self.iteration
        )

    def share_after(self, number: int, iteration: int) -> float:
        """Return the share of the run's arithmetic up to an iteration of an octave."""
        before = total_effort(self.octaves[: number - 1])
        return (before + self.octaves[number - 1].effort * iteration) / total_effort(self.octaves)

    def remaining(self, share: float) -> float | None:
        """Estimate the seconds to the end from the pace since the first iteration, whose time is mostly preparation.

        Args:
            share: completed share of the arithmetic.
        """
        first, last = self.history[0], self.history[-1]
        done = self.effort - self.octaves[0].effort
        return (last.seconds - first.seconds) * (1 - share) * total_effort(self.octaves) / done if done > 0 else None

    @property
    def expected_seconds(self) -> float | None:
        """Expected duration of the whole run in seconds; None before there is a basis for the estimate."""
        share = self.share
        if not self.history or not share:
            return None
        remaining = self.remaining(share)
        return self.seconds / share if remaining is None else self.seconds + remaining


class _Prefixed(Mapping[str, Tensor]):
    """The tensors of a snapshot that have a prefix, by the rest of their names.

    Each is read when it is accessed, so that no two need be in memory at once.
    """

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str) -> None:
        self._tensors, self._prefix = tensors, prefix

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(self._prefix) for name in self._tensors if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)
