"""Making of settings from presets, files, assignments and keywords."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, Unpack

from impasto.errors import SettingsError
from impasto.files import shown, similar_file
from impasto.settings.exclusions import TEXTURE_STRENGTH_MESSAGE
from impasto.settings.fields import PRESETS, SMALLEST_SIDE, Preset
from impasto.settings.keywords import SettingsKeywords
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings
from impasto.settings.presets import PRESET_CHANGES, PREVIEW_SIZE, SKETCH_PRESETS, texture_values
from impasto.settings.validation import setting_names, validate

T = TypeVar("T")


def make_settings(file: str | Path | None = None, **changes: Unpack[SettingsKeywords]) -> Settings:
    """Build settings from a preset, a file over it, and keywords over both.

    Args:
        file: JSON or TOML file with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only; ``iterations`` stands for
            ``optimization.iterations``.

    Raises:
        SettingsError: unknown name, value out of range, settings that exclude each other, or unreadable file.
    """
    given = deep_merge(read_settings_file(file) if file is not None else {}, expand_shorthands(changes))
    return validate(deep_merge(preset_values(given.get("preset", "default")), given))


def make_texture_settings(file: str | Path | None = None, **changes: Unpack[SettingsKeywords]) -> Settings:
    """Build the settings of a texture from a preset, its changes for textures, a file and keywords, in that order.

    Args:
        file: JSON or TOML file with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only; ``iterations`` stands for
            ``optimization.iterations``.

    Raises:
        SettingsError: as for :func:`make_settings`, or a strength, which textures do not have.
    """
    given = deep_merge(read_settings_file(file) if file is not None else {}, expand_shorthands(changes))
    if given.get("strength") is not None:
        raise SettingsError(TEXTURE_STRENGTH_MESSAGE)
    return make_settings(**deep_merge(texture_values(given.get("preset", "default")), given))


def change_settings(settings: Settings, **changes: Unpack[SettingsKeywords]) -> Settings:
    """Return settings with some replaced; a new preset replaces every setting that any preset changes.

    Args:
        settings: original settings; not modified.
        changes: settings by name; nested ones as mappings, which may give a part only; ``iterations`` stands for
            ``optimization.iterations``.

    Raises:
        SettingsError: the result is not valid.
    """
    given = expand_shorthands(changes)
    values = settings.model_dump(exclude_none=True)
    if "preset" in given:
        silent = {name: dict.fromkeys(values["losses"][name], 0.0) for name in ("content", "style")}
        values = deep_merge(values, {"losses": silent}, preset_values(given["preset"]))
    return validate(deep_merge(values, given))


def preview_changes(full: Settings, preset: Preset, *, has_photo: bool) -> dict[str, Any]:
    """Return the changes that make a small painting with a preset of a sketch.

    Args:
        full: settings of the full painting.
        preset: one of :data:`impasto.settings.presets.SKETCH_PRESETS`.
        has_photo: whether it has a photograph; False for a texture.
    """
    texture = {} if has_photo else texture_values(preset)
    optimization = deep_merge(preset_values(preset), texture)["optimization"]
    size: int | str = min(PREVIEW_SIZE, full.long_side or PREVIEW_SIZE)
    if full.sides and not has_photo:
        height, width = (max(SMALLEST_SIDE, round(side * int(size) / max(full.sides))) for side in full.sides)
        size = f"{width}x{height}"
    return {"preset": preset, "size": size, "optimization": optimization}


def make_sketch(make: Callable[[Preset], T]) -> T:
    """Make settings, or something that contains them, with the fastest preset of a sketch that they accept.

    Args:
        make: makes it with one of :data:`impasto.settings.presets.SKETCH_PRESETS`.

    Raises:
        SettingsError: they accept none of the presets.
    """
    for preset in SKETCH_PRESETS[:-1]:
        with suppress(SettingsError):
            return make(preset)
    return make(SKETCH_PRESETS[-1])


def make_sketch_settings(given: Mapping[str, Any]) -> Settings:
    """Build settings with the preset that they name, or else with the fastest preset of a sketch that they accept.

    Args:
        given: settings by name, as for :func:`make_settings`.

    Raises:
        SettingsError: the settings are not valid.
    """
    if "preset" in given:
        return make_settings(**given)
    return make_sketch(lambda preset: make_settings(**{**given, "preset": preset}))


def preset_values(preset: str) -> dict[str, Any]:
    """Return the preset's values of every setting that any preset changes.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(f"There is no preset {preset!r}: choose one of {', '.join(PRESETS)}.")
    changed_by_any = deep_merge(*PRESET_CHANGES.values())
    return deep_merge(_select(Settings().model_dump(), changed_by_any), PRESET_CHANGES[preset])


def _select(values: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values whose keys are in the nested mapping ``shape``."""
    found = {k: (values[k], v) for k, v in shape.items() if k in values}
    return {k: _select(value, v) if isinstance(v, Mapping) else value for k, (value, v) in found.items()}


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """Read settings from a JSON or TOML file without validating them.

    Raises:
        SettingsError: the file cannot be read, or is neither JSON nor TOML.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows's editors write a byte order mark
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        similar = similar_file(path)
        advice = f"did you mean {shown(similar)}?" if similar else "check the path."
        raise SettingsError(f"There is no file of settings {str(path)!r}: {advice}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(
            f"The file of settings {str(path)!r} cannot be read ({reason}): name a TOML or JSON file."
        ) from None
    except (ValueError, RecursionError) as error:  # numbers with thousands of digits raise a ValueError too
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        example = '{"size": 512}' if kind == "JSON" else "size = 512"
        raise SettingsError(
            f"The file of settings {str(path)!r} is not valid {kind} ({error}): write settings as in {example}."
        ) from None
    if not isinstance(values, dict):
        raise SettingsError(f"The file of settings {str(path)!r} does not hold a table of names and values.")
    return expand_shorthands(values)


def parse_assignment(text: str) -> dict[str, Any]:
    """Parse an assignment such as ``losses.style.relu3_1=2`` into nested mappings.

    The value is parsed as JSON if it is valid JSON, and kept as text otherwise.

    Raises:
        SettingsError: there is no ``=``, or no name before it.
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals and name.strip() in setting_names():
        raise SettingsError(
            f"{text!r} is not a setting with its value: the value is missing, so write {name.strip()}=VALUE."
        )
    if not equals or not all(keys):
        raise SettingsError(f"{text!r} is not a setting: write NAME=VALUE, as in losses.style.relu3_1=2.")
    try:
        nested: Any = json.loads(value)
    except (ValueError, RecursionError):
        nested = value.strip()
    for key in reversed(keys):
        nested = {key: nested}
    assert isinstance(nested, dict)
    return expand_shorthands(nested)


def expand_shorthands(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes with ``optimization.iterations`` in place of its shorthand ``iterations``.

    Raises:
        SettingsError: both are given.
    """
    changes = dict(changes)
    if "iterations" not in changes:
        return changes
    optimization = changes.get("optimization", {})
    if isinstance(optimization, Mapping) and "iterations" in optimization:
        raise SettingsError("The settings iterations and optimization.iterations are the same: give one of them.")
    return deep_merge({"optimization": {"iterations": changes.pop("iterations")}}, changes)
