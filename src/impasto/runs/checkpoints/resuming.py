"""From a checkpoint to a painter that goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import ValidationError

from impasto.errors import CheckpointError
from impasto.files import shown
from impasto.painting.regions import named_masks
from impasto.painting.snapshot import Facts, Snapshot, StoredInput
from impasto.runs.checkpoints.files import DamagedError, Header, StoredTensors
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.checkpoints.writer import FORMAT
from impasto.settings.model import Settings
from impasto.settings.references import as_settings, described
from impasto.version import __version__

if TYPE_CHECKING:
    import numpy as np

    from impasto.painting.events import Event
    from impasto.painting.inputs import PictureLike
    from impasto.painting.painter import Painter


@dataclass(frozen=True)
class Description:
    """The description of a checkpoint, understood.

    Attributes:
        facts: about the run.
        written: when, in seconds since 1970.
        attached: what a face keeps for itself.
    """

    facts: Facts
    written: float
    attached: dict[str, Any]


def read_description(header: Header, path: Path) -> Description:
    """Understand a description.

    Args:
        header: of the checkpoint.
        path: its file, for the sentence.

    Raises:
        CheckpointError: it was written by another version, or makes no sense.
    """
    values = header.description
    if values.get("format") != FORMAT:
        raise CheckpointError(
            f"{shown(path)} is a checkpoint of another format ({values.get('format')}, this version knows {FORMAT}): "
            f"finish it with the version of impasto that began it."
        )
    try:
        facts = Facts.model_validate(values["facts"])
        described = Description(facts, float(values["written"]), dict(values["attached"]))
    except (ValidationError, ValueError, TypeError, KeyError):
        raise CheckpointError(
            f"The checkpoint {shown(path)} does not fit this version of impasto ({__version__}): finish it with the "
            f"version that began it."
        ) from None
    if facts.octave > len(facts.octaves) or facts.iteration > facts.plan[facts.octave - 1].iterations:
        raise CheckpointError(f"The checkpoint {shown(path)} makes no sense: paint anew.")
    return described


class StoredRun:
    """A run's newest sound checkpoint, open and locked. A context, which lets both go.

    Args:
        slot: where it is.
        note: is told what the user should know: that the last checkpoint is damaged, or that another PyTorch painted.

    Raises:
        CheckpointError: there is none, it is damaged, in use, or of another version.
    """

    def __init__(self, slot: Slot, note: Callable[[str], None] = lambda _: None) -> None:
        if not slot.plausible:
            slot.open()  # refuses
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
    def facts(self) -> Facts:
        """About the run."""
        return self.description.facts

    def arrays(self) -> dict[str, np.ndarray]:
        """What a face attached, by name."""
        prefix = "attached."
        return {n.removeprefix(prefix): self.tensors[n].numpy() for n in self.tensors if n.startswith(prefix)}

    def painter(
        self,
        content: PictureLike | None = None,
        styles: Sequence[PictureLike] = (),
        note: Callable[[str], None] = lambda _: None,
        tell: Callable[[Event], None] | None = None,
        named: Mapping[str, PictureLike] | None = None,
    ) -> Painter:
        """A painter that goes on from here.

        Args:
            content: the photograph, where it came from memory or lies elsewhere now.
            styles: the paintings, likewise.
            note: is told of what may keep the picture from being the same, bit for bit.
            tell: as for :class:`impasto.painting.painter.Painter`.
            named: masks and other pictures by the names of :mod:`~impasto.settings.references`, from memory or as they
                lie now.

        Raises:
            ImpastoError: as :class:`impasto.painting.painter.Painter`; or a picture that is missing or has changed.
        """
        import torch

        from impasto.painting.painter import Painter

        facts = self.facts
        photo = stored_path(facts.content, "photograph") if content is None and facts.content else content
        paintings = list(styles) or [stored_path(style, "style") for style in facts.styles]
        remark = remark_on_versions(facts, torch.__version__)
        if remark:
            note(remark)
        try:
            snapshot = Snapshot(facts, self.tensors)
            settings = settings_of(facts, named or {})
            return Painter(photo, paintings, settings, named=named, resumed=snapshot, tell=tell)
        except (DamagedError, KeyError, IndexError) as error:
            raise CheckpointError(f"The checkpoint {shown(self.slot.path)} is damaged ({error}): paint anew.") from None


def stored_path(stored: StoredInput, what: str) -> Path:
    """The path of a picture that a run began with.

    Raises:
        CheckpointError: it came from memory, or is not there any more.
    """
    if stored.path is None:
        raise CheckpointError(
            f"The {what} came from a program's memory, not from a file: resume in Python, with impasto.resume_painter."
        )
    path = Path(stored.path)
    if not path.is_file():
        raise CheckpointError(f"The {what} is not at {shown(path)} any more: put it back to resume.")
    return path


def settings_of(facts: Facts, given: Container[str] = ()) -> Settings:
    """A run's settings, with the files that they name where they are, whatever the current folder.

    Args:
        facts: of the run.
        given: names of pictures that are at hand.

    Raises:
        CheckpointError: a picture that they name is not there any more.
    """
    paths = {n: str(stored_path(stored, described(n))) for n, stored in facts.named.items() if n not in given}
    places = as_settings(paths) | {"encoder": facts.encoder.name}
    return facts.settings.model_copy(update=places)


def remark_on_versions(facts: Facts, torch_version: str) -> str | None:
    """A sentence where other versions began the run than are at hand: the same steps may round differently."""
    pairs = (("impasto", facts.impasto, __version__), ("torch", facts.torch, torch_version))
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
    """A painter that goes on from a checkpoint; iterate over it for each step.

    On the same machine and with the same version of PyTorch it comes to the picture, bit for bit, that the interrupted
    painter would have come to. It writes no checkpoints of its own: :class:`impasto.CheckpointWriter` does, to the same
    file if so wanted.

    Args:
        path: the checkpoint's file.
        content: the photograph, where it came from memory; its hash must be the old one.
        style: the painting or the list of them, likewise.
        masks: of the styles, by number, likewise.
        style_masks: in the paintings, by number, likewise.
        protect: the mask of what is protected, likewise.

    Raises:
        CheckpointError: there is no sound checkpoint, it is in use, or a picture is missing or has changed.
        ImpastoError: whatever else keeps the run from going on.
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
