"""One painting from the pictures to the saved files."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.interrupts import NOTHING_LEFT, Interrupts
from impasto.cli.reporting.streams import say_error
from impasto.errors import ImpastoError, PaintingError
from impasto.files import shown
from impasto.painting.events import Finished, Writing
from impasto.painting.octaves import Octave
from impasto.pictures import PictureWarning, open_picture, over_white, write_picture
from impasto.runs.keeping import NOT_KEPT, Keeping, kept_in, open_writer, resume_words
from impasto.runs.listener import Outcome, Reporter
from impasto.runs.outputs import Outputs
from impasto.runs.repeating import free_name
from impasto.runs.slow_files import slow_files_told
from impasto.settings.fields import Precision
from impasto.settings.model import Settings

if TYPE_CHECKING:
    from impasto.painting.painter import Painter
    from impasto.painting.result import Painting
    from impasto.runs.checkpoints.resuming import StoredRun
    from impasto.runs.checkpoints.writer import CheckpointWriter
    from impasto.runs.sheets import StageKeeper


@dataclass(frozen=True)
class Job:
    """What is to be painted and where to.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the paintings.
        settings: how to paint.
        outputs: what to write.
        remarks_on: given the hash of the encoder at hand and the precision, what to tell the user of them.
        plan: octaves of an earlier painting, whose tiles and methods are taken where they fit.
        keeping: whether and where checkpoints are written.
        stored: the interrupted run that this one finishes; None for a new one.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    outputs: Outputs
    remarks_on: Callable[[str, Precision], Sequence[str]] = lambda *_: ()
    plan: tuple[Octave, ...] = ()
    keeping: Keeping = NOT_KEPT
    stored: StoredRun | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All pictures that are read."""
        return (*([self.content] if self.content else []), *self.styles, *self.settings.named_files.values())

    def check(self) -> None:
        """Refuse what can be refused without PyTorch, whose import takes a while.

        Raises:
            SettingsError: settings that ask of a photograph what there is not, or of a texture.
            PictureError: an input that cannot be opened, or an output that could not be written.
        """
        self.settings.check_photo(self.content is not None)
        self.check_inputs()
        self.outputs.check(self.inputs, self.settings.depth, self.settings.long_side)

    def check_inputs(self) -> None:
        """Refuse an input that cannot be opened.

        Raises:
            PictureError: with its name.
        """
        for path in self.inputs:
            with open_picture(path):
                pass


def run_job(job: Job, reporter: Reporter, interrupts: Interrupts) -> int:
    """Paint and save.

    Args:
        job: what and where to.
        reporter: which is told.
        interrupts: the signals' handlers, which end the painting.

    Returns:
        The exit code: 0 complete, 1 saved incomplete or without all that was asked for, 128 + n ended by signal n.

    Raises:
        ImpastoError: refused; nothing was written.
    """
    job = replace(job, outputs=job.outputs.knowing_its_own())  # which is forgotten when the picture is replaced
    job.check()
    with _warnings_told(reporter), ExitStack() as stack:
        place = job.stored.slot if job.stored else job.keeping.prepare(job.outputs, job.inputs, stack)
        painter = _make_painter(job, reporter)
        # With "original" nobody knew the size before.
        job.outputs.check(job.inputs, job.settings.depth, max(painter.octaves[-1][:2]))
        stages = _stage_keeper(job)
        writer = None
        if job.keeping.wanted:
            writer = stack.enter_context(open_writer(place, job.keeping, job.outputs, stages, reporter.note))
        if job.stored:
            job.stored.close()  # all is read, and Windows replaces no open files

        def stop() -> None:
            painter.stop()
            reporter.stopping()

        def left() -> str:
            slot = writer.slot if writer else None
            return (
                f"{resume_words(slot.path)} goes on from the last checkpoint" if slot and slot.exists else NOTHING_LEFT
            )

        with interrupts.painting(stop, left):
            return _paint_and_save(job, painter, reporter, interrupts, stages, writer)


@contextmanager
def _warnings_told(reporter: Reporter) -> Iterator[None]:
    """What is said of a picture becomes a note; all other warnings go their ordinary way."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PictureWarning)
        ordinary = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, PictureWarning):
                reporter.note(str(message))
            else:
                ordinary(message, category, *rest)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def _make_painter(job: Job, reporter: Reporter) -> Painter:
    from impasto.painting.painter import Painter

    with slow_files_told(reporter) as tell:
        if job.stored:
            painter = job.stored.painter(note=reporter.note, on_event=tell)
            facts = job.stored.state
            iterations = painter.octaves[facts.octave - 1].iterations
            reporter.note(
                f"Going on in octave {facts.octave} of {len(painter.octaves)} after iteration {facts.iteration} of "
                f"{iterations}, {facts.share:.0%} done."
            )
            return painter
        painter = Painter(job.content, job.styles, job.settings, plan=job.plan, on_event=tell)
    for text in (*job.remarks_on(painter.loaded.sha256, painter.precision), *painter.remarks):
        reporter.note(text)
    return painter


def _stage_keeper(job: Job) -> StageKeeper | None:
    """What keeps the stages, where they are asked for; those of an interrupted run are in it already."""
    from impasto.runs.sheets import StageKeeper

    if not job.outputs.stages:
        return None
    kept = kept_in(job.stored.description.attached).stages if job.stored else None
    return StageKeeper.restored(kept.labels, kept.last, job.stored.arrays()) if kept and job.stored else StageKeeper()


