"""Addresses of pictures: absolute paths, and URLs without credentials."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, urlsplit

from impasto.errors import SettingsError
from impasto.styles.lookup import style_name, style_paths

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_SECRETS = re.compile(r"sig$|signature|token|secret|passw|credential|access.?key|api.?key", re.IGNORECASE)
"""Names of URL parameters that hold credentials."""


def is_url(address: str | os.PathLike[str]) -> bool:
    """Return whether an address is a URL such as ``s3://bucket/photo.jpg``, not a path."""
    return _URL.match(os.fspath(address)) is not None


def refuse_credentials(url: str) -> None:
    """Refuse a URL that holds a password, key or signature, which manifests, records and messages would reveal.

    Raises:
        SettingsError: the URL holds credentials; the sentence does not repeat them.
    """
    for part in url.split("::"):
        split = urlsplit(part)
        user, _, password = split.netloc.rpartition("@")[0].partition(":")
        # Object stores have no users, so a name before the @ is an access key.
        has_key = bool(user) and split.scheme not in ("sftp", "ssh", "ftp", "smb", "hdfs")
        if password or has_key or any(_SECRETS.search(name) for name, _ in parse_qsl(split.query, True)):
            raise SettingsError(
                f"A URL that begins with {split.scheme}:// holds credentials, which would be recorded: leave them out, "
                f"and set them in the environment or in fsspec's configuration."
            )


def absolute_address(address: str | os.PathLike[str]) -> str:
    """Return an address that means the same in every folder; a style's picture gets the style's name.

    Raises:
        SettingsError: the address is a URL with credentials.
    """
    text = os.fspath(address)
    if is_url(text):
        refuse_credentials(text)
        return text
    path = Path(os.path.abspath(text))  # noqa: PTH100 (removes .. as well)
    return style_name(path) or str(path)


def local_path(address: str) -> Path:
    """Return the path of an absolute address that is not a URL; that of a style's name is its picture here."""
    return style_paths().get(address) or Path(address)


def join_address(folder: str, name: PurePosixPath | Path) -> str:
    """Return the address of a file in a folder.

    Args:
        folder: path or URL of the folder.
        name: relative path.
    """
    return f"{folder.rstrip('/')}/{name.as_posix()}" if is_url(folder) else str(Path(folder) / name)


def split_address(address: str) -> tuple[str, str]:
    """Return the folder and the file name of an address."""
    if is_url(address):
        folder, _, name = address.rpartition("/")
        return folder, name
    path = Path(address)
    return str(path.parent), path.name
