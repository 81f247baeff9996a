"""The secret of a state folder."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path


def stored_token(path: Path) -> str:
    """Return the token in a file that only its owner may read; it is made if missing or damaged.

    Raises:
        OSError: the file cannot be read or written.
    """
    try:
        text = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        text = ""
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return text
    token = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token)
    return token
