"""The record of a painting: its settings, sources, encoder and plan."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.settings.fields import LEAST_TILE, Precision
from impasto.settings.migrations import fill_missing_settings, migrate_unnamed_start
from impasto.settings.references import PATTERN


class _Model(BaseModel):
    # Later versions may store more.
    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredSource(_Model):
    """A picture that went into a painting.

    Attributes:
        path: relative to the painted picture's folder; None for a picture that came from memory.
        sha256: of the file.
    """

    path: str | None = None
    sha256: str | None = None


class StoredEncoder(_Model):
    """The encoder.

    Attributes:
        name: ``builtin`` or a path.
        sha256: of its file.
    """

    name: str
    sha256: str


class StoredOctave(_Model):
    """An octave as it was painted, as :class:`impasto.painting.octaves.Octave` documents it."""

    height: int
    width: int
    iterations: int
    tile: Annotated[int, Field(ge=LEAST_TILE)] | None = None
    history: Annotated[int, Field(ge=1)] | None = None
    method: Literal["adam", "lbfgs"] | None = None


GRID = "grid"
"""Name in the record of a grid of paintings, which tells that impasto made it and nothing else."""


Name = Annotated[str, Field(pattern=PATTERN)]


class Record(_Model):
    """What a painted picture tells of its making, as :meth:`impasto.painting.result.Painting.record` stores it.

    Attributes:
        impasto: the version that painted it.
        torch: PyTorch's version.
        complete: whether the run came to its end.
        settings: all of them, by name.
        content: the photograph; None behind a texture.
        styles: the paintings.
        named: the pictures that settings name, as :mod:`impasto.settings.references` spells them.
        encoder: name and hash.
        plan: the octaves.
        precision: what the encoder computed in.
        seconds: that painting took.
    """

    impasto: str
    torch: str = ""
    complete: bool
    settings: dict[str, Any]
    content: StoredSource | None = None
    styles: list[StoredSource]
    named: dict[Name, StoredSource] = {}
    encoder: StoredEncoder
    plan: list[StoredOctave] = []
    precision: Precision = "float32"  # as it was where none is stored
    seconds: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _of_once(cls, values: Any) -> Any:
        return migrate_unnamed_start(fill_missing_settings(values), "init")
