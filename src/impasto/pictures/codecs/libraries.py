"""The libraries that decode and encode: keeping them quiet, and turning whatever they raise into one sentence."""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Importing a plug-in is what makes Pillow know its format, when it is told which formats to try.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from impasto.errors import PictureError
from impasto.files import reason

_pillow_lock = threading.RLock()


@functools.cache
def vips() -> Any:
    """The module ``pyvips``, imported at the first need and kept from writing to stderr.

    Raises:
        PictureError: when libvips cannot be loaded.
    """
    spoken = os.environ.get("VIPS_WARNING")
    fresh = "pyvips" not in sys.modules
    # libvips prints its warnings unless this variable is there while it starts.
    os.environ["VIPS_WARNING"] = "0"
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise PictureError(
            f"libvips, which 16-bit and TIFF pictures need, cannot be loaded ({reason(error)}); "
            'run pip install "pyvips[binary]".'
        ) from None
    finally:
        if spoken is None:
            del os.environ["VIPS_WARNING"]
        else:
            os.environ["VIPS_WARNING"] = spoken
    if fresh:
        # The cache would hold on to whole pictures; a program that uses pyvips itself keeps its own setting.
        pyvips.cache_set_max(0)
    return pyvips


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Let Pillow work without warnings and without its own limit of pixels, for which impasto has its own.

    Both settings belong to the whole process, so only one thread at a time is let in.
    """
    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def decoding(where: str) -> Iterator[None]:
    """Turn any error of decoding into a ``PictureError``.

    Damaged files make the libraries raise nearly every exception there is, hence the wide net; nothing but calls of
    libraries belongs inside.

    Args:
        where: the picture, as a sentence names it.

    Raises:
        PictureError: in place of any other exception.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(f"{where} does not fit in memory; make it smaller first.") from None
    except Exception as error:
        # What Pillow says of a file that it cannot identify is how the file is represented in Python.
        detail = "" if isinstance(error, UnidentifiedImageError) else f" ({reason(error)})"
        raise PictureError(
            f"{where} cannot be decoded{detail}; it may be damaged or cut short, so fetch or save it again."
        ) from None


@contextmanager
def encoding(where: str) -> Iterator[None]:
    """Turn any error of encoding into a ``PictureError``, as ``decoding`` does.

    Args:
        where: the picture, as a sentence names it.

    Raises:
        PictureError: in place of any other exception.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(f"{where} does not fit in memory while being written; make it smaller.") from None
    except Exception as error:
        raise PictureError(f"{where} cannot be encoded ({reason(error)}); choose another format or size.") from None
