"""Paint one picture, from the files of its sources to the saved files."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from impasto.encoders.names import find_encoder_file
from impasto.errors import ImpastoError, PaintingError
from impasto.painting.events import Announced, Event, Finished, Preparing, Writing
from impasto.painting.octaves import Octave
from impasto.pictures import Picture, PictureWarning, open_picture, over_white, write_picture
from impasto.runs.checkpointing import NO_CHECKPOINTS, CheckpointPolicy, open_writer, read_attachment
from impasto.runs.listener import Control, Listener, Outcome, StopSwitch
from impasto.runs.outputs import Outputs
from impasto.runs.plots import write_history
from impasto.runs.repeating import Repeat, free_name
from impasto.runs.sheets import Pixels, StageKeeper, side_by_side, tiled
from impasto.runs.slow_files import report_slow_files
from impasto.settings.model import Settings
from impasto.styles.lookup import style_name

if TYPE_CHECKING:
    from impasto.painting.painter import Painter
    from impasto.painting.result import Painting
    from impasto.runs.checkpoints.resuming import StoredRun
    from impasto.runs.checkpoints.writer import CheckpointWriter


@dataclass(frozen=True)
class Job:
    """The inputs and outputs of one run.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the paintings.
        settings: of the painting.
        outputs: files to write.
        repeat: the earlier painting that this one repeats; None for a new one.
        checkpoints: whether and where checkpoints are written.
        stored: the interrupted run that this one resumes; None for a new one.
        has_temporary_content: whether the photograph's file is temporary. The record then names no file of it.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    outputs: Outputs
    repeat: Repeat | None = None
    checkpoints: CheckpointPolicy = NO_CHECKPOINTS
    stored: StoredRun | None = None
    has_temporary_content: bool = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All pictures that the run reads."""
        return (*([self.content] if self.content else []), *self.styles, *self.settings.named_files.values())

    @property
    def announcement(self) -> Announced:
        """The first event of the run."""
        photo = "standard input" if self.has_temporary_content else self.content
        return Announced(
            photo=None if photo is None else str(photo),
            styles=tuple(style_name(style) or str(style) for style in self.styles),
            size=self.settings.size,
            destination="standard output" if self.outputs.is_temporary else str(self.outputs.picture),
        )

    def check(self) -> None:
        """Refuse whatever can be refused without the slow import of PyTorch.

        Raises:
            SettingsError: settings that need a photograph for a texture, or the reverse.
            PictureError: an input that cannot be opened, or an output that could not be written.
            EncoderError: the encoder's file does not exist.
        """
        self.settings.check_photo(self.content is not None)
        self.check_inputs()
        self.outputs.check(self.inputs, self.settings.depth, self.settings.long_side)
        find_encoder_file(self.settings.encoder)

    def check_inputs(self) -> None:
        """Refuse inputs that cannot be opened.

        Raises:
            PictureError: names the input.
        """
        for path in self.inputs:
            with open_picture(path):
                pass


class JobPainter(Protocol):
    """The part of a :class:`~impasto.painting.painter.Painter` that a run uses."""

    @property
    def octaves(self) -> tuple[Octave, ...]:
        """The plan."""

    @property
    def content(self) -> Picture | None:
        """The photograph; None for a texture."""

    @property
    def styles(self) -> Sequence[Picture]:
        """The paintings."""

    def __iter__(self) -> Iterator[Event]:
        """Paint, yielding events."""

    def stop(self) -> None:
        """End after the current iteration."""

    def painting(self) -> Painting:
        """Return the best picture so far."""


PainterMaker = Callable[[Job, Listener], JobPainter]
"""Function that makes the painter of a job, and tells the listener about slow files and remarks."""


def run_job(job: Job, listener: Listener, control: Control | None = None, make: PainterMaker | None = None) -> Outcome:
    """Paint a picture and save it.

    Args:
        job: inputs and outputs.
        listener: receives the progress.
        control: may stop the painting; None if nothing does.
        make: makes the painter, which cannot be steered; :func:`make_painter` by default.

    Returns:
        The outcome, which the listener has received as well. A painting that stopped early is saved, too.

    Raises:
        ImpastoError: the job was refused; nothing was written.
    """
    job = replace(job, outputs=job.outputs.allow_own_history())  # now, as the picture will be replaced
    job.check()
    control = StopSwitch() if control is None else control
    with note_picture_warnings(listener.note), ExitStack() as stack:
        place = job.stored.slot if job.stored else job.checkpoints.prepare(job.outputs, job.inputs, stack)
        display = stack.enter_context(ExitStack())  # open from now to the last iteration
        display.enter_context(listener)
        listener.on_event(job.announcement)
        painter: JobPainter
        if make is None:
            painter = steerable = make_painter(job, listener)
        else:
            painter, steerable = make(job, listener), None
        # Again, as the size "original" was not known before.
        job.outputs.check(job.inputs, job.settings.depth, max(painter.octaves[-1][:2]))
        stages = _stage_keeper(job)
        writer = None
        if job.checkpoints.enabled:
            writer = stack.enter_context(open_writer(place, job.checkpoints, job.outputs, stages, listener.note))
        if job.stored:
            job.stored.close()  # everything is read, and Windows does not replace open files
        run = _Run(job, painter, listener, display, stages, writer)
        with control.painting(run.stop, run.existing_checkpoint, steerable):
            return run.paint_and_save(control)


@contextmanager
def note_picture_warnings(note: Callable[[str], None]) -> Iterator[None]:
    """Pass warnings about pictures to a callback while this context lasts; other warnings are left alone.

    Args:
        note: receives the sentence of each warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", PictureWarning)
        ordinary = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, PictureWarning):
                note(str(message))
            else:
                ordinary(message, category, *rest)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def make_painter(job: Job, listener: Listener) -> Painter:
    """Return the painter of a job, which for a resumed run continues at its checkpoint.

    Args:
        job: inputs and settings.
        listener: receives the steps of preparation, slow files, and the remarks on the plan.

    Raises:
        ImpastoError: the painter refuses the inputs or settings, or the checkpoint does not fit them.
    """
    listener.on_event(Preparing("loading"))
    from impasto.painting.painter import Painter

    listener.on_event(Preparing("reading"))
    with report_slow_files(listener) as on_event:
        if job.stored:
            painter = job.stored.painter(note=listener.note, on_event=on_event)
            state = job.stored.state
            listener.note(
                f"Going on in octave {state.octave} of {len(state.plan)} after iteration {state.iteration} of "
                f"{state.current.iterations}, {state.share:.0%} done."
            )
            return painter
        plan = job.repeat.plan if job.repeat else None
        painter = Painter(job.content, job.styles, job.settings, plan=plan, on_event=on_event)
    if job.repeat:
        for text in job.repeat.remarks_on(painter.loaded.sha256, painter.precision):
            listener.note(text)
    for text in painter.remarks:
        listener.note(text)
    return painter


