"""Reading and writing of URLs through fsspec; lost connections are tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from impasto.batches.manifest.addresses import is_url
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, shown

R = TypeVar("R")

PAUSES = (0.5, 2.0, 8.0)
"""Seconds to wait after each attempt that fails before the next one."""

_DEFINITE = (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError, NotImplementedError, ImportError)
"""Errors that another attempt cannot remedy; all others count as lost connections."""


def read_url(url: str) -> bytes:
    """Return the content of a file.

    Raises:
        PictureError: there is no such file, or it cannot be read.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(url)
    try:
        return _retry(lambda: files.cat_file(path), url, "read")
    except FileNotFoundError:
        raise PictureError(f"There is no picture at {shown(url)}; check the address.") from None


def write_url(url: str, data: bytes) -> None:
    """Write a file, replacing one of that name. Object stores show it once it is complete; other servers may not.

    Raises:
        PictureError: the file cannot be written.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(url)

    def write() -> None:
        try:
            files.pipe_file(path, data)
        except FileNotFoundError:  # not an object store, so folders are made first
            files.makedirs(path.rpartition("/")[0], exist_ok=True)
            files.pipe_file(path, data)

    _write(write, url)


def upload(path: Path, url: str) -> None:
    """Copy a local file to a URL in parts, replacing one of that name. Object stores show it once it is complete.

    Raises:
        PictureError: the file cannot be written.
        SettingsError: a package for this kind of URL is missing.
    """
    files, target = _open(url)
    _write(lambda: files.put_file(str(path), target), url)


def download(url: str, path: Path) -> bool:
    """Copy a file from a URL to a local path in parts, and return whether there is one.

    Raises:
        PictureError: the file cannot be read.
        SettingsError: a package for this kind of URL is missing.
    """
    files, source = _open(url)
    try:
        _retry(lambda: files.get_file(source, str(path)), url, "read")
    except FileNotFoundError:
        path.unlink(missing_ok=True)
        return False
    return True


def remove_url(url: str) -> None:
    """Remove a file, if it is there.

    Raises:
        PictureError: the file cannot be removed.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(url)
    with suppress(FileNotFoundError):
        _retry(lambda: files.rm_file(path), url, "removed")


def url_exists(url: str) -> bool:
    """Return whether there is a file.

    Raises:
        PictureError: the server does not say.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(url)
    files.invalidate_cache()
    try:
        _retry(lambda: files.info(path), url, "read")
    except FileNotFoundError:
        return False
    return True


def list_url(folder: str) -> list[str]:
    """Return the URLs of the files directly in a folder in alphabetical order; a missing folder has none.

    Raises:
        PictureError: the folder cannot be listed.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(folder)
    files.invalidate_cache()  # another machine may have written since
    try:
        found = _retry(lambda: files.ls(path, detail=True), folder, "listed")
    except FileNotFoundError:
        return []
    return sorted(
        f"{folder.rstrip('/')}/{info['name'].rstrip('/').rpartition('/')[2]}"
        for info in found
        if info["type"] == "file" and info["name"].rstrip("/") != path.rstrip("/")
    )


def match_url(pattern: str) -> list[str]:
    """Return the URLs of the files that match a pattern such as ``s3://bucket/*.jpg``, in alphabetical order.

    Raises:
        PictureError: the folder cannot be listed.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(pattern)
    files.invalidate_cache()
    found = _retry(lambda: files.glob(path), pattern, "listed")
    return sorted(pattern.removesuffix(path) + name for name in found)  # with the server's name, unlike fsspec's own


def is_url_folder(url: str) -> bool:
    """Return whether a URL names a folder.

    Raises:
        PictureError: the server does not say.
        SettingsError: a package for this kind of URL is missing.
    """
    files, path = _open(url)
    return bool(_retry(lambda: files.isdir(path), url, "read"))


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path on it."""
    assert is_url(url), url
    scheme = urlsplit(url).scheme
    try:
        import fsspec
    except ImportError:
        raise SettingsError(
            f"{scheme}:// needs the package fsspec: install it with `pip install 'impasto[cloud]'`."
        ) from None
    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as error:  # the sentence of fsspec names the package
        raise SettingsError(f"{scheme}:// needs another package ({reason(error)}).") from None
    except ValueError:
        raise SettingsError(f"{scheme}:// is not a kind of URL that fsspec knows: check the address.") from None
    except Exception as error:  # such as a server that cannot be reached
        raise PictureError(f"{shown(url)} cannot be opened ({reason(error)}): check the address.") from None


def _write(action: Callable[[], object], url: str) -> None:
    """Carry out an action that writes, trying again after errors of the connection.

    Raises:
        PictureError: the file cannot be written.
    """
    try:
        _retry(action, url, "written")
    except FileNotFoundError as error:
        raise PictureError(f"{shown(url)} cannot be written ({reason(error)}): check the address.") from None


def _retry(action: Callable[[], R], url: str, participle: str) -> R:
    """Return the result of an action, trying again after errors of the connection.

    Args:
        action: reads or writes; harmless if repeated.
        url: address, for the message.
        participle: names the action in the message, as in ``read``.

    Raises:
        FileNotFoundError: there is no such file.
        PictureError: the action failed for another reason, or every attempt failed.
    """
    for pause in (*PAUSES, None):
        try:
            return action()
        except FileNotFoundError:
            raise
        except _DEFINITE as error:
            raise PictureError(f"{shown(url)} cannot be {participle} ({reason(error)}): check the address.") from None
        except Exception as error:  # each store has its own classes of errors
            if pause is None:
                raise PictureError(
                    f"{shown(url)} could not be {participle} in {len(PAUSES) + 1} attempts ({reason(error)}): try "
                    f"again later."
                ) from None
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")
