"""The painter: reads the pictures, plans the octaves, moves the image, and tells what it does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from impasto import pictures
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.engine.borders import Mirrored, middle, trimmed
from impasto.engine.devices import (
    choose_device,
    choose_precision,
    cpu_threads,
    exact_products,
    physical_cores,
    sharing_devices,
    trim_heap,
)
from impasto.engine.objective import Objective, make_objective
from impasto.engine.optimizers import Optimizer, OptimizerState, has_converged
from impasto.engine.protection import Protected
from impasto.engine.style_terms import shares
from impasto.engine.tiles import ALIGNMENT
from impasto.errors import PaintingError
from impasto.painting.events import Event, Finished, Iteration, OctaveStarted, Started
from impasto.painting.inputs import Inputs, PictureLike
from impasto.painting.method import make_optimizer, method_of
from impasto.painting.octaves import Octave, plan_octaves, style_size, work
from impasto.painting.planning import Workload, budget_of, plan_memory
from impasto.painting.result import Painting, Source, Step
from impasto.painting.scaled_inputs import ScaledInputs
from impasto.painting.snapshot import Facts, Snapshot, StoredEncoder, StoredInput, history_tensor
from impasto.pictures.metadata.provenance import NO_PROVENANCE
from impasto.settings.fields import Precision
from impasto.settings.model import Settings
from impasto.version import __version__


class Painter:
    """Paints one photograph after one or several paintings, or a texture after them alone.

    Everything that can be refused is refused here, before any arithmetic. Iterating paints, once, and yields events;
    :meth:`stop` ends it after the iteration at hand; :meth:`painting` is the result so far at any time;
    :meth:`snapshot` is what another painter needs to go on from there.

    Args:
        content: the photograph: path, PIL image, or array H×W×3 (uint8, uint16, or float in [0, 1]); None for a
            texture.
        styles: the painting or paintings, likewise.
        settings: how to paint; those of a texture are :func:`impasto.settings.making.make_texture_settings`'s.
        named: masks and other pictures by the names of :mod:`~impasto.settings.references`, in place of those that the
            settings name.
        plan: octaves of an earlier painting, whose tiles and methods are taken where the sizes are the same and they
            fit into the memory; chosen by the memory where not given.
        resumed: a snapshot to go on from, of a painter with the same pictures and settings. The plan, the device, the
            number of threads and the precision are then its own: with the same PyTorch on the same machine the picture
            is, bit for bit, the one that the first painter would have come to.
        tell: is given :class:`Reading` events while the pictures are read.

    Attributes:
        content: the photograph; None for a texture.
        styles: the paintings.
        octaves: what is painted, with tiles and methods.
        workload: what its cost depends on besides.
        remarks: sentences on the plan for the user.
        between: called after each iteration, once the image has moved; the place to take a :meth:`snapshot`.

    Raises:
        PictureError: a picture that cannot be read.
        EncoderError: an encoder or layer that does not exist.
        SettingsError: settings that do not fit the pictures or this machine.
        PaintingError: a picture too small, or too large for the memory.
        CheckpointError: other pictures or another encoder than the snapshot's.
    """

    @torch.inference_mode(mode=False)  # or no gradient could be taken with what is made here
    def __init__(
        self,
        content: PictureLike | None,
        styles: Sequence[PictureLike],
        settings: Settings,
        *,
        named: Mapping[str, PictureLike] | None = None,
        plan: Sequence[Octave] = (),
        resumed: Snapshot | None = None,
        tell: Callable[[Event], None] | None = None,
    ) -> None:
        self.settings = settings
        self._inputs = inputs = Inputs(content, styles, settings, named, tell)
        self.content, self.styles, self.regions = inputs.content, inputs.styles, inputs.regions
        if resumed:
            resumed.facts.check_inputs(inputs.sources)
        self.loaded = load_encoder(settings.encoder)
        if resumed:
            resumed.facts.check_encoder(self.loaded.sha256)
        self.device = choose_device(resumed.facts.device if resumed else settings.device)
        self.threads = resumed.facts.threads if resumed else settings.threads or physical_cores()
        precision = choose_precision(resumed.facts.precision if resumed else settings.precision, self.device)
        self.encoder = _prepared(self.loaded.encoder, settings).to(self.device, precision)
        for name in (*shares(settings.losses.content), *shares(settings.losses.style)):
            self.encoder.resolve(name)  # or it is refused
        inputs.check_sizes()
        self.workload = Workload(
            self.encoder,
            settings,
            [picture.size for picture in inputs.pictures],
            [style.original_size for style in self.styles],
            {name: mask.weights.shape[:2] for name, mask in self.regions.masks.items()},
        )
        self.remarks: tuple[str, ...] = ()
        if resumed:
            self.octaves = resumed.facts.plan
        else:
            self.octaves, self.remarks = plan_memory(
                self._plan(), self.workload, budget_of(self.workload, self.device), earlier=plan
            )
            self.remarks += (*self._rounded_sides(), *inputs.enlarged_styles(), *inputs.remarks)
        self.regions.check(inputs.weights, *self.octaves[-1][:2], is_texture=self.content is None)
        self._scaled = ScaledInputs(inputs, settings, self.device)
        self.between: Callable[[], None] = lambda: None
        self._image: Tensor | None = None  # the result so far, at the size of the octave at hand
        self._lowest = math.inf  # loss of the octave at hand
        self._moving: _Moving | None = None
        self._octave = self._iteration = 0
        self._history: list[Step] = []
        self._work = 0.0  # arithmetic of those steps; less than the plan's where octaves converged
        self._elapsed = 0.0
        self._begun = False
        self._at_rest = False
        self._complete = False
        self._stopped = False
        if resumed:
            self._load(resumed)

    def stop(self) -> None:
        """End after the iteration at hand; may be called from a signal handler or another thread."""
        self._stopped = True

    def _plan(self) -> tuple[Octave, ...]:
        how = self.settings.optimization
        return plan_octaves(
            *self._inputs.full_size,
            iterations=how.iterations,
            coarse_factor=how.coarse_factor,
            smallest=how.smallest_octave,
            ratio=how.octave_ratio,
            most=how.max_octaves,
            alignment=ALIGNMENT if self.settings.seamless else 1,
        )

    def _rounded_sides(self) -> tuple[str, ...]:
        """Where the texture is not as large as was asked for, a sentence."""
        (height, width), asked = self.octaves[-1][:2], self._inputs.full_size
        if (height, width) == asked:
            return ()
        return (
            f"The sides of a seamless texture are multiples of {ALIGNMENT} px, so it is painted at {width}×{height}, "
            f"not at {asked[1]}×{asked[0]}.",
        )

    def __iter__(self) -> Iterator[Event]:
        """Paint; yields :class:`Started`, then for each octave :class:`OctaveStarted` and iterations, then the end.

        Raises:
            PaintingError: the very first loss is not finite, or the memory runs out.
        """
        if self._begun:
            raise RuntimeError("a painter paints once: make another one")
        self._begun = True
        yield Started(self.octaves, str(self.device), self.threads, self.loaded.name, self.remarks, self.precision)
        begun = time.monotonic() - self._elapsed
        message = ""
        with _memory_errors():
            for number, octave in enumerate(self.octaves, 1):
                if self._is_done(number):  # before it was interrupted
                    continue
                yield OctaveStarted(number, octave)
                yield from self._paint_octave(number, octave, begun)
                message = self._why_stopped(number)
                if message:
                    break
        self._complete = not message
        self._elapsed = time.monotonic() - begun
        yield Finished(self.painting(), message)

    def _why_stopped(self, number: int) -> str:
        """Why the run ends in this octave, in a sentence; empty where it goes on."""
        if self._history and not math.isfinite(self._history[-1].loss.total):
            step = self._history[-1]
            return (
                f"The loss was not finite in iteration {step.iteration} of octave {step.octave}, so painting stopped; "
                f"the picture is the last good one: try a lower strength or rate."
            )
        if self._stopped and not self._is_done(len(self.octaves)):
            return f"Painting was stopped in octave {number} of {len(self.octaves)}; the picture is the best so far."
        return ""

    def _paint_octave(self, number: int, octave: Octave, begun: float) -> Iterator[Iteration]:
        """Lower the loss at one size; keeps the image that the settings ask for, by default that of the lowest loss."""
        how = self.settings.optimization
        trim_heap()
        with _computing(self.threads, self.device):
            objective = self._objective(octave)
            if self._moving is None:
                self._begin(number, octave)
        assert self._moving is not None
        assert self._image is not None
        image, optimizer = self._moving
        for iteration in range(self._iteration + 1, octave.iterations + 1):
            with _computing(self.threads, self.device):
                loss, gradient = objective.value_and_gradient(image)
            self._at_rest = False
            elapsed = time.monotonic() - begun
            self._history.append(Step(number, iteration, loss, elapsed))
            self._work += octave.effort
            if not (math.isfinite(loss.total) and bool(gradient.isfinite().all())):
                self._history[-1] = Step(number, iteration, replace(loss, total=math.nan), elapsed)
                self._refuse_first(iteration, number)
                return
            is_best = loss.total < self._lowest
            if is_best:
                self._lowest = loss.total
                self._image.copy_(image)
            has_converged_early = iteration < octave.iterations and self._has_converged(number)
            is_last = iteration == octave.iterations or has_converged_early
            share = self._share_after(number, octave.iterations if is_last else iteration)
            yield Iteration(
                octave=number,
                iteration=iteration,
                iterations=octave.iterations,
                loss=loss,
                share=share,
                elapsed=elapsed,
                remaining=self._remaining(share),
                image=lambda: self._scaled.shown(image, *octave[:2]),
                converged=has_converged_early,
            )
            if not is_last or how.keep != "best":
                with _computing(self.threads, self.device):
                    optimizer.step(image, loss.total, gradient)
                if how.clamp == "step":
                    image.clamp_(0, 1)
            del gradient  # or there would be two while the next is made
            if how.keep == "last" or (how.keep == "after-best" and is_best):
                self._image.copy_(image)
            self._iteration, self._elapsed, self._at_rest = iteration, time.monotonic() - begun, True
            if is_last:
                self._moving = None
            self.between()
            if is_last or self._stopped:
                return

    def _begin(self, number: int, octave: Octave) -> None:
        """Put the image in place for an octave."""
        image = self._scaled.first_image(*octave[:2]) if self._image is None else self._handed_on(number, octave)
        image = self._scaled.continued(image, self.workload.painted(octave)[:2])
        # In memory of PyTorch's own, aligned in the same way whether painting was interrupted or not: some kernels
        # round differently otherwise.
        image = image.clone(memory_format=torch.contiguous_format)
        self._image, self._lowest = image.clone(), math.inf
        self._moving = _Moving(image, make_optimizer(self.settings.optimization, octave))
        self._octave, self._iteration, self._at_rest = number, 0, True

    def _handed_on(self, number: int, octave: Octave) -> Tensor:
        """What the octave before has painted, at the size of this one.

        Of a photograph it is the change to the picture that painting began with that is enlarged, so that the octave
        begins with that picture's finest detail and need not paint it anew. Noise has none to keep, and a texture's is
        of another picture, with a seam.
        """
        assert self._image is not None
        size_before = self.octaves[number - 2][:2]
        painted = self._scaled.resized(trimmed(self._image, size_before), *octave[:2])
        if self.content is None or self.settings.init == "noise":
            return painted
        unpainted = self._scaled.resized(self._scaled.first_image(*size_before), *octave[:2])
        return (painted - unpainted).add_(self._scaled.first_image(*octave[:2])).clamp_(0, 1)

    def _is_done(self, number: int) -> bool:
        """Whether all of an octave lies behind."""
        return number < self._octave or (
            number == self._octave
            and (self._iteration == self.octaves[number - 1].iterations or self._has_converged(number))
        )

    def _has_converged(self, number: int) -> bool:
        """Whether an octave ends before its last iteration, as the loss no longer comes down.

        Adam's rises and falls on its way, and is not asked.
        """
        how = self.settings.optimization
        if not how.tolerance or method_of(self.octaves[number - 1], how)[0] != "lbfgs":
            return False
        return has_converged([step.loss.total for step in self._history if step.octave == number], how.tolerance)

    @property
    def precision(self) -> Precision:
        """What the encoder computes in."""
        return "bfloat16" if self.encoder.dtype == torch.bfloat16 else "float32"

    @property
    def share(self) -> float:
        """Of the whole run's arithmetic that is done or will not be needed, in [0, 1]."""
        if not self._octave:
            return 0.0
        is_done = self._is_done(self._octave)
        return self._share_after(
            self._octave, self.octaves[self._octave - 1].iterations if is_done else self._iteration
        )

    def _share_after(self, number: int, iteration: int) -> float:
        before = work(self.octaves[: number - 1])
        return (before + self.octaves[number - 1].effort * iteration) / work(self.octaves)

    @property
    def expected_seconds(self) -> float | None:
        """What the whole run is expected to take, from its beginning; None where there is nothing yet to judge by."""
        if not self._history or not self.share:
            return None
        remaining = self._remaining(self.share)
        return self._elapsed / self.share if remaining is None else self._elapsed + remaining

    @property
    def can_snapshot(self) -> bool:
        """Whether painting has begun and rests between two iterations, or was stopped there."""
        return self._at_rest

    def snapshot(self) -> Snapshot:
        """What another painter needs to go on from here.

        Its tensors are this painter's own: they change with the next iteration.

        Raises:
            RuntimeError: painting has not begun, or is in the middle of an iteration (see :attr:`between`), or met a
                loss that is not finite.
        """
        if not self._at_rest:
            raise RuntimeError("there is something to go on from between two iterations only")
        assert self._image is not None
        state = self._moving.optimizer.state() if self._moving else None
        tensors = {"best": self._image, "history": history_tensor(self._history)}
        if self._moving and state:
            tensors |= {"image": self._moving.image}
            tensors |= {f"optimizer.{name}": tensor for name, tensor in state.tensors.items()}
        facts = Facts(
            impasto=__version__,
            torch=torch.__version__,
            settings=self.settings,
            octaves=[octave._asdict() for octave in self.octaves],
            octave=self._octave,
            iteration=self._iteration,
            elapsed=self._elapsed,
            share=self.share,
            device=str(self.device),
            threads=self.threads,
            precision=self.precision,
            content=StoredInput.of(Source.of(self.content)) if self.content else None,
            styles=[StoredInput.of(Source.of(style)) for style in self.styles],
            named={name: StoredInput.of(source) for name, source in self._inputs.named.items()},
            encoder=StoredEncoder(name=self.loaded.name, sha256=self.loaded.sha256),
            optimizer=dict(state.numbers) if state else None,
        )
        return Snapshot(facts, tensors)

    def _load(self, resumed: Snapshot) -> None:
        """Go on from a snapshot."""
        facts, tensors = resumed.facts, resumed.tensors
        self._octave, self._iteration, self._elapsed = facts.octave, facts.iteration, facts.elapsed
        self._history = resumed.history
        self._work = sum(self.octaves[step.octave - 1].effort for step in self._history)
        self._lowest = min((s.loss.total for s in self._history if s.octave == self._octave), default=math.inf)
        self._image = tensors["best"].to(self.device, copy=True)
        if facts.optimizer is not None:
            image = tensors["image"].to(self.device, copy=True)
            optimizer = make_optimizer(self.settings.optimization, self.octaves[facts.octave - 1])
            learned = {n.removeprefix("optimizer."): n for n in tensors if n.startswith("optimizer.")}
            optimizer.load_state(OptimizerState(facts.optimizer, _Renamed(tensors, learned)), image)
            self._moving = _Moving(image, optimizer)
        self._at_rest = True

    def _remaining(self, share: float) -> float | None:
        """Seconds to the end at the pace since the first iteration, whose time is mostly preparation."""
        first, last = self._history[0], self._history[-1]
        done = self._work - self.octaves[0].effort
        return (last.seconds - first.seconds) * (1 - share) * work(self.octaves) / done if done > 0 else None

    def _refuse_first(self, iteration: int, number: int) -> None:
        if iteration == 1 and number == 1:
            raise PaintingError(
                "The loss is not finite before the first step: the weights of the losses are too large for the encoder."
            )

    def _objective(self, octave: Octave) -> Objective | Mirrored | Protected:
        size, scaled = octave[:2], self._scaled
        painted, whole = self.workload.painted(octave)[:2], self.workload.measured(octave)[:2]
        content, style = self.settings.weights
        photo = scaled.photograph(*size)
        sizes = [style_size(*s.original_size, max(size), self.settings.stroke_size) for s in self.styles]
        layers = {name: self.encoder.resolve(name) for name in shares(self.settings.losses.style)}
        objective = make_objective(
            self.encoder,
            scaled.measured(photo, whole),
            scaled.styles(sizes),
            self._inputs.weights,
            self.settings.balanced_losses,
            content,
            style,
            tile=octave.tile,
            devices=sharing_devices(self.settings.device, self.device),
            masks=scaled.masks(self.regions.coverage(*size) or (), layers, whole),
            style_masks=scaled.masks([self.regions.within(n, *size) for n, size in enumerate(sizes)], layers),
            counted=middle(painted, size),
            wrap=self.settings.seamless,
        )
        framed = objective if whole == painted else Mirrored(objective, whole)
        held = self.regions.held(*size)
        if held is None:
            return framed
        on_device = torch.from_numpy(held).to(self.device)
        held_there = scaled.continued(on_device[None, None], painted)[0, 0]
        return Protected(framed, scaled.continued(photo, painted), held_there)

    def painting(self) -> Painting:
        """The best picture so far at the full size.

        Where painting has not begun, the photograph itself, or the noise that a texture begins with.
        """
        height, width = self.octaves[-1][:2]
        if self._image is None:
            array = self._scaled.unpainted(height, width)
        else:
            image = trimmed(self._image, self.octaves[self._octave - 1][:2])
            array = self._scaled.shown(self._scaled.resized(image, height, width), height, width)
        alpha = self.content.alpha if self.content else None
        if alpha is not None:
            alpha = pictures.resize(alpha, height, width)
        return Painting(
            array=pictures.off_white(array, alpha),
            settings=self.settings,
            history=tuple(self._history),
            content=Source.of(self.content) if self.content else None,
            styles=tuple(Source.of(style) for style in self.styles),
            encoder={"name": self.loaded.name, "sha256": self.loaded.sha256},
            alpha=alpha,
            named=self._inputs.named,
            provenance=self.content.provenance if self.content else NO_PROVENANCE,
            octaves=self.octaves,
            complete=self._complete,
            precision=self.precision,
            seconds=max(self._elapsed, self._history[-1].seconds if self._history else 0.0),
        )


