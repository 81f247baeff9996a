"""One painting from the pictures to the saved files."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.faces import Face, Outcome
from impasto.cli.interrupts import Interrupts
from impasto.cli.outputs import Outputs
from impasto.cli.slow_files import slow_files_told
from impasto.cli.streams import say_error
from impasto.errors import ImpastoError, PaintingError
from impasto.events import Finished, Writing
from impasto.pictures import PictureWarning, write_picture
from impasto.pictures.files import opened
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.painter import Painter
    from impasto.painting import Painting
    from impasto.sheets import StageKeeper


@dataclass(frozen=True)
class Job:
    """What is to be painted and where to.

    Attributes:
        content: path of the photograph.
        styles: paths of the paintings.
        settings: how to paint.
        outputs: what to write.
        expect_encoder: given the hash of the encoder at hand, a remark on it or None.
    """

    content: Path
    styles: tuple[Path, ...]
    settings: Settings
    outputs: Outputs
    expect_encoder: Callable[[str], str | None] = lambda _: None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All pictures that are read."""
        init = self.settings.init
        start = () if init in ("content", "noise") else (Path(init).expanduser(),)
        return (self.content, *self.styles, *start)

    def check(self) -> None:
        """Refuse what can be refused without PyTorch, whose import takes a while.

        Raises:
            PictureError: an input that cannot be opened, or an output that could not be written.
        """
        for path in self.inputs:
            with opened(path):
                pass
        size = self.settings.size
        self.outputs.check(self.inputs, self.settings.depth, None if size == "original" else size)


def run_job(job: Job, face: Face, interrupts: Interrupts) -> int:
    """Paint and save.

    Args:
        job: what and where to.
        face: which is told.
        interrupts: the signals' handlers, which end the painting.

    Returns:
        The exit code: 0 complete, 1 saved incomplete or without all that was asked for, 128 + n ended by signal n.

    Raises:
        ImpastoError: refused; nothing was written.
    """
    job.check()
    with _warnings_told(face):
        painter = _make_painter(job, face)

        def stop() -> None:
            painter.stop()
            face.stopping()

        with interrupts.painting(stop):
            return _paint_and_save(job, painter, face, interrupts)


@contextmanager
def _warnings_told(face: Face) -> Iterator[None]:
    """What is said of a picture becomes a note; all other warnings go their ordinary way."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PictureWarning)
        ordinary = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, PictureWarning):
                face.note(str(message))
            else:
                ordinary(message, category, *rest)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def _make_painter(job: Job, face: Face) -> Painter:
    from impasto.painter import Painter

    with slow_files_told(face) as tell:
        painter = Painter(job.content, job.styles, job.settings, tell=tell)
    # With "original" nobody knew the size before.
    job.outputs.check(job.inputs, job.settings.depth, max(painter.octaves[-1][:2]))
    remark = job.expect_encoder(painter.loaded.sha256)
    if remark:
        face.note(remark)
    return painter


def _paint_and_save(job: Job, painter: Painter, face: Face, interrupts: Interrupts) -> int:
    from impasto.sheets import StageKeeper

    stages = StageKeeper() if job.outputs.stages else None
    painting, message = _paint(painter, face, stages)
    interrupts.saving()
    try:
        saved = {"picture": _save(painting, job.outputs, face)}
    except ImpastoError as error:
        say_error(str(error))
        return 1
    extras, failures = _save_extras(job.outputs, painter, painting, stages)
    if message:
        _tell_early_end(message, face, interrupts)
    for failure in failures:
        say_error(failure)
    face.finished(Outcome(painting, message, saved | extras))
    if interrupts.received is not None:
        return 128 + interrupts.received
    return 0 if painting.complete and not failures else 1


def _save(painting: Painting, outputs: Outputs, face: Face) -> Path:
    with slow_files_told(face) as tell:
        return painting.save(
            outputs.picture,
            force=outputs.force,
            on_progress=lambda share: tell(Writing(outputs.picture, share)),
        )


def _paint(painter: Painter, face: Face, stages: StageKeeper | None) -> tuple[Painting, str]:
    """The painting, and why it ended early; empty where it did not.

    Raises:
        PaintingError: painting failed before there was anything to save.
    """
    try:
        with face:
            for event in painter:
                if isinstance(event, Finished):
                    return event.painting, event.message
                face.tell(event)
                if stages is not None:
                    stages.see(event)
    except PaintingError as error:
        painting = painter.painting()
        if not any(math.isfinite(step.loss.total) for step in painting.history):
            raise
        return painting, str(error)
    raise AssertionError("a painter's last event is Finished")


def _tell_early_end(message: str, face: Face, interrupts: Interrupts) -> None:
    if interrupts.received is None:
        say_error(message)
    else:
        face.note(f"{message} It is marked incomplete, and a later run may replace it.")


def _save_extras(
    outputs: Outputs, painter: Painter, painting: Painting, stages: StageKeeper | None
) -> tuple[dict[str, Path], list[str]]:
    """Write sheet, stages and history; the painting is safe by now, so that a failure of one spares the others.

    Returns:
        What was written, and a sentence for each failure.
    """
    from impasto.plots import write_history
    from impasto.sheets import over_white, side_by_side

    result = over_white(painting.array, painting.alpha)

    def write(path: Path) -> None:
        if path == outputs.history:
            write_history(path, painting.history, painter.octaves)
            return
        if path == outputs.sheet:
            pixels = side_by_side([painter.content.pixels, *(style.pixels for style in painter.styles), result])
        else:
            assert stages is not None
            pixels = stages.finish(result, complete=painting.complete)
        # With the record, so that a later run may replace the sheet of an interrupted one, too.
        write_picture(path, pixels, record=json.dumps(painting.record(path.absolute().parent)))

    return _each(write, {name: path for name, path in outputs.named.items() if name != "picture"})


def _each(write: Callable[[Path], None], files: dict[str, Path]) -> tuple[dict[str, Path], list[str]]:
    written: dict[str, Path] = {}
    failures: list[str] = []
    for name, path in files.items():
        try:
            write(path)
            written[name] = path.absolute()
        except (ImpastoError, MemoryError) as error:
            failures.append(str(error) or f"The memory ran out while the {name} was made.")
    return written, failures
