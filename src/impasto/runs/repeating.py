"""Read the record in a painted picture, and prepare to paint the picture again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import PictureError, SettingsError
from impasto.files import fitting_name, shown
from impasto.painting.octaves import EarlierPlan
from impasto.painting.record import GRID, LIVE, Record, StoredSource
from impasto.pictures import open_picture, read_record
from impasto.runs.growing import choose_growth
from impasto.settings.fields import Precision
from impasto.settings.making import change_settings, make_settings, preset_values
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings
from impasto.settings.presets import texture_values
from impasto.settings.references import GROW_FROM, describe, keyword_of, split_name
from impasto.styles.lookup import find_style
from impasto.version import __version__

_STEERED = "Settings changed while the picture was painted. Now the last ones count from the start, so it will differ."
"""Remark on a picture that was steered."""


@dataclass(frozen=True)
class Repeat:
    """The inputs for painting a picture again.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the paintings.
        settings: the stored settings with the changes.
        record: the stored record.
        plan: the stored octaves, as far as the changes leave them.
        remarks: sentences for the user on the composition that painting goes on from, and on changes in between.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    record: Record
    plan: EarlierPlan | None = None
    remarks: tuple[str, ...] = ()

    def remarks_on(self, sha256: str, precision: Precision) -> tuple[str, ...]:
        """Return :attr:`remarks`, and a sentence for each difference to the first painting that no setting shows.

        Args:
            sha256: hash of the encoder's file.
            precision: of the encoder's arithmetic.
        """
        found = [*self.remarks]
        if sha256 != self.record.encoder.sha256:
            found.append("The encoder is not the one that the picture was painted with, so the painting will differ.")
        if precision != self.record.precision and self.settings.precision == "auto":
            found.append(
                f"The picture was painted in {self.record.precision}, and this machine paints in {precision}, so the "
                f'painting will differ a little: precision="{self.record.precision}" paints it as before.'
            )
        return tuple(found)


def stored_text(path: str | os.PathLike[str]) -> str:
    """Return the text of the record in a picture.

    Raises:
        PictureError: the picture does not exist, or holds no record.
    """
    text = read_record(path)
    if text is None:
        raise PictureError(
            f"{shown(path)} holds no record: impasto did not paint it, or another program has saved it since."
        )
    return text


def stored_record(path: str | os.PathLike[str]) -> Record:
    """Return the record in a picture.

    Raises:
        PictureError: the picture does not exist, or holds no record, a damaged one, or that of a grid.
    """
    try:
        # Python's JSON reader accepts paths that are not valid Unicode; that of pydantic refuses them.
        values = json.loads(stored_text(path))
        if isinstance(values, dict) and GRID in values:
            raise PictureError(f"{shown(path)} is a grid of paintings: name one of them.")
        if isinstance(values, dict) and LIVE in values:
            raise PictureError(f"{shown(path)} shows a painting in progress: name the painting itself.")
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
    """Find the sources and settings of a painted picture; if only its size grows, painting goes on from the picture.

    Args:
        path: the painted picture.
        content: a photograph in place of the stored one.
        styles: paintings in place of all the stored ones, as files or names.
        changes: settings in place of the stored ones, nested as for :func:`impasto.settings.making.change_settings`.

    Raises:
        PictureError: a picture without a record, a source that is missing or has changed, or a photograph for a
            texture.
        SettingsError: the stored settings do not fit this version, or the changes are not valid.
    """
    record = stored_record(path)
    folder = Path(path).absolute().parent
    if record.content is None and content is not None:
        raise PictureError(f"{shown(path)} is a texture, which has no photograph: leave out content=.")
    photo, paintings = None if content is None else Path(content), tuple(map(find_style, styles))
    stored, changes = _stored_settings(record, path), _completed(changes or {}, record)
    growth = None
    if GROW_FROM not in changes:
        is_same = _are_stored([photo] if photo else [], [record.content]) and _are_stored(paintings, record.styles)
        growth = choose_growth(Path(path), record, stored, change_settings(stored, **changes), has_same_sources=is_same)
    if growth:
        changes[GROW_FROM] = growth.file
    settings = change_settings(stored, **_resolved(changes, record, folder))
    return Repeat(
        content=_photograph(record, folder) if photo is None else photo,
        styles=paintings or tuple(_found(style, folder, "style", "styles=") for style in record.styles),
        settings=settings,
        record=record,
        plan=_kept_plan(record, stored, settings, changes),
        remarks=tuple(filter(None, (growth.remark if growth else None, _STEERED if record.changes else None))),
    )


