"""The result of a run: the picture, the settings that made it, and how the loss fell."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.engine.loss import Loss
from impasto.painting.octaves import Octave
from impasto.painting.regions import Mask
from impasto.pictures import Picture, Progress, Provenance, check_output, write_picture
from impasto.settings.fields import Precision
from impasto.settings.model import Settings
from impasto.version import __version__


@dataclass(frozen=True)
class Source:
    """A picture that went into a painting.

    Attributes:
        path: where it was read; None for a picture that came from memory.
        sha256: of the file, or of the array.
    """

    path: Path | None
    sha256: str | None

    @classmethod
    def of(cls, picture: Picture | Mask) -> Source:
        """The source that a picture or mask was read from."""
        return cls(picture.path, picture.sha256)

    def record(self, folder: Path) -> dict[str, Any]:
        """As saved pictures hold it: the path relative to the saved picture's folder, with forward slashes."""
        if self.path is None:
            return {"path": None, "sha256": self.sha256}
        try:
            path = Path(os.path.relpath(self.path, folder)).as_posix()
        except ValueError:  # another drive on Windows
            path = self.path.as_posix()
        return {"path": path, "sha256": self.sha256}


@dataclass(frozen=True)
class Step:
    """One evaluation of the loss, for the history.

    Attributes:
        octave: from 1.
        iteration: within the octave, from 1.
        loss: its terms.
        seconds: since painting began.
    """

    octave: int
    iteration: int
    loss: Loss
    seconds: float


@dataclass(frozen=True)
class Painting:
    """A painted picture.

    Attributes:
        array: H×W×3 float32 in [0, 1], sRGB; of a transparent picture its colours as they are without paper below.
        alpha: H×W float32 in [0, 1], the content's; None where it is opaque.
        settings: what it was painted with.
        history: every evaluation of the loss.
        content: the photograph; None for a texture.
        styles: the paintings.
        named: the pictures that the settings name, as :mod:`impasto.settings.references` spells them.
        encoder: name and SHA-256 of the encoder.
        provenance: copyright, date and resolution of the photograph.
        octaves: sizes, tiles and methods.
        complete: whether the run came to its end.
        seconds: that painting took.
        precision: what the encoder computed in.
    """

    array: np.ndarray
    settings: Settings
    history: Sequence[Step]
    content: Source | None
    styles: Sequence[Source]
    encoder: dict[str, str]
    alpha: np.ndarray | None = None
    named: Mapping[str, Source] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    octaves: Sequence[Octave] = ()
    complete: bool = True
    seconds: float = 0.0
    precision: Precision = "float32"

    @cached_property
    def image(self) -> Image.Image:
        """The picture as a PIL image of 8 bits, RGB or RGBA."""
        channels = self.array if self.alpha is None else np.dstack([self.array, self.alpha])
        return Image.fromarray((channels * 255 + 0.5).astype(np.uint8))

    def record(self, folder: Path) -> dict[str, Any]:
        """What a saved picture tells of its making; :mod:`impasto.runs.repeating` reads it.

        Args:
            folder: of the saved picture, which the sources' paths are relative to.
        """
        import torch

        return {
            "impasto": __version__,
            "torch": torch.__version__,
            "complete": self.complete,
            "settings": self.settings.model_dump(mode="json", exclude_none=True),
            **({"content": self.content.record(folder)} if self.content else {}),
            "styles": [style.record(folder) for style in self.styles],
            **({"named": {name: source.record(folder) for name, source in self.named.items()}} if self.named else {}),
            "encoder": self.encoder,
            "plan": [octave._asdict() for octave in self.octaves],
            "precision": self.precision,
            "seconds": round(self.seconds, 2),
        }

    def save(self, path: str | os.PathLike[str], *, force: bool = False, on_progress: Progress | None = None) -> Path:
        """Write the picture with its settings inside, atomically.

        Args:
            path: PNG, JPEG, WebP or TIFF by suffix.
            force: replace a file that exists.
            on_progress: is told the share that is written, perhaps on another thread.

        Returns:
            The absolute path.

        Raises:
            PictureError: the file exists, cannot be written, or its format cannot hold the depth or size.
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
            record=json.dumps(self.record(path.parent)),
            on_progress=on_progress,
        )
        return path

    def _repr_png_(self) -> bytes:
        """The picture itself, in a notebook."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG")
        return buffer.getvalue()
