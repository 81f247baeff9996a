"""The OpenAPI document, derived from the endpoints."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from impasto.studio.endpoints import Endpoint
from impasto.studio.models import ID_PATTERN
from impasto.version import __version__

_REFERENCE = "#/components/schemas/{model}"

_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}

_REFUSALS = ("400", "401", "403", "404", "405", "409", "413", "415", "421", "422", "429", "507")


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of endpoints, as JSON values."""
    bodies = [model for endpoint in endpoints if (model := endpoint.body)]
    results = [model for endpoint in endpoints if (model := endpoint.result)]
    wanted = [*((model, "validation") for model in bodies), *((model, "serialization") for model in results)]
    references, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REFERENCE)  # type: ignore[arg-type]
    schemas = {**definitions.get("$defs", {}), "Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "impasto studio", "version": __version__, "description": "See docs/api.md."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.function.__name__,
        "summary": (inspect.getdoc(endpoint.function) or "").partition("\n")[0],
        "parameters": [*map(_path_parameter, endpoint.parameters), *_query_parameters(endpoint.query)],
        "responses": {str(endpoint.status): _good_answer(endpoint, references)}
        | {status: {"description": "Refused.", "content": _json("Error")} for status in _REFUSALS},
    }
    if endpoint.body:
        content = {"application/json": {"schema": references[endpoint.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif "request" in endpoint.hints and endpoint.method == "POST":
        binary = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": binary, "image/*": binary},
        }
    return operation


def _good_answer(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    if endpoint.status == 204:
        return {"description": "Done."}
    if endpoint.result:
        content: dict[str, Any] = {"application/json": {"schema": references[endpoint.result, "serialization"]}}
    else:
        content = {endpoint.media or "application/octet-stream": {}}
    return {"description": "Done.", "content": content}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(model=name)}}}


def _path_parameter(name: str) -> dict[str, Any]:
    schemas = {"id": {"type": "string", "pattern": ID_PATTERN}, "number": {"type": "integer", "minimum": 1}}
    schema = schemas.get(name, {"type": "string", "minLength": 1, "maxLength": 60})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which may be left out but not be null."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else {key: value for key, value in field.items() if key != "default"}
