"""Whatever is sent to the API, it never breaks: schemathesis makes input from the API's own description."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from typing import Any

import hypothesis
import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode, openapi
from schemathesis.schemas import APIOperation

from scoc.core.tests.factories import City, browser
from tests.stories.every_route import description, everybody_in_one, furnish

EXAMPLES = int(os.environ.get("SURVIVAL_EXAMPLES", "8"))
"""Of each kind (good and bad input) for each route."""
TOTALS: Counter[int] = Counter()
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


def routes() -> list[APIOperation[Any, Any, Any, Any]]:
    """Every route, as schemathesis reads it from the description."""
    schema = openapi.from_dict(json.loads(json.dumps(description(), default=str)))
    return [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]  # an invalid one raises


@pytest.mark.parametrize("operation", routes(), ids=lambda operation: f"{operation.method} {operation.path}")
def test_no_input_breaks_a_route(city: City, monday: object, operation: APIOperation[Any, Any, Any, Any]) -> None:
    seen: Counter[int] = Counter()
    hammer(operation, Client(), GenerationMode.POSITIVE, seen, examples=3)
    seen.clear()
    furnish(city)
    hammer(operation, browser(everybody_in_one()), GenerationMode.POSITIVE, seen)
    takes_input = operation.body or operation.query or operation.path_parameters or operation.headers
    if takes_input:
        hammer(operation, browser(everybody_in_one()), GenerationMode.NEGATIVE, seen)
    TOTALS.update(seen)
    assert sum(seen.values()) >= 1


def test_the_made_up_input_gets_through_to_the_actions() -> None:
    """If next to nothing were accepted, nothing would have been tried."""
    assert TOTALS[200] + TOTALS[201] > 100, TOTALS
    assert TOTALS[422] > 100, TOTALS
    assert TOTALS[404] + TOTALS[409] > 10, TOTALS
