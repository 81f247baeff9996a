"""The application: the guard, the API and the files of the page."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from impasto.studio import routes_jobs, routes_pictures, routes_state
from impasto.studio.api_errors import ApiError
from impasto.studio.guard import Guard
from impasto.studio.openapi import document
from impasto.studio.studio import Studio

PAGE = Path(__file__).parent / "page"
"""Folder of the page's files."""

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
"""Content types that some systems' tables get wrong, so that browsers would refuse the files."""

_CODES = {404: "not_found", 405: "wrong_method"}

ENDPOINTS = [*routes_state.endpoints.all, *routes_pictures.endpoints.all, *routes_jobs.endpoints.all]


def make_app(studio: Studio) -> Guard:
    """Return the ASGI application of a studio, behind its guard.

    Args:
        studio: opened when the application starts, and closed when it ends.
    """
    for suffix, kind in _TYPES.items():
        mimetypes.add_type(kind, suffix)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio.events.open()
        await run_in_threadpool(studio.open)
        yield
        await run_in_threadpool(studio.close)

    app = Starlette(routes=_routes(), lifespan=lifespan, exception_handlers={HTTPException: _refused})
    app.router.redirect_slashes = False
    app.state.studio = studio
    return Guard(app, studio.token)


def _routes() -> list[BaseRoute]:
    description = document(ENDPOINTS)

    async def openapi(request: Request) -> Response:
        return JSONResponse(description)

    by_path: dict[str, list[Route]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, []).append(Route(endpoint.path, endpoint.__call__, methods=[endpoint.method]))
    routes: list[BaseRoute] = [_with_all_methods(path, group) for path, group in by_path.items()]
    return [
        *routes,
        Route("/api/openapi.json", openapi),
        Mount("/", GZipMiddleware(StaticFiles(directory=PAGE, html=True)), name="page"),
    ]


def _with_all_methods(path: str, routes: list[Route]) -> Route:
    """Return one route for all methods of a path, which refuses the others and names the allowed ones."""
    by_method = {method: route.endpoint for route in routes for method in route.methods or ()}

    async def dispatch(request: Request) -> Response:
        endpoint = by_method.get(request.method)
        if endpoint is None:
            allowed = ", ".join(sorted(by_method))
            return ApiError(405, "wrong_method", f"This address takes {allowed}.", {"Allow": allowed}).response()
        response: Response = await endpoint(request)
        return response

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]
    return Route(path, dispatch, methods=methods)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer an error of the routing."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = _CODES.get(status, "bad_request")
    headers = getattr(error, "headers", None)
    return ApiError(status, code, "There is nothing at this address.", headers).response()
