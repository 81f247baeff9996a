"""Settings as the API takes them: ids in place of paths, and nothing that belongs to the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from impasto.batches.works import check_fit
from impasto.painting.steering import STEERABLE
from impasto.settings.fields import FACES, PRESETS
from impasto.settings.making import make_settings, make_texture_settings, preset_values
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings
from impasto.settings.presets import texture_values
from impasto.settings.references import STARTS
from impasto.studio.api_errors import invalid
from impasto.studio.limits import PREVIEW_PRESET, PREVIEW_SIDE, SIDE, TEXTURE_PREVIEW_PRESET, TEXTURE_PREVIEW_SIDE
from impasto.studio.models import ID_PATTERN, SettingsGuide, StyleRef, UploadedStyle

if TYPE_CHECKING:
    from impasto.studio.library import Library

REFUSED = ("threads", "memory", "tile", "device", "precision", "max_pixels", "depth", "grow_from")
"""Settings that the studio chooses."""

ENCODERS = ("builtin", "builtin-slim")
"""Encoders that jobs may name; others are files, or would be downloaded."""

MASKS = ("masks", "style_masks")

_MOST_ITERATIONS = 10_000

_STYLE_REF: TypeAdapter[StyleRef] = TypeAdapter(StyleRef)


class SettingsReader:
    """Turns settings of the API into those of a painting.

    Args:
        library: finds the pictures that they name.
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def read(self, given: Mapping[str, Any], style_count: int, *, has_photo: bool, small: bool = False) -> Settings:
        """Return the settings of a painting, with paths of stored pictures.

        Args:
            given: settings by name, nested.
            style_count: number of style pictures.
            has_photo: whether there is a photograph; False for a texture.
            small: take reduced copies of the pictures, for a preview.

        Raises:
            ApiError: a setting is refused, or names no picture.
            ImpastoError: the settings are not valid, or do not suit the pictures.
        """
        values = {name: value for name, value in given.items() if value is not None}
        for name in REFUSED:
            if name in values:
                raise invalid(f"The studio chooses {name} itself: leave it out.")
        for name in MASKS:
            if name in values:
                values[name] = self._masks(name, values[name], small)
        if "protect" in values and values["protect"] != FACES:
            values["protect"] = self._path("protect", values["protect"], small)
        if "init" in values and values["init"] not in STARTS:
            values["init"] = self._path("init", values["init"], small)
        if "colours_from" in values:
            values["colours_from"] = self._style(values["colours_from"], small)
        if values.get("encoder", ENCODERS[0]) not in ENCODERS:
            raise invalid(f"The encoder should be one of {', '.join(ENCODERS)}.")
        settings = (make_settings if has_photo else make_texture_settings)(**values)
        if settings.encoder not in ENCODERS:
            raise invalid(f"The preset {settings.preset} needs another encoder: choose another preset.")
        if max(settings.sides or (settings.long_side or 0,)) > SIDE:
            raise invalid(f"The size should be at most {SIDE} pixels.")
        if settings.optimization.iterations > _MOST_ITERATIONS:
            raise invalid(f"The iterations should be at most {_MOST_ITERATIONS}.")
        check_fit(settings, style_count, has_photo=has_photo)
        return settings

    def pictures_in(self, given: Mapping[str, Any]) -> list[str]:
        """Return the ids of the pictures that valid settings name."""
        found = [picture for name in MASKS for picture in (given.get(name) or {}).values()]
        found += [given[name] for name in ("protect", "init") if re.match(ID_PATTERN, str(given.get(name)))]
        if isinstance(given.get("colours_from"), Mapping) and "picture" in given["colours_from"]:
            found.append(given["colours_from"]["picture"])
        return found

    def _masks(self, name: str, value: object, small: bool) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(re.fullmatch(r"[1-9]\d?", str(number)) for number in value):
            raise invalid(f"The setting {name} should hold ids of pictures by the numbers of their styles, from 1.")
        return {str(number): self._path(name, picture, small) for number, picture in value.items()}

    def _path(self, name: str, value: object, small: bool) -> str:
        if not isinstance(value, str) or not re.match(ID_PATTERN, value):
            raise invalid(f"The setting {name} should be the id of a picture.")
        return str(self._library.small_path(value) if small else self._library.path(value))

    def _style(self, value: object, small: bool) -> str:
        try:
            ref = _STYLE_REF.validate_python(value)
        except ValidationError:
            raise invalid('The setting colours_from should be as {"style": "swirls"} or {"picture": id}.') from None
        return str(self._library.style_path(ref, small=small))


