"""The first loop of the city over HTTP alone: a reading breaks a rule, its case is closed, the rate goes up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from scoc.core.now import city_now
from scoc.core.tasks import deliver_all
from scoc.core.tests.factories import empty_database
from scoc.rehearsal.simulator.photos import photo
from scoc.sensing import lean
from tests.stories import past
from tests.stories.districts import collector_of

JSON = "application/json"
API = "/api/v1"
PHONE = "13800138000"


class Seat:
    """One person at a browser of their own, signed in with a password."""

    def __init__(self, username: str) -> None:
        self.username = username
        self.client = Client(enforce_csrf_checks=True)
        self.token = self.client.get(f"{API}/core/session").json()["csrf_token"]
        self.session = self.post("/core/login", {"username": username, "password": past.PASSWORD})
        self.token = self.session["csrf_token"]
        assert self.session["post_id"], "with one post it is chosen at once"

    def get(self, path: str, **query: Any) -> Any:
        """What a read answers."""
        response = self.client.get(API + path, query)
        assert response.status_code == 200, response.content
        return response.json()

    def send(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        """The response to a change, whatever it is."""
        return self.client.post(API + path, body, JSON, headers={"X-CSRFToken": self.token, **headers})

    def post(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        """What a change answers that must succeed."""
        response = self.send(path, body, **headers)
        assert response.status_code in (200, 201), (self.username, path, response.content)
        return response.json()

    def shows(self, kind: str) -> list[dict[str, Any]]:
        """Hand in a photo; evidence that names it."""
        file = SimpleUploadedFile(f"{kind}.png", photo(kind, self.username), content_type="image/png")
        response = self.client.post(f"{API}/core/attachments", {"file": file}, headers={"X-CSRFToken": self.token})
        assert response.status_code in (200, 201), response.content
        return [{"attachment_id": response.json()["id"], "kind": kind}]

    def moves(self, case: int, route: str, **body: Any) -> dict[str, Any]:
        """Make a move of a case at the version that this person looks at."""
        version = self.get(f"/cases/{case}")["version"]
        moved: dict[str, Any] = self.post(f"/cases/{case}/{route}", body, **{"If-Match": f'"{version}"'})
        return moved


def measure(token: str, **reading: Any) -> httpx.Response:
    """A device tells a reading over the telemetry path."""

    async def course() -> httpx.Response:
        await lean.startup()
        try:
            transport = httpx.ASGITransport(app=lean.readings)
            async with httpx.AsyncClient(transport=transport, base_url="http://scoc") as client:
                return await client.post(lean.PATH, json=reading, headers={"Authorization": f"Bearer {token}"})
        finally:
            await lean.shutdown()

    return asyncio.run(course())


def follow() -> None:
    """Let everything happen that follows from what was done."""
    assert deliver_all().failed == 0


def rate(seat: Seat) -> tuple[int, int, str]:
    """Numerator, denominator and value of the on-time closing rate on the cockpit."""
    signs = seat.get("/cockpit/overview")["signs"]
    newest = next(sign for sign in signs if sign["code"] == "CI01")["newest"]
    return int(Decimal(newest["numerator"])), int(Decimal(newest["denominator"])), newest["value"]


@pytest.fixture
def binhai(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Binhai with its past, really committed."""
    with django_db_blocker.unblock():
        try:
            past.found()
            yield
        finally:
            empty_database()


def names(seat: Seat, subject: str) -> list[str]:
    """The facts of a subject by its own module, oldest first."""
    rows = seat.get("/core/facts", subject=subject)["items"]
    return [row["name"] for row in rows if row["name"].startswith(subject.partition(":")[0])]


