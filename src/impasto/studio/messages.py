"""Messages between the server and the processes that paint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from impasto.settings.model import Settings
from impasto.studio.job_files import CHECKPOINT


@dataclass(frozen=True)
class Steering:
    """Order to paint on with other settings.

    Attributes:
        settings: settings, of which the steerable ones count.
        stage: file of the stage to go back to; None to go on from the present picture.
        number: number of that stage.
    """

    settings: Settings
    stage: Path | None = None
    number: int | None = None


@dataclass(frozen=True)
class PaintOrder:
    """A job for a new process.

    Attributes:
        content: photograph; None for a texture.
        styles: style pictures.
        settings: settings of the painting.
        output: file of the painting.
        folder: folder of checkpoint, previews and stages.
        resumes: whether to go on from the checkpoint in the folder.
        steering: change to begin with; None to begin as it is.
        first_stage: number of the next stage.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    output: Path
    folder: Path
    resumes: bool
    steering: Steering | None
    first_stage: int

    @property
    def checkpoint(self) -> Path:
        """File of the checkpoint."""
        return self.folder / CHECKPOINT


@dataclass(frozen=True)
class Progressed:
    """Iterations have ended.

    Attributes:
        progress: values of :class:`~impasto.studio.models.Progress`.
        losses: rows of :class:`~impasto.studio.models.Losses` since the last message.
    """

    progress: dict[str, Any]
    losses: list[tuple[float, ...]]


@dataclass(frozen=True)
class Previewed:
    """The file ``preview.jpg`` is new."""

    width: int
    height: int


@dataclass(frozen=True)
class StageKept:
    """A stage was written.

    Attributes:
        number: its number.
        octave: its octave, from 1.
        iteration: finished iterations in the octave.
        share: completed share of the painting.
        reason: whether an octave ended, or settings changed.
    """

    number: int
    octave: int
    iteration: int
    share: float
    reason: Literal["octave", "change"]


@dataclass(frozen=True)
class SteeringApplied:
    """A change took effect.

    Attributes:
        octave: octave in which it did, from 1.
        iteration: finished iterations in that octave.
        names: names of the settings that changed.
        stage: number of the stage that painting went back to; None for the present picture.
    """

    octave: int
    iteration: int
    names: tuple[str, ...]
    stage: int | None


@dataclass(frozen=True)
class SteeringRefused:
    """A change was refused; painting goes on as before.

    Attributes:
        reason: why, in one sentence.
    """

    reason: str


@dataclass(frozen=True)
class Noted:
    """A remark for the user, in one sentence."""

    text: str


@dataclass(frozen=True)
class JobEnded:
    """The last message of a job.

    Attributes:
        state: how it ended.
        message: why, in one sentence; empty for a complete painting.
        width: width of the painting that was written; 0 if none was.
        height: its height.
        seconds: seconds of painting.
    """

    state: Literal["finished", "stopped", "failed"]
    message: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0


JobMessage = Progressed | Previewed | StageKept | SteeringApplied | SteeringRefused | Noted | JobEnded


@dataclass(frozen=True)
class PreviewOrder:
    """An instant preview to paint.

    Attributes:
        number: number of the order; a newer one ends an older one.
        content: photograph; None for a texture.
        styles: style pictures.
        settings: settings, with the preview's size and preset.
    """

    number: int
    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings


@dataclass(frozen=True)
class PreviewPainted:
    """An answer to a :class:`PreviewOrder`.

    Attributes:
        number: number of the order.
        data: JPEG file; None if a newer order came, or painting failed.
        message: why painting failed, in one sentence.
    """

    number: int
    data: bytes | None
    message: str = ""
