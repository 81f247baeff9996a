"""impasto paints a photograph in the manner of a painting.

    import impasto

    painting = impasto.paint("photo.jpg", "painting.jpg", size=1024, strength=0.6)
    painting.save("painted.png")

``impasto.texture("painting.jpg", size=(1024, 512), seamless=True)`` paints a texture without a photograph.

For each step of the way, iterate over ``impasto.make_painter(content, style, …)``: it yields :mod:`impasto.events`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from impasto.errors import CheckpointError, EncoderError, ImpastoError, PaintingError, PictureError, SettingsError
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.calls import make_painter, make_texture_painter, paint, texture
    from impasto.checkpoints.resuming import resume_painter
    from impasto.checkpoints.writer import CheckpointWriter
    from impasto.painter import Painter
    from impasto.painting import Painting
    from impasto.settings.making import make_settings, make_texture_settings
    from impasto.settings.model import Settings

__all__ = [
    "CheckpointError",
    "CheckpointWriter",
    "EncoderError",
    "ImpastoError",
    "Painter",
    "Painting",
    "PaintingError",
    "PictureError",
    "Settings",
    "SettingsError",
    "__version__",
    "make_painter",
    "make_settings",
    "make_texture_painter",
    "make_texture_settings",
    "paint",
    "resume_painter",
    "texture",
]

# PyTorch takes a second or two to load, so what needs it is imported when it is first asked for.
_LATE = {
    "Painter": "painter",
    "make_painter": "calls",
    "make_texture_painter": "calls",
    "paint": "calls",
    "texture": "calls",
    "Painting": "painting",
    "Settings": "settings",
    "make_settings": "settings",
    "make_texture_settings": "settings",
    "CheckpointWriter": "checkpoints.writer",
    "resume_painter": "checkpoints.resuming",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(f"impasto.{_LATE[name]}"), name)
    raise AttributeError(f"module 'impasto' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
