"""Sample pictures that ship with the package: four paintings and a photograph.

The folder ``drawings`` of the repository holds the programs that drew the paintings. ``CREDITS.md`` names the authors.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

STYLE_DESCRIPTIONS = {
    "swirls": "short curving strokes of a starry night over fields",
    "woodcut": "outlines, hatching and flat tones of a wave before a red sun",
    "mosaic": "stones of gold, red and green in the shape of a peacock",
    "pointillism": "dots of pure colour on a sunny lake",
}
"""A few words on each sample painting, by name."""

STYLE_NAMES = tuple(STYLE_DESCRIPTIONS)
"""Names of the sample paintings; the first is the default of ``impasto demo``."""

PHOTO_NAME = "chelsea"
"""Name of the sample photograph, of a cat."""


def style_path(name: str) -> Path:
    """Return the absolute path of a sample painting, a JPEG file with a long side of 1024 pixels.

    Args:
        name: one of :data:`STYLE_NAMES`.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in STYLE_NAMES:
        raise ValueError(f"there is no sample painting {name!r}")
    return _sample_path(name)


def photo_path() -> Path:
    """Return the absolute path of the sample photograph, a JPEG file of 451×300 pixels."""
    return _sample_path(PHOTO_NAME)


def _sample_path(name: str) -> Path:
    # PyTorch needs an unpacked installation, so the file is never inside an archive.
    return Path(str(files(__name__) / f"{name}.jpg")).absolute()
