"""Signing in and out: locked after failures, nothing told of which names exist, everything in the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scoc.core import passwords, signing
from scoc.core.models import AuditEntry, Installation, PostHolding, User
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, TooMuch
from scoc.core.remembered import forget_all
from scoc.core.signing import WrongLogin, sign_in
from scoc.core.tests.factories import LONG_AGO, SETTINGS, City, browser, make_actor

PASSWORD = "Correct-horse-9"
JSON = "application/json"


class CountingHasher(MD5PasswordHasher):
    """A fast hasher that counts how often it was asked; time itself is not tested."""

    algorithm = "counting"
    hashed: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        """Count, then hash."""
        self.hashed.append(password)
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def _fast(settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.hashed.clear()


@pytest.fixture
def person(city: City) -> User:
    """A person with a password and one post."""
    actor = make_actor("core.read_directory", username="zhang.san")
    user = User.objects.get(pk=actor.user_id)
    user.password = make_password(PASSWORD)
    user.save()
    return user


def policy(**values: object) -> None:
    """Set the city's `[security]`."""
    installation = Installation.objects.get()
    installation.settings = {**SETTINGS, "security": values}
    installation.save()
    forget_all()


def test_the_right_password_signs_in(person: User) -> None:
    assert sign_in("zhang.san", PASSWORD, "10.0.0.1") == person
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.action, entry.outcome, entry.address) == ("login", "core.sign_in", "done", "10.0.0.1")
    assert entry.user_id == person.pk


def test_every_failure_sounds_the_same_and_takes_as_long(person: User) -> None:
    closed = User.objects.create(username="closed", password=make_password(PASSWORD), is_active=False)
    machine = User.objects.create(username="machine:x", password=make_password(PASSWORD), kind=User.Kind.MACHINE)
    told = set()
    for username in ("zhang.san", "nobody", closed.username, machine.username):
        CountingHasher.hashed.clear()
        with pytest.raises(WrongLogin) as caught:
            sign_in(username, "wrong", "10.0.0.1")
        told.add((caught.value.status, caught.value.code, caught.value.message))
        assert len(CountingHasher.hashed) == 1
    assert len(told) == 1


def test_repeated_failures_lock_the_account_and_the_lock_is_not_told(
    person: User, later: Callable[[float], None]
) -> None:
    policy(failures_to_lock=3, lock_minutes=10)
    for _ in range(3):
        with pytest.raises(WrongLogin):
            sign_in("zhang.san", "wrong", "10.0.0.1")
    CountingHasher.hashed.clear()
    with pytest.raises(WrongLogin):  # right, but locked: it sounds and takes as before
        sign_in("zhang.san", PASSWORD, "10.0.0.1")
    assert len(CountingHasher.hashed) == 1
    assert AuditEntry.objects.order_by("-id").values_list("outcome", flat=True)[0] == "locked"
    later(601)
    assert sign_in("zhang.san", PASSWORD, "10.0.0.1") == person
    person.refresh_from_db()
    assert (person.failed_logins, person.locked_until) == (0, None)


def test_a_success_forgets_earlier_failures(person: User) -> None:
    policy(failures_to_lock=3)
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(WrongLogin):
                sign_in("zhang.san", "wrong", "10.0.0.1")
        sign_in("zhang.san", PASSWORD, "10.0.0.1")


def test_an_address_that_keeps_guessing_names_must_wait(person: User, later: Callable[[float], None]) -> None:
    policy(failures_per_address=10, lock_minutes=10)
    for number in range(10):
        with pytest.raises(WrongLogin):
            sign_in(f"name{number}", "wrong", "10.0.0.1")
    with pytest.raises(TooMuch) as caught:
        sign_in("zhang.san", PASSWORD, "10.0.0.1")
    assert caught.value.retry_after == 600
    assert sign_in("zhang.san", PASSWORD, "10.0.0.2") == person
    later(601)
    assert sign_in("zhang.san", PASSWORD, "10.0.0.1") == person


