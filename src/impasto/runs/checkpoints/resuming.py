"""Resuming: from a checkpoint to a painter that continues."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import ValidationError

from impasto.errors import CheckpointError
from impasto.files import shown
from impasto.painting.record import StoredSource
from impasto.painting.regions import named_masks
from impasto.painting.snapshot import RunState, Snapshot
from impasto.runs.checkpoints.container import DamagedError, Header, StoredTensors
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import FORMAT
from impasto.settings.model import Settings
from impasto.settings.references import describe, nest_names
from impasto.version import __version__

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.events import Event
    from impasto.painting.inputs import PictureLike
    from impasto.painting.painter import Painter


@dataclass(frozen=True)
class Description:
    """The validated description of a checkpoint.

    Attributes:
        state: state of the run.
        written: time of writing, in seconds since 1970.
        attached: data of the front end.
    """

    state: RunState
    written: float
    attached: dict[str, Any]


def read_description(header: Header, path: Path) -> Description:
    """Validate a description.

    Args:
        header: header of the checkpoint.
        path: its file, for the message.

    Raises:
        CheckpointError: another version wrote it, or it is inconsistent.
    """
    values = header.description
    if values.get("format") != FORMAT:
        raise CheckpointError(
            f"{shown(path)} is a checkpoint of format {values.get('format')}, and this version reads format {FORMAT}: "
            f"finish it with the version of impasto that began it."
        )
    try:
        state = RunState.model_validate(values.get("state") or values["facts"])  # older versions wrote "facts"
        state.make_settings()
        description = Description(state, float(values["written"]), dict(values["attached"]))
    except (ValidationError, ValueError, TypeError, KeyError):
        raise CheckpointError(
            f"The checkpoint {shown(path)} does not fit this version of impasto ({__version__}): finish it with the "
            f"version that began it."
        ) from None
    if state.octave > len(state.plan) or state.iteration > state.current.iterations:
        raise CheckpointError(f"The checkpoint {shown(path)} is inconsistent: paint anew.")
    return description


class StoredRun:
    """The newest intact checkpoint of a run, open and locked.

    Args:
        slot: place of the checkpoints.
        note: called with remarks for the user, such as that the newest checkpoint is damaged.

    Raises:
        CheckpointError: there is none, or it is damaged, in use, or of another version.
    """

    def __init__(self, slot: Slot, note: Callable[[str], None] = lambda _: None) -> None:
        if not slot.plausible:
            slot.open()  # raises
        slot.acquire()
        self.slot = slot
        self._file: BinaryIO | None = None
        try:
            self._file, header = slot.open(note)
            self.description = read_description(header, slot.path)
        except CheckpointError:
            self.close()
            raise
        self.tensors = StoredTensors(self._file, header)

    def close(self) -> None:
        """Close the file; the lock stays with the slot."""
        if self._file is not None:
            self._file.close()

    @property
    def state(self) -> RunState:
        """State of the run."""
        return self.description.state

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that the front end attached, by name."""
        prefix = "attached."
        return {n.removeprefix(prefix): self.tensors[n].numpy() for n in self.tensors if n.startswith(prefix)}

    def painter(
        self,
        content: PictureLike | None = None,
        styles: Sequence[PictureLike] = (),
        note: Callable[[str], None] = lambda _: None,
        on_event: Callable[[Event], None] | None = None,
        named: Mapping[str, PictureLike] | None = None,
    ) -> Painter:
        """Make a painter that continues from here.

        Args:
            content: the photograph, if it came from memory or has moved.
            styles: the paintings, likewise.
            note: called with remarks on differences that may change the picture.
            on_event: as for :class:`impasto.painting.painter.Painter`.
            named: masks and other pictures by the names of :mod:`~impasto.settings.references`, from memory or as they
                lie now.

        Raises:
            ImpastoError: as :class:`impasto.painting.painter.Painter`; or a picture that is missing or has changed.
        """
        import torch

        from impasto.painting.painter import Painter

        state = self.state
        photo = stored_path(state.content, "photograph") if content is None and state.content else content
        paintings = list(styles) or [stored_path(style, "style") for style in state.styles]
        remark = remark_on_versions(state, torch.__version__)
        if remark:
            note(remark)
        try:
            snapshot = Snapshot(state, self.tensors)
            settings = resumed_settings(state, named or {})
            return Painter(photo, paintings, settings, named=named, resumed=snapshot, on_event=on_event)
        except (DamagedError, KeyError, IndexError) as error:
            raise CheckpointError(f"The checkpoint {shown(self.slot.path)} is damaged ({error}): paint anew.") from None


