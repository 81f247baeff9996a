"""Which picture gives the texture and which the colours, as the command line says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import SettingsError


def sources_from(
    styles: Sequence[str], texture: str | None, changes: Mapping[str, Any]
) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """The paintings whose statistics are taken, and the settings, which name the picture of the colours.

    Args:
        styles: STYLE, as often as it was given.
        texture: of ``--texture-from``.
        changes: settings; ``colours_from`` is that of ``--colours-from``.

    Returns:
        The paintings, and the settings with ``colours_from`` where STYLE gives the colours alone.

    Raises:
        SettingsError: no style, or one that nothing is left for.
    """
    changes = dict(changes)
    if texture is None:
        if not styles:
            raise SettingsError(
                "There is no style: name a painting as STYLE, or both --texture-from and --colours-from."
            )
        return tuple(map(Path, styles)), changes
    if changes.get("colours_from") is not None:
        if styles:
            raise SettingsError(
                "With both --texture-from and --colours-from nothing is left for STYLE: leave out it, or one of them."
            )
    elif len(styles) != 1:
        raise SettingsError(
            f"With --texture-from one STYLE gives the colours, and there are {len(styles)}: name one, or give "
            f"--colours-from."
        )
    else:
        changes["colours_from"] = styles[0]
    return (Path(texture),), changes
