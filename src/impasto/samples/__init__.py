"""Sample pictures: four paintings that ship with the package, and photographs from scikit-image.

The folder ``drawings`` of the repository holds the programs that drew the paintings.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

STYLE_NAMES = ("swirls", "woodcut", "mosaic", "pointillism")
"""Names of the sample paintings; the first is the default of ``impasto demo``."""

PHOTO_OF_STYLE = {"swirls": "chelsea", "woodcut": "coffee", "mosaic": "chelsea", "pointillism": "rocket"}
"""Name of the photograph that the demonstration paints in each style."""


def style_path(name: str) -> Path:
    """Return the path of a sample painting, a JPEG file with a long side of 1024 pixels.

    Args:
        name: one of :data:`STYLE_NAMES`.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in STYLE_NAMES:
        raise ValueError(f"there is no sample painting {name!r}")
    # PyTorch needs an unpacked installation, so the file is never inside an archive.
    return Path(str(files(__name__) / f"{name}.jpg"))
