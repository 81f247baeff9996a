"""Serving the studio on this machine alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import uvicorn

from impasto.errors import PictureError
from impasto.files import reason, user_folder
from impasto.runs.checkpoints.folder import STATE_VARIABLE
from impasto.studio.app import make_app
from impasto.studio.studio import Studio

ADDRESS = "127.0.0.1"
"""Address that the server binds to; no other machine can reach it."""

PORT = 8417
"""Port that is used unless another is given."""

MOST_HEADER_BYTES = 64 * 1024
"""Largest size of a request's line and headers in bytes."""


class StudioServer:
    """A server that is bound to its port, and runs until it is stopped.

    Args:
        folder: state folder.
        port: port; 0 for any free one.

    Attributes:
        url: address of the page, with the token.

    Raises:
        PictureError: port or folder are in use or not usable.
    """

    def __init__(self, folder: Path, port: int = PORT) -> None:
        self._socket = _bound_socket(port)
        try:
            studio = Studio(folder)
        except PictureError:
            self._socket.close()
            raise
        guard = make_app(studio)
        bound = self._socket.getsockname()[1]
        guard.allow_port(bound)
        self.url = f"http://{ADDRESS}:{bound}/?token={studio.token}"
        config = uvicorn.Config(
            guard,
            http="h11",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._on_stop: Callable[[], None] = studio.begin_to_close

    def run(self, on_start: Callable[[], None] = lambda: None) -> None:
        """Serve until :meth:`stop` is called.

        Args:
            on_start: called once requests are answered.
        """
        self._server.on_start = on_start
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End the server; may be called on any thread."""
        self._on_stop()
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """A server without signal handlers of its own."""

    on_start: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_start()


def default_folder() -> Path:
    """Return the studio's folder in the user's state folder.

    Raises:
        PictureError: the user has no home folder.
    """
    state = user_folder(STATE_VARIABLE, platformdirs.user_state_path)
    if state is None:
        raise PictureError(
            "There is no folder for the studio, because this user has no home folder: give one with state=."
        )
    return state / "studio"


def _bound_socket(port: int) -> socket.socket:
    """Return a socket that is bound to a port of this machine.

    Raises:
        PictureError: the port is in use, or not allowed.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((ADDRESS, port))
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        raise PictureError(f"The port {port} cannot be used ({reason(error)}): choose another port=.") from None
    return bound
