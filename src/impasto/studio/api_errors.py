"""Errors of the API: a status, a code for programs, and a sentence for people."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Mapping

from starlette.responses import Response

from impasto.errors import ImpastoError

_FULL = (errno.ENOSPC, errno.EDQUOT)


class ApiError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        code: word for programs, as docs/api.md lists them.
        message: sentence for people.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})

    def response(self) -> Response:
        """Return the answer."""
        body = json.dumps({"error": {"code": self.code, "message": self.message}}, ensure_ascii=False)
        return Response(body, self.status, self.headers, "application/json")


def not_found(subject: str) -> ApiError:
    """Return the problem that there is no such thing.

    Args:
        subject: its kind, as in ``picture``.
    """
    return ApiError(404, "not_found", f"There is no such {subject}: it may have been deleted.")


def wrong_state(message: str) -> ApiError:
    """Return the problem that a command does not suit the state of a job."""
    return ApiError(409, "wrong_state", message)


def invalid(message: str) -> ApiError:
    """Return the problem that a value is not valid."""
    return ApiError(422, "invalid", message)


def disk_full() -> ApiError:
    """Return the problem that the disk, or the studio's share of it, is full."""
    return ApiError(507, "disk_full", "The disk is full: delete pictures or paintings, or free some space.")


def api_error_of(error: Exception) -> ApiError | None:
    """Return the problem that an exception stands for; None for a bug."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, MemoryError):
        return ApiError(413, "too_large", "The memory ran out: choose a smaller picture.")
    if isinstance(error, ImpastoError):
        is_full = "No space left" in str(error) or "quota exceeded" in str(error)
        return disk_full() if is_full else invalid(str(error))
    is_full = isinstance(error, OSError) and error.errno in _FULL
    if is_full or (isinstance(error, sqlite3.OperationalError) and "full" in str(error)):
        return disk_full()
    return None