def _stage_keeper(job: Job) -> StageKeeper | None:
    """Return a keeper if stages are asked for; that of a resumed run holds the earlier stages."""
    if not job.outputs.stages:
        return None
    stored = read_attachment(job.stored.description.attached).stages if job.stored else None
    return (
        StageKeeper.restored(stored.labels, stored.last, job.stored.arrays())
        if stored and job.stored
        else StageKeeper()
    )


@dataclass
class _Run:
    """A run whose painter is ready."""

    job: Job
    painter: JobPainter
    listener: Listener
    display: ExitStack
    stages: StageKeeper | None
    writer: CheckpointWriter | None
    stop_requested: bool = False

    def stop(self) -> None:
        """End painting after the current iteration; may be called on any thread."""
        self.stop_requested = True
        self.painter.stop()
        self.listener.on_stop()

    def existing_checkpoint(self) -> Path | None:
        """Return the path of the run's checkpoint; None if there is none."""
        slot = self.writer.slot if self.writer else None
        return slot.path if slot and slot.exists else None

    def paint_and_save(self, control: Control) -> Outcome:
        """Paint, write all files, and pass the outcome to the listener."""
        painting, message = self._paint()
        if self.job.has_temporary_content and painting.content:
            painting = replace(painting, content=replace(painting.content, path=None))
        control.saving()
        # First, as the picture can be made from it, and after a signal there may be little time.
        checkpoint = None if painting.complete else self._write_last_checkpoint(painting)
        try:
            files = {"picture": self._save(painting)}
        except ImpastoError as error:
            outcome = self._keep_unsaved(painting, message, str(error))
        else:
            extras, failures = self._save_extras(painting)
            if self.writer and not checkpoint:
                self.writer.remove()
            is_temporary = self.job.outputs.is_temporary
            outcome = Outcome(
                painting, files | extras, message, self.stop_requested, failures, checkpoint, is_temporary
            )
        self.listener.on_finished(outcome)
        return outcome

    def _paint(self) -> tuple[Painting, str]:
        """Return the painting, and the reason for an early end; empty if there was none.

        Raises:
            PaintingError: painting failed before there was anything to save.
        """
        try:
            with self.display:
                for event in self.painter:
                    if isinstance(event, Finished):
                        return event.painting, event.message
                    self.listener.on_event(event)
                    if self.stages:
                        self.stages.see(event)
                    if self.writer:
                        self.writer.see(event)
        except PaintingError as error:
            painting = self.painter.painting()
            if not any(math.isfinite(step.loss.total) for step in painting.history):
                raise
            return painting, str(error)
        raise AssertionError("a painter's last event is Finished")

    def _write_last_checkpoint(self, painting: Painting) -> Path | None:
        """Write the final state, unless the run is too short for checkpoints.

        Returns:
            The checkpoint that the run can be resumed from; None if there is none, or if resuming cannot help.
        """
        if self.writer:
            self.writer.write_last()
        has_diverged = not math.isfinite(painting.history[-1].loss.total)  # and would diverge again
        return None if has_diverged else self.existing_checkpoint()

    def _save(self, painting: Painting) -> Path:
        outputs = self.job.outputs
        with report_slow_files(self.listener) as on_event:
            return painting.save(
                outputs.picture,
                force=outputs.force,
                absolute_sources=outputs.is_temporary,
                on_progress=lambda share: on_event(Writing(outputs.picture, share)),
            )

    def _keep_unsaved(self, painting: Painting, message: str, failure: str) -> Outcome:
        """Keep a painting that could not be saved: in a checkpoint, or else beside the file that took its place."""
        outcome = Outcome(painting, {}, message, self.stop_requested, (failure,))
        checkpoint = self._write_last_checkpoint(painting)
        picture = self.job.outputs.picture
        if checkpoint or not picture.exists():
            return replace(outcome, checkpoint=checkpoint)
        other = free_name(picture)
        try:
            painting.save(other, force=False)
        except ImpastoError:
            return outcome  # for the reason already given
        return replace(outcome, rescued=other)

    def _save_extras(self, painting: Painting) -> tuple[dict[str, Path], tuple[str, ...]]:
        """Write sheet, stages and history; a failure of one does not keep the others from being written.

        Returns:
            Absolute paths of the written files by name, and a sentence for each failure.
        """
        written: dict[str, Path] = {}
        failures: list[str] = []
        result = over_white(painting.array, painting.alpha)
        for name, path in self.job.outputs.named.items():
            if name == "picture":
                continue
            try:
                self.job.outputs.check_extra(name, self.job.inputs)  # again, as a file may be there by now
                if name == "history":
                    write_history(path, painting.history, self.painter.octaves)
                else:
                    pixels = self._sheet(painting, result) if name == "sheet" else self._stages_grid(painting, result)
                    # With the record, by which a later run recognizes the sheet of an interrupted run.
                    write_picture(path, pixels, record=json.dumps(painting.record(path.absolute().parent)))
                written[name] = path.absolute()
            except (ImpastoError, MemoryError) as error:
                failures.append(str(error) or f"The memory ran out while the {name} was made.")
        return written, tuple(failures)

    def _sheet(self, painting: Painting, result: Pixels) -> Pixels:
        content = self.painter.content
        photo = [over_white(content.pixels, content.alpha)] if content else []
        styles = (style.pixels for style in self.painter.styles)
        return side_by_side([*photo, *styles, tiled(result) if painting.settings.seamless else result])

    def _stages_grid(self, painting: Painting, result: Pixels) -> Pixels:
        assert self.stages is not None
        return self.stages.finish(result, complete=painting.complete)
