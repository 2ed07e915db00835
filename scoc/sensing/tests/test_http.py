"""Routes of sensing: who may call, shapes, versions, bad input."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from scoc.core.access import system_actor
from scoc.core.http import ROUTES
from scoc.core.models import AuditEntry
from scoc.core.tests.factories import City, browser, make_actor
from scoc.sensing import actions, http
from scoc.sensing.models import Alarm, Device
from scoc.sensing.schemas import Reading, RuleWanted
from scoc.sensing.schemas.upkeep import MaintenanceIn
from scoc.sensing.tests.factories import T0, line_of, make_device, make_rule, readings

pytestmark = pytest.mark.django_db
BASE = "/api/v1/sensing"
SPAN = "start=2026-06-15T00:00:00Z&end=2026-06-15T01:00:00Z"
MONTH = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
NEW = {
    "kind": "threshold", "name_zh": "偏高", "name_en": "High", "device_type": "air_station", "property": "pm25",
    "level": "minor", "side": "above", "raise_at": 500.0, "clear_at": 400.0, "recurrence_seconds": 600,
}  # fmt: skip
DAYS = "start_day=2026-06-15&end_day=2026-06-15"


@pytest.fixture
def device(city: City, monday: datetime) -> Device:
    """A device with an alarm and a refused reading."""
    make_rule()
    device = make_device("a-1", area=city.east)
    actor = system_actor("sensing")
    actions.ingest(actor, "test", [*readings(device, 60.0, 80.0), Reading("a-1", "pm25", T0, -1.0)])
    return device


def routes(device: Device) -> list[tuple[str, str, str, dict[str, Any] | None]]:
    """Every route: permission, method, path, body."""
    own = actions.set_rule(system_actor("sensing"), RuleWanted.model_validate(NEW)).code
    engineer = system_actor("sensing")
    work = MaintenanceIn.model_validate({"kind": "repair", "starts": MONTH["start"], "ends": MONTH["end"]})
    done, off = (actions.plan_maintenance(engineer, device.pk, work) for _ in range(2))
    alarm, line = Alarm.objects.get().pk, line_of(device).pk
    return [
        ("sensing.read_devices", "GET", "/types", None),
        ("sensing.read_devices", "GET", "/devices", None),
        ("sensing.read_devices", "GET", "/devices/points", None),
        ("sensing.read_devices", "GET", "/devices/export", None),
        ("sensing.read_alarms", "GET", "/alarms/export", None),
        ("sensing.read_alarms", "GET", "/rules", None),
        ("sensing.read_rejected", "GET", "/rejected/export", None),
        ("sensing.read_devices", "GET", f"/devices/{device.pk}", None),
        ("sensing.issue_credential", "POST", f"/devices/{device.pk}/credential", None),
        ("sensing.revoke_credential", "POST", f"/devices/{device.pk}/credential/revoke", None),
        ("sensing.change_device_state", "POST", f"/devices/{device.pk}/state", {"state": "maintenance"}),
        ("sensing.read_observations", "GET", f"/datastreams/{line}/series?{SPAN}", None),
        ("sensing.read_alarms", "GET", "/alarms", None),
        ("sensing.read_alarms", "GET", f"/alarms/{alarm}", None),
        ("sensing.acknowledge_alarm", "POST", f"/alarms/{alarm}/acknowledge", {}),
        (
            "sensing.shelve_alarm",
            "POST",
            f"/alarms/{alarm}/shelve",
            {"reason": "a test", "until": "2026-06-15T02:00:00Z"},
        ),
        ("sensing.unshelve_alarm", "POST", f"/alarms/{alarm}/unshelve", None),
        ("sensing.refute_alarm", "POST", f"/alarms/{alarm}/refute", {"opinion": "a test"}),
        ("sensing.set_rule", "POST", "/rules", NEW),
        ("sensing.end_rule", "POST", f"/rules/{own}/end", None),
        ("sensing.try_rule", "POST", "/rules/try", {"code": "high", **MONTH}),
        ("sensing.read_devices", "GET", "/maintenance", None),
        (
            "sensing.plan_maintenance",
            "POST",
            f"/devices/{device.pk}/maintenance",
            {"kind": "repair", "starts": MONTH["start"], "ends": MONTH["end"]},
        ),
        ("sensing.finish_maintenance", "POST", f"/maintenance/{done}/finish", {"result": "done"}),
        ("sensing.cancel_maintenance", "POST", f"/maintenance/{off}/cancel", {"reason": "a test"}),
        ("sensing.read_rejected", "GET", "/rejected", None),
        ("sensing.read_accounting", "GET", "/accounting?day=2026-06-15", None),
        ("sensing.read_accounting", "GET", "/accounting/export?day=2026-06-15", None),
        ("sensing.read_accounting", "GET", f"/accounting/sums?{DAYS}", None),
        ("sensing.read_accounting", "GET", f"/accounting/proofs?{DAYS}", None),
        ("sensing.read_rejected", "GET", f"/rejected/counts?{DAYS}", None),
    ]


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """One request."""
    return client.generic(
        method, BASE + path, json.dumps(body) if body is not None else "", "application/json", headers=headers
    )


def test_each_route_asks_for_its_permission_and_no_other(device: Device) -> None:
    asked = routes(device)
    assert len(asked) == len([route for route in ROUTES if route.view.__module__.startswith(http.__name__)])
    permissions = {permission for permission, *_ in asked}
    for permission, method, path, body in asked:
        assert call(Client(), method, path, body).status_code == 401, path
        stranger = browser(make_actor(*(permissions - {permission})))
        assert call(stranger, method, path, body).status_code == 403, path
    for permission, method, path, body in asked:
        answer = call(browser(make_actor(permission)), method, path, body)
        assert answer.status_code == 200, (path, answer.content)


def test_devices_and_series_in_their_shapes(device: Device) -> None:
    client = browser(make_actor("sensing.read_devices", "sensing.read_observations"))
    page = call(client, "GET", "/devices?type=air_station&limit=1").json()
    assert (page["total"], page["items"][0]["key"], page["items"][0]["area"]) == (1, "a-1", "990102")
    out = call(client, "GET", f"/devices/{device.pk}").json()
    (stream,) = out["streams"]
    assert (stream["property"], stream["value"], stream["at"]) == ("pm25", 80.0, "2026-06-15T00:01:00Z")
    (point,) = call(client, "GET", "/devices/points").json()
    assert (point["lon"], point["key"]) == (121.5, "a-1")
    series = call(client, "GET", f"/datastreams/{stream['id']}/series?{SPAN}&grain=hour").json()
    assert [(p["value"], p["n"]) for p in series["points"]] == [(70.0, 2)]


def test_an_alarm_is_changed_only_in_the_version_that_was_seen(device: Device) -> None:
    client = browser(make_actor("sensing.read_alarms", "sensing.acknowledge_alarm", "sensing.refute_alarm"))
    pk = Alarm.objects.get().pk
    seen = call(client, "GET", f"/alarms/{pk}")
    assert (seen["ETag"], seen.json()["allowed"]) == ('"1"', ["acknowledge", "refute"])
    assert call(client, "POST", f"/alarms/{pk}/acknowledge", {}, **{"If-Match": '"1"'}).status_code == 200
    stale = call(client, "POST", f"/alarms/{pk}/refute", {"opinion": "a test"}, **{"If-Match": seen["ETag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    again = call(client, "POST", f"/alarms/{pk}/acknowledge", {})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert call(client, "GET", "/alarms?state=acknowledged").json()["total"] == 1


def test_a_credential_is_shown_once_and_leaves_its_trace(device: Device) -> None:
    client = browser(make_actor("sensing.issue_credential", "sensing.revoke_credential", "sensing.read_devices"))
    token = call(client, "POST", f"/devices/{device.pk}/credential").json()["token"]
    assert token.startswith("scocd_")
    assert token.endswith("_a-1")
    device.refresh_from_db()
    assert token[6:49] not in device.credential_hash
    assert call(client, "GET", f"/devices/{device.pk}").json()["credential"] == "issued"
    assert token[6:49] not in call(client, "GET", f"/devices/{device.pk}").content.decode()
    call(client, "POST", f"/devices/{device.pk}/credential/revoke")
    assert call(client, "GET", f"/devices/{device.pk}").json()["credential"] == "revoked"
    done = AuditEntry.objects.filter(kind="action").values_list("action", flat=True)
    assert set(done) == {"sensing.issue_credential", "sensing.revoke_credential"}


def test_a_retired_device_gets_no_credential(device: Device) -> None:
    client = browser(make_actor("sensing.issue_credential", "sensing.change_device_state"))
    assert call(client, "POST", f"/devices/{device.pk}/state", {"state": "retired"}).status_code == 200
    refused = call(client, "POST", f"/devices/{device.pk}/credential")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("offset", ["%2B18:57", "-23:59", "Z", "%2B08:00"])
def test_a_time_with_any_offset_is_understood(device: Device, offset: str) -> None:
    """RFC 3339 allows offsets that PostgreSQL refuses; they are asked as UTC."""
    client = browser(make_actor("sensing.read_alarms", "sensing.read_observations"))
    at = f"2026-06-15T00:00:00{offset}"
    assert call(client, "GET", f"/alarms?since={at}&as_of={at}").status_code == 200
    line = line_of(device)
    end = at.replace("06-15", "06-18")
    assert call(client, "GET", f"/datastreams/{line.pk}/series?start={at}&end={end}&as_of={at}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/devices/0", None, 422),
        ("GET", f"/devices/{2**60}", None, 422),
        ("GET", "/devices/999999", None, 404),
        ("GET", "/devices?area=x", None, 422),
        ("GET", "/devices?online=maybe", None, 422),
        ("GET", "/devices?cursor=x", None, 422),
        ("GET", f"/devices?search={'x' * 61}", None, 422),
        ("GET", "/devices?limit=501", None, 422),
        ("GET", "/alarms?since=2026-06-15T00:00:00", None, 422),
        ("GET", "/alarms?since=0001-01-01T00:00:00%2B08:00", None, 422),
        ("GET", "/alarms?since=9999-12-31T23:59:59-08:00", None, 422),
        ("GET", "/rejected/counts?start_day=0001-01-01&end_day=2026-06-30", None, 422),
        ("GET", "/alarms/1/acknowledge", None, 405),
        ("POST", "/alarms/999999/acknowledge", {}, 404),
        ("POST", "/alarms/999999/refute", {"opinion": "x"}, 422),
        ("POST", "/alarms/999999/refute", {"opinion": "x" * 501}, 422),
        ("POST", "/devices/999999/state", {"state": "broken"}, 422),
        ("GET", f"/datastreams/1/series?{SPAN}&grain=week", None, 422),
        ("GET", "/datastreams/1/series?start=2026-06-15T00:00:00Z", None, 422),
        ("GET", "/datastreams/999999/series?" + SPAN, None, 404),
        ("GET", "/rejected/counts?start_day=2026-06-31&end_day=2026-06-30", None, 422),
    ],
)
def test_bad_input_is_a_clear_problem(
    device: Device, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    everything = [permission for permission, *_ in routes(device)]
    answer = call(browser(make_actor(*everything)), method, path, body)
    assert answer.status_code == status, answer.content
    if status != 405:
        assert answer["Content-Type"] == "application/problem+json"