def _photograph(record: Record, folder: Path) -> Path | None:
    return None if record.content is None else _found(record.content, folder, "photograph", "content=")


def free_name(path: Path, suffix: str | None = None) -> Path:
    """Return ``FILE-again.png`` for ``FILE.png``, or ``FILE-again-2.png`` and so on if that exists.

    Args:
        path: of the painted picture.
        suffix: another suffix; None for that of the picture.
    """
    number = 1
    while True:
        numbered = f"{path.stem}-again{f'-{number}' if number > 1 else ''}{suffix or path.suffix}"
        name = path.with_name(fitting_name(numbered))
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


def _completed(changes: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Complete the changes: unset the settings that they exclude, and add those of a texture to a preset."""
    result = dict(changes)
    # Strength and raw weights exclude each other, so a new value of one unsets the stored other. The weights of a
    # preset stay, because the record could not say that they are unset.
    raw = ("content_weight", "style_weight")
    preset = preset_values(result.get("preset", record.settings.get("preset", "default")))
    if result.get("strength") is not None and all(preset[name] is None for name in raw):
        result = dict.fromkeys(raw) | result
    elif any(result.get(name) is not None for name in raw):
        result = {"strength": None} | result
    if record.content is None and "preset" in result:
        result = deep_merge(texture_values(result["preset"]), result)
    return result


def _resolved(changes: Mapping[str, Any], record: Record, folder: Path) -> dict[str, Any]:
    """Add the current paths of stored files to the changes."""
    result = dict(changes)
    for name, source in record.named.items():
        setting, number = split_name(name)
        if _keeps(changes, setting, number):
            anew = f', or paint all octaves with {GROW_FROM}="none"' if name == GROW_FROM else ""
            place = str(_found(source, folder, describe(name), keyword_of(name) + anew))
            result[setting] = place if number is None else {number: place} | dict(result.get(setting, {}))
    if "encoder" not in result and record.encoder.name != "builtin":
        result["encoder"] = record.encoder.name  # an absolute path, unlike the stored setting
    return result


def _kept_plan(record: Record, stored: Settings, settings: Settings, changes: Mapping[str, Any]) -> EarlierPlan:
    """Return the octaves to paint again, because older versions planned others from the same settings.

    Args:
        record: record of the picture.
        stored: its settings.
        settings: those with the changes.
        changes: the changed settings by name.
    """

    def planning(settings: Settings) -> list[Any]:
        o = settings.optimization
        numbers = [o.iterations, o.coarse_factor, o.smallest_octave, o.octave_ratio, o.max_octaves]
        return [settings.size, settings.seamless, *numbers]

    has_same_octaves = GROW_FROM not in changes and planning(settings) == planning(stored)
    is_tiled_anew = {"size", "memory", "tile"} & set(changes)
    return EarlierPlan(record.octaves if has_same_octaves else (), () if is_tiled_anew else record.octaves)


def _keeps(changes: Mapping[str, Any], setting: str, number: int | None) -> bool:
    """Return whether changes keep the stored picture of a setting, for masks that of the style's number."""
    if number is None or setting not in changes:
        return setting not in changes
    return isinstance(changes[setting], Mapping) and str(number) not in map(str, changes[setting])


def _found(source: StoredSource, folder: Path, what: str, argument: str) -> Path:
    """Return the path of a stored source after checking that the file has not changed.

    Raises:
        PictureError: the source came from memory, or is missing or has changed; the sentence advises ``argument``.
    """
    path = source.file(folder)
    if path is None and source.name is not None:
        raise PictureError(
            f"The {what} {shown(source.name)} is not among the styles any more: add it, or name a file with {argument}."
        )
    if path is None:
        raise PictureError(f"The {what} came from a program's memory, not from a file: name a file with {argument}.")
    if not path.is_file():
        raise PictureError(f"The {what} is not at {shown(path)} any more: name it with {argument}.")
    if source.sha256 is not None and _sha256(path) != source.sha256:
        raise PictureError(
            f"The {what} {shown(path)} has changed since: to paint from it as it is now, name it with {argument}."
        )
    return path


def _are_stored(paths: Sequence[Path], sources: Sequence[StoredSource | None]) -> bool:
    """Return whether files are absent, or exactly those that a record names, wherever they are now."""
    hashes = [source.sha256 if source else None for source in sources]
    return not paths or (all(path.is_file() for path in paths) and [_sha256(path) for path in paths] == hashes)


def _sha256(path: Path) -> str:
    with open_picture(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
