"""Migrations of records and checkpoints that older versions wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impasto.settings.merging import deep_merge
from impasto.settings.references import INIT

LEGACY_VALUES: Mapping[str, Any] = {
    "precision": "float32",
    "borders": "cut",
    "losses": {
        "content": {"rgb": 0.0},
        "style": {"strokes": 0.0, "gabor": 0.0, "gabor2": 0.0},
        "coarse_content": 1.0,
        "form_content": 0.0,
        "recolour": 0.0,
        "local_contrast": 0.0,
        "tone": 0.0,
        "drift": 0.0,
    },
    "optimization": {"tolerance": 0.0, "start_noise": 0.0},
}
"""Values that runs had before these settings existed."""


def migrate_unnamed_start(values: Any, key: str) -> Any:
    """Move the initial picture, once stored under a key of its own, to the pictures by name.

    Args:
        values: stored values, of any type; those that are not a mapping are returned unchanged.
        key: key that held the initial picture.
    """
    if not isinstance(values, Mapping) or values.get(key) is None or values.get("named"):
        return values
    return {**values, "named": {INIT: values[key]}}


def fill_missing_settings(values: Any) -> Any:
    """Complete the stored settings of a run with :data:`LEGACY_VALUES`.

    Args:
        values: stored values, of any type; the mapping ``settings`` in them is completed if there is one.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("settings"), Mapping):
        return values
    stored = values["settings"]
    # The stored settings come first, because sums over layers depend on the layers' order.
    return {**values, "settings": deep_merge(stored, deep_merge(LEGACY_VALUES, stored))}


def migrate_run_state(values: Any) -> Any:
    """Rename the fields of older checkpoints to those of records.

    Args:
        values: as they were stored, of any type.
    """
    if not isinstance(values, Mapping) or "octaves" not in values:
        return values
    renamed = {"octaves": "plan", "elapsed": "seconds"}
    return migrate_unnamed_start({renamed.get(name, name): value for name, value in values.items()}, "start")
