"""Make settings from presets, files, assignments and keywords."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from impasto.encoders.layers import parse_layer
from impasto.errors import EncoderError, SettingsError
from impasto.settings.exclusions import NO_STRENGTH
from impasto.settings.fields import PRESETS
from impasto.settings.model import Settings
from impasto.settings.presets import PRESET_CHANGES, merged, texture_values


def make_texture_settings(file: str | Path | None = None, **changes: Any) -> Settings:
    """Build the settings of a texture: a preset, over it what a texture changes in it, a file and the keywords.

    Args:
        file: JSON or TOML, with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only.

    Raises:
        SettingsError: as :func:`make_settings`.
    """
    given = merged(read_settings_file(file) if file is not None else {}, changes)
    if given.get("strength") is not None:
        raise SettingsError(NO_STRENGTH)
    return make_settings(**merged(texture_values(given.get("preset", "default")), given))


def make_settings(file: str | Path | None = None, **changes: Any) -> Settings:
    """Build settings: a preset, over it a file, over both the keywords.

    Args:
        file: JSON or TOML, with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only.

    Raises:
        SettingsError: an unknown name, a value out of range, two that exclude each other, or a file that cannot be
            read.
    """
    given = merged(read_settings_file(file) if file is not None else {}, changes)
    return _validated(merged(preset_values(given.get("preset", "default")), given))


def change_settings(settings: Settings, **changes: Any) -> Settings:
    """Replace some settings; nested ones may be given in part, and a preset brings all that it changes.

    Args:
        settings: left as they are.
        changes: settings by name; nested ones as mappings, which may give a part only.

    Raises:
        SettingsError: the result is not valid.
    """
    values = settings.model_dump(exclude_none=True)
    if "preset" in changes:
        silent = {name: dict.fromkeys(values["losses"][name], 0.0) for name in ("content", "style")}
        values = merged(values, {"losses": silent}, preset_values(changes["preset"]))
    return _validated(merged(values, changes))


def preset_values(preset: str) -> dict[str, Any]:
    """Values of every setting that any preset touches, as the given one has them.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(f"There is no preset {preset!r}: choose one of {', '.join(PRESETS)}.")
    touched = merged(*PRESET_CHANGES.values())
    return merged(_like(Settings().model_dump(), touched), PRESET_CHANGES[preset])


def _like(values: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that the nested mapping ``shape`` names."""
    found = {k: (values[k], v) for k, v in shape.items() if k in values}
    return {k: _like(value, v) if isinstance(v, Mapping) else value for k, (value, v) in found.items()}


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """Settings from a JSON or TOML file, not yet validated.

    Raises:
        SettingsError: the file cannot be read, or is neither.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows's editors begin a file with a mark
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(f"There is no file of settings {str(path)!r}: check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"The file of settings {str(path)!r} cannot be read ({reason}).") from None
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise SettingsError(f"The file of settings {str(path)!r} is no {kind}: {error}.") from None
    if not isinstance(values, dict):
        raise SettingsError(f"The file of settings {str(path)!r} holds no table of names and values.")
    return values


def parse_assignment(text: str) -> dict[str, Any]:
    """Read ``losses.style.relu3_1=2`` into nested mappings; values are JSON where they can be, else text.

    Raises:
        SettingsError: no ``=``, or no name before it.
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise SettingsError(f"{text!r} is no setting: write NAME=VALUE, as in losses.style.relu3_1=2.")
    try:
        nested: Any = json.loads(value)
    except (ValueError, RecursionError):
        nested = value.strip()
    for key in reversed(keys):
        nested = {key: nested}
    assert isinstance(nested, dict)
    return nested


def _validated(values: Mapping[str, Any]) -> Settings:
    """Validate over the defaults of nested models, so that a part of a table of layers changes just that part."""
    try:
        tables = {name: values[name] for name in ("losses", "optimization") if isinstance(values.get(name), Mapping)}
        defaults = {name: Settings().model_dump()[name] for name in tables}
        if "losses" in tables:
            tables["losses"] = {**tables["losses"]} | _canonical_layers(tables["losses"])
        return Settings.model_validate({**values, **merged(defaults, tables)})
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _canonical_layers(losses: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of layers with one spelling, so that block3_conv1 replaces relu3_1."""
    tables = {name: losses[name] for name in ("content", "style") if isinstance(losses.get(name), Mapping)}
    try:
        return {name: {str(parse_layer(str(k))): v for k, v in table.items()} for name, table in tables.items()}
    except EncoderError as error:
        raise SettingsError(str(error)) from None


_SHOULD_BE = {
    "dict_type": "a table of names and values",
    "model_type": "a table of names and values",
    "tuple_type": "a list, as in [1,2]",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_too_short": "a name, not empty",
}
"""What pydantic asks for, by its kinds of errors, in words for those who do not write Python."""


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic in one sentence that names the setting."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    name = ".".join(p for p in place if not p.startswith(("literal[", "constrained-", "int", "function-", "tuple[")))
    value = first["input"]
    if first["type"] == "extra_forbidden":
        return f"There is no setting {name!r}: `impasto settings` lists them all."
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if not name:
        return f"{message}."
    if first["type"] in _SHOULD_BE:
        message = f"should be {_SHOULD_BE[first['type']]}"
    if name == "size":
        message = "should be a whole number of pixels from 32 to 1000000, width and height as in 640x480, or original"
    shown = repr(value) if not isinstance(value, float) or math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and len(shown) > 60:  # cut off, a table says nothing
        return f"The setting {name} is not valid: it {message}."
    return f"The setting {name} = {shown[:60]} is not valid: it {message}."
