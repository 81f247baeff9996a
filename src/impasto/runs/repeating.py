"""Painting a picture again from the record that is stored in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import PictureError, SettingsError
from impasto.files import shown
from impasto.painting.octaves import Octave
from impasto.painting.record import GRID, Record, StoredSource
from impasto.pictures import open_picture, read_record
from impasto.settings.fields import Precision
from impasto.settings.making import change_settings, make_settings
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings
from impasto.settings.presets import texture_values
from impasto.settings.references import describe, keyword_of, split_name
from impasto.version import __version__


@dataclass(frozen=True)
class Repeat:
    """Everything that it takes to paint a picture again.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the paintings.
        settings: the stored ones with the changes.
        record: as it was stored.
        plan: the stored octaves; none where the changes ask for another size, memory or tile.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    record: Record
    plan: tuple[Octave, ...] = ()

    def remarks_on(self, sha256: str, precision: Precision) -> tuple[str, ...]:
        """A sentence for whatever is not as it was when the stored picture was painted, though no setting says so.

        Args:
            sha256: of the encoder's file at hand.
            precision: that it will compute in.
        """
        found = []
        if sha256 != self.record.encoder.sha256:
            found.append("The encoder is not the one that the picture was painted with, so the painting will differ.")
        if precision != self.record.precision and self.settings.precision == "auto":
            found.append(
                f"The picture was painted in {self.record.precision}, and this machine paints in {precision}, so the "
                f"painting will differ a little: --precision {self.record.precision} paints it as it was."
            )
        return tuple(found)


def stored_text(path: str | os.PathLike[str]) -> str:
    """The record in a picture, as it was stored.

    Raises:
        PictureError: there is no such picture, or no record in it.
    """
    text = read_record(path)
    if text is None:
        raise PictureError(
            f"{shown(path)} holds no record: impasto did not paint it, or another program has saved it anew since."
        )
    return text


def stored_record(path: str | os.PathLike[str]) -> Record:
    """The record in a picture.

    Raises:
        PictureError: there is no such picture, no record in it, a damaged one, or that of a grid.
    """
    try:
        # By Python's own reader, as the paths in it may be no valid text, which pydantic's refuses.
        values = json.loads(stored_text(path))
        if isinstance(values, dict) and GRID in values:
            raise PictureError(f"{shown(path)} is a grid of paintings: name one of them.")
        return Record.model_validate(values)
    except (ValueError, RecursionError):
        raise PictureError(f"The record in {shown(path)} is damaged, so it cannot be read.") from None


def prepare(
    path: str | os.PathLike[str],
    *,
    content: str | os.PathLike[str] | None = None,
    styles: Sequence[str | os.PathLike[str]] = (),
    changes: Mapping[str, Any] | None = None,
) -> Repeat:
    """Find what a painted picture was made from.

    Args:
        path: the painted picture.
        content: a photograph in place of the stored one.
        styles: paintings in place of all the stored ones.
        changes: settings in place of the stored ones, nested as in :meth:`impasto.settings.model.Settings.changed`.

    Raises:
        PictureError: no picture, no record, a source that is missing or has changed since, or a photograph for a
            texture.
        SettingsError: the stored settings do not fit this version, or the changes are not valid.
    """
    record = stored_record(path)
    folder = Path(path).absolute().parent
    if record.content is None and content is not None:
        raise PictureError(f"{shown(path)} is a texture, which has no photograph: leave out --content.")
    changes = _resolved(changes or {}, record, folder)
    return Repeat(
        content=_photograph(record, folder) if content is None else Path(content),
        styles=tuple(map(Path, styles)) or tuple(_found(s, folder, "style", "--style") for s in record.styles),
        settings=change_settings(_stored_settings(record, path), **changes),
        record=record,
        plan=() if {"size", "memory", "tile"} & set(changes) else tuple(Octave(**dict(o)) for o in record.plan),
    )


def _photograph(record: Record, folder: Path) -> Path | None:
    return None if record.content is None else _found(record.content, folder, "photograph", "--content")


def free_name(path: Path) -> Path:
    """``FILE-again.png`` for ``FILE.png``; where that exists ``FILE-again-2.png`` and so on."""
    number = 1
    while True:
        name = path.with_name(f"{path.stem}-again{f'-{number}' if number > 1 else ''}{path.suffix}")
        if not os.path.lexists(name):
            return name
        number += 1


def _stored_settings(record: Record, path: str | os.PathLike[str]) -> Settings:
    try:
        return make_settings(**record.settings)
    except SettingsError as error:
        raise SettingsError(
            f"The settings in {shown(path)}, painted by impasto {record.impasto}, do not fit this version "
            f"({__version__}). {error}"
        ) from None


def _resolved(changes: Mapping[str, Any], record: Record, folder: Path) -> dict[str, Any]:
    """The changes, with what makes room for them and with the places where the stored files are now."""
    result = dict(changes)
    # The strength and the raw weights exclude each other, so a new one of them puts out the stored others.
    raw = ("content_weight", "style_weight")
    if result.get("strength") is not None:
        result = dict.fromkeys(raw) | result
    elif any(result.get(name) is not None for name in raw):
        result = {"strength": None} | result
    if record.content is None and "preset" in result:
        result = deep_merge(texture_values(result["preset"]), result)
    for name, source in record.named.items():
        setting, number = split_name(name)
        if _leaves(changes, setting, number):
            place = str(_found(source, folder, describe(name), keyword_of(name)))
            result[setting] = place if number is None else {number: place} | dict(result.get(setting, {}))
    if "encoder" not in result and record.encoder.name != "builtin":
        result["encoder"] = record.encoder.name  # an absolute path, which the stored setting need not be
    return result


def _leaves(changes: Mapping[str, Any], setting: str, number: int | None) -> bool:
    """Whether changes leave the picture that a setting names, for the style of that number, as it was."""
    if number is None or setting not in changes:
        return setting not in changes
    return isinstance(changes[setting], Mapping) and str(number) not in map(str, changes[setting])


def _found(source: StoredSource, folder: Path, what: str, option: str) -> Path:
    """The path of a stored source, once it is sure that it is still the same."""
    if source.path is None:
        raise PictureError(f"The {what} came from a program's memory, not from a file: name a file with {option}.")
    path = Path(os.path.normpath(folder / source.path))
    if not path.is_file():
        raise PictureError(f"The {what} is not at {shown(path)} any more: name it with {option}.")
    with open_picture(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if source.sha256 is not None and digest != source.sha256:
        raise PictureError(
            f"The {what} {shown(path)} has changed since: to paint from it as it is now, name it with {option}."
        )
    return path
