"""The API against its own OpenAPI document: whatever is sent, the answer is what the document says, and never a 500."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, given, settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.throttling import SimpleRateThrottle
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from promos import api_tokens
from promos.models import PromoCode
from promos.standin.server import Standin
from tests import factories, shop

EXAMPLES = 25


def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


OPERATIONS = [(path, method) for path, operations in document()["paths"].items() for method in operations]


def test_document_is_valid_and_every_operation_asks_who_calls() -> None:
    made = document()
    validate_schema(made)
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    assert len(operations) >= 13
    assert all(operation["security"] == [{"token": []}, {"cookieAuth": []}] for operation in operations)
    assert all("default" in operation["responses"] for operation in operations)


@pytest.mark.parametrize("name", ["NewCodeRequest", "PatchedLimitsRequest"])
def test_document_says_how_long_a_description_may_be(name: str) -> None:
    sent = document()["components"]["schemas"][name]["properties"]
    assert sent["description"]["maxLength"] == PromoCode._meta.get_field("description").max_length == 200


@pytest.fixture
def key(db: None, standin: Standin, owner: User, now: datetime, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that may do everything, in a shop where there is something of everything."""
    shop.open_shop()
    usage = factories.UsageFactory(promo_code=factories.PromoCodeFactory(pk=1, code="GOOD"))
    factories.LedgerEntryFactory(usage=usage)
    # The number that was given by hand must not be given again.
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [PromoCode]):
            cursor.execute(statement)
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"burst": None, "sustained": None})
    return api_tokens.issue(owner, name="test", now=now)[1]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_what_the_document_says(
    live_server: LiveServer, key: str, path: str, method: str
) -> None:
    operation = schemathesis.openapi.from_dict(document())[path][method]

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def try_it(case: schemathesis.Case) -> None:
        case.call_and_validate(
            base_url=live_server.url,
            headers={"Authorization": f"Bearer {key}"},
            # The one calls again and again without the key, which the other file does once for each address; the
            # other wants every well-formed request to succeed, whatever plans and codes there are.
            excluded_checks=[ignored_auth, positive_data_acceptance],
        )

    try_it()
