"""The painter: reads the pictures, plans the octaves, moves the image, and tells what it does."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto import pictures
from impasto.devices import check_memory, choose_device, memory_estimate, physical_cores
from impasto.encoder import Encoder
from impasto.errors import PaintingError, SettingsError
from impasto.events import Event, Finished, Iteration, Loss, OctaveStarted, Reading, Started
from impasto.objective import Objective, shares
from impasto.optimizers import LBFGS, Adam, Optimizer
from impasto.painting import Painting, Source, Step
from impasto.pictures import Picture
from impasto.pyramid import LEAST_SIDE, Octave, plan_octaves, resized, scaled, work
from impasto.settings import Optimization, Settings, make_settings
from impasto.weights import load_encoder

PictureLike = str | os.PathLike[str] | Image.Image | np.ndarray


class Painter:
    """Paints one photograph after one or several paintings.

    Everything that can be refused is refused here, before any arithmetic. Iterating paints, once, and yields events;
    :meth:`stop` ends it after the iteration at hand; :meth:`painting` is the result so far at any time.

    Args:
        content: the photograph: path, PIL image, or array H×W×3 (uint8, uint16, or float in [0, 1]).
        styles: the painting or paintings, likewise.
        settings: how to paint.
        tell: is given :class:`Reading` events while the pictures are read.

    Raises:
        PictureError: a picture that cannot be read.
        EncoderError: an encoder or layer that does not exist.
        SettingsError: settings that do not fit the pictures or this machine.
        PaintingError: a picture too small, or too large for the memory.
    """

    def __init__(
        self,
        content: PictureLike,
        styles: Sequence[PictureLike],
        settings: Settings,
        *,
        tell: Callable[[Event], None] | None = None,
    ) -> None:
        self.settings = settings
        self.style_weights = _style_weights(settings, len(styles))
        self._tell = tell
        self.content = self._read(content, None if settings.size == "original" else settings.size)
        self.styles = [self._read(style, self._long_side()) for style in styles]
        self.start = None
        if settings.init not in ("content", "noise"):
            self.start = self._read(Path(settings.init).expanduser(), self._long_side())
        self.loaded = load_encoder(settings.encoder)
        self.device = choose_device(settings.device)
        self.threads = settings.threads or physical_cores()
        self.encoder = _prepared(self.loaded.encoder, settings).to(self.device)
        self.octaves = self._plan()
        self._check_sizes()
        self._image: Tensor | None = None
        self._best: tuple[float, Tensor] | None = None
        self._history: list[Step] = []
        self._elapsed = 0.0
        self._complete = False
        self._stopped = False

    def stop(self) -> None:
        """End after the iteration at hand; may be called from a signal handler or another thread."""
        self._stopped = True

    def _read(self, source: PictureLike, long_side: int | None) -> Picture:
        """A picture at the size of the largest octave or, where it is not much larger, at its own."""
        tell, on_progress = self._tell, None
        if tell is not None and isinstance(source, str | os.PathLike):
            path = Path(os.fsdecode(source))

            def on_progress(share: float) -> None:
                tell(Reading(path, share))

        # Without antialiasing every pixel of the original may count.
        fit = long_side if self.settings.resampling == "antialiased" else None
        return pictures.read_picture(source, max_pixels=self.settings.max_pixels, fit=fit, on_progress=on_progress)

    def _long_side(self) -> int:
        size = self.settings.size
        return max(self.content.height, self.content.width) if size == "original" else size

    def _plan(self) -> tuple[Octave, ...]:
        how = self.settings.optimization
        return plan_octaves(
            *scaled(*self.content.original_size, self._long_side()),
            iterations=how.iterations,
            coarse_factor=how.coarse_factor,
            smallest=how.smallest_octave,
            ratio=how.octave_ratio,
            most=how.max_octaves,
        )

    def _check_sizes(self) -> None:
        """Refuse layers that the encoder lacks, pictures that are too narrow, and what the memory does not hold."""
        losses = self.settings.losses
        layers = [*shares(losses.content), *shares(losses.style)]
        for name in layers:
            self.encoder.resolve(name)
        for what, picture in (("photograph", self.content), *(("style", style) for style in self.styles)):
            height, width = picture.original_size
            short = min(scaled(height, width, self._long_side()))
            if short < LEAST_SIDE:
                least = math.ceil(LEAST_SIDE * max(height, width) / min(height, width))
                raise PaintingError(
                    f"The {what} {_name(picture)} is {width}×{height} px: at size {self._long_side()} "
                    f"its short side would be {short} px, {LEAST_SIDE} are needed: choose a size of at least {least}."
                )
        last = self.octaves[-1]
        history = self.settings.optimization.history if self.settings.optimization.method == "lbfgs" else 1
        needed = memory_estimate(self.encoder, layers, last.pixels, history)
        check_memory(needed, self.device, f"{last.width}×{last.height}")

    def __iter__(self) -> Iterator[Event]:
        """Paint; yields :class:`Started`, then for each octave :class:`OctaveStarted` and iterations, then the end.

        Raises:
            PaintingError: the very first loss is not finite, or the memory runs out.
        """
        if self._history:
            raise RuntimeError("a painter paints once: make another one")
        yield Started(self.octaves, str(self.device), self.threads, self.loaded.name)
        begun = time.monotonic()
        message = ""
        with _cpu_threads(self.threads), _memory_errors():
            for number, octave in enumerate(self.octaves, 1):
                yield OctaveStarted(number, octave)
                for event in self._paint_octave(number, octave, begun):
                    yield event
                    if self._stopped:
                        break
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
        if self._stopped and not (number == len(self.octaves) and self._at_end(number)):
            return f"Painting was stopped in octave {number} of {len(self.octaves)}; the picture is the best so far."
        return ""

    def _at_end(self, number: int) -> bool:
        last = self._history[-1] if self._history else None
        return last is not None and (last.octave, last.iteration) == (number, self.octaves[-1].iterations)

    def _paint_octave(self, number: int, octave: Octave, begun: float) -> Iterator[Iteration]:
        """Lower the loss at one size; keeps the image that the settings ask for, by default that of the lowest loss."""
        how = self.settings.optimization
        objective = self._objective(octave)
        image = self._first_image(octave) if self._image is None else resized(self._image, *octave[:2])
        image = image.contiguous()
        self._best = (math.inf, image.clone())
        self._image = self._best[1]
        optimizer = make_optimizer(how)
        before, total = work(self.octaves[: number - 1]), work(self.octaves)
        for iteration in range(1, octave.iterations + 1):
            loss, gradient = objective.value_and_gradient(image)
            elapsed = time.monotonic() - begun
            self._history.append(Step(number, iteration, loss, elapsed))
            if not (math.isfinite(loss.total) and bool(gradient.isfinite().all())):
                self._refuse_first(iteration, number)
                self._history[-1] = Step(number, iteration, Loss(math.nan, *_terms(loss)), elapsed)
                return
            is_best = loss.total < self._best[0]
            if is_best:
                self._best = (loss.total, self._best[1].copy_(image))
            share = (before + octave.pixels * iteration) / total
            yield Iteration(
                octave=number,
                iteration=iteration,
                iterations=octave.iterations,
                loss=loss,
                share=share,
                elapsed=elapsed,
                remaining=self._remaining(share),
                image=lambda: _to_array(image),
            )
            if iteration < octave.iterations or how.keep != "best":
                optimizer.step(image, loss.total, gradient)
                if how.clamp == "step":
                    image.clamp_(0, 1)
            if how.keep == "last" or (how.keep == "after-best" and is_best):
                self._best[1].copy_(image)

    def _remaining(self, share: float) -> float | None:
        """Seconds to the end at the pace since the first iteration, whose time is mostly preparation."""
        first, last = self._history[0], self._history[-1]
        done = share - self.octaves[0].pixels / work(self.octaves)
        return (last.seconds - first.seconds) * (1 - share) / done if done > 0 else None

    def _refuse_first(self, iteration: int, number: int) -> None:
        if iteration == 1 and number == 1:
            raise PaintingError(
                "The loss is not finite before the first step: the weights of the losses are too large for the encoder."
            )

    def _objective(self, octave: Octave) -> Objective:
        side = max(octave.height, octave.width)
        content, style = self.settings.weights
        return Objective(
            self.encoder,
            self._fitted(self.content, octave.height, octave.width),
            [self._fitted(s, *scaled(*s.original_size, side)) for s in self.styles],
            self.style_weights,
            self.settings.losses,
            content,
            style,
        )

    def _fitted(self, picture: Picture, height: int, width: int) -> Tensor:
        """A picture at a size, as 1×3×H×W on the device."""
        antialiased = self.settings.resampling == "antialiased"
        pixels = pictures.resize(picture.pixels, height, width) if antialiased else picture.pixels
        image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self.device)
        return image if antialiased else F.interpolate(image, (height, width), mode="bilinear", align_corners=False)

    def _first_image(self, octave: Octave) -> Tensor:
        if self.settings.init == "noise":
            generator = torch.Generator().manual_seed(self.settings.seed)
            return torch.rand(1, 3, octave.height, octave.width, generator=generator).to(self.device)
        return self._fitted(self.start or self.content, octave.height, octave.width)

    def painting(self) -> Painting:
        """The best picture so far at the full size; the photograph itself where painting has not begun."""
        height, width = self.octaves[-1][:2]
        image = self._image
        if image is None:
            image = self._fitted(self.content, height, width)
        alpha = self.content.alpha
        return Painting(
            array=_to_array(resized(image, height, width)),
            settings=self.settings,
            history=tuple(self._history),
            content=Source.of(self.content),
            styles=tuple(Source.of(style) for style in self.styles),
            encoder={"name": self.loaded.name, "sha256": self.loaded.sha256},
            alpha=None if alpha is None else pictures.resize(alpha, height, width),
            start=Source.of(self.start) if self.start else None,
            provenance=self.content.provenance,
            complete=self._complete,
            seconds=self._elapsed or (self._history[-1].seconds if self._history else 0.0),
        )


def paint(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    **changes: Any,
) -> Painting:
    """Paint a photograph in the manner of one painting or several.

    Args:
        content: the photograph: path, PIL image, or array H×W×3 (uint8, uint16, or float in [0, 1]).
        style: the painting, or a list of them, likewise.
        settings: a whole run's settings; the defaults where not given.
        changes: settings by name, as in ``size=1024, strength=0.7``.

    Raises:
        ImpastoError: anything that the caller can mend, in one sentence.
    """
    painter = make_painter(content, style, settings, **changes)
    for event in painter:
        if isinstance(event, Finished):
            return event.painting
    raise AssertionError("a painter's last event is Finished")


def make_painter(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    **changes: Any,
) -> Painter:
    """A painter with the arguments of :func:`paint`; iterate over it for each step."""
    settings = make_settings(**changes) if settings is None else settings.changed(**changes) if changes else settings
    return Painter(content, list(style) if isinstance(style, list | tuple) else [style], settings)  # type: ignore[list-item]


def make_optimizer(how: Optimization) -> Optimizer:
    """The optimiser that the settings ask for."""
    if how.method == "adam":
        return Adam(how.rate, how.beta1, how.beta2, how.epsilon, how.epsilon_form)
    return LBFGS(how.history)


def _prepared(encoder: Encoder, settings: Settings) -> Encoder:
    """The encoder with the settings' pooling and padding where they name any."""
    names = ("pooling", "padding", "padding_scope")
    changes = {name: value for name in names if (value := getattr(settings, name)) is not None}
    return encoder.with_architecture(**changes) if changes else encoder


def _style_weights(settings: Settings, count: int) -> Sequence[float]:
    if count == 0:
        raise SettingsError("At least one style picture is needed.")
    weights = settings.style_weights or (1.0,) * count
    if len(weights) != count:
        raise SettingsError(f"The style_weights are {len(weights)} and the style pictures {count}: give one for each.")
    return weights


def _terms(loss: Loss) -> tuple[float, float, float]:
    return loss.content, loss.style, loss.total_variation


def _name(picture: Picture) -> str:
    return repr(str(picture.path)) if picture.path else "given"


def _to_array(image: Tensor) -> np.ndarray:
    """1×3×H×W to H×W×3 float32 in [0, 1]."""
    array: np.ndarray = image[0].detach().permute(1, 2, 0).clamp(0, 1).cpu().contiguous().numpy()
    return array


@contextmanager
def _cpu_threads(count: int) -> Iterator[None]:
    """PyTorch's number of threads, put back after."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Memory that runs out, said in a sentence."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise PaintingError("The memory ran out while painting: choose a smaller size.") from error
