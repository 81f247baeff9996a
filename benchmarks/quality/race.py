"""The race of one pair to the tutorial's loss: first the tutorial, then its rivals in turns until they reach it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

import impasto
from benchmarks.arithmetic import forward_operations
from benchmarks.pairs import Pair, loaded, to_tensor
from benchmarks.quality.tensorflow_link import MODES, TensorFlow, prepare
from benchmarks.quality.yardstick import CommonLoss
from impasto.encoders.network import Encoder
from impasto.painting.events import Event, Iteration, OctaveStarted
from impasto.painting.octaves import Octave
from impasto.painting.painter import Painter
from impasto.pictures.sizes import scaled_size
from impasto.settings.making import make_settings
from impasto.settings.model import Settings


class Moment(NamedTuple):
    """An intermediate state of a painting.

    Attributes:
        passes: arithmetic so far, in forward and backward passes through the encoder at the full size.
        seconds: seconds so far.
        loss: common loss of the picture at the full size.
        free: common loss of the optimiser's image, whose pixels may be outside [0, 1].
    """

    passes: float
    seconds: float
    loss: float
    free: float


@dataclass
class Runner:
    """A painting that runs until a loss is reached; the time of measurements is not counted.

    Args:
        painter: painter at the full size.
        loss: common loss.
        style: height and width of the style at the full size.

    Attributes:
        moments: state at the end of each octave, and at each iteration of the last one.
        pace: seconds of each iteration of the last octave, except the first.
    """

    painter: Painter
    loss: CommonLoss
    style: tuple[int, int]
    moments: list[Moment] = field(default_factory=list)
    pace: list[float] = field(default_factory=list)
    passes: float = 0.0
    seconds: float = 0.0
    done: bool = False

    def __post_init__(self) -> None:
        self._events: Iterator[Event] = iter(self.painter)
        self._whole = self._pass(self.painter.octaves[-1])

    @property
    def best(self) -> float:
        """Lowest loss so far."""
        return min((moment.loss for moment in self.moments), default=math.inf)

    def advance(self, seconds: float, target: float = -math.inf) -> None:
        """Paint for about the given seconds, at least one iteration, or until the loss reaches the target."""
        end = self.seconds + seconds
        while not self.done:
            begun = time.perf_counter()
            event = next(self._events, None)
            taken = time.perf_counter() - begun
            self.seconds += taken
            self.done = event is None
            if isinstance(event, OctaveStarted):
                self._begin(event)
            elif isinstance(event, Iteration):
                self._see(event, taken)
                self.done = self.done or self.best <= target
                if self.seconds >= end:
                    return

    def _begin(self, event: OctaveStarted) -> None:
        """Record the state after the previous octave, and count the forward passes of the new octave's targets."""
        if event.number > 1:
            self._note(to_tensor(self.painter.painting().array))
        octave = event.octave
        style = scaled_size(*self.style, max(octave.height, octave.width))
        self.passes += (self._pass(octave) + self._forward(*style)) / 2 / self._whole

    def _see(self, event: Iteration, taken: float) -> None:
        octave = self.painter.octaves[event.octave - 1]
        self.passes += self._pass(octave) / self._whole
        if event.octave == len(self.painter.octaves):
            self._note(to_tensor(event.image()), event.loss.total)
            if event.iteration > 1:
                self.pace.append(taken)

    def _note(self, image: Tensor, free: float | None = None) -> None:
        loss = self.loss(image)
        self.moments.append(Moment(self.passes, self.seconds, loss, loss if free is None else free))

    def _pass(self, octave: Octave) -> float:
        """Count the multiplications of an iteration's forward pass, which are half of all."""
        return self._forward(octave.height, octave.width)

    def _forward(self, height: int, width: int) -> float:
        return forward_operations(self.painter.encoder, map(str, self.painter.workload.layers), height, width)


@dataclass(frozen=True)
class Course:
    """Parameters of a race, common to all methods.

    Attributes:
        pair: photograph and style.
        size: long side in pixels.
        encoder: file of the encoder.
        iterations: number of iterations of the tutorial.
        threads: number of CPU threads.
    """

    pair: Pair
    size: int
    encoder: Path
    iterations: int
    threads: int

    def settings(self, optimization: Mapping[str, Any] | None = None) -> Settings:
        """Make settings with the tutorial's objective, and by default its optimisation."""
        how: dict[str, Any] = {"optimization": dict(optimization or {"iterations": self.iterations})}
        return make_settings(
            preset="tutorial", encoder=str(self.encoder), size=self.size, threads=self.threads, device="cpu", **how
        )

    def pictures(self) -> tuple[Tensor, Tensor]:
        """Read content and style at the full size."""
        return loaded(self.pair.content, self.size), loaded(self.pair.style, self.size)

    def runner(self, settings: Settings) -> Runner:
        """Make a painting with the given settings."""
        painter = impasto.make_painter(self.pair.content, self.pair.style, settings)
        content, style = self.pictures()
        loss = CommonLoss(painter.encoder, content, style, self.settings())
        return Runner(painter, loss, (style.shape[-2], style.shape[-1]))


