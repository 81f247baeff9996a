"""The guard in front of the application: host, origin and token of every request, and the headers of every answer."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.studio.api_errors import ApiError

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

COOKIE_SECONDS = 90 * 24 * 3600
"""Seconds that a browser keeps the cookie."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer."""

_WELCOME = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>impasto</title>'
    '<link rel="icon" href="data:,"><a href="/">impasto</a>'
)
"""Page that the address with the token answers. It moves on by itself, because browsers withhold a strict cookie from a
redirect that another site began."""


class Guard:
    """Refuses requests that do not come from the studio's own page, or from a program that has the token.

    It runs before routing, for every scope. The port need not be known when it is made.

    Args:
        app: application behind it.
        token: secret of this state folder.

    Attributes:
        hosts: allowed values of the header ``Host``; set by :meth:`allow_port`.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token
        self.hosts: frozenset[str] = frozenset()
        self._cookie = "impasto-studio"

    def allow_port(self, port: int) -> None:
        """Allow the names of this machine with a port, and name the cookie after it, as ports share cookies."""
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie = f"impasto-studio-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and pass it on or answer it with a refusal."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_security_headers(send, scope["path"])
        try:
            headers = _Headers(scope["headers"])
            is_welcome = self._is_welcome(scope)
            self._check_host(headers)
            self._check_origin(scope["method"], headers, is_welcome=is_welcome)
            if not is_welcome:
                self._check_token(headers)
        except ApiError as problem:
            await problem.response()(scope, receive, send)
            return
        if is_welcome:
            await self._welcome()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_welcome(self, scope: Scope) -> bool:
        """Return whether a request opens the page with the right token in its address."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        tokens = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20).get("token", [])
        return len(tokens) == 1 and self._is_token(tokens[0])

    def _check_host(self, headers: _Headers) -> None:
        if headers.all("upgrade") and "websocket" in headers.all("upgrade")[0].lower():
            raise ApiError(400, "bad_request", "The studio has no websockets.")
        if headers.only("host") not in self.hosts:
            raise ApiError(421, "wrong_host", "This host is not the studio's: open the address that it printed.")

    def _check_origin(self, method: str, headers: _Headers, *, is_welcome: bool) -> None:
        """Refuse other origins, and unsafe methods without one."""
        origins, sites = headers.all("origin"), headers.all("sec-fetch-site")
        is_own = origins == [f"http://{headers.only('host')}"]
        is_foreign_site = not is_welcome and any(site not in ("same-origin", "none") for site in sites)
        if is_foreign_site or (origins and not is_own) or (method not in SAFE_METHODS and not is_own):
            raise ApiError(403, "wrong_origin", "This request did not come from the studio's own page.")

    def _check_token(self, headers: _Headers) -> None:
        given = [value.removeprefix("Bearer ") for value in headers.all("authorization") if value.startswith("Bearer ")]
        for text in headers.all("cookie"):
            try:
                given += [morsel.value for name, morsel in SimpleCookie(text).items() if name == self._cookie]
            except CookieError:
                continue
        if not any(map(self._is_token, given)):
            raise ApiError(
                401,
                "no_token",
                "The studio does not know this browser: open the address with the token that it printed.",
                {"WWW-Authenticate": "Bearer"},
            )

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), self._token.encode())

    def _welcome(self) -> HTMLResponse:
        response = HTMLResponse(_WELCOME, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            self._cookie, self._token, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="strict"
        )
        return response


class _Headers:
    """The headers of a request, with repeated ones."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._pairs = [(name.decode("latin-1").lower(), value.decode("latin-1").strip()) for name, value in raw]

    def all(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for other, value in self._pairs if other == name]

    def only(self, name: str) -> str | None:
        """Return the value of a header that occurs once; None otherwise."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


def _with_security_headers(send: Send, path: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(SECURITY_HEADERS)
            headers.setdefault("Cache-Control", "no-store" if path.startswith("/api/") else "no-cache")
        await send(message)

    return send_with_headers
