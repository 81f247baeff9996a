"""The record of a painting, shared by saved pictures, checkpoints and repeated paintings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from impasto.painting.octaves import Octave
from impasto.settings.fields import SMALLEST_TILE, Precision
from impasto.settings.making import make_settings
from impasto.settings.migrations import fill_missing_settings, migrate_unnamed_start
from impasto.settings.model import Settings
from impasto.settings.references import PATTERN, describe
from impasto.styles.lookup import style_name, style_paths

GRID = "grid"
"""Key in the record of a grid of paintings, which marks a picture that impasto made of other pictures."""

LIVE = "live"
"""Key in the record of a picture that shows a run while it paints."""

Name = Annotated[str, Field(pattern=PATTERN)]


def _text_or_none(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("should be text")
    return value


PathText = Annotated[Any, AfterValidator(_text_or_none)]
"""A path or None. The type is not ``str``, because pydantic rejects file names that are not valid text."""


class _Readable(Protocol):
    """A picture or mask that may have been read from a file."""

    @property
    def path(self) -> Path | None: ...
    @property
    def sha256(self) -> str | None: ...


@dataclass(frozen=True)
class Source:
    """A picture that goes into a painting.

    Attributes:
        path: file that it was read from; None for a picture from memory.
        sha256: hash of the file, or of the array.
        name: name of the style whose picture it is; None for other pictures.
        address: text that records hold in place of the path, such as the URL that the file is a copy of; None for the
            path itself.
    """

    path: Path | None
    sha256: str | None
    name: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, picture: _Readable) -> Source:
        """Return the source of a picture or mask."""
        return cls(picture.path, picture.sha256, style_name(picture.path))


class _Stored(BaseModel):
    # Later versions may store more.
    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredSource(_Stored):
    """A picture that goes into a painting, as records store it.

    Attributes:
        path: in a saved picture relative to its folder, in a checkpoint absolute, or a URL; None for a picture from
            memory, and for a style with a name.
        sha256: hash of the file, or of the array.
        name: name of the style, which finds the picture wherever impasto is installed; None for other pictures.
    """

    path: PathText = None
    sha256: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, source: Source, folder: Path | None = None) -> Self:
        """Convert a source.

        Args:
            source: the picture.
            folder: folder that the path is stored relative to, with forward slashes; None for absolute paths.
        """
        if source.name is not None:
            return cls(sha256=source.sha256, name=source.name)
        if source.address is not None:
            return cls(path=source.address, sha256=source.sha256)
        if source.path is None or folder is None:
            return cls(path=None if source.path is None else str(source.path), sha256=source.sha256)
        try:
            path = Path(os.path.relpath(source.path, folder))
        except ValueError:  # another drive on Windows
            path = source.path
        return cls(path=path.as_posix(), sha256=source.sha256)

    @property
    def label(self) -> str | None:
        """Name or path; None for a picture from memory."""
        return self.name or self.path

    def file(self, folder: Path | None = None) -> Path | None:
        """Return the path of the picture's file, which may be missing.

        Args:
            folder: folder that the path is relative to; None for an absolute path.

        Returns:
            None for a picture from memory, and for a name that no style has any more.
        """
        if self.name is not None:
            return style_paths().get(self.name)
        return None if self.path is None else Path(os.path.normpath((folder or Path()) / self.path))

    @model_serializer(mode="wrap")
    def _without_absent_name(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        return values if self.name is not None else {key: value for key, value in values.items() if key != "name"}


class StoredEncoder(_Stored):
    """The encoder of a painting.

    Attributes:
        name: name that :func:`impasto.encoders.loading.load_encoder` accepts from any folder.
        sha256: hash of its file.
    """

    name: str
    sha256: str


class StoredOctave(_Stored):
    """An octave; :class:`~impasto.painting.octaves.Octave` documents the fields."""

    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    iterations: Annotated[int, Field(ge=1)]
    tile: Annotated[int, Field(ge=SMALLEST_TILE)] | None = None
    history: Annotated[int, Field(ge=1)] | None = None
    method: Literal["adam", "lbfgs"] | None = None


class StoredChange(_Stored):
    """A change of settings while the picture was painted.

    Attributes:
        octave: number of the octave in which it took effect, from 1.
        iteration: number of finished iterations in that octave.
        settings: new values by name.
        stage: octave and iteration of the earlier stage that painting went back to; None if it went on from the
            present picture.
    """

    octave: int
    iteration: int
    settings: dict[str, Any]
    stage: tuple[int, int] | None = None


class Record(_Stored):
    """The record of a painting.

    Attributes:
        impasto: version of impasto.
        torch: version of PyTorch.
        complete: whether the run came to its end.
        settings: all settings by name.
        content: the photograph; None for a texture.
        styles: the paintings.
        named: the pictures that settings name, by the names of :mod:`impasto.settings.references`.
        encoder: name and hash of the encoder.
        plan: the octaves.
        precision: precision of the encoder; float32 in records of older versions.
        machine: kind of the hardware, as in ``cpu AVX2``; empty in records of older versions.
        seconds: seconds of painting.
        changes: changes of settings while it was painted, in their order; ``settings`` are the last ones.
    """

    impasto: str
    torch: str = ""
    complete: bool
    settings: dict[str, Any]
    content: StoredSource | None = None
    styles: list[StoredSource]
    named: dict[Name, StoredSource] = {}
    encoder: StoredEncoder
    plan: tuple[StoredOctave, ...] = ()
    precision: Precision = "float32"
    machine: str = ""
    seconds: float = 0.0
    changes: tuple[StoredChange, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _migrate(cls, values: Any) -> Any:
        return migrate_unnamed_start(fill_missing_settings(values), "init")

    @property
    def octaves(self) -> tuple[Octave, ...]:
        """The planned octaves."""
        return tuple(Octave(**dict(octave)) for octave in self.plan)

    @property
    def inputs(self) -> list[tuple[str, StoredSource]]:
        """All pictures with their descriptions; those that settings name follow in the order of their names."""
        photo = [("photograph", self.content)] if self.content else []
        named = [(describe(name), stored) for name, stored in sorted(self.named.items())]
        return [*photo, *(("style", style) for style in self.styles), *named]

    def make_settings(self) -> Settings:
        """Validate the stored settings.

        Raises:
            SettingsError: they do not fit this version.
        """
        return make_settings(**self.settings)

    def dump(self) -> dict[str, Any]:
        """Convert the record to JSON values; absent pictures, an unknown machine and no changes are left out."""
        absent = {name for name in ("content", "named", "machine", "changes") if not getattr(self, name)}
        return self.model_dump(mode="json", exclude=absent)
