"""The API's manners: who may call, what goes wrong in one form, repeats, pages, the page's token, bad input."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import Client

from scoc.core import clients, queries
from scoc.core.acting import Actor
from scoc.core.http.request import expected_version, require_version, with_version
from scoc.core.models import Attachment, AuditEntry, Delivery, IdempotencyMark, Meter, Notice, Post, User
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, Stale
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
JSON = "application/json"


def problem(response: Any, status: int, code: str) -> dict[str, object]:
    """The answer, which must be a problem as RFC 9457 writes it."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, object] = json.loads(response.content)
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:scoc:problem:{code}")
    assert body["title"]
    assert body["detail"]
    assert body["correlation"] == response["X-Correlation-Id"] != ""
    return body


def png() -> SimpleUploadedFile:
    """A picture to hand in."""
    return SimpleUploadedFile("a.png", PNG, content_type="image/png")


def test_nobody_gets_in_without_signing_in(city: City) -> None:
    problem(Client().get("/api/v1/core/organisations"), 401, "not_signed_in")
    problem(Client().post("/api/v1/core/post", {"post_id": 1}, JSON), 401, "not_signed_in")


@pytest.mark.parametrize(
    ("method", "address", "subject"),
    [
        ("GET", "/api/v1/cases/7", "cases:7"),
        ("POST", "/api/v1/cases/7/close", "cases:7"),
        ("POST", "/api/v1/intake/situations/7/accept", "intake:7"),
        ("POST", "/api/v1/intake/joins/7/undo", "intake:join-7"),
        ("GET", "/api/v1/sensing/devices/7", "sensing:device-7"),
        ("GET", "/api/v1/indicators/air.pm25", "indicators:air.pm25"),
        ("POST", "/api/v1/core/deliveries/7/retry", "core:delivery-7"),
        ("POST", "/api/v1/core/accounts/7/posts/leader/end", "core:user-7"),
        ("GET", "/api/v1/core/calendar/2026", "core:calendar-2026"),
        ("POST", "/api/v1/core/keys/ab12/revoke", "core:key-ab12"),
        ("GET", "/api/v1/core/organisations", ""),
        ("GET", "/api/v1/indicators/%E5%BC%A0%E4%B8%89%2013812345678", ""),
    ],
)
def test_a_refusal_at_the_door_says_what_it_was_about(city: City, method: str, address: str, subject: str) -> None:
    response = browser(make_actor()).generic(method, address, b"", "application/json")
    problem(response, 403, "no_permission")
    assert [entry.subject for entry in AuditEntry.objects.all()] == [subject]


def test_a_deed_that_names_no_subject_has_that_of_its_route(city: City) -> None:
    work = Delivery.objects.create(
        handler="task:x", run=city.run, correlation="c", state="parked", next_try_at=wall_now(), attempts=8
    )
    client = browser(make_actor("core.*"))
    assert client.post(f"/api/v1/core/deliveries/{work.pk}/retry").status_code == 200
    entry = AuditEntry.objects.get(action="core.retry_delivery")
    assert (entry.kind, entry.outcome, entry.subject) == ("action", "done", f"core:delivery-{work.pk}")
    work.refresh_from_db()
    assert (work.state, work.attempts) == ("waiting", 0)
    problem(client.post(f"/api/v1/core/deliveries/{work.pk}/retry"), 404, "not_found")


def test_a_stranger_is_refused_before_the_input_is_looked_at(city: City) -> None:
    actor = make_actor()
    problem(browser(actor).get("/api/v1/core/facts"), 403, "no_permission")  # `subject` is missing, too
    entry = AuditEntry.objects.get()
    assert (entry.user_id, entry.action, entry.outcome) == (actor.user_id, "core.read_facts", "refused")


def test_refusals_are_told_in_the_callers_language(city: City) -> None:
    stranger = browser(make_actor())
    zh = stranger.get("/api/v1/core/organisations").json()
    en = stranger.get("/api/v1/core/organisations", headers={"Accept-Language": "en-GB,en;q=0.9"}).json()
    assert zh["detail"] == "您的岗位没有这项权限。"
    assert en["detail"] == "Your post does not have the permission core.read_directory."


def test_the_audit_carries_the_requests_correlation(city: City) -> None:
    response = browser(make_actor()).get("/api/v1/core/organisations")
    assert AuditEntry.objects.get().correlation == response["X-Correlation-Id"]


def test_unknown_addresses_methods_and_types_are_problems(city: City) -> None:
    client = browser(make_actor("core.*"))
    problem(client.get("/api/v1/core/nothing"), 404, "not_found")
    problem(client.get("/api/nothing"), 404, "not_found")
    refused = client.delete("/api/v1/core/organisations")
    problem(refused, 405, "method_not_allowed")
    assert "GET" in refused["Allow"]
    problem(client.put("/api/v1/core/calendar/2027", "off=", "text/plain"), 415, "unsupported_media_type")