def test_an_unknown_name_is_in_the_audit_but_cannot_be_read_from_it(city: City) -> None:
    for _ in range(2):
        with pytest.raises(WrongLogin):
            sign_in("MyPassword-1", "x", "10.0.0.1")
    first, second = AuditEntry.objects.all()
    assert first.user_id is None
    assert first.detail == second.detail
    assert "MyPassword" not in first.detail


# Passwords


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("Short-9", False),
        ("onlysmallletters", False),
        ("small-letters-only", False),
        ("Small-letters-9", True),
        ("密码密码密码密码-a9", True),
        ("zhang.san-Is-9", False),
        ("Password123", False),
        ("x" * 201, False),
    ],
)
def test_passwords_are_long_mixed_and_not_common(password: str, taken: bool) -> None:
    wrong = passwords.what_is_wrong(password, "zhang.san", length=10, kinds=3)
    assert (wrong is None) is taken
    if wrong is not None:
        assert wrong.code == "weak_password"
        assert password not in str(wrong)


def test_kinds_of_characters_are_counted() -> None:
    assert [passwords.kinds_in(text) for text in ("", "a", "aB", "aB1", "aB1-", "密")] == [0, 1, 2, 3, 4, 1]


def test_a_person_changes_the_own_password_and_other_sessions_end(person: User) -> None:
    first, second = Client(), Client()
    for client in (first, second):
        assert log_in(client).status_code == 200
    change = {"old": PASSWORD, "new": "Another-horse-8"}
    assert first.post("/api/v1/core/password", change, JSON).status_code == 200
    assert first.get("/api/v1/core/organisations").status_code == 200
    assert second.get("/api/v1/core/organisations").status_code == 401
    assert first.post("/api/v1/core/password", change, JSON).json()["code"] == "wrong_login"
    weak = {"old": "Another-horse-8", "new": "weak"}
    assert first.post("/api/v1/core/password", weak, JSON).json()["code"] == "weak_password"
    assert AuditEntry.objects.filter(action="core.change_password").count() == 3


def test_a_wrong_old_password_counts_as_a_failure(person: User) -> None:
    policy(failures_to_lock=3)
    for _ in range(3):
        with pytest.raises(WrongLogin):
            signing.change_password(person, "guess", "Another-horse-8", "")
    with pytest.raises(WrongLogin):
        signing.change_password(person, PASSWORD, "Another-horse-8", "")


# Sessions


def log_in(client: Client, password: str = PASSWORD) -> Any:
    """Sign in over HTTP."""
    return client.post("/api/v1/core/login", {"username": "zhang.san", "password": password}, JSON)


def test_a_session_starts_with_its_post_and_permissions(person: User) -> None:
    client = Client()
    before = client.get("/api/v1/core/session").json()
    assert (before["user"], before["posts"], before["permissions"]) == (None, [], [])
    answer = log_in(client)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["user"]["username"] == "zhang.san"
    assert body["post_id"] == body["posts"][0]["id"]
    assert body["permissions"] == ["core.read_directory"]
    assert client.get("/api/v1/core/session").json()["post_id"] == body["post_id"]


def test_cookies_cannot_be_read_by_scripts_or_sent_across_sites(person: User) -> None:
    client = Client()
    log_in(client)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_session_that_was_put_under_somebody_is_not_the_one_they_get(person: User) -> None:
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    log_in(client)
    assert client.cookies["sessionid"].value != planted
    assert Client(headers={"Cookie": f"sessionid={planted}"}).get("/api/v1/core/organisations").status_code == 401


def test_logging_out_ends_the_session_and_is_audited(person: User) -> None:
    client = Client()
    log_in(client)
    key = client.cookies["sessionid"].value
    assert client.post("/api/v1/core/logout").status_code == 200
    assert client.get("/api/v1/core/organisations").status_code == 401
    old = Client()
    old.cookies["sessionid"] = key
    assert old.get("/api/v1/core/organisations").status_code == 401
    found = list(AuditEntry.objects.order_by("id").values_list("action", "outcome"))
    assert found == [("core.sign_in", "done"), ("core.sign_out", "done")]


def test_a_failed_login_gives_no_session(person: User) -> None:
    client = Client()
    answer = log_in(client, "wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_login")
    assert client.get("/api/v1/core/session").json()["user"] is None