_IN_PREVIEWS = ("strength", "style_weights", "colour", "colours_from", "stroke_size", "seed", *MASKS, "protect")
"""Settings that count in instant previews; the training of their network has fixed the others."""


def preview_settings(given: Mapping[str, Any], *, has_photo: bool) -> dict[str, Any]:
    """Return the settings of an instant preview of a painting with other settings.

    Args:
        given: settings of the painting.
        has_photo: whether it has a photograph; False for a texture, whose preview takes longer.
    """
    if has_photo:
        kept = {name: value for name, value in given.items() if name in _IN_PREVIEWS}
        return kept | {"preset": PREVIEW_PRESET, "size": PREVIEW_SIDE}
    kept = {name: value for name, value in given.items() if name not in ("preset", "size", "optimization")}
    return kept | {"preset": TEXTURE_PREVIEW_PRESET, "size": TEXTURE_PREVIEW_SIDE}


def public_values(settings: Settings) -> dict[str, Any]:
    """Return all values that the API takes, without those of pictures, whose paths stay in the studio."""
    left_out = {*REFUSED, *MASKS, "protect", "init", "colours_from"}
    return settings.model_dump(mode="json", exclude=left_out)


def settings_guide() -> SettingsGuide:
    """Return the schema of the settings, and the values of the presets that need no download."""
    presets = [name for name in PRESETS if preset_values(name).get("encoder", ENCODERS[0]) in ENCODERS]
    return SettingsGuide(
        fields=settings_schema(presets),
        presets={name: preset_values(name) for name in presets},
        texture_presets={name: deep_merge(preset_values(name), texture_values(name)) for name in presets},
        steerable=list(STEERABLE),
        encoders=list(ENCODERS),
    )


def settings_schema(presets: Sequence[str]) -> dict[str, Any]:
    """Return the JSON Schema of the settings as jobs take them, derived from the model.

    Args:
        presets: names of the presets that jobs may name.
    """
    schema = Settings.model_json_schema()
    fields = {name: field for name, field in schema["properties"].items() if name not in REFUSED}
    picture = {"type": "string", "pattern": ID_PATTERN}
    masks = {"type": "object", "patternProperties": {r"^[1-9]\d?$": picture}, "additionalProperties": False}
    changes: dict[str, dict[str, Any]] = {
        "masks": masks,
        "style_masks": masks,
        "protect": {"anyOf": [{"const": FACES}, picture, {"type": "null"}]},
        "init": {"anyOf": [{"enum": list(STARTS)}, picture]},
        "colours_from": {"anyOf": [*(_reference(key) for key in ("style", "picture")), {"type": "null"}]},
        "encoder": {"enum": list(ENCODERS)},
        "preset": {"enum": list(presets)},
    }
    for name, change in changes.items():
        kept = {key: fields[name][key] for key in ("title", "description", "default") if key in fields[name]}
        fields[name] = kept | change
    return {**schema, "properties": fields}


def _reference(key: str) -> dict[str, Any]:
    return {"type": "object", "properties": {key: {"type": "string"}}, "required": [key], "additionalProperties": False}


def uploads_in(refs: list[StyleRef]) -> list[str]:
    """Return the ids of the uploaded pictures among styles."""
    return [ref.picture for ref in refs if isinstance(ref, UploadedStyle)]