def test_an_unknown_host_is_refused_but_the_health_check_is_not(city: City) -> None:
    problem(Client().get("/api/v1/core/session", headers={"Host": "evil.example"}), 400, "unknown_host")
    assert Client().get("/healthz", headers={"Host": "10.0.0.1"}).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b'{"off": [], "work": [], "note": NaN}', 422, "invalid"),
        (b'{"off": [], "work": [], "note": Infinity}', 422, "invalid"),
        (b'{"off": [], "work": [], "note": "a\\u0000b"}', 422, "unreadable_text"),
        (b'{"off": [], "work": [], "note": "a\\ud800b"}', 422, "unreadable_text"),
        (b'{"off": [], "work": [], "n\\u0000": 1}', 422, "unreadable_text"),
        (b'{"off": [], "work": [], "note": "' + b"x" * 300 + b'"}', 422, "invalid"),
        (b'{"off": "nothing", "work": []}', 422, "invalid"),
        (b'{"off": ["0001-01-01"], "work": []}', 422, "invalid"),
        (b"[" * 5000 + b"]" * 5000, 422, "invalid"),
        (b"[" * 200_000, 422, "invalid"),
        (b"1" * 10_000, 400, "bad_request"),
        (b'{"off": ' + b"9" * 400 + b', "work": []}', 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b'"text"', 422, "invalid"),
    ],
)
def test_bodies_of_every_wrong_kind_are_problems(city: City, body: bytes, status: int, code: str) -> None:
    problem(browser(make_actor("core.*")).put("/api/v1/core/calendar/2027", body, JSON), status, code)


def test_a_body_that_is_too_large_is_a_problem(city: City) -> None:
    body = b'{"off": [], "work": [], "note": "' + b"x" * (13 * 1024 * 1024) + b'"}'
    problem(browser(make_actor("core.*")).put("/api/v1/core/calendar/2027", body, JSON), 413, "too_large")


def test_a_broken_form_is_a_problem(city: City) -> None:
    client = browser(make_actor("core.*"))
    broken = client.post("/api/v1/core/attachments", b"--x\r\nnothing", "multipart/form-data; boundary=")
    problem(broken, 400, "bad_request")
    problem(client.post("/api/v1/core/attachments", {"file": "text"}), 422, "invalid")


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("organisations?kind=%00", 422, "unreadable_text"),
        ("organisations?%00=1", 422, "unreadable_text"),
        ("organisations?kind=" + "x" * 50, 422, "invalid"),
        ("calendar/1%00", 422, "unreadable_text"),
        ("calendar/999999999999999999999", 422, "invalid"),
        ("attachments/9223372036854775808", 422, "invalid"),
        ("attachments/1", 404, "not_found"),
        ("areas?as_of=9999-12-31T23:59:59Z", 422, "invalid"),
        ("areas?as_of=0001-01-01T00:00:00%2B14:00", 422, "invalid"),
        ("areas?as_of=2026-01-01T00:00:00", 422, "invalid"),
        ("areas?as_of=1e400", 422, "invalid"),
        ("categories?as_of=1966-07-03T21:11:44%2B18:57", 200, ""),
        ("audit?limit=0", 422, "invalid"),
        ("audit?limit=501", 422, "invalid"),
        ("audit?cursor=abc", 422, "wrong_cursor"),
        ("audit?cursor=%C3%A9", 422, "wrong_cursor"),
        ("audit?subject=%ff", 200, ""),
    ],
)
def test_odd_addresses_are_problems(city: City, address: str, status: int, code: str) -> None:
    response = browser(make_actor("core.*")).get(f"/api/v1/core/{address}")
    if status == 200:
        assert response.status_code == 200
    else:
        problem(response, status, code)


def test_a_wrong_field_is_named_with_a_remedy(city: City) -> None:
    client = browser(make_actor("core.*"))
    body = problem(client.put("/api/v1/core/calendar/2027", {"off": []}, JSON), 422, "invalid")
    assert body["errors"] == [{"field": "work", "message": "此项必填。", "remedy": ""}]
    asked = client.put("/api/v1/core/calendar/2027", {"off": []}, JSON, headers={"Accept-Language": "en"})
    assert asked.json()["errors"] == [
        {"field": "work", "message": "This field is missing.", "remedy": "Send this field."}
    ]


