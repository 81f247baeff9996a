"""Access to Pillow and libvips: lazy loading, silence, and translation of their errors."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

# ``Image.open(formats=…)`` knows a format only after its plug-in is imported.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    PsdImagePlugin,  # noqa: F401
    TgaImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
    features as pillow_features,
)

from impasto.errors import PictureError
from impasto.files import reason
from impasto.pictures.codecs.formats import READABLE

LARGEST_PROFILE: Final = 2**25
"""Bytes of a colour profile in a PNG file, decompressed, above which it is ignored."""

_pillow_lock = threading.RLock()


@functools.cache
def vips() -> Any:
    """Import ``pyvips`` on first use, and keep libvips from writing to stderr.

    Raises:
        PictureError: libvips cannot be loaded.
    """
    previous = os.environ.get("VIPS_WARNING")
    fresh = "pyvips" not in sys.modules
    # libvips prints warnings unless this variable is set while it starts.
    os.environ["VIPS_WARNING"] = "0"
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise PictureError(
            f"libvips, which 16-bit and TIFF pictures need, cannot be loaded ({reason(error)}); "
            'run pip install "pyvips[binary]".'
        ) from None
    finally:
        if previous is None:
            del os.environ["VIPS_WARNING"]
        else:
            os.environ["VIPS_WARNING"] = previous
    if fresh:
        # The cache would keep whole pictures; a program that uses pyvips itself keeps its own setting.
        pyvips.cache_set_max(0)
    return pyvips


def missing_formats() -> list[str]:
    """Return the formats of ``formats.READABLE`` that this installation cannot decode, for want of libraries."""
    features = {"WebP": "webp", "AVIF": "avif", "JPEG 2000": "jpg_2000"}
    missing = [name for name, feature in features.items() if not pillow_features.check(feature)]
    return missing + ["HEIC"] * (importlib.util.find_spec("pillow_heif") is None)


def readable_formats() -> str:
    """Return the formats of ``formats.READABLE`` that this installation can decode, for messages."""
    missing = missing_formats()
    *names, last = [name for name in READABLE.replace(" and ", ", ").split(", ") if name not in missing]
    return f"{', '.join(names)} and {last}"


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Suppress the messages of Pillow and its libtiff, and Pillow's own limits, for which impasto has its own.

    These settings are global to the process, so only one thread at a time may enter.
    """
    with _pillow_lock, warnings.catch_warnings(), _quiet_libtiff():
        warnings.simplefilter("ignore")
        pixels, profile = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = None, LARGEST_PROFILE
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = pixels, profile


@functools.cache
def _libtiff_setters() -> list[Any]:
    """Return libtiff's functions that set its handlers of errors and warnings.

    Empty if Pillow contains libtiff in a form that cannot be reached.
    """
    specification = importlib.util.find_spec("PIL._imaging")
    try:
        # A lookup in Pillow's own library also searches the libraries that it has loaded.
        library = ctypes.CDLL(specification.origin if specification else None)
        setters = [library.TIFFSetErrorHandler, library.TIFFSetWarningHandler]
    except (OSError, AttributeError):
        return []
    for setter in setters:
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setters


@contextmanager
def _quiet_libtiff() -> Iterator[None]:
    """Keep libtiff, whose default handlers write to stderr, from printing."""
    handlers = [(setter, setter(None)) for setter in _libtiff_setters()]
    try:
        yield
    finally:
        for setter, handler in handlers:
            setter(handler)


@contextmanager
def decoding_errors(label: str) -> Iterator[None]:
    """Translate any exception of decoding into a ``PictureError``.

    Damaged files make the libraries raise almost any exception, so all are caught; only library calls belong inside.

    Args:
        label: the picture's name in the message.

    Raises:
        PictureError: in place of any other exception.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(f"{label} does not fit in memory; make it smaller first.") from None
    except Exception as error:
        # Pillow's message for an unidentified file contains only the repr of the file object.
        detail = "" if isinstance(error, UnidentifiedImageError) else f" ({_cause(error)})"
        raise PictureError(
            f"{label} cannot be decoded{detail}; it may be damaged or cut short, so download or save it again."
        ) from None


def _cause(error: Exception) -> str:
    """Return an error's message; of the lines that libvips collects, the last one without its own module's name."""
    detail = getattr(error, "detail", None)
    lines = str(detail).split("\n") if detail else []
    messages = [line.rpartition("tiff2vips: ")[2].strip() for line in lines if line.strip()]
    return reason(ValueError(messages[-1])) if messages else reason(error)


@contextmanager
def encoding_errors(label: str) -> Iterator[None]:
    """Translate any exception of encoding into a ``PictureError``, as ``decoding_errors`` does.

    Args:
        label: the picture's name in the message.

    Raises:
        PictureError: in place of any other exception.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(f"{label} does not fit in memory during writing; make it smaller.") from None
    except Exception as error:
        raise PictureError(f"{label} cannot be encoded ({reason(error)}); choose another format or size.") from None
