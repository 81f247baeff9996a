"""A painter of the instant preset without PyTorch, for jobs that need nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np

from impasto import pictures
from impasto.engine.cores import physical_cores
from impasto.errors import PaintingError
from impasto.fast.export import ENCODER, Sources, cached_models
from impasto.fast.maps import Array, network_strength, passes
from impasto.fast.network import STRIDE, Network
from impasto.fast.style_cache import measure_style
from impasto.painting.colour.plan import ColourInputs, plan_colours, plan_content
from impasto.painting.events import Event, Finished, OctaveStarted, Preparing, Started
from impasto.painting.inputs import Inputs
from impasto.painting.margins import grid_margins
from impasto.painting.octaves import Octave, plan_octaves, style_size
from impasto.painting.record import Source, StoredEncoder
from impasto.painting.result import Painting
from impasto.runs.job import Job, JobPainter, make_painter as make_usual_painter
from impasto.runs.listener import Listener
from impasto.runs.slow_files import report_slow_files
from impasto.settings.fields import Precision
from impasto.settings.model import Settings
from impasto.settings.strength import DEFAULT_STRENGTH

LARGEST_SIDE = 1024
"""Longest side in pixels that is painted as one piece; larger pictures are painted in tiles, with PyTorch."""

_LIBRARIES = ("onnxruntime", "threadpoolctl")


def make_painter(job: Job, listener: Listener) -> JobPainter:
    """Return a painter without PyTorch for a job that needs no more, and otherwise that of :mod:`impasto.runs.job`.

    Args:
        job: inputs and settings.
        listener: receives the steps of preparation, slow files, and the remarks on the plan.

    Raises:
        ImpastoError: the painter refuses the inputs or settings.
    """
    if not _is_supported(job):
        return make_usual_painter(job, listener)
    # ONNX Runtime loads the models without the interpreter's lock, while this thread decodes the pictures.
    with ThreadPoolExecutor(1) as loading, report_slow_files(listener) as on_event:
        loaded = loading.submit(_load_network, job)
        listener.on_event(Preparing("reading"))
        inputs = Inputs(job.content, job.styles, job.settings, on_event=on_event)
        network = loaded.result()
    if network is None:
        return make_usual_painter(job, listener)
    painter = FastPainter(job.settings, inputs, network)
    for text in painter.remarks:
        listener.note(text)
    return painter


def _is_supported(job: Job) -> bool:
    """Return whether the job needs nothing that is left to PyTorch: masks, tiles, a GPU, or an earlier plan."""
    s = job.settings
    return (
        job.content is not None
        and not (job.repeat or job.stored or job.outputs.history)
        and (s.optimization.method, s.encoder, s.resampling) == ("feed-forward", ENCODER, "antialiased")
        and s.long_side is not None
        and s.long_side <= LARGEST_SIDE
        and s.device in ("auto", "cpu")
        and s.precision in ("auto", "float32")
        and not (s.masks or s.style_masks or s.protect or s.memory)
    )


def _load_network(job: Job) -> Network | None:
    """Load the models; None if a library is missing or ONNX Runtime refuses the models."""
    if not all(map(find_spec, _LIBRARIES)):
        return None
    sources = Sources.packaged()
    models = cached_models(sources)
    if models is None:
        return None
    try:
        return Network(models, job.settings.threads or physical_cores(), sources.encoder_sha256)
    except Exception:  # ONNX Runtime's errors have no other base class in common
        return None


class FastPainter:
    """Paints a photograph as :class:`impasto.painting.painter.Painter` does, with the same events and the same result.

    Args:
        settings: settings of the run.
        inputs: pictures of the run.
        network: encoder and decoder.

    Attributes:
        content: the photograph.
        styles: the paintings.
        octaves: the plan, of one octave.
        remarks: sentences for the user.

    Raises:
        PaintingError: a picture is too small.
    """

    precision: Precision = "float32"

    def __init__(self, settings: Settings, inputs: Inputs, network: Network) -> None:
        self._settings, self._inputs, self._network = settings, inputs, network
        inputs.check_sizes()
        assert inputs.content is not None
        self.content, self.styles = inputs.content, inputs.styles
        self.octaves = plan_octaves(*inputs.proportions, settings.optimization, long_side=inputs.long_side)
        self.remarks = (*inputs.enlarged_styles(), *inputs.remarks)
        colour_inputs = ColourInputs(
            [style.pixels for style in self.styles],
            inputs.weights,
            inputs.regions,
            self.content.pixels,
            self.content.alpha,
            inputs.colours.pixels if inputs.colours else None,
        )
        self._colours = plan_colours(settings.colour, colour_inputs)
        self._content_map = plan_content(settings, colour_inputs) or self._colours.content
        self._array: Array | None = None
        self._seconds = 0.0

    def __iter__(self) -> Iterator[Event]:
        """Paint, yielding ``Started``, ``OctaveStarted`` and ``Finished``.

        Raises:
            PaintingError: the memory runs out.
        """
        yield Started(self.octaves, "cpu", self._network.threads, ENCODER, self.remarks, self.precision)
        begun = time.monotonic()
        yield OctaveStarted(1, self.octaves[0])
        try:
            self._array = self._paint(self.octaves[0])
        except MemoryError as error:
            raise PaintingError("The memory ran out while painting: choose a smaller size.") from error
        self._seconds = time.monotonic() - begun
        yield Finished(self.painting())

    def stop(self) -> None:
        """Do nothing, as the only octave is painted in one pass."""

    def painting(self) -> Painting:
        """Return the painting; before it is painted, the photograph."""
        height, width = self.octaves[0][:2]
        alpha = self.content.alpha
        return Painting(
            array=self._photo(height, width) if self._array is None else self._array,
            settings=self._settings,
            history=(),
            content=Source.of(self.content),
            styles=tuple(map(Source.of, self.styles)),
            encoder=StoredEncoder(name=ENCODER, sha256=self._network.encoder_sha256),
            alpha=None if alpha is None else pictures.resize(alpha, height, width),
            named=self._inputs.named,
            provenance=self.content.provenance,
            octaves=self.octaves,
            complete=self._array is not None,
            seconds=self._seconds,
            precision=self.precision,
            machine="cpu ONNX Runtime",  # rounds unlike PyTorch
        )

    def _paint(self, octave: Octave) -> Array:
        from threadpoolctl import threadpool_limits

        height, width = octave[:2]
        painted = photo = self._content_map(self._photo(height, width))
        margins = (top, _), (left, _) = grid_margins(photo, STRIDE, bleeds=self._settings.borders == "bleed")
        # LAPACK's threads wait in busy loops, which slows even the decompositions themselves.
        with threadpool_limits(1, "blas"):
            styles = [measure_style(self._network, style) for style in self._sized_styles(max(height, width))]
            strength = DEFAULT_STRENGTH if self._settings.strength is None else self._settings.strength
            for share in passes(strength):
                source = np.pad(photo + np.float32(share) * (painted - photo), (*margins, (0, 0)), mode="reflect")
                painted = self._network.paint(source, styles, self._inputs.weights, network_strength(strength), margins)
                painted = painted[top : top + height, left : left + width].clip(0, 1)
        return self._colours.result(np.ascontiguousarray(painted), lambda: self._photo(height, width))

    def _photo(self, height: int, width: int) -> Array:
        if self.content.size == (height, width):
            return self.content.pixels
        return pictures.resize(self.content.pixels, height, width)

    def _sized_styles(self, side: int) -> Iterator[Array]:
        """Yield the paintings at their sizes, in the colours that the settings ask for."""
        for style, recolour in zip(self.styles, self._colours.styles, strict=True):
            size = style_size(*style.original_size, side, self._settings.stroke_size)
            yield recolour(pictures.resize(style.pixels, *size))