def test_a_form_of_another_site_cannot_sign_anybody_in(person: User) -> None:
    """A form cannot send JSON across sites, and nothing else is read."""
    client = Client()
    body = '{"username": "zhang.san", "password": "' + PASSWORD + '"}'
    assert client.post("/api/v1/core/login", body, "text/plain").status_code == 415
    assert client.post("/api/v1/core/login", {"username": "zhang.san", "password": PASSWORD}).status_code == 415


def test_a_session_without_requests_ends(person: User, later: Callable[[float], None]) -> None:
    policy(idle_minutes=30)
    client = Client()
    log_in(client)
    for _ in range(3):  # each request keeps it
        later(29 * 60)
        assert client.get("/api/v1/core/organisations").status_code == 200
    later(30 * 60 + 61)
    assert client.get("/api/v1/core/organisations").status_code == 401
    assert client.get("/api/v1/core/session").json()["user"] is None
    assert AuditEntry.objects.filter(action="core.session_ended", user=person).count() == 1


def test_a_screen_that_nobody_sits_at_stays(person: User, later: Callable[[float], None]) -> None:
    role = PostHolding.objects.get(user=person).post.role.code
    policy(idle_minutes=30, unattended_roles=[role])
    client = Client()
    log_in(client)
    later(8 * 3600)
    assert client.get("/api/v1/core/organisations").status_code == 200


def test_noting_requests_costs_one_write_a_minute(person: User, later: Callable[[float], None]) -> None:
    client = Client()
    log_in(client)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            later(10)
            client.get("/api/v1/core/organisations")
    assert [q for q in queries if q["sql"].startswith(("UPDATE", "INSERT"))] == []
    with CaptureQueriesContext(connection) as queries:
        later(10)
        client.get("/api/v1/core/organisations")
    assert len([q for q in queries if q["sql"].startswith("UPDATE")]) == 1


def test_a_post_is_chosen_among_those_held_and_the_choice_is_audited(person: User) -> None:
    other = make_actor("core.read_audit")
    PostHolding.objects.create(user=person, post_id=other.post_id or 0, valid_from=LONG_AGO)
    client = Client()
    body = log_in(client).json()
    assert (body["post_id"], len(body["posts"]), body["permissions"]) == (None, 2, [])
    chosen = client.post("/api/v1/core/post", {"post_id": other.post_id}, JSON).json()
    assert chosen["permissions"] == ["core.read_audit"]
    assert client.get("/api/v1/core/organisations").status_code == 403
    foreign = make_actor("core.*")
    refused = client.post("/api/v1/core/post", {"post_id": foreign.post_id}, JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_post")
    entry = AuditEntry.objects.get(action="core.choose_post")
    assert (entry.user_id, entry.post_id) == (person.pk, other.post_id)


def test_a_post_that_ended_ends_its_rights_at_once(person: User) -> None:
    client = Client()
    log_in(client)
    assert client.get("/api/v1/core/organisations").status_code == 200
    PostHolding.objects.filter(user=person).update(valid_to=wall_now())
    assert client.get("/api/v1/core/organisations").status_code == 403
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get("/api/v1/core/organisations").status_code == 401


def test_a_request_of_a_session_asks_the_database_little(city: City) -> None:
    client = browser(make_actor("core.read_directory"))
    client.get("/api/v1/core/organisations")
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/v1/core/organisations")
    assert len(queries) == 6  # session, user, post, grants, and what was asked for with its count


def test_the_audit_tells_of_a_change_of_password_only_when_it_was_changed(city: City, person: User) -> None:
    with pytest.raises(Invalid, match="at least"):
        signing.change_password(person, PASSWORD, "short", "10.0.0.1")
    with pytest.raises(Invalid, match="the old one"):
        signing.change_password(person, PASSWORD, PASSWORD, "10.0.0.1")
    signing.change_password(person, PASSWORD, "Another-horse-8", "10.0.0.1")
    told = AuditEntry.objects.filter(action="core.change_password").order_by("id")
    assert list(told.values_list("outcome", "code")) == [
        ("invalid", "weak_password"), ("invalid", "same_password"), ("done", ""),
    ]  # fmt: skip