def test_a_reading_becomes_a_closed_case_and_the_rate_goes_up(binhai: None) -> None:
    """From the gauge in the underpass to 75.0 % on the cockpit, each step by who may take it."""
    mayor, leader, acceptor, dispatcher = map(Seat, ("city_leader", "shift_leader", "acceptor", "dispatcher"))
    engineer, security = Seat("device_engineer"), Seat("security_admin")
    assert rate(mayor) == past.OLD

    # A gauge tells of 18.5 cm of water where 15 are a flood.
    device = engineer.get("/sensing/devices", search=past.GAUGE)["items"][0]
    token = engineer.post(f"/sensing/devices/{device['id']}/credential", {})["token"]
    at = (city_now() - timedelta(seconds=20)).isoformat()
    told = measure(token, property="depth", at=at, value=18.5, dedup_key="reading-1")
    assert (told.status_code, told.json()["status"]) == (201, "stored")
    assert measure("no-such-token", property="depth", at=at, value=18.5).status_code == 401
    again = measure(token, property="depth", at=at, value=18.5, dedup_key="reading-1")
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    follow()
    (alarm,) = mayor.get("/sensing/alarms", active=True)["items"]
    assert (alarm["device_key"], alarm["level"]) == (past.GAUGE, "major")

    # A situation waits for a judgement; a call about the same water joins it; a person accepts both as one.
    (situation,) = acceptor.get("/intake/situations", state="open")["items"]
    call = {"channel": "11", "category": past.FLOOD, "text": "下穿通道积水，车辆无法通行",
            "reporter": {"name": "张三", "phone": PHONE}, "lon": device["lon"], "lat": device["lat"]}  # fmt: skip
    receipt = acceptor.post("/intake/signals", call)
    assert (receipt["joined"], receipt["situation_id"]) == (True, situation["id"])
    follow()
    subject = f"intake:{situation['id']}"
    version = acceptor.get(f"/intake/situations/{situation['id']}")["version"]
    acceptor.post(f"/intake/situations/{situation['id']}/accept", {"category": past.FLOOD},
                  **{"If-Match": f'"{version}"'})  # fmt: skip
    follow()
    situation = acceptor.get(f"/intake/situations/{situation['id']}")
    assert (situation["state"], situation["signals"]) == ("handed_over", 2)
    case = int(situation["taken_over_by"].removeprefix("cases:"))
    told_of = [name.removeprefix("intake.") for name in names(leader, subject)]
    assert (told_of[0], told_of[-2:]) == ("situation_opened", ["situation_accepted", "situation_taken_over"])
    assert sorted(told_of[1:-2]) == ["signal_joined", "signal_received", "signal_received"]

    # The reporter is masked for everybody; the acceptor sees it in plain for a reason, which the audit keeps.
    for seat in (mayor, leader, dispatcher):
        for page in (f"/cases/{case}", f"/intake/situations/{situation['id']}"):
            assert PHONE not in seat.client.get(API + page).content.decode()
    assert leader.get(f"/cases/{case}")["reporter"]["phone"] == "138****8000"
    reporter = acceptor.get(f"/cases/{case}")["reporter"]
    assert reporter["phone"] == "138****8000"
    plain = acceptor.post(f"/core/contacts/{reporter['contact_id']}/plain", {"reason": "回访核实积水位置"})
    assert plain["phone"] == PHONE

    # Nine moves; the first, the report, was made by SCOC itself.
    acceptor.moves(case, "accept", condition=past.FLOOD_LIMIT)
    leader.moves(case, "file", opinion="符合立案条件")
    dispatcher.moves(case, "dispatch")
    unit = leader.get(f"/cases/{case}")["current_unit"]
    assert unit["name"]["zh"] == "滨海排水有限公司"
    clerk, handler = Seat("clerk.drainage"), Seat("handler.drainage")
    clerk.moves(case, "sign")
    handler.moves(case, "feed-back", opinion="水泵启动，积水排干", evidence=handler.shows("after"))
    leader.moves(case, "send-to-check")

    # The unit can close neither without the permission nor with it.
    refused = clerk.send(f"/cases/{case}/close", {"criterion_met": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "no_permission")
    security.post(f"/core/accounts/{clerk.session['user']['id']}/grants",
                  {"permission": "cases.close_case", "scope": "city"})  # fmt: skip
    collector = Seat(collector_of(leader.get(f"/cases/{case}")["area"]))
    collector.moves(case, "pass-check", opinion="现场已无积水", evidence=collector.shows("check"))
    refused = clerk.send(f"/cases/{case}/close", {"criterion_met": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "handling_unit_cannot_close")
    assert leader.get(f"/cases/{case}")["state"] == "pending_close"
    audit = Seat("audit_admin").get("/core/audit", action="cases.close_case")["items"]
    assert [(row["user"], row["outcome"], row["code"]) for row in audit] == [
        ("clerk.drainage", "refused", "handling_unit_cannot_close"),
        ("clerk.drainage", "refused", "no_permission"),
    ]

    follow()
    assert rate(mayor) == past.OLD
    leader.moves(case, "close", criterion_met=True)
    follow()
    assert rate(mayor) == past.NEW
    assert names(leader, f"cases:{case}") == [
        f"cases.{name}"
        for name in ("reported", "accepted", "filed", "dispatched", "signed", "fed_back", "check_sent",
                     "check_passed", "closed")
    ]  # fmt: skip
    assert names(leader, subject)[-1] == "intake.situation_settled"
    assert acceptor.get(f"/intake/situations/{situation['id']}")["state"] == "settled"
    assert mayor.get(f"/sensing/alarms/{alarm['id']}")["state"] == "settled"
    assert len(leader.get(f"/cases/{case}")["flow"]) == 9
