"""Migrate the settings in records and checkpoints that older versions wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impasto.settings.presets import merged
from impasto.settings.references import INIT


def migrate_unnamed_start(values: Any, init: str) -> Any:
    """What was stored while there was but one such picture, that which painting begins from, in a place of its own.

    Args:
        values: as they were stored, of any type.
        init: name of that place.
    """
    if not isinstance(values, Mapping) or values.get(init) is None or values.get("named"):
        return values
    return {**values, "named": {INIT: values[init]}}


BEFORE_CHOICE: Mapping[str, Any] = {"precision": "float32", "borders": "cut", "optimization": {"tolerance": 0.0}}
"""What these settings were while there was no choice, for runs that were stored then."""


def fill_missing_settings(values: Any) -> Any:
    """What was stored of a run, with the settings that it does not name as they were when there was no choice.

    Args:
        values: as they were stored, of any type; a mapping ``settings`` among them is completed.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("settings"), Mapping):
        return values
    return {**values, "settings": merged(BEFORE_CHOICE, values["settings"])}


def migrate_run_state(values: Any) -> Any:
    """Rename the fields of older checkpoints to those of records.

    Args:
        values: as they were stored, of any type.
    """
    if not isinstance(values, Mapping) or "octaves" not in values:
        return values
    renamed = {"octaves": "plan", "elapsed": "seconds"}
    return migrate_unnamed_start({renamed.get(name, name): value for name, value in values.items()}, "start")
