"""Encoder names as users write them: built-in ones, published weights, or a file as in ``caffe:FILE``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple, get_args

from impasto.encoders.published.catalogue import KNOWN, Origin
from impasto.errors import EncoderError
from impasto.files import expanded, is_file

BUILTIN = "builtin"
"""Name of the package's encoder that has VGG-19's layers."""

BUILTIN_FILES = {BUILTIN: "builtin.safetensors", "builtin-slim": "builtin-slim.safetensors"}
"""Files of the package by the names of its encoders. The slim one, the default, needs a third of the arithmetic."""


class EncoderFile(NamedTuple):
    """A file of weights that a name refers to.

    Attributes:
        path: the file, with ``~`` expanded.
        origin: origin of the weights as the name states it; None if it states none.
    """

    path: Path
    origin: Origin | None

    @property
    def name(self) -> str:
        """Name that :func:`parse_encoder_name` parses into this file."""
        return f"{self.origin}:{self.path}" if self.origin else str(self.path)


def parse_encoder_name(name: str) -> EncoderFile | None:
    """Parse an encoder name without reading the disk.

    Args:
        name: a name in :data:`BUILTIN_FILES` or :data:`~impasto.encoders.published.catalogue.KNOWN`, or a path. A path
            may begin with ``caffe:`` or ``torchvision:``.

    Returns:
        The file, or None for the built-in encoders and published weights.

    Raises:
        SettingsError: the path begins with ``~`` and the home folder is unknown.
    """
    if name in BUILTIN_FILES or name in KNOWN:
        return None
    for origin in get_args(Origin):
        if name.startswith(f"{origin}:"):
            return EncoderFile(expanded(name.removeprefix(f"{origin}:")), origin)
    return EncoderFile(expanded(name), None)


def find_encoder_file(name: str) -> EncoderFile | None:
    """Parse an encoder name, and check that its file exists.

    Args:
        name: as for :func:`parse_encoder_name`.

    Returns:
        The file, or None for the built-in encoders and published weights.

    Raises:
        EncoderError: the file does not exist.
        SettingsError: the path begins with ``~`` and the home folder is unknown.
    """
    file = parse_encoder_name(name)
    if file is not None and not is_file(file.path):
        raise EncoderError(
            f"There is no encoder {name!r}: give {', '.join((*BUILTIN_FILES, *KNOWN))}, or the path of a file of "
            f"weights (safetensors, .h5 or .pth)."
        )
    return file


def builtin_file(name: str = BUILTIN) -> AbstractContextManager[Path]:
    """Return a context manager that yields the path of a built-in encoder's file.

    Args:
        name: a name in :data:`BUILTIN_FILES`.
    """
    return as_file(files("impasto.encoders") / BUILTIN_FILES[name])
