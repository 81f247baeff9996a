"""Connection to a Ray cluster: its address, its version and its authentication."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import warnings

import ray

from impasto.errors import PaintingError, SettingsError
from impasto.files import reason

AUTO = "auto"
"""Address of the cluster that runs on this machine, or that the environment variable RAY_ADDRESS names."""

MINIMUM_VERSION = (2, 52)
"""First version of Ray with token authentication, and without CVE-2025-62593, by which web pages ran programs."""

JOIN_ATTEMPTS = 3
"""Most attempts to join a cluster. The server of ``ray://`` forks a process for each client while its threads use gRPC,
so that process sometimes hangs or dies (https://github.com/ray-project/ray/issues/63202). The next one then starts."""

NO_TOKEN = (
    "The Ray cluster has no token authentication, so everybody who reaches its ports can run programs on it: set "
    "RAY_AUTH_MODE=token on all its machines, and keep it in a private network."
)
"""Warning about a cluster that anybody can use."""


def check_address(address: str) -> None:
    """Refuse an address that is neither ``auto`` nor ``ray://HOST:PORT``, or that holds credentials.

    Raises:
        SettingsError: the sentence does not repeat credentials.
    """
    if "@" in address or "?" in address:
        raise SettingsError("The address of the cluster holds credentials: set the token in RAY_AUTH_TOKEN_PATH.")
    if address != AUTO and not re.fullmatch(r"ray://[^/\s]+:\d{1,5}", address):
        raise SettingsError(f"{address!r} is not the address of a cluster: write auto, or ray://HOST:10001.")


def connect(address: str) -> bool:
    """Join a cluster, unless this process has joined one already.

    Args:
        address: ``auto``, or ``ray://HOST:PORT``.

    Returns:
        Whether this call has joined it, so that the caller should leave it.

    Raises:
        SettingsError: the address is not valid, or Ray is too old.
        PaintingError: there is no cluster, or it refuses this program.
    """
    check_address(address)
    if (version := _parse_version(ray.__version__)) < MINIMUM_VERSION:
        needed = ".".join(map(str, MINIMUM_VERSION))
        raise SettingsError(
            f"Ray {'.'.join(map(str, version))} lets web pages run programs on the cluster: install ray>={needed} on "
            f"all its machines."
        )
    if ray.is_initialized():
        return False
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as one that precedes an error
            _init(address)
    except Exception as error:  # such as no cluster, another version of Ray or Python, or a wrong token
        raise PaintingError(
            f"The cluster {address} cannot be joined ({reason(error)}): check that it runs, and its token."
        ) from None
    finally:
        if in_main:  # Ray ends the program at once upon SIGTERM
            signal.signal(signal.SIGTERM, before)
    return True


def _init(address: str) -> None:
    """Initialize Ray, again if the cluster aborts the start of this client's server process.

    Raises:
        Exception: any error of Ray.
    """
    for attempt in range(JOIN_ATTEMPTS):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, namespace="impasto")
            return
        except ConnectionAbortedError:  # refusals and unreachable clusters raise other errors
            if attempt == JOIN_ATTEMPTS - 1:
                raise


def has_token_authentication() -> bool:
    """Return whether the Ray processes of this machine demand a token."""
    try:
        from ray._private.authentication.authentication_utils import is_token_auth_enabled
    except ImportError:  # Ray has no public name for it
        return os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    return bool(is_token_auth_enabled())


def _parse_version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))
