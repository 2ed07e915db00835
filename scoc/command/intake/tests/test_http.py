"""Routes: status, permission, shape, versions, repeats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from scoc.command.intake.models import Join, Signal
from scoc.command.intake.tests.factories import FLOOD, LAT, LON, north, report
from scoc.core.acting import Actor
from scoc.core.administration import issue_key
from scoc.core.http.identity import POST_KEY
from scoc.core.models import Contact, Post, User
from scoc.core.tests.factories import make_actor

BASE = "/api/v1/intake"


def _client(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.user_id), backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[POST_KEY] = actor.post_id
    session.save()
    return client


def _post(client: Client, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return client.post(f"{BASE}{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def _routes(signal: int, situation: int, join: int) -> list[tuple[str, str]]:
    return [
        ("get", "/situations"), ("get", "/situations/counts"), ("get", "/situations/points"), ("get", "/last-hour"),
        ("get", "/situations/export"),
        ("get", f"/situations/{situation}"), ("post", "/signals"), ("post", f"/situations/{situation}/accept"),
        ("post", f"/situations/{situation}/dismiss"), ("post", f"/situations/{situation}/merge"),
        ("post", f"/signals/{signal}/join"), ("post", f"/signals/{signal}/separate"), ("post", f"/joins/{join}/undo"),
        ("post", "/proposals/1/confirm"), ("post", "/proposals/1/reject"),
    ]  # fmt: skip


def test_anonymous_and_strangers_are_kept_out(acceptor: Actor) -> None:
    made = report(acceptor, category=FLOOD)
    stranger = _client(make_actor("sensing.read_alarms"))
    bodies: dict[str, dict[str, Any]] = {
        "/signals": {"channel": "11"}, "dismiss": {"reason": "gone", "opinion": "已恢复"},
        "merge": {"situation_id": 1}, "join": {"situation_id": 1},
    }  # fmt: skip
    for method, path in _routes(made.signal_id, made.situation_id, 1):
        body = bodies.get(path) or bodies.get(path.rpartition("/")[2]) or {}
        for client, status in ((Client(), 401), (stranger, 403)):
            answer = client.get(f"{BASE}{path}") if method == "get" else _post(client, path, body)
            assert answer.status_code == status, (path, answer.content)
            assert answer["Content-Type"] == "application/problem+json"


def test_from_report_to_acceptance(acceptor: Actor) -> None:
    client = _client(acceptor)
    body = {
        "channel": "11", "category": FLOOD, "lon": LON, "lat": LAT, "text": "桥下积水",
        "reporter": {"name": "张三", "phone": "138 1234 5678"},
    }  # fmt: skip
    made = _post(client, "/signals", body, **{"Idempotency-Key": "11111111-aaaa"})
    assert made.status_code == 200
    again = _post(client, "/signals", body, **{"Idempotency-Key": "11111111-aaaa"})
    assert again.json() == made.json()
    assert Signal.objects.count() == 1
    situation = made.json()["situation_id"]
    shown = client.get(f"{BASE}/situations/{situation}")
    assert shown["ETag"] == '"1"'
    assert shown.json()["rows"][0]["reporter"]["phone"] == "138****5678"
    assert client.get(f"{BASE}/situations", {"state": "open"}).json()["items"][0]["id"] == situation
    assert client.get(f"{BASE}/situations/counts").json()["states"]["open"] == 1
    assert client.get(f"{BASE}/situations/points").json()[0]["id"] == situation
    assert client.get(f"{BASE}/last-hour").json()["signals"] == 1
    stale = _post(client, f"/situations/{situation}/accept", {}, **{"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    done = _post(client, f"/situations/{situation}/accept", {"opinion": "属实"}, **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["state"], done["ETag"]) == (200, "accepted", '"2"')
    twice = _post(client, f"/situations/{situation}/accept", {})
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")


def test_joining_by_routes(acceptor: Actor) -> None:
    client = _client(acceptor)
    first = report(acceptor, category=FLOOD)
    second = report(acceptor, metres=48, minutes=4, category=FLOOD)
    asked = report(acceptor, metres=-90, minutes=4, category=FLOOD)
    own = _post(client, f"/signals/{second.signal_id}/separate").json()["situation_id"]
    join = Join.objects.get(signal_id=second.signal_id, undone_at=None)
    assert _post(client, f"/joins/{join.pk}/undo").json()["situation_id"] == first.situation_id
    assert _post(client, f"/joins/{join.pk}/undo").json()["code"] == "undone"
    assert _post(client, f"/signals/{second.signal_id}/join", {"situation_id": own}).status_code == 409
    assert _post(client, f"/proposals/{asked.proposal_id}/confirm").json()["situation_id"] == first.situation_id
    other = report(acceptor, metres=5000, category=FLOOD)
    merged = _post(client, f"/situations/{other.situation_id}/merge", {"situation_id": first.situation_id})
    assert merged.json()["situation_id"] == first.situation_id
    gone = _post(client, f"/situations/{first.situation_id}/dismiss", {"reason": "gone", "opinion": "已恢复"})
    assert gone.json()["state"] == "dismissed"


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "99"},
        {"channel": "11", "lon": 121.5},
        {"channel": "11", "lon": 200, "lat": 30},
        {"channel": "11", "lon": 30, "lat": 121.5},
        {"channel": "11", "lon": LON, "lat": north(90_000)},
        {"channel": "11", "category": "event/9999"},
        {"channel": "11", "category": "water"},
        {"channel": "11", "level": 5},
        {"channel": "11", "text": "a\u0000b"},
        {"channel": "11", "text": "长" * 4001},
        {"channel": "11", "happened_at": "2099-01-01T00:00:00Z"},
        {"channel": "11", "happened_at": "1999-01-01T00:00:00Z"},
        {"channel": "11", "happened_at": "9999-12-31T23:59:59-14:00"},
        {"channel": "11", "happened_at": "2026-06-15T08:00:00"},
        {"channel": "11", "area": "999999"},
        {"channel": "11", "asset": "nothing"},
        {"channel": "11", "attachments": [4711]},
        {"channel": "11", "external_id": "two words"},
        {"channel": "11", "reporter": {"phone": "call me"}},
        {"channel": "11", "datum": "BEIJING-54"},
    ],
)
def test_bad_reports_are_named_and_store_nothing(acceptor: Actor, body: dict[str, Any]) -> None:
    answer = _post(_client(acceptor), "/signals", body)
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"]
    assert not Signal.objects.exists()
    assert not Contact.objects.exists()


def test_a_collector_reports_as_a_collector_only(acceptor: Actor) -> None:
    client = _client(make_actor("intake.receive_signal", role="collector"))
    refused = _post(client, "/signals", {"channel": "51"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_channel")
    assert _post(client, "/signals", {"channel": "01"}).status_code == 200


def test_a_position_in_gcj02_is_shifted_once(acceptor: Actor) -> None:
    _post(_client(acceptor), "/signals", {"channel": "11", "lon": LON, "lat": LAT, "datum": "GCJ-02"})
    signal = Signal.objects.get()
    assert signal.lon is not None
    assert 0.003 < LON - signal.lon < 0.006
    assert signal.lon != pytest.approx(LON, abs=1e-4)


@pytest.mark.parametrize(
    "wanted", [{"state": "gone"}, {"level": 9}, {"area": "x"}, {"category": "x"}, {"text": "a\x00"}, {"cursor": "?"}]
)
def test_bad_filters_are_named(acceptor: Actor, wanted: dict[str, Any]) -> None:
    assert _client(acceptor).get(f"{BASE}/situations", wanted).status_code == 422


def test_a_machine_reports_with_its_key(acceptor: Actor) -> None:
    post = Post.objects.get(pk=make_actor("intake.receive_signal", role="platform", machines=True).post_id or 0)
    key = issue_key(
        make_actor("core.issue_key"), "camera-platform", post.code, "cameras", per_minute=10, per_day=100, days=1
    )
    body = {"channel": "41", "device": "CAM-2206", "rule": "water", "category": FLOOD, "lon": LON, "lat": LAT}
    made = _post(Client(), "/signals", body, Authorization=f"Bearer {key}")
    assert made.status_code == 200
    signal = Signal.objects.get(pk=made.json()["signal_id"])
    assert (signal.post_id, signal.device) == (post.pk, "CAM-2206")
    assert _post(Client(), "/signals", body, Authorization="Bearer scoc_nothing_here").status_code == 401


def test_the_list_leaves_as_a_file_under_the_same_filters(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD, place="东海路下穿通道", text="13812345678")
    report(acceptor, metres=9000, place="学府路")
    answer = _client(acceptor).get(f"{BASE}/situations/export", {"state": "open", "category": FLOOD})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert (answer.status_code, len(lines)) == (200, 3)  # a heading, a row, and whose file it is
    assert "道路积水" in lines[1]
    assert "13812345678" not in answer.content.decode()
    assert _client(acceptor).get(f"{BASE}/situations/export", {"form": "pdf"}).status_code == 422