def test_what_breaks_on_our_side_tells_nothing_of_itself(
    city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret plan")

    monkeypatch.setattr(queries, "organisations", broken)
    body = problem(browser(make_actor("core.*")).get("/api/v1/core/organisations"), 500, "fault")
    assert "secret" not in str(body)
    assert "the secret plan" in caplog.text


def test_every_answer_has_safe_headers(city: City) -> None:
    for address in ("/api/v1/core/session", "/api/v1/core/nothing", "/healthz"):
        response = Client().get(address)
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert Client().get("/api/v1/core/session")["Cache-Control"] == "no-store"


# The page's token


def test_an_unsafe_call_of_a_browser_needs_the_pages_token(city: City) -> None:
    client = browser(make_actor("core.*"), csrf=True)
    token = client.get("/api/v1/core/session").json()["csrf_token"]
    problem(client.post("/api/v1/core/attachments", {"file": png()}), 403, "csrf")
    problem(client.post("/api/v1/core/attachments", {"file": png()}, headers={"X-CSRFToken": "x" * 64}), 403, "csrf")
    assert not Attachment.objects.exists()
    done = client.post("/api/v1/core/attachments", {"file": png()}, headers={"X-CSRFToken": token})
    assert done.status_code == 200, done.content
    cookie = client.cookies["csrftoken"]
    assert cookie["samesite"] == "Lax"


def test_the_token_stays_good_when_the_session_is_asked_again(city: City) -> None:
    client = browser(make_actor("core.*"), csrf=True)
    first = client.get("/api/v1/core/session").json()["csrf_token"]
    client.get("/api/v1/core/session")
    done = client.post("/api/v1/core/attachments", {"file": png()}, headers={"X-CSRFToken": first})
    assert done.status_code == 200


def test_a_machine_needs_no_token_and_a_wrong_key_does_not_fall_back_on_the_session(city: City) -> None:
    actor = make_actor("core.*")
    client = browser(actor, csrf=True)
    response = client.get("/api/v1/core/organisations", headers={"Authorization": "Bearer scoc_0123456789ab_x"})
    problem(response, 401, "not_signed_in")
    key = key_of(actor)
    done = Client(enforce_csrf_checks=True).post(
        "/api/v1/core/attachments", {"file": png()}, headers={"Authorization": f"bearer {key}"}
    )
    assert done.status_code == 200


def key_of(actor: Actor, *, per_minute: int = 100, per_day: int = 1000) -> str:
    """An API key of a machine in the actor's post."""
    machine = User.objects.create(username=f"machine:{actor.username}", kind=User.Kind.MACHINE, password="!")
    return clients.issue(
        machine, Post.objects.get(pk=actor.post_id or 0), "test", per_minute=per_minute, per_day=per_day,
        valid_to=wall_now() + timedelta(days=1),
    )  # fmt: skip


def test_rows_given_to_a_machine_are_metered(city: City) -> None:
    actor = make_actor("core.*")
    key = key_of(actor)
    for _ in range(3):
        browser(make_actor()).get("/api/v1/core/organisations")  # three refusals to read
    response = Client().get("/api/v1/core/audit", headers={"Authorization": f"Bearer {key}"})
    assert len(response.json()["items"]) == 3
    clients.flush_meters(force=True)
    meter = Meter.objects.get()
    assert (meter.answered, meter.refused, meter.rows) == (1, 0, 3)


# Repeats


def test_a_request_with_a_key_is_done_once_and_answered_the_same(city: City) -> None:
    client = browser(make_actor("core.*"))
    key = {"Idempotency-Key": "0123-4567"}
    answers = [client.post("/api/v1/core/attachments?lon=1", {"file": png()}, headers=key) for _ in range(3)]
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert len({a["Content-Type"] for a in answers}) == 1
    assert Attachment.objects.count() == 1
    assert client.post("/api/v1/core/attachments?lon=1", {"file": png()}).json()["id"] != answers[0].json()["id"]


def test_a_key_cannot_be_used_for_another_request(city: City) -> None:
    client = browser(make_actor("core.*"))
    key = {"Idempotency-Key": "0123-4567"}
    client.post("/api/v1/core/attachments?lon=1", {"file": png()}, headers=key)
    problem(client.post("/api/v1/core/attachments?lon=2", {"file": png()}, headers=key), 422, "invalid")
    other = SimpleUploadedFile("b.png", PNG + b"1", content_type="image/png")
    problem(client.post("/api/v1/core/attachments?lon=1", {"file": other}, headers=key), 422, "invalid")
    notice = a_notice(make_actor("core.*"))
    problem(client.post(f"/api/v1/core/notices/{notice.pk}/read", headers=key), 422, "invalid")


def test_keys_of_two_users_have_nothing_to_do_with_each_other(city: City) -> None:
    key = {"Idempotency-Key": "0123-4567"}
    for client in (browser(make_actor("core.*")), browser(make_actor("core.*"))):
        assert client.post("/api/v1/core/attachments", {"file": png()}, headers=key).status_code == 200
    assert Attachment.objects.count() == 2


def test_a_refused_request_keeps_nothing_under_its_key(city: City) -> None:
    actor = make_actor("core.*")
    client = browser(actor)
    key = {"Idempotency-Key": "0123-4567"}
    problem(client.post("/api/v1/core/notices/999/read", headers=key), 404, "not_found")
    assert not IdempotencyMark.objects.exists()
    assert AuditEntry.objects.get().outcome == "not found"


@pytest.mark.parametrize("key", ["short", "x" * 121, "schlüssel", "tab\there"])
def test_odd_keys_are_refused(city: City, key: str) -> None:
    client = browser(make_actor("core.*"))
    headers = {"Idempotency-Key": key}
    problem(client.post("/api/v1/core/attachments", {"file": png()}, headers=headers), 422, "invalid")


def test_two_at_once_with_one_key_have_one_effect_and_one_answer(committed: City) -> None:
    actor = make_actor("core.*")
    browsers = [browser(actor) for _ in range(4)]
    barrier = threading.Barrier(4)
    answers: list[tuple[int, bytes]] = []

    def send(client: Client) -> None:
        barrier.wait(30)
        try:
            response = client.post(
                "/api/v1/core/attachments", {"file": png()}, headers={"Idempotency-Key": "at-once-1"}
            )
            answers.append((response.status_code, response.content))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(client,)) for client in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {status for status, _ in answers} == {200}
    assert len({content for _, content in answers}) == 1
    assert Attachment.objects.count() == 1


