"""Records of painted pictures: what an uploaded one brings back, and what a downloaded one contains."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from impasto.painting.record import Record, StoredSource
from impasto.settings.references import PROTECT, split_name
from impasto.studio.job_settings import REFUSED
from impasto.studio.models import NamedStyle, Painted, StyleRef, UploadedStyle
from impasto.styles.lookup import style_paths


class _Pictures(Protocol):
    """Finds stored pictures by the hash of their files."""

    def by_hash(self, sha256: str | None) -> str | None: ...


def painted_from(text: str, pictures: _Pictures) -> Painted | None:
    """Return what a record says as the API states it; None if it is damaged, or that of a grid.

    Args:
        text: record of a painted picture, from a file that may be hostile.
        pictures: stored pictures.
    """
    try:
        record = Record.model_validate(json.loads(text))
        values = record.make_settings().model_dump(mode="json", exclude_none=True)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    except Exception as error:
        if type(error).__name__ != "SettingsError":
            raise
        return None
    for name in (*REFUSED, "masks", "style_masks", PROTECT, "init", "colours_from", "encoder"):
        values.pop(name, None)
    if record.settings.get("init") in ("noise", "instant"):
        values["init"] = record.settings["init"]
    if record.settings.get("protect") == "faces":
        values[PROTECT] = "faces"
    if record.encoder.name in ("builtin", "builtin-slim"):
        values["encoder"] = record.encoder.name
    for name, source in record.named.items():
        setting, number = split_name(name)
        found = pictures.by_hash(source.sha256)
        if found and number is not None:
            values.setdefault(setting, {})[str(number)] = found
        elif found and setting in ("init", PROTECT):
            values[setting] = found
    photo = pictures.by_hash(record.content.sha256) if record.content else None
    styles = [_style_of(style, pictures) for style in record.styles]
    return Painted(settings=values, photo=photo, styles=styles, texture=record.content is None)


def _style_of(source: StoredSource, pictures: _Pictures) -> StyleRef | None:
    if source.name is not None:
        return NamedStyle(style=source.name) if source.name in style_paths() else None
    found = pictures.by_hash(source.sha256)
    return UploadedStyle(picture=found) if found else None


def portable_record(text: str, depth: int, name_of: Callable[[str | None], str | None]) -> str:
    """Return a record for a file that leaves the studio: with its own depth, and names in place of stored paths.

    Args:
        text: record of the stored painting.
        depth: bits per channel of the file.
        name_of: returns the name that the user gave the picture with a hash; None if there is none.
    """
    record: dict[str, Any] = json.loads(text)
    record["settings"]["depth"] = depth
    sources = [record.get("content"), *record["styles"], *record.get("named", {}).values()]
    for source in sources:
        if source and source.get("path") is not None:
            source["path"] = name_of(source.get("sha256"))
    for values in (record["settings"], *(change["settings"] for change in record.get("changes", []))):
        for name in ("masks", "style_masks"):
            for number in values.get(name) or {}:
                values[name][number] = "mask"
        for name in (PROTECT, "init", "colours_from", "grow_from"):
            if "/" in str(values.get(name)) or "\\" in str(values.get(name)):
                values[name] = "picture"
    return json.dumps(record)
