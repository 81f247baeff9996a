"""Decide whether a larger repeat of a painted picture goes on from that picture's composition."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from impasto.errors import PictureError
from impasto.files import shown
from impasto.painting.record import Record
from impasto.pictures import scaled_size
from impasto.pictures.metadata.records import stored_size
from impasto.settings.model import Settings

_NEUTRAL = {"size", "grow_from", "memory", "tile", "threads", "device", "precision", "depth", "max_pixels"}
"""Settings that leave the composition as it is."""


class Growth(NamedTuple):
    """The value of ``grow_from`` for a repeat.

    Attributes:
        file: absolute path of the smaller painting; None to paint all octaves.
        remark: sentence for the user; None if there is nothing to say.
    """

    file: str | None
    remark: str | None = None


def choose_growth(
    path: Path, record: Record, stored: Settings, settings: Settings, *, has_same_sources: bool
) -> Growth | None:
    """Choose the composition of a repeat: that of the painted picture if only its size grows, or otherwise a new one.

    Args:
        path: the painted picture.
        record: its record.
        stored: its settings.
        settings: those of the repeat.
        has_same_sources: whether the repeat has the same photograph and paintings.

    Returns:
        None if the repeat keeps the stored value, because size and composition stay the same.
    """
    change = _name_change(stored, settings)
    reason = f"the setting {change} changes" if change else None if has_same_sources else "other pictures are given"
    if settings.size == stored.size:
        if stored.grow_from is None or reason is None:
            return None
        return Growth(None, f"Paints all octaves, not from the painting that {shown(path)} grew from, as {reason}.")
    painted, long_side = record.octaves[-1][:2] if record.plan else (0, 0), _long_side(settings, record, path)
    if not 0 < max(painted) < long_side:
        return Growth(None)
    composition = f"the composition of {shown(path)} at {max(painted)} px"
    reason = reason or _find_obstacle(path, record, settings, painted)
    if reason is not None:
        return Growth(None, f"Paints all octaves, not from {composition}, as {reason}.")
    return Growth(str(path.absolute()), f'Continues from {composition}: grow_from="none" paints all octaves.')


def _name_change(stored: Settings, settings: Settings) -> str | None:
    """Return the name of the first setting that changes the composition; None if there is none."""
    before, after = (_flatten(each.model_dump(exclude=_NEUTRAL)) for each in (stored, settings))
    return next((name for name in [*after, *before] if after.get(name) != before.get(name)), None)


def _flatten(values: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by their names with dots."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _long_side(settings: Settings, record: Record, path: Path) -> int:
    """Return the long side of the repeat in pixels; 0 if that depends on a photograph that cannot be found."""
    if settings.long_side is not None and (settings.sides is None or record.content is None):
        return settings.long_side
    photo = record.content.file(path.absolute().parent) if record.content else None
    if photo is None:
        return 0
    try:
        return settings.long_side_of(*stored_size(photo))
    except PictureError:
        return 0


def _find_obstacle(path: Path, record: Record, settings: Settings, painted: tuple[int, int]) -> str | None:
    """Return why painting cannot go on from the picture; None if it can."""
    if not record.complete:
        return "it was stopped early"
    if settings.optimization.max_octaves == 1:
        return "the settings ask for a single octave"
    if settings.colour == "palette":
        return "its colours were reduced to a palette"
    if stored_size(path) != painted:
        return "the file shows more than the painting, or was resized"
    if record.content is None and settings.sides and scaled_size(*painted, max(settings.sides)) != settings.sides:
        return "the proportions change"
    return None
