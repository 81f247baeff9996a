"""The result of a run: the picture, its settings, and the history of its loss."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.files import shown
from impasto.painting.history import Step
from impasto.painting.octaves import Octave
from impasto.painting.record import Record, Source, StoredChange, StoredEncoder, StoredOctave, StoredSource
from impasto.pictures import ProgressCallback, Provenance, check_output, write_picture
from impasto.settings.fields import Precision
from impasto.settings.model import Settings
from impasto.version import __version__


@dataclass(frozen=True)
class Painting:
    """A painted picture.

    Attributes:
        array: H×W×3 float32 in [0, 1], sRGB; straight colours, not composited, if the picture is transparent.
        alpha: H×W float32 in [0, 1], that of the content; None if it is opaque.
        settings: settings of the run.
        history: every evaluation of the loss.
        content: the photograph; None for a texture.
        styles: the paintings.
        named: the pictures that the settings name, by the names of :mod:`impasto.settings.references`.
        encoder: name and SHA-256 of the encoder.
        provenance: copyright, date and resolution of the photograph.
        octaves: sizes, tiles and methods.
        complete: whether the run came to its end.
        seconds: seconds of painting.
        precision: precision of the encoder.
        machine: kind of the hardware, see :attr:`impasto.painting.machine.Machine.kind`; empty if unknown.
        changes: changes of settings while it was painted.
    """

    array: np.ndarray
    settings: Settings
    history: Sequence[Step]
    content: Source | None
    styles: Sequence[Source]
    encoder: StoredEncoder
    alpha: np.ndarray | None = None
    named: Mapping[str, Source] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    octaves: Sequence[Octave] = ()
    complete: bool = True
    seconds: float = 0.0
    precision: Precision = "float32"
    machine: str = ""
    changes: Sequence[StoredChange] = ()

    def __repr__(self) -> str:
        """Return size, sources and state on one line."""
        height, width = self.array.shape[:2]
        styles = " + ".join(_name(style) for style in self.styles)
        what = f"{_name(self.content)} as {styles}" if self.content else f"texture of {styles}"
        return f"<Painting {width}×{height} px, {what}{'' if self.complete else ', incomplete'}>"

    @cached_property
    def image(self) -> Image.Image:
        """The picture as a PIL image of 8 bits, RGB or RGBA."""
        channels = self.array if self.alpha is None else np.dstack([self.array, self.alpha])
        return Image.fromarray((channels * 255 + 0.5).astype(np.uint8))

    def record(self, folder: Path | None) -> dict[str, Any]:
        """Return the record of a saved picture, as JSON values.

        Args:
            folder: folder of the saved picture, which the sources' paths are relative to; None for absolute paths.
        """

        def stored(source: Source) -> StoredSource:
            return StoredSource.of(source, folder)

        return Record(
            impasto=__version__,
            torch=_torch_version(),
            complete=self.complete,
            settings=self.settings.model_dump(mode="json", exclude_none=True),
            content=stored(self.content) if self.content else None,
            styles=[stored(style) for style in self.styles],
            named={name: stored(source) for name, source in self.named.items()},
            encoder=self.encoder,
            plan=tuple(StoredOctave(**octave._asdict()) for octave in self.octaves),
            precision=self.precision,
            machine=self.machine,
            seconds=round(self.seconds, 2),
            changes=tuple(self.changes),
        ).dump()

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = True,
        absolute_sources: bool = False,
        on_progress: ProgressCallback | None = None,
    ) -> Path:
        """Write the picture with its settings inside, atomically.

        Args:
            path: PNG, JPEG, WebP or TIFF by suffix.
            force: whether to replace an existing file. None of the pictures that it was painted from is ever replaced.
            absolute_sources: whether the record names the sources by absolute paths, as for a file that is passed on.
            on_progress: called with the written share in [0, 1], perhaps on another thread.

        Returns:
            The absolute path.

        Raises:
            PictureError: the file may not be replaced or cannot be written, or its format cannot hold the depth or
                size.
        """
        path = Path(path).absolute()
        sources = (self.content, *self.styles, *self.named.values())
        inputs = [source.path for source in sources if source is not None and source.path is not None]
        depth = self.settings.depth
        check_output(path, force=force, depth=depth, inputs=inputs, size=self.array.shape[:2])
        write_picture(
            path,
            self.array,
            alpha=self.alpha,
            depth=depth,
            provenance=self.provenance,
            record=json.dumps(self.record(None if absolute_sources else path.parent)),
            on_progress=on_progress,
        )
        return path

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG")
        return buffer.getvalue()


def _name(source: Source) -> str:
    return source.name or (shown(source.path.name) if source.path else "from memory")


def _torch_version() -> str:
    """Return PyTorch's version without importing it; empty if it is not installed."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return str(torch.__version__)
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""