def stored_path(stored: StoredSource, description: str) -> Path:
    """Return the path of a picture that a run began with.

    Args:
        stored: the picture.
        description: its role, for the message.

    Raises:
        CheckpointError: it came from memory, or no longer exists.
    """
    path = stored.file()
    if path is None and stored.name is not None:
        raise CheckpointError(
            f"The {description} {shown(stored.name)} is not among the styles any more: add it to resume."
        )
    if path is None:
        raise CheckpointError(
            f"The {description} came from a program's memory, not from a file: resume in Python, with "
            f"impasto.resume_painter."
        )
    if not path.is_file():
        raise CheckpointError(f"The {description} is no longer at {shown(path)}: restore it to resume.")
    return path


def resumed_settings(state: RunState, given: Container[str] = ()) -> Settings:
    """Make the settings of a run, with absolute paths of the files that they name.

    Args:
        state: state of the run.
        given: names of pictures that the caller provides.

    Raises:
        CheckpointError: a picture that they name no longer exists.
    """
    paths = {n: str(stored_path(stored, describe(n))) for n, stored in state.named.items() if n not in given}
    places = nest_names(paths) | {"encoder": state.encoder.name}
    return state.make_settings().model_copy(update=places)


def remark_on_versions(state: RunState, torch_version: str) -> str | None:
    """Return a sentence if other versions began the run, whose steps may round differently."""
    pairs = (("impasto", state.impasto, __version__), ("torch", state.torch, torch_version))
    changed = [f"{name} {then}, not {now}" for name, then, now in pairs if then != now]
    if not changed:
        return None
    return f"The run began with {' and '.join(changed)}, so the picture may differ a little from an uninterrupted one."


def resume_painter(
    path: str | os.PathLike[str],
    content: PictureLike | None = None,
    style: PictureLike | Sequence[PictureLike] | None = None,
    *,
    masks: Mapping[int, PictureLike] | None = None,
    style_masks: Mapping[int, PictureLike] | None = None,
    protect: PictureLike | None = None,
) -> Painter:
    """Make a painter that continues from a checkpoint; iterate over it for each step.

    On the same machine and with the same version of PyTorch its picture is, bit for bit, that of an uninterrupted run.
    It writes no checkpoints of its own; :class:`impasto.CheckpointWriter` can, to the same file too.

    Args:
        path: file of the checkpoint.
        content: the photograph, if it came from memory; its hash must be unchanged.
        style: the painting or a list of them, likewise.
        masks: masks of the styles by number, likewise.
        style_masks: masks within the paintings by number, likewise.
        protect: mask of the protected part, likewise.

    Raises:
        CheckpointError: there is no intact checkpoint, it is in use, or a picture is missing or has changed.
        ImpastoError: another reason prevents the run from continuing.
    """
    slot = Slot(path)
    try:
        run = StoredRun(slot, _warn)
        try:
            styles = [] if style is None else list(style) if isinstance(style, list | tuple) else [style]
            named = named_masks(masks or {}, style_masks or {}, protect)
            return run.painter(content, styles, _warn, named=named)  # type: ignore[arg-type]
        finally:
            run.close()
    finally:
        slot.release()


def _warn(text: str) -> None:
    import warnings

    from impasto.runs.checkpoints.writer import CheckpointWarning

    warnings.warn(text, CheckpointWarning, stacklevel=4)
