"""The OpenAPI document against a running server, with generated requests, valid and invalid ones."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from impasto.studio.app import ENDPOINTS
from impasto.studio.openapi import document

pytestmark = pytest.mark.xdist_group("studio openapi")  # which makes the fixtures once

SCHEMA = schemathesis.openapi.from_dict(document(ENDPOINTS))

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

OPERATIONS = [(e.method, e.path) for e in ENDPOINTS if e.path not in ("/api/events", "/api/previews")]
"""All but an endless stream, and paintings, which have tests of their own."""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_agree_with_document(client, method, path):
    _check(client, method, path, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_many_answers_agree_with_document(client, method, path):
    _check(client, method, path, 60)


def _check(client, method, path, examples):
    operation = SCHEMA[path][method]
    for mode in GenerationMode:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        def check(case):
            answer = case.call(base_url=f"http://{client.host}", headers=client.own)
            case.validate_response(answer, checks=CHECKS)

        check()


def test_document_is_served(client):
    assert client.call("GET", "/api/openapi.json") == document(ENDPOINTS)
