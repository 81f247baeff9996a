"""Endpoints of the API: functions with typed arguments, called with checked requests, and described in OpenAPI."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from impasto.studio.api_errors import ApiError, api_error_of, invalid, not_found
from impasto.studio.limits import BODY_BYTES
from impasto.studio.models import ID_PATTERN

_Function = TypeVar("_Function", bound=Callable[..., Any])

log = logging.getLogger("impasto.studio")


@dataclass(frozen=True)
class Endpoint:
    """A method of a path.

    Its function takes the :class:`Studio`, the path's parameters by name, ``query`` and ``body`` if it declares them,
    and ``request`` if it reads the body itself. It returns a model, a response, or None.

    Attributes:
        method: HTTP method.
        path: path with parameters in braces.
        function: function that answers.
        status: status of a good answer.
        media: content type of a good answer that is not JSON.
        hints: types of the function's arguments and result.
    """

    method: str
    path: str
    function: Callable[..., Any]
    status: int
    media: str | None
    hints: dict[str, Any]

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def query(self) -> type[BaseModel] | None:
        """Model of the query."""
        return self.hints.get("query")

    @property
    def body(self) -> type[BaseModel] | None:
        """Model of the body."""
        return self.hints.get("body")

    @property
    def result(self) -> type[BaseModel] | None:
        """Model of the answer; None if it is not JSON."""
        result = self.hints["return"]
        return result if inspect.isclass(result) and issubclass(result, BaseModel) else None

    async def __call__(self, request: Request) -> Response:
        """Check a request, call the function, and turn its result or error into an answer."""
        try:
            arguments = await self._arguments(request)
            studio = request.app.state.studio
            if inspect.iscoroutinefunction(self.function):
                result = await self.function(studio, **arguments)
            else:
                result = await run_in_threadpool(self.function, studio, **arguments)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            return answer_to(error)
        if isinstance(result, Response):
            return result
        if result is None:
            return Response(status_code=204)
        return Response(result.model_dump_json(by_alias=True), self.status, media_type="application/json")

    async def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {name: request.path_params[name] for name in self.parameters}
        for name, value in arguments.items():
            if name == "id" and not re.match(ID_PATTERN, value):
                raise not_found("thing")
        pairs = request.query_params.multi_items()
        if self.query:
            arguments["query"] = _query(self.query, pairs)
        elif pairs:
            raise invalid(f"There is no parameter {pairs[0][0]!r} here.")
        if self.body:
            arguments["body"] = _parsed(self.body, await _json_body(request))
        if "request" in self.hints:
            arguments["request"] = request
        return arguments


class Endpoints:
    """A list of endpoints, filled by a decorator."""

    def __init__(self) -> None:
        self.all: list[Endpoint] = []

    def add(
        self, method: str, path: str, *, status: int = 200, media: str | None = None
    ) -> Callable[[_Function], _Function]:
        """Return a decorator that adds a function as an endpoint.

        Args:
            method: HTTP method.
            path: path with parameters in braces.
            status: status of a good answer.
            media: content type of a good answer that is not JSON.
        """

        def decorate(function: _Function) -> _Function:
            self.all.append(Endpoint(method, path, function, status, media, get_type_hints(function)))
            return function

        return decorate


def answer_to(error: Exception) -> Response:
    """Return the answer to a request that raised an exception."""
    problem = api_error_of(error)
    if problem is None:
        log.exception("An error of impasto's own", exc_info=error)
        problem = ApiError(500, "error", f"An error of impasto's own ({type(error).__name__}).")
    return problem.response()


async def _json_body(request: Request) -> bytes:
    """Return a bounded body of JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "wrong_type", "The body should be JSON, with the content type application/json.")
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > BODY_BYTES:
            raise ApiError(413, "too_large", f"The body should have at most {BODY_BYTES} bytes.")
    return bytes(body)


def _parsed(model: type[BaseModel], body: bytes) -> BaseModel:
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _explained(error) from None


def _query(model: type[BaseModel], pairs: list[tuple[str, str]]) -> BaseModel:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise invalid("A parameter is given twice.")
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> ApiError:
    """Return the problem of a body or query that does not fit its model."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return ApiError(400, "bad_request", "The body is not valid JSON.")
    place = ".".join(map(str, first["loc"]))
    return invalid(f"{place or 'The body'}: {first['msg']}."[:300])
