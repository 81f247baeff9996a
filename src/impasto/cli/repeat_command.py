"""The command line that paints a picture again from its sources."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impasto.cli.options import FLAGS
from impasto.painting.record import Record, StoredSource
from impasto.runs.repeating import free_name
from impasto.settings.making import make_settings, make_texture_settings
from impasto.settings.model import Settings
from impasto.settings.references import split_name


def repeating_command(path: Path, record: Record) -> str:
    """Return the command line that paints a picture again, with a free name for its output.

    Sources from memory are placeholders in capitals.

    Args:
        path: the painted picture.
        record: its record.

    Raises:
        SettingsError: the stored settings do not fit this version.
    """
    folder = path.absolute().parent
    words = ["impasto", "paint" if record.content else "texture"]
    words += [_name(record.content, folder, "PHOTO")] if record.content else []
    words += [_name(style, folder, "STYLE") for style in record.styles]
    words += ["-o", str(free_name(path))]
    return shlex.join([*words, *_setting_options(record), *_picture_options(record, folder)])


def flat_values(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_values(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _setting_options(record: Record) -> Iterator[str]:
    """Yield the options for the settings that differ from those of the preset."""
    stored = record.make_settings()
    preset = (make_settings if record.content else make_texture_settings)(preset=stored.preset)
    before, after = _without_pictures(preset, record), _without_pictures(stored, record)
    if stored.encoder != preset.encoder:
        after["encoder"] = record.encoder.name  # an absolute path, unlike the setting
    if stored.preset != "default":
        yield from ("--preset", stored.preset)
    for name, value in after.items():
        if name == "preset" or before.get(name) == value:
            continue
        last = name.removeprefix("optimization.")
        if value is True and name in FLAGS:
            yield FLAGS[name]
        elif last in FLAGS:
            yield from (FLAGS[last], ",".join(map(str, value)) if isinstance(value, list) else str(value))
        else:
            yield from ("--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}")


def _without_pictures(settings: Settings, record: Record) -> dict[str, Any]:
    """Return the flat values of settings that name none of the record's pictures."""
    named = {split_name(name)[0] for name in record.named}
    values = settings.model_dump(mode="json", exclude_none=True, exclude=named | {"masks", "style_masks"})
    return dict(flat_values(values))


def _picture_options(record: Record, folder: Path) -> Iterator[str]:
    """Yield the options for the pictures that settings name."""
    for name, source in record.named.items():
        setting, number = split_name(name)
        file = _name(source, folder, "FILE")
        yield from (FLAGS[setting], file if number is None else f"{number}={file}")


def _name(source: StoredSource, folder: Path, placeholder: str) -> str:
    """Return the name of a style, or the path of a picture, relative to the current folder if it is inside."""
    path = source.file(folder)
    if source.name is not None or path is None:
        return source.name or placeholder
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
