"""A password that somebody else gave: it opens the door to choosing an own one, and nothing behind it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from scoc.core import administration
from scoc.core.acting import Actor
from scoc.core.contacts import Person
from scoc.core.http.identity import BACKEND, POST_KEY, session_viewer
from scoc.core.models import AuditEntry, PostHolding, User
from scoc.core.tests.factories import LONG_AGO, City, make_actor

GIVEN, OWN = "Given-horse-9", "Chosen-horse-9"
JSON = "application/json"


@pytest.fixture
def administrator(city: City) -> Actor:
    """Somebody who administers accounts."""
    return make_actor("core.create_account", "core.set_password")


@pytest.fixture
def person(administrator: Actor) -> User:
    """A new account with a post that reads the directory, and a grant of its own."""
    number = administration.create_account(administrator, "li.si", Person(name="李四"), GIVEN)
    colleague = make_actor("core.read_directory")
    PostHolding.objects.create(user_id=number, post_id=colleague.post_id or 0, valid_from=LONG_AGO)
    return User.objects.get(pk=number)


def signed_in(password: str) -> Client:
    """The person's browser after signing in."""
    client = Client()
    answer = client.post("/api/v1/core/login", {"username": "li.si", "password": password}, JSON)
    assert answer.status_code == 200, answer.content
    return client


def change(client: Client, old: str, new: str) -> Any:
    """Change the password in this browser."""
    return client.post("/api/v1/core/password", {"old": old, "new": new}, JSON)


def test_with_a_given_password_nothing_is_shown_and_nothing_answers(person: User) -> None:
    client = signed_in(GIVEN)
    session = client.get("/api/v1/core/session").json()
    assert session["user"]["must_change_password"] is True
    assert (session["posts"], session["post_id"], session["permissions"]) == ([], None, [])
    answer = client.get("/api/v1/core/organisations", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (403, "must_change_password")
    assert "change it first" in answer.json()["detail"]
    assert "请先修改" in client.get("/api/v1/core/organisations").json()["detail"]
    entry = AuditEntry.objects.filter(code="must_change_password").latest("id")
    assert (entry.user_id, entry.kind, entry.action, entry.outcome) == (
        person.pk, "refusal", "core.read_directory", "refused",
    )  # fmt: skip


def test_the_live_news_stay_closed(person: User) -> None:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(GIVEN).cookies.items())
    assert session_viewer(cookies) is None


def test_after_the_change_everything_is_open_at_once(person: User) -> None:
    client = signed_in(GIVEN)
    assert change(client, GIVEN, GIVEN).json()["code"] == "same_password"
    assert change(client, "wrong", OWN).status_code == 401
    assert client.get("/api/v1/core/session").json()["user"]["must_change_password"] is True
    assert change(client, GIVEN, OWN).status_code == 200
    session = client.get("/api/v1/core/session").json()
    assert session["user"]["must_change_password"] is False
    assert session["permissions"] == ["core.read_directory"]
    assert client.get("/api/v1/core/organisations").status_code == 200
    assert signed_in(OWN).get("/api/v1/core/organisations").status_code == 200


def test_one_may_also_leave(person: User) -> None:
    client = signed_in(GIVEN)
    assert client.post("/api/v1/core/logout", {}, JSON).status_code == 200
    assert client.get("/api/v1/core/session").json()["user"] is None


def test_a_password_set_anew_is_a_given_one_as_well(person: User, administrator: Actor) -> None:
    client = signed_in(GIVEN)
    change(client, GIVEN, OWN)
    administration.set_password(administrator, person.pk, GIVEN)
    assert client.get("/api/v1/core/organisations").status_code == 401
    assert signed_in(GIVEN).get("/api/v1/core/organisations").json()["code"] == "must_change_password"


def test_own_grants_wait_too(city: City) -> None:
    actor = make_actor("core.read_directory")
    User.objects.filter(pk=actor.user_id).update(must_change_password=True, password=make_password(GIVEN))
    client = Client()
    client.force_login(User.objects.get(pk=actor.user_id), backend=BACKEND)
    session = client.session
    session[POST_KEY] = actor.post_id
    session.save()
    assert client.get("/api/v1/core/session").json()["permissions"] == []
    assert client.get("/api/v1/core/organisations").status_code == 403