def run_tutorial(course: Course) -> dict[str, Any]:
    """Run the preset ``tutorial`` to its end, and return its curve and the first state with its lowest loss."""
    runner = course.runner(course.settings())
    runner.advance(math.inf)
    lowest = first_at(runner.moments, runner.best)
    assert lowest is not None
    return {
        "moments": runner.moments,
        "target": lowest.loss,
        "iterations": runner.moments.index(lowest) + 1,
        "passes": lowest.passes,
        "seconds": lowest.seconds,
        "start": runner.moments[0].loss,
    }


def first_at(moments: Sequence[Moment], target: float) -> Moment | None:
    """Return the first state whose loss is at most the target, if any."""
    return next((moment for moment in moments if moment.loss <= target), None)


def run_rivals(
    course: Course,
    tutorial: Mapping[str, Any],
    rivals: Mapping[str, Mapping[str, Any]],
    python: Path | None,
    folder: Path,
    *,
    turn: float = 3.0,
    steps: int = 36,
    whole: bool = False,
) -> dict[str, Any]:
    """Run the rivals and TensorFlow in turns, and measure the tutorial's pace again among them.

    Args:
        course: parameters of the race.
        tutorial: result of :func:`run_tutorial`.
        rivals: settings of the optimisation by name.
        python: Python of TensorFlow's environment; None to leave TensorFlow out.
        folder: folder for the input of TensorFlow's process.
        turn: seconds per turn.
        steps: number of TensorFlow's steps, from which its total time is extrapolated.
        whole: whether TensorFlow runs all steps instead.

    Returns:
        By method: arithmetic and seconds to the target, whether it was reached, lowest loss and states. Rivals also
        have the arithmetic after which the unclamped image of the optimiser reaches the target, or None.
    """
    runners = {name: course.runner(course.settings(how)) for name, how in rivals.items()}
    clock = course.runner(course.settings())
    links = _links(course, clock.painter.encoder, python, folder)
    wanted = course.iterations if whole else min(steps, course.iterations)
    try:
        while not _at_end(runners, links, wanted):
            clock.advance(turn / 3)
            for runner in runners.values():
                runner.advance(turn, tutorial["target"])
            for link in links.values():
                if len(link.seconds) < wanted:
                    link.advance(_steps_in(link, turn, wanted))
    finally:
        for link in links.values():
            link.close()
    pace = statistics.median(clock.pace or [moment.seconds for moment in clock.moments])
    found = {"tutorial preset": _tutorial(tutorial, pace)}
    found |= {f"tutorial, TensorFlow {mode}": _tensorflow(link, tutorial, whole) for mode, link in links.items()}
    return found | {name: _rival(runner, tutorial["target"]) for name, runner in runners.items()}


def _links(course: Course, encoder: Encoder, python: Path | None, folder: Path) -> dict[str, TensorFlow]:
    if python is None:
        return {}
    prepare(folder, encoder, *course.pictures())
    return {mode: TensorFlow(python, folder, mode) for mode in MODES}


def _at_end(runners: Mapping[str, Runner], links: Mapping[str, TensorFlow], wanted: int) -> bool:
    return all(r.done for r in runners.values()) and all(len(link.seconds) >= wanted for link in links.values())


def _steps_in(link: TensorFlow, turn: float, wanted: int) -> int:
    """Return the number of steps that fit into a turn, or 1 while the pace is unknown."""
    pace = link.seconds[-1] if len(link.seconds) > 1 else turn
    return max(1, min(int(turn / pace), wanted - len(link.seconds)))


def _tutorial(tutorial: Mapping[str, Any], pace: float) -> dict[str, Any]:
    """Return the tutorial's arithmetic as counted, and its seconds at the pace measured among the others."""
    seconds = pace * tutorial["iterations"]
    return {"passes": tutorial["passes"], "seconds": seconds, "reached": True, "loss": tutorial["target"],
            "moments": tutorial["moments"]}  # fmt: skip


def _tensorflow(link: TensorFlow, tutorial: Mapping[str, Any], whole: bool) -> dict[str, Any]:
    """Return TensorFlow's seconds, of all steps or extrapolated from some; the first step may include compilation.

    ``apart`` is the maximum relative difference of its losses to the preset's: of all losses if it ran whole, else of
    the first ten.
    """
    ours = [moment[2] for moment in tutorial["moments"]]
    shared = len(link.losses) if whole else min(10, len(link.losses))
    apart = max(abs(a / b - 1) for a, b in zip(link.losses[:shared], ours, strict=False))
    iterations, loss = tutorial["iterations"], tutorial["target"]
    if whole:
        loss = min(link.losses)
        iterations = link.losses.index(loss) + 1
        seconds = sum(link.seconds[:iterations])
    else:
        seconds = link.seconds[0] + statistics.median(link.seconds[1:] or link.seconds) * (iterations - 1)
    passes = tutorial["passes"] * iterations / tutorial["iterations"]
    return {"passes": passes, "seconds": seconds, "reached": True, "loss": loss, "apart": apart, "moments": []}


def _rival(runner: Runner, target: float) -> dict[str, Any]:
    there = first_at(runner.moments, target)
    free = next((moment for moment in runner.moments if moment.free <= target), None)
    return {
        "passes": there.passes if there else runner.passes,
        "seconds": there.seconds if there else runner.seconds,
        "reached": there is not None,
        "loss": runner.best,
        "free passes": free.passes if free else None,
        "moments": runner.moments,
    }
