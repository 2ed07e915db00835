"""Every route of every module: nobody, a stranger and a wrong method are answered as they should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from scoc.core.http import PUBLIC, ROUTES
from scoc.core.http.routes import OF_PERSONS
from scoc.core.models import AuditEntry, User
from scoc.core.tests.factories import City, browser, make_actor
from tests.stories.every_route import Operation, operations

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
AT_THE_DOOR = {"POST /api/v1/core/logout", "POST /api/v1/core/password"}
"""Open to whoever must change a given password first; a further one is a decision: write it here."""


def call(client: Client, operation: Operation, method: str = "") -> Any:
    """Call it with nothing in its body."""
    return client.generic(method or operation.method, operation.address, b"", "application/json")


def code_of(response: Any) -> str:
    """The code of the problem that the answer must be."""
    assert response["Content-Type"] == "application/problem+json", response.content[:200]
    return str(json.loads(response.content)["code"])


EVERY = operations()
each = pytest.mark.parametrize("operation", EVERY, ids=str)
each_guarded = pytest.mark.parametrize("operation", [one for one in EVERY if one.permission is not None], ids=str)
each_closed = pytest.mark.parametrize("operation", [one for one in EVERY if not one.public], ids=str)
each_unsafe = pytest.mark.parametrize(
    "operation", [one for one in EVERY if one.method != "GET" and not one.public], ids=str
)


@each
def test_nobody_gets_past_the_door_unless_it_is_open_to_all(city: City, operation: Operation) -> None:
    response = call(Client(), operation)
    if operation.public:
        assert response.status_code not in {401, 403}
        assert response.status_code < 500
    else:
        assert (response.status_code, code_of(response)) == (401, "not_signed_in")


@each_guarded
def test_a_stranger_is_refused_before_anything_is_looked_at(city: City, operation: Operation) -> None:
    actor = make_actor()
    response = call(browser(actor), operation)
    assert (response.status_code, code_of(response)) == (403, "no_permission")
    entry = AuditEntry.objects.get()
    assert (entry.user_id, entry.action, entry.outcome) == (actor.user_id, operation.permission, "refused")
    module = operation.path.split("/")[3]
    about = entry.subject.startswith(f"{module}:") and entry.subject.endswith("1") if "{" in operation.path else True
    assert about, f"the refusal at {operation} does not say what it was about: {entry.subject!r}"


@each_closed
def test_with_a_given_password_only_the_door_is_open(city: City, operation: Operation) -> None:
    client = browser(make_actor("*"))
    User.objects.update(must_change_password=True)
    response = call(client, operation)
    if str(operation) in AT_THE_DOOR:
        assert response.status_code in {200, 400, 422}
    else:
        assert (response.status_code, code_of(response)) == (403, "must_change_password")


@each
def test_a_wrong_method_is_told_which_are_right(city: City, operation: Operation) -> None:
    known = {other.method for other in EVERY if other.path == operation.path}
    wrong = sorted(METHODS - known)[0]
    response = call(browser(make_actor("*")), operation, wrong)
    assert (response.status_code, code_of(response)) == (405, "method_not_allowed")
    assert known <= set(response["Allow"].replace(" ", "").split(","))


@each_unsafe
def test_an_unsafe_call_of_a_browser_needs_the_pages_token(city: City, operation: Operation) -> None:
    response = call(browser(make_actor("*"), csrf=True), operation)
    assert (response.status_code, code_of(response)) == (403, "csrf")


def test_the_description_names_each_routes_permission() -> None:
    described = [operation.permission for operation in EVERY if operation.permission]
    declared = [route.permission for route in ROUTES if route.permission not in (PUBLIC, *OF_PERSONS)]
    assert sorted(described) == sorted(str(permission) for permission in declared)
    public = {f"{o.method} {o.path}" for o in EVERY if o.public}
    assert public == {
        "GET /api/v1/core/session", "POST /api/v1/core/login", "GET /api/v1/core/clock",
    }  # fmt: skip  # a further one is a decision: write it here
