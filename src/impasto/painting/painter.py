"""The painter: reads the pictures, plans the octaves, and moves the image, emitting events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from impasto import pictures
from impasto.encoders.loading import LoadedEncoder, load_encoder
from impasto.engine.borders import trimmed
from impasto.engine.devices import trim_heap
from impasto.engine.loss import ImageLoss, Loss
from impasto.engine.tiles import ALIGNMENT
from impasto.errors import PaintingError
from impasto.painting.events import Event, Finished, Iteration, OctaveStarted, Started, Steered, StepFinished
from impasto.painting.feed_forward import FeedForwardMethod, paint_instant
from impasto.painting.inputs import Inputs, PictureLike
from impasto.painting.machine import Machine
from impasto.painting.memory import memory_budget, memory_errors
from impasto.painting.octave_objective import OctaveObjectives
from impasto.painting.octaves import LEAST_HELD_SIDE, EarlierPlan, Octave, plan_octaves, smoothed
from impasto.painting.planning import plan_memory
from impasto.painting.record import Source, StoredEncoder, StoredSource
from impasto.painting.result import Painting
from impasto.painting.run import Run
from impasto.painting.scaled_inputs import ScaledInputs
from impasto.painting.snapshot import PlannedOctave, RunState, Snapshot
from impasto.painting.steering import PendingChange, Stage, changed_values
from impasto.painting.workload import Workload
from impasto.settings.fields import Precision
from impasto.settings.model import Settings
from impasto.version import __version__


class Painter:
    """Paints one photograph after one or several paintings, or a texture after them alone.

    The constructor refuses bad input before any arithmetic. Iterating paints, once, and yields events; :meth:`stop`
    ends it after the current iteration, and :meth:`steer` changes settings there; :meth:`painting` is the result so far
    at any time; :meth:`snapshot` is the state from which another painter continues.

    Args:
        content: the photograph: path, PIL image, or array H×W×3 (uint8, uint16, or float in [0, 1]); None for a
            texture.
        styles: the painting or paintings, likewise; also names of styles.
        settings: settings of the run; for a texture those of :func:`impasto.make_texture_settings`.
        named: masks and other pictures by the names of :mod:`impasto.settings.references`, in place of those that the
            settings name.
        plan: plan of an earlier painting with the same settings, which is followed as far as it applies.
        resumed: snapshot to continue from, of a painter with the same pictures and settings. Plan, device, number of
            threads and precision are those of the snapshot: with the same PyTorch on the same machine the picture is,
            bit for bit, that of an uninterrupted run.
        on_event: called with :class:`~impasto.painting.events.Reading` events while the pictures are read.
        loaded: the encoder of the settings, for this painter alone; by default it is loaded.

    Attributes:
        content: the photograph; None for a texture.
        styles: the paintings.
        octaves: the plan, with tiles and methods.
        workload: further inputs of the cost estimates.
        remarks: sentences on the plan for the user.

    Raises:
        PictureError: a picture cannot be read.
        EncoderError: an encoder or layer does not exist.
        SettingsError: the settings do not fit the pictures or this machine.
        PaintingError: a picture is too small, or too large for the memory.
        CheckpointError: a picture or the encoder differs from the snapshot's.
    """

    @torch.inference_mode(mode=False)  # tensors made in inference mode could not take part in a gradient
    def __init__(
        self,
        content: PictureLike | None,
        styles: Sequence[PictureLike],
        settings: Settings,
        *,
        named: Mapping[str, PictureLike] | None = None,
        plan: EarlierPlan | None = None,
        resumed: Snapshot | None = None,
        on_event: Callable[[Event], None] | None = None,
        loaded: LoadedEncoder | None = None,
    ) -> None:
        state = resumed.state if resumed else None
        self.settings = settings
        self._inputs = inputs = Inputs(content, styles, settings, named, on_event)
        self.content, self.styles, self.regions = inputs.content, inputs.styles, inputs.regions
        if state:
            state.check_inputs(inputs.sources)
        self.loaded = loaded or load_encoder(settings.encoder)
        if state:
            state.check_encoder(self.loaded.sha256)
        self.machine = Machine.choose(state or settings)
        self.encoder = self.machine.prepare(self.loaded.encoder, settings)
        inputs.check_sizes()
        self.workload = self._workload(inputs)
        self.octaves, self.remarks = (state.octaves, ()) if state else self._plan(plan or EarlierPlan())
        self.regions.check(inputs.weights, *self.octaves[-1][:2], is_texture=self.content is None)
        self._use(settings, inputs)
        if resumed:
            self._run = Run.resumed(resumed, settings.optimization, self.machine.device)
        else:
            self._run = Run(self.octaves, settings.optimization)
        self._is_begun = self._is_complete = self._is_stopped = False
        self._pending = PendingChange()

    def __iter__(self) -> Iterator[Event]:
        """Paint, yielding ``Started``, for each octave ``OctaveStarted`` and its iterations, and ``Finished``.

        After :meth:`steer` it yields ``Steered``, and begins an octave anew.

        Raises:
            PaintingError: the very first loss is not finite, or the memory runs out.
        """
        if self._is_begun:
            raise RuntimeError("a painter paints once: make another one")
        self._is_begun = True
        machine, run = self.machine, self._run
        yield Started(
            self.octaves, str(machine.device), machine.threads, self.loaded.name, self.remarks, machine.precision
        )
        begun = time.monotonic() - run.seconds
        message = ""
        with memory_errors():
            number = 1
            while number <= len(self.octaves) and not message:
                steered = self._steer()
                if steered:
                    number = run.octave
                    yield steered
                elif run.is_finished(number):  # also before an interruption
                    number += 1
                else:
                    yield OctaveStarted(number, self.octaves[number - 1])
                    yield from self._paint_octave(number, self.octaves[number - 1], begun)
                    message = self._reason_to_stop(number)
        self._is_complete = not message
        run.seconds = time.monotonic() - begun
        yield Finished(self.painting(), message)

    def _paint_octave(self, number: int, octave: Octave, begun: float) -> Iterator[Iteration | StepFinished]:
        """Lower the loss at one size: evaluate, keep the best image, emit, step; or paint it in one pass."""
        run, keep = self._run, self.settings.optimization.keep
        if self._feed_forward:
            with self.machine.computing():
                run.finish_octave(number, self._feed_forward.paint(octave), time.monotonic() - begun)
            return
        objective = self._start_octave(number, octave)
        assert run.moving is not None
        image = run.moving.image
        for iteration in range(run.iteration + 1, octave.iterations + 1):
            with self.machine.computing(octave.pixels):
                loss, gradient = objective.value_and_gradient(image)
            if not run.add_evaluation(loss, gradient, time.monotonic() - begun):
                self._refuse_first()
                return
            is_best = run.keep_if_best(loss)
            is_converged = iteration < octave.iterations and run.has_converged(number)
            is_last = is_converged or iteration == octave.iterations
            share = run.share_after(number, octave.iterations if is_last else iteration)
            yield self._iteration(octave, loss, share, image, converged=is_converged)
            if not is_last or keep != "best":
                with self.machine.computing(octave.pixels):
                    run.step(loss, gradient)
            del gradient  # before the next evaluation allocates another
            run.finish_iteration(is_best=is_best, is_last=is_last, seconds=time.monotonic() - begun)
            yield StepFinished(number, iteration, run.share, run.expected_seconds, self.snapshot)
            if is_last or self._is_stopped or self._pending:
                return

    def _start_octave(self, number: int, octave: Octave) -> ImageLoss:
        """Make the loss of an octave and, unless it was interrupted, its first image."""
        trim_heap()
        with self.machine.computing():
            encoder = self._objectives.tiled_encoder(octave)
            styles = self._objectives.measure_styles(octave, encoder)
            if self._run.moving is None:
                image, growth = self._first_image(number, octave[:2]), self._growth(number)
                held_colours = self._objectives.held_colours(image, growth) if growth else None
                image = self._scaled.continued(image, self.workload.painted(octave)[:2])
                self._run.begin_octave(number, image, held_colours)
            return self._objectives.objective(octave, encoder, styles, self._run.held_colours)

    def _first_image(self, number: int, size: tuple[int, int]) -> Tensor:
        """Return the image that an octave begins with: the result of the previous octave, if there is one, enlarged."""
        if self._run.best is not None:
            return self._enlarge(trimmed(self._run.best, self.octaves[number - 2][:2]), size)
        smaller = self._scaled.smaller()
        if smaller is not None:
            return self._enlarge(smaller, size)
        if self.settings.init == "instant":
            octave = self.octaves[number - 1]
            painted = paint_instant(octave, self._inputs, self._scaled, self.workload, self.machine)
            return self._scaled.with_held(painted)
        return self._scaled.first_image(*size)

    def _growth(self, number: int) -> float | None:
        """Return an octave's long side as a multiple of that of the painting it enlarges.

        Args:
            number: number of the octave, from 1.

        Returns:
            None if the octave enlarges no painting, or one with a long side below :data:`LEAST_HELD_SIDE`.
        """
        if number > 1:
            before = max(self.octaves[number - 2][:2])
        else:
            before = max(self._inputs.smaller.size) if self._inputs.smaller else 0
        return max(self.octaves[number - 1][:2]) / before if before >= LEAST_HELD_SIDE else None

    def _enlarge(self, previous: Tensor, size: tuple[int, int]) -> Tensor:
        """Bring the result of the previous octave, or a smaller painting, to the size of the next octave.

        From a photograph, only the change to the initial picture is enlarged. The octave then begins with that
        picture's finest detail and need not paint it again. The change is smoothed, as single pixels of a small octave
        would become blocks of a larger one. Noise has no detail to keep, and the initial picture of a texture is
        unrelated to it and has a seam.
        """
        if self.content is None or self.settings.init == "noise":
            return self._scaled.resized(previous, *size)
        first = self._scaled.first_image(*previous.shape[-2:])
        painted, unpainted = (self._scaled.resized(smoothed(image), *size) for image in (previous, first))
        return (painted - unpainted).add_(self._scaled.first_image(*size)).clamp_(0, 1)

    def _iteration(self, octave: Octave, loss: Loss, share: float, image: Tensor, *, converged: bool) -> Iteration:
        """Make the event of the last evaluation."""
        step = self._run.history[-1]
        return Iteration(
            octave=step.octave,
            iteration=step.iteration,
            iterations=octave.iterations,
            loss=loss,
            share=share,
            elapsed=step.seconds,
            remaining=self._run.remaining(share),
            image=lambda: self._scaled.preview(image, *octave[:2]),
            converged=converged,
        )

    def _refuse_first(self) -> None:
        if len(self._run.history) == 1:
            raise PaintingError(
                "The loss is not finite before the first step: the weights of the losses are too large for the encoder."
            )

    def _reason_to_stop(self, number: int) -> str:
        """Return why the run ends in this octave, in a sentence; empty if it continues."""
        history = self._run.history
        if history and not math.isfinite(history[-1].loss.total):
            step = history[-1]
            return (
                f"The loss was not finite in iteration {step.iteration} of octave {step.octave}, so painting stopped; "
                f"the picture is the last good one: try a lower strength or rate."
            )
        if self._is_stopped and not self._run.is_finished(len(self.octaves)):
            return f"Painting was stopped in octave {number} of {len(self.octaves)}; the picture is the best so far."
        return ""

    def stop(self) -> None:
        """End after the current iteration; may be called from a signal handler or another thread."""
        self._is_stopped = True

    def steer(
        self,
        settings: Settings,
        *,
        stage: Stage | None = None,
        named: Mapping[str, PictureLike] | None = None,
    ) -> None:
        """Paint on with other settings after the current iteration; may be called from another thread.

        The optimiser starts anew from the present picture, and the present octave has all its iterations again. Of
        several calls within one iteration the last settings and the last stage count. After the last iteration, or
        if painting stops meanwhile, the call has no effect, and no ``Steered`` event comes.

        Args:
            settings: settings that differ in nothing but :data:`~impasto.painting.steering.STEERABLE` ones.
            stage: earlier stage of a painter with the same plan, from which to paint on.
            named: masks by name, as for the constructor; None keeps those given before.

        Raises:
            SettingsError: another setting differs, the settings do not fit the pictures, or the stage does not fit.
            PictureError: a mask cannot be read, or does not fit.
        """
        changed_values(self.settings, settings)
        inputs = self._inputs.steered(settings, named)
        inputs.regions.check(inputs.weights, *self.octaves[-1][:2], is_texture=self.content is None)
        if stage:
            stage.check_size([self.workload.painted(octave)[:2] for octave in self.octaves])
        self._pending.put(settings, inputs, stage)

    def _steer(self) -> Steered | None:
        """Apply a change that waits; return its event, or None if there is none or nothing was painted before."""
        pending = self._pending.take()
        if pending is None:
            return None
        before, values = self._run.stage(self.settings), changed_values(self.settings, pending.settings)
        begun = pending.stage or (before if values else None)
        with self.machine.computing():
            self._use(pending.settings, pending.inputs)
            if begun is None:
                return None
            change = self._run.begin_anew(begun.octave, begun.image.to(self.machine.device), values, pending.stage)
        return Steered(change, before, pending.inputs.remarks)

    def _use(self, settings: Settings, inputs: Inputs) -> None:
        """Paint with settings and pictures from now on."""
        self.settings, self._inputs, self.regions = settings, inputs, inputs.regions
        self.workload = self._workload(inputs)
        self._scaled = ScaledInputs(inputs, settings, self.machine.device)
        self._objectives = OctaveObjectives(inputs, self._scaled, self.workload, self.machine.device)
        self._feed_forward = (
            FeedForwardMethod(inputs, self._scaled, self.workload, self.loaded, self.machine)
            if settings.optimization.method == "feed-forward"
            else None
        )

    @property
    def precision(self) -> Precision:
        """Precision of the encoder."""
        return self.machine.precision

    @property
    def share(self) -> float:
        """Share of the run's arithmetic that is done or no longer needed, in [0, 1]."""
        return self._run.share

    @property
    def expected_seconds(self) -> float | None:
        """Expected duration of the whole run in seconds; None before there is a basis for the estimate."""
        return self._run.expected_seconds

    def snapshot(self) -> Snapshot:
        """Return the state from which another painter continues.

        Its tensors are this painter's own: they change with the next iteration.

        Raises:
            RuntimeError: painting has not begun, is in the middle of an iteration, or met a loss that is not finite.
        """
        run = self._run
        if not run.at_rest:
            raise RuntimeError("a painter can be continued only from between two iterations")
        optimizer = run.optimizer_state()
        state = RunState(
            impasto=__version__,
            torch=torch.__version__,
            settings=self.settings.model_dump(mode="json"),
            content=StoredSource.of(Source.of(self.content)) if self.content else None,
            styles=[StoredSource.of(Source.of(style)) for style in self.styles],
            named={name: StoredSource.of(source) for name, source in self._inputs.named.items()},
            encoder=StoredEncoder(name=self.loaded.name, sha256=self.loaded.sha256),
            plan=tuple(PlannedOctave(**octave._asdict()) for octave in self.octaves),
            precision=self.precision,
            machine=self.machine.kind,
            seconds=run.seconds,
            octave=run.octave,
            iteration=run.iteration,
            share=run.share,
            device=str(self.machine.device),
            threads=self.machine.threads,
            optimizer=dict(optimizer.numbers) if optimizer else None,
            changes=tuple(run.changes),
        )
        return Snapshot(state, run.tensors(optimizer))

    def painting(self) -> Painting:
        """Return the best picture so far at the full size.

        Before painting has begun it is the photograph itself, or the initial noise of a texture.
        """
        run, (height, width) = self._run, self.octaves[-1][:2]
        if run.best is None:
            array = self._scaled.unpainted(height, width)
        else:
            image = trimmed(run.best, self.octaves[run.octave - 1][:2])
            array = self._scaled.shown(self._scaled.resized(image, height, width), height, width)
        alpha = self.content.alpha if self.content else None
        if alpha is not None:
            alpha = pictures.resize(alpha, height, width)
        return Painting(
            array=array,
            settings=self.settings,
            history=tuple(run.history),
            content=Source.of(self.content) if self.content else None,
            styles=tuple(Source.of(style) for style in self.styles),
            encoder=StoredEncoder(name=self.loaded.name, sha256=self.loaded.sha256),
            alpha=alpha,
            named=self._inputs.named,
            provenance=self._inputs.provenance,
            octaves=self.octaves,
            complete=self._is_complete,
            precision=self.precision,
            machine=self.machine.kind,
            seconds=max(run.seconds, run.history[-1].seconds if run.history else 0.0),
            changes=tuple(run.changes),
        )

    def _workload(self, inputs: Inputs) -> Workload:
        return Workload(
            self.encoder,
            self.settings,
            [picture.size for picture in inputs.pictures],
            [style.original_size for style in inputs.styles],
            {name: mask.weights.shape[:2] for name, mask in inputs.regions.masks.items()},
        )

    def _plan(self, earlier: EarlierPlan) -> tuple[tuple[Octave, ...], tuple[str, ...]]:
        """Plan the octaves with tiles and methods, and return them with remarks for the user."""
        full_size, smaller = self._inputs.full_size, self._inputs.smaller
        sizes = plan_octaves(
            *self._inputs.proportions,
            self.settings.optimization,
            long_side=self._inputs.long_side,
            alignment=ALIGNMENT if self.settings.seamless else 1,
            above=max(smaller.size) if smaller else 0,
        )
        if earlier.octaves and earlier.octaves[-1][:2] == sizes[-1][:2]:
            sizes = tuple(Octave(*octave[:3]) for octave in earlier.octaves)
        budget = memory_budget(self.workload, self.machine.device)
        octaves, remarks = plan_memory(sizes, self.workload, budget, earlier=earlier.tiling)
        height, width = octaves[-1][:2]
        if (height, width) != full_size:
            remarks += (
                f"The sides of a seamless texture are multiples of {ALIGNMENT} px, so it is painted at "
                f"{width}×{height}, not at {full_size[1]}×{full_size[0]}.",
            )
        return octaves, (*remarks, *self._inputs.enlarged_styles(), *self._inputs.print_margin(), *self._inputs.remarks)
