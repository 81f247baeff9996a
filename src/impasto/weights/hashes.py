"""Hashes of files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest_of(path: Path, algorithm: str) -> str:
    """Hash of a file, in hexadecimal.

    Args:
        path: the file.
        algorithm: as :mod:`hashlib` calls it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        # Computers that forbid MD5 for secrets allow it where it says that it guards none.
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return digest_of(path, "sha256")
