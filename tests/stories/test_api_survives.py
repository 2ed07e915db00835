"""Whatever is sent to the API, it never breaks: schemathesis makes input from the API's own description."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode, openapi
from schemathesis.schemas import APIOperation

from scoc.core import clients, now
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import browser, make_city
from tests.stories.every_route import description, everybody_in_one, furnish

EXAMPLES = int(os.environ.get("SURVIVAL_EXAMPLES", "8"))
"""Of each kind (good and bad input) for each route."""
MONDAY_MORNING = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
ANSWERS: dict[str, Counter[int]] = {}
"""How often each route gave each status."""
GOOD_IDS = 4
"""Path ids are small, so that some of them exist."""


def asked(client: Client, case: Any) -> Any:
    """Send one generated case through Django."""
    parameters = {name: str(value) for name, value in (case.path_parameters or {}).items()}
    for name, value in parameters.items():
        if value.lstrip("-").isdigit() and 1 <= int(value) < 2**53:
            parameters[name] = str(int(value) % GOOD_IDS + 1)
    case.path_parameters = parameters
    sent = case.as_transport_kwargs(base_url="http://testserver")
    headers = {
        name: value for name, value in (sent.get("headers") or {}).items()
        if value.isprintable() and name.lower() not in {"authorization", "cookie", "content-type", "content-length"}
    }  # fmt: skip
    body: Any = b""
    kind = "application/json"
    if sent.get("json") is not None:
        body = json.dumps(sent["json"])
    elif sent.get("files"):
        return client.post(sent["url"].removeprefix("http://testserver"), {}, headers=headers)
    elif isinstance(sent.get("data"), bytes):
        body = sent["data"]
    return client.generic(
        sent["method"], case.formatted_path, body, kind, query_params=sent.get("params") or {}, headers=headers
    )


def hammer(
    operation: APIOperation[Any, Any, Any, Any],
    client: Client,
    mode: GenerationMode,
    seen: Counter[int],
    examples: int = EXAMPLES,
) -> None:
    """Send made-up input to one route; fails with the smallest input that breaks it."""

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        response = asked(client, case)
        seen[response.status_code] += 1
        assert response.status_code < 500, f"{case.method} {case.formatted_path}: {response.content[:500]!r}"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one()


def name_of(operation: APIOperation[Any, Any, Any, Any]) -> str:
    """`GET /api/v1/…`."""
    return f"{operation.method} {operation.path}"


def routes() -> list[APIOperation[Any, Any, Any, Any]]:
    """Every route, as schemathesis reads it from the description."""
    schema = openapi.from_dict(json.loads(json.dumps(description(), default=str)))
    return [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]  # an invalid one raises


def numbers_from_one() -> None:
    """Let ids begin at 1 again, whatever ran before: made-up input then names things that are there."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT format('ALTER SEQUENCE %I RESTART', sequencename) FROM pg_sequences"
                " WHERE schemaname = current_schema() AND last_value IS NOT NULL AND sequencename NOT LIKE 'django%'"
            )
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)
        else:
            cursor.execute("DELETE FROM sqlite_sequence")


def answers(operation: APIOperation[Any, Any, Any, Any]) -> Counter[int]:
    """Try one route in a fresh city, as nobody and as somebody who may do everything; what the latter was answered."""
    seen: Counter[int] = Counter()
    numbers_from_one()
    city = make_city()
    with now.city_time(MONDAY_MORNING):
        hammer(operation, Client(), GenerationMode.POSITIVE, Counter(), examples=3)
        furnish(city)
        hammer(operation, browser(everybody_in_one()), GenerationMode.POSITIVE, seen)
        if operation.body or operation.query or operation.path_parameters or operation.headers:
            hammer(operation, browser(everybody_in_one()), GenerationMode.NEGATIVE, seen)
    return seen


@pytest.mark.parametrize("operation", routes(), ids=name_of)
def test_no_input_breaks_a_route(db: None, operation: APIOperation[Any, Any, Any, Any]) -> None:
    ANSWERS[name_of(operation)] = answers(operation)
    assert sum(ANSWERS[name_of(operation)].values()) >= 1


def test_the_made_up_input_gets_through_to_the_actions(db: None) -> None:
    """If next to nothing were accepted, nothing would have been tried.

    The sum is that of all routes, always: those that were tried in another process, or not at all, are tried here.
    """
    for operation in routes():
        if name_of(operation) not in ANSWERS:
            before = transaction.savepoint()
            ANSWERS[name_of(operation)] = answers(operation)
            transaction.savepoint_rollback(before)
            forget_all()
            clients.forget_usage()
    totals = sum(ANSWERS.values(), Counter[int]())
    assert totals[200] + totals[201] > 100, totals
    assert totals[422] > 100, totals
    assert totals[404] + totals[409] > 10, totals
