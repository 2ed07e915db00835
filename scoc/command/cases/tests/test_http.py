"""Routes: status, permission, shape; versions and repeats."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from scoc.command.cases.models import Case, CaseFlow, State
from scoc.command.cases.tests.factories import COVER, EAST, Cast, bring, photo, report, report_in
from scoc.core.acting import Actor
from scoc.core.models import AuditEntry, FactRow
from scoc.core.tests.factories import browser, make_actor

BASE = "/api/v1/cases"
JSON = "application/json"


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    """A POST with headers."""
    return client.post(f"{BASE}{path}", body, JSON, headers=headers)


def files(actor: Actor, kind: str) -> list[dict[str, Any]]:
    """One photo as it is named in a body."""
    return [photo(actor, kind).model_dump(mode="json")]


def test_a_case_goes_the_whole_way_over_http(cast: Cast) -> None:
    made = post(browser(cast.collector), "", report_in(cast).model_dump(mode="json"))
    assert (made.status_code, made.json()["state"], made["ETag"]) == (200, "reported", '"1"')
    number = made.json()["id"]
    steps: list[tuple[Actor, str, dict[str, Any], str]] = [
        (cast.acceptor, "accept", {"condition": COVER}, "accepted"),
        (cast.leader, "file", {}, "filed"),
        (cast.dispatcher, "dispatch", {}, "dispatched"),
        (cast.clerk, "sign", {}, "handling"),
        (cast.handler, "feed-back", {"opinion": "已修好", "evidence": files(cast.handler, "after")}, "handled"),
        (cast.leader, "send-to-check", {}, "checking"),
        (cast.leader, "rework", {"opinion": "错台"}, "dispatched"),
        (cast.clerk, "sign", {}, "handling"),
        (cast.handler, "feed-back", {"opinion": "已修平", "evidence": files(cast.handler, "after")}, "handled"),
        (cast.leader, "send-to-check", {}, "checking"),
        (cast.collector, "pass-check", {"evidence": files(cast.collector, "check")}, "pending_close"),
        (cast.leader, "close", {"criterion_met": True}, "closed"),
    ]
    for version, (actor, route, body, state) in enumerate(steps, 1):
        client = browser(actor)
        assert client.get(f"{BASE}/{number}")["ETag"] == f'"{version}"'
        answer = post(client, f"/{number}/{route}", body, **{"If-Match": f'"{version}"'})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["state"], answer.json()["version"], answer["ETag"]) == (
            state, version + 1, f'"{version + 1}"',
        )  # fmt: skip
    assert post(browser(cast.leader), f"/{number}/comment", {"text": "办得好"}).status_code == 200


def test_a_stale_version_is_412(cast: Cast) -> None:
    case = bring(cast, State.ACCEPTED)
    answer = post(browser(cast.leader), f"/{case.pk}/file", {}, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


def test_a_repeat_with_the_same_key_moves_once(cast: Cast) -> None:
    case = bring(cast, State.ACCEPTED)
    client = browser(cast.leader)
    key = {"Idempotency-Key": "5f0c8f0e-9a6e-4d1b-8a51"}
    first, second = (post(client, f"/{case.pk}/file", {}, **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert CaseFlow.objects.filter(case=case, action="file_case").count() == 1
    assert FactRow.objects.filter(name="cases.filed").count() == 1
    other = post(client, f"/{case.pk}/file", {})
    assert (other.status_code, other.json()["code"]) == (409, "not_now")


def test_the_unit_cannot_close_over_http(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    mighty = make_actor("cases.close_case", "cases.read_cases", organisation=cast.city.utility)
    for actor, code in ((cast.clerk, "no_permission"), (mighty, "handling_unit_cannot_close")):
        answer = post(browser(actor), f"/{case.pk}/close", {"criterion_met": True})
        assert (answer.status_code, answer.json()["code"]) == (403, code)
        entry = AuditEntry.objects.filter(action="cases.close_case").latest("id")
        assert (entry.user_id, entry.outcome, entry.code) == (actor.user_id, "refused", code)
    assert Case.objects.get(pk=case.pk).state == "pending_close"
    shown = browser(mighty).get(f"{BASE}/{case.pk}", headers={"Accept-Language": "zh-CN"}).json()["moves"]
    closing = next(move for move in shown if move["move"] == "close_case")
    assert (closing["allowed"], closing["code"]) == (False, "handling_unit_cannot_close")
    assert closing["why"]["zh"] == "处置单位不可核查、结案自己处置的案卷。"


READS = ("/worklist", "/worklist/export", "/counts", "/points", "/{id}", "/conditions",
         "/units?condition=component/0101-2", "/{id}/units", "/{id}/around",
         "/evaluation?start=2026-06-01T00:00:00Z&end=2026-07-01T00:00:00Z")  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_reads_ask_who_and_whether(cast: Cast, path: str) -> None:
    case = bring(cast, State.HANDLING)
    address = BASE + path.replace("{id}", str(case.pk))
    assert Client().get(address).status_code == 401
    assert browser(make_actor("core.read_directory")).get(address).status_code == 403
    assert browser(cast.mayor).get(address).status_code == 200


MOVES = ("accept", "file", "dispatch", "sign", "feed-back", "send-to-check", "pass-check", "rework", "close", "comment")


@pytest.mark.parametrize("route", MOVES)
def test_moves_ask_who_and_whether(cast: Cast, route: str) -> None:
    case = report(cast)
    bodies: dict[str, dict[str, Any]] = {
        "accept": {"condition": COVER}, "close": {"criterion_met": True}, "comment": {"text": "看看"},
        "rework": {"opinion": "错台"}, "pass-check": {"evidence": files(cast.collector, "check")},
        "feed-back": {"opinion": "修好", "evidence": files(cast.collector, "after")},
    }  # fmt: skip
    body = bodies.get(route, {})
    assert post(Client(), f"/{case.pk}/{route}", body).status_code == 401
    assert post(browser(cast.mayor), f"/{case.pk}/{route}", body).status_code == 403
    assert Case.objects.get(pk=case.pk).version == 1


@pytest.mark.parametrize(
    "path",
    [
        "/worklist?tab=all", "/worklist?limit=0", "/worklist?cursor=x", "/worklist?text=%00", "/worklist?unit_id=0",
        "/worklist?area=%00", "/worklist?category=x", "/worklist?as_of=2026-01-01T00:00:00", "/counts?kind=thing",
        "/0", "/99999999999999999999", "/evaluation?start=2026-06-01T00:00:00Z&end=2026-06-01T00:00:00Z",
        "/evaluation?start=2026-06-01T00:00:00Z", "/units?condition=%00", "/points?as_of=0001-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_422(cast: Cast, path: str) -> None:
    answer = browser(cast.mayor).get(BASE + path)
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "change",
    [
        {"lon": 200}, {"lat": "north"}, {"lon": None, "lat": None}, {"title": "a\x00b"}, {"description": "x" * 4001},
        {"evidence": [{"attachment_id": 1, "kind": "selfie"}]}, {"attributes": {"a": "x" * 61}}, {"source": "1"},
        {"happened_at": "2026-06-15T09:00:00"}, {"external_id": "<script>"}, {"lon": 1e309},
    ],
)  # fmt: skip
def test_a_report_that_does_not_fit_is_422(cast: Cast, change: dict[str, Any]) -> None:
    body = {**report_in(cast).model_dump(mode="json"), **change}
    assert post(browser(cast.collector), "", body).status_code == 422
    assert not Case.objects.exists()


def test_markup_stays_text(cast: Cast) -> None:
    made = post(browser(cast.collector), "", report_in(cast, title="<script>alert(1)</script>").model_dump(mode="json"))
    answer = browser(cast.leader).get(f"{BASE}/{made.json()['id']}")
    assert answer["Content-Type"].startswith("application/json")
    assert answer.json()["title"]["zh"] == "<script>alert(1)</script>"


def test_a_photo_comes_as_a_picture_that_no_browser_runs(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    client = browser(cast.clerk)
    evidence = client.get(f"{BASE}/{case.pk}").json()["evidence"][0]
    answer = client.get(f"{BASE}/{case.pk}/evidence/{evidence['id']}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer.content.startswith(b"\xff\xd8\xff")


def test_a_list_carries_what_the_screen_shows(cast: Cast) -> None:
    bring(cast, State.HANDLING)
    body = browser(cast.leader).get(f"{BASE}/worklist?tab=open").json()
    row = body["items"][0]
    assert (body["total"], row["state_name"]["zh"], row["clock"]["remaining_minutes"], row["light"]) == (
        1, "处理中", 240, "green",
    )  # fmt: skip
    assert (row["lon"], row["current_unit"]["name"]["zh"], row["source_name"]["zh"]) == (
        EAST[0], "水务集团", "信息采集员上报",
    )  # fmt: skip


def test_the_list_leaves_as_a_file_with_the_viewers_masks(cast: Cast) -> None:
    report(cast, title="张三报 13812345678 井盖")
    bring(cast, State.HANDLING)
    hidden = make_actor("cases.read_cases", persons="hidden")
    for viewer, shown in ((cast.leader, "138****5678"), (hidden, ",,待受理")):
        lines = browser(viewer).get(f"{BASE}/worklist/export?tab=open").content.decode("utf-8-sig").splitlines()
        assert len(lines) == 4  # a heading, two rows, and whose file it is
        assert "13812345678" not in "".join(lines)
        assert shown in "".join(lines)
    book = browser(cast.leader).get(f"{BASE}/worklist/export?tab=open&form=xlsx&kind=event")
    assert (book.status_code, book.content[:2]) == (200, b"PK")


def test_a_case_of_every_state_leaves_as_a_file(cast: Cast) -> None:
    report(cast, category=None, description="路边有东西，不知道是什么")
    for state in (State.REPORTED, State.FILED, State.HANDLING, State.PENDING_CLOSE, State.CLOSED):
        bring(cast, state)
    for tab, rows in (("open", 5), ("closed", 1)):
        for form in ("csv", "xlsx"):
            answer = browser(cast.leader).get(f"{BASE}/worklist/export?tab={tab}&form={form}")
            assert answer.status_code == 200, answer.content
            if form == "csv":
                assert len(answer.content.decode("utf-8-sig").splitlines()) == rows + 2


def test_the_desk_registers_what_a_caller_tells_without_a_photo(cast: Cast) -> None:
    rows = browser(cast.acceptor).get("/api/v1/cases/sources").json()
    assert (rows[0]["code"], rows[0]["photos"]) == ("11", 0)
    own = browser(cast.collector).get("/api/v1/cases/sources").json()
    assert [(row["code"], row["photos"]) for row in own] == [("01", 1), ("03", 0)]
    sent = report_in(cast, source=rows[0]["code"], evidence=[]).model_dump_json()
    assert browser(cast.acceptor).post("/api/v1/cases", sent, "application/json").status_code == 200