# Versions


def _request(**headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    return request


@pytest.mark.parametrize(("header", "version"), [('"3"', 3), ('W/"3"', 3), ("3", 3), ("*", None)])
def test_the_expected_version_is_read(header: str, version: int | None) -> None:
    assert expected_version(_request(if_match=header)) == version


@pytest.mark.parametrize("header", ['"x"', '"1", "2"', '"²"', '"9999999999"', '"-1"', ""])
def test_anything_else_is_no_version(header: str) -> None:
    with pytest.raises(Invalid):
        expected_version(_request(if_match=header))


def test_a_version_is_given_and_asked_for() -> None:
    response = HttpResponse()
    with_version(response, 7)
    assert response["ETag"] == '"7"'
    assert expected_version(_request()) is None
    require_version(None, 7)
    require_version(7, 7)
    with pytest.raises(Stale):
        require_version(6, 7)


# Pages


def a_notice(actor: Actor, **values: object) -> Notice:
    """A notice to the actor's post."""
    from scoc.core.now import current_run

    return Notice.objects.create(
        post_id=actor.post_id, subject="tests:1", title=Text("通知", "Notice"), run_id=current_run(),
        **{"happened_at": datetime(2026, 6, 15, tzinfo=UTC), **values},
    )  # fmt: skip


def walk(fetch: Callable[[str], Any], address: str) -> tuple[list[int], int]:
    """All ids of a list, page by page, and how many pages there were."""
    ids: list[int] = []
    cursor, pages = "", 0
    while True:
        body = json.loads(fetch(f"{address}&cursor={cursor}" if cursor else address).content)
        ids += [item["id"] for item in body["items"]]
        pages += 1
        if body["next"] is None:
            return ids, pages
        cursor = body["next"]


def test_a_list_is_walked_page_by_page_without_gap_or_repeat(city: City) -> None:
    actor = make_actor("core.*")
    made = [a_notice(actor).pk for _ in range(7)]
    client = browser(actor)
    assert walk(client.get, "/api/v1/core/notices?limit=3") == (made[::-1], 3)
    first = client.get("/api/v1/core/notices?limit=3").json()
    assert first["total"] == 7
    second = client.get(f"/api/v1/core/notices?limit=3&cursor={first['next']}").json()
    assert second["total"] == 7


def test_a_cursor_is_good_for_its_own_list_only(city: City) -> None:
    actor = make_actor("core.*")
    for _ in range(3):
        a_notice(actor)
    client = browser(actor)
    cursor = client.get("/api/v1/core/notices?limit=1").json()["next"]
    problem(client.get(f"/api/v1/core/audit?cursor={cursor}"), 422, "wrong_cursor")
    problem(client.get(f"/api/v1/core/notices?cursor={cursor[:-1]}"), 422, "wrong_cursor")
    changed = cursor[:25] + ("A" if cursor[25] != "A" else "B") + cursor[26:]
    problem(client.get(f"/api/v1/core/notices?cursor={changed}"), 422, "wrong_cursor")