def _paint_and_save(
    job: Job,
    painter: Painter,
    reporter: Reporter,
    interrupts: Interrupts,
    stages: StageKeeper | None,
    writer: CheckpointWriter | None,
) -> int:
    painting, message = _paint(painter, reporter, stages, writer)
    interrupts.saving()
    # First, as it is all that the picture can be made from, and on a signal there may be little time.
    kept = _keep(writer, painter, painting) if writer and not painting.complete else None
    try:
        saved = {"picture": _save(painting, job.outputs, reporter)}
    except ImpastoError as error:
        say_error(str(error))
        kept = _keep(writer, painter, painting) if writer else None
        if kept:
            reporter.note(f"Nothing is lost: {resume_words(kept)} writes the picture, with -o to another place.")
        else:
            _save_elsewhere(painting, job.outputs.picture, reporter)
        return 1
    extras, failures = _save_extras(job, painter, painting, stages)
    if writer and not kept:
        writer.remove()
    if message:
        _tell_early_end(message, reporter, interrupts, kept)
    for failure in failures:
        say_error(failure)
    reporter.finished(Outcome(painting, message, saved | extras, kept))
    if interrupts.received is not None:
        return 128 + interrupts.received
    return 0 if painting.complete and not failures else 1


def _save(painting: Painting, outputs: Outputs, reporter: Reporter) -> Path:
    with slow_files_told(reporter) as tell:
        return painting.save(
            outputs.picture,
            force=outputs.force,
            on_progress=lambda share: tell(Writing(outputs.picture, share)),
        )


def _save_elsewhere(painting: Painting, picture: Path, reporter: Reporter) -> None:
    """Where another file has come to be in the picture's place, write the painting beside it."""
    if not picture.exists():
        return
    other = free_name(picture)
    try:
        painting.save(other)
    except ImpastoError:
        return  # as the complaint before said
    reporter.note(f"Nothing is lost: the picture is {shown(other)}.")


def _paint(
    painter: Painter, reporter: Reporter, stages: StageKeeper | None, writer: CheckpointWriter | None
) -> tuple[Painting, str]:
    """The painting, and why it ended early; empty where it did not.

    Raises:
        PaintingError: painting failed before there was anything to save.
    """
    try:
        with reporter:
            for event in painter:
                if isinstance(event, Finished):
                    return event.painting, event.message
                if writer is not None:
                    writer.see(event)
                reporter.tell(event)
                if stages is not None:
                    stages.see(event)
    except PaintingError as error:
        painting = painter.painting()
        if not any(math.isfinite(step.loss.total) for step in painting.history):
            raise
        return painting, str(error)
    raise AssertionError("a painter's last event is Finished")


def _keep(writer: CheckpointWriter, painter: Painter, painting: Painting) -> Path | None:
    """Write the last checkpoint of a run that is not over.

    Returns:
        Where a checkpoint is that the run can go on from; None where there is none, or no use in one.
    """
    writer.write_last()
    hopeless = not math.isfinite(painting.history[-1].loss.total)  # whoever goes on comes to the same
    return writer.slot.path if writer.slot and writer.slot.exists and not hopeless else None


def _tell_early_end(message: str, reporter: Reporter, interrupts: Interrupts, kept: Path | None) -> None:
    later = f"{resume_words(kept)} finishes it" if kept else "a later run may replace it"
    if interrupts.received is None:
        say_error(message)
        if kept:
            reporter.note(f"The picture is marked incomplete, and {later}.")
    else:
        reporter.note(f"{message} It is marked incomplete, and {later}.")


def _save_extras(
    job: Job, painter: Painter, painting: Painting, stages: StageKeeper | None
) -> tuple[dict[str, Path], list[str]]:
    """Write sheet, stages and history; the painting is safe by now, so that a failure of one spares the others.

    What has come to be in their places meanwhile is not replaced unless that was asked for.

    Returns:
        What was written, and a sentence for each failure.
    """
    from impasto.runs.plots import write_history
    from impasto.runs.sheets import side_by_side, tiled

    result = over_white(painting.array, painting.alpha)

    def write(name: str, path: Path) -> None:
        job.outputs.check_extra(name, job.inputs)
        if name == "history":
            write_history(path, painting.history, painter.octaves)
            return
        if name == "sheet":
            photo = [painter.content.pixels] if painter.content else []
            shown = tiled(result) if painting.settings.seamless else result
            pixels = side_by_side([*photo, *(style.pixels for style in painter.styles), shown])
        else:
            assert stages is not None
            pixels = stages.finish(result, complete=painting.complete)
        # With the record, so that a later run may replace the sheet of an interrupted one, too.
        write_picture(path, pixels, record=json.dumps(painting.record(path.absolute().parent)))

    return _each(write, {name: path for name, path in job.outputs.named.items() if name != "picture"})


def _each(write: Callable[[str, Path], None], files: dict[str, Path]) -> tuple[dict[str, Path], list[str]]:
    written: dict[str, Path] = {}
    failures: list[str] = []
    for name, path in files.items():
        try:
            write(name, path)
            written[name] = path.absolute()
        except (ImpastoError, MemoryError) as error:
            failures.append(str(error) or f"The memory ran out while the {name} was made.")
    return written, failures
