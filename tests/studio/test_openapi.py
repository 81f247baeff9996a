"""The OpenAPI document against the running server, with generated requests."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from tests.studio.conftest import serving

SKIPPED = ["/api/events", "/api/previews"]
"""An endless stream, and paintings, which have tests of their own."""


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as client:
        yield schemathesis.openapi.from_url(f"http://{client.host}/api/openapi.json", headers=client.own)


schema = schemathesis.pytest.from_fixture("api").exclude(path=SKIPPED)


@schema.parametrize()
@settings(max_examples=4, suppress_health_check=list(HealthCheck))
def test_answers_agree_with_document(case, api):
    case.call_and_validate(headers={"Origin": case.operation.base_url})