class _Moving(NamedTuple):
    """What changes within an octave."""

    image: Tensor
    optimizer: Optimizer


class _Renamed(Mapping[str, Tensor]):
    """Some tensors of a snapshot under other names, each read when it is asked for, so that no two are held at once."""

    def __init__(self, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
        self._tensors, self._names = tensors, names

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._names[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _prepared(encoder: Encoder, settings: Settings) -> Encoder:
    """The encoder with the settings' pooling and padding where they name any."""
    names = ("pooling", "padding", "padding_scope")
    changes = {name: value for name in names if (value := getattr(settings, name)) is not None}
    return encoder.with_architecture(**changes) if changes else encoder


@contextmanager
def _computing(threads: int, device: torch.device) -> Iterator[None]:
    """So many threads, exact products, and tensors that gradients can be taken with, whatever the caller has set.

    Never across a yield, as the first two are the whole process's.
    """
    with torch.inference_mode(mode=False), exact_products(device), cpu_threads(threads):
        yield


_OUT_OF_MEMORY = ("out of memory", "allocate memory", "enough memory", "bad_alloc")
"""In what PyTorch's allocators say, which raise errors of no kind of their own."""


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Memory that runs out, said in a sentence."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        out = isinstance(error, MemoryError | torch.OutOfMemoryError) or any(w in str(error) for w in _OUT_OF_MEMORY)
        if not out:
            raise
        raise PaintingError("The memory ran out while painting: choose a smaller size.") from error
