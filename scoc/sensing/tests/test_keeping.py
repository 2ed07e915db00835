"""Alarms that an alarm above explains, that come and go, or that somebody set aside: kept, quiet, and back in time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import Asset, AssetLink, FactRow
from scoc.core.refusals import Invalid, NotAllowed, Refusal
from scoc.core.tasks import deliver_all, enqueue
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text
from scoc.sensing import actions, queries
from scoc.sensing.models import Alarm, AlarmShelf, Device
from scoc.sensing.schemas import RuleDraft
from scoc.sensing.tests.factories import T0, make_device, make_rule, make_type, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def take(device: Device, *values: float, minute: float = 0, step: float = 60) -> None:
    """One reading a minute, from minute `minute` on."""
    actions.ingest(
        system_actor("sensing"), "test", readings(device, *values, start=T0 + minute * MINUTE, step=step)
    )  # fmt: skip


def facts(alarm: Alarm | None = None) -> list[str]:
    """What was told of alarms, or of one."""
    rows = FactRow.objects.filter(name__startswith="sensing.alarm").order_by("id")
    if alarm is not None:
        rows = rows.filter(subject=f"sensing:{alarm.pk}")
    return [name.removeprefix("sensing.alarm_") for name in rows.values_list("name", flat=True)]


def minute_passes() -> None:
    """The work of a minute."""
    enqueue("sensing.let_go")
    deliver_all()


def kept(viewer: Any, kind: queries.Kept) -> list[int]:
    """The alarms of a list."""
    return [row.id for row in queries.alarms(viewer, PageQuery(cursor=None, limit=50), kept=kind).items]


@pytest.fixture
def street(city: City, monday: datetime) -> tuple[Device, Device, Device]:
    """A gateway, a box behind it, and a sensor behind the box; the gateway's alarms explain those behind it."""
    gateway = make_device("gateway", type_=make_type("gateway"))
    box = make_device("box", parent=gateway)
    sensor = make_device("sensor", parent=box)
    make_rule("gateway.high", device_type=make_type("gateway"), suppresses=True)
    make_rule("high", recurrence_seconds=0)
    return gateway, box, sensor


def test_an_alarm_above_keeps_those_below_back_until_they_outlive_it(
    street: tuple[Device, Device, Device], monday: datetime
) -> None:
    gateway, box, sensor = street
    take(gateway, 80)
    take(box, 80, minute=1)
    take(sensor, 80, 40, minute=2)
    above, over_box, over_sensor = Alarm.objects.order_by("id")
    assert (over_box.suppressed_by, over_sensor.suppressed_by) == (above, above)
    assert (facts(over_box), facts(over_sensor)) == (["suppressed"], ["suppressed", "cleared"])
    assert not over_box.told
    viewer = make_actor("sensing.read_alarms")
    assert kept(viewer, "desk") == [above.pk]
    assert kept(viewer, "suppressed") == [over_sensor.pk, over_box.pk]
    assert queries.alarm(viewer, above.pk).suppressing == 2
    minute_passes()
    assert facts(over_box) == ["suppressed"]  # the one above still stands
    take(gateway, 40, minute=58)
    minute_passes()
    assert facts(over_box) == ["suppressed"]  # it is over for two minutes only
    take(gateway, 40, minute=59)
    Alarm.objects.filter(pk=above.pk).update(cleared_at=monday - 6 * MINUTE)
    minute_passes()
    over_box.refresh_from_db()
    assert (facts(over_box), over_box.told, over_box.suppressed_by) == (["suppressed", "raised"], True, None)
    over_sensor.refresh_from_db()
    assert (over_sensor.suppressed_by, facts(over_sensor)) == (above, ["suppressed", "cleared"])  # it never outlived
    minute_passes()
    assert facts(over_box) == ["suppressed", "raised"]


def test_one_that_came_a_moment_before_is_taken_back_and_a_refuted_one_explains_nothing(
    street: tuple[Device, Device, Device], monday: datetime
) -> None:
    gateway, box, sensor = street
    take(sensor, 80)  # ten minutes before
    take(box, 80, minute=8)
    take(gateway, 80, minute=10)
    over_sensor, over_box, above = Alarm.objects.order_by("id")
    assert (over_sensor.suppressed_by, over_box.suppressed_by) == (None, above)
    assert facts(over_box) == ["raised", "suppressed"]
    actions.refute_alarm(make_actor("sensing.refute_alarm"), above.pk, "调试中的网关。")
    minute_passes()
    assert facts(over_box) == ["raised", "suppressed", "released"]
    take(box, 40, 80, minute=20)
    assert not Alarm.objects.filter(suppressed_by__isnull=False).exists()


def test_assets_explain_each_other_too_and_unlinked_ones_do_not(city: City, monday: datetime) -> None:
    assets = [
        Asset.objects.create(code=f"99010501280000{n:02}", category="component/0128", name=Text("柜", "Cabinet"),
                             lon=121.5, lat=30.0, valid_from=date(2020, 1, 1))
        for n in range(3)
    ]  # fmt: skip
    AssetLink.objects.create(origin=assets[0], target=assets[1], kind="controls", valid_from=date(2020, 1, 1))
    AssetLink.objects.create(origin=assets[0], target=assets[2], kind="beside", valid_from=date(2020, 1, 1))
    cabinet, lamp, other = (make_device(asset=asset) for asset in assets)
    make_rule(suppresses=True)
    for n, device in enumerate((cabinet, lamp, other)):
        take(device, 80, minute=n)
    above, over_lamp, over_other = Alarm.objects.order_by("id")
    assert (above.suppressed_by, over_lamp.suppressed_by, over_other.suppressed_by) == (None, above, None)


def test_an_alarm_that_comes_and_goes_is_told_once_until_it_is_stable(city: City, monday: datetime) -> None:
    make_rule(recurrence_seconds=0)
    device = make_device()
    take(device, *[80, 40] * 5, minute=20)
    *before, last = Alarm.objects.order_by("id")
    assert [facts(one) for one in before] == [["raised", "cleared"]] * 3
    # the seventh change within the hour raises the last one: from then on it is one alarm and says nothing
    assert facts(last) == ["raised", "hushed"]
    assert (last.recurrences, last.active, last.cleared_at) == (2, True, None)
    assert [bool(one.ended_at) for one in last.occurrences.order_by("id")] == [True] * 2
    assert kept(make_actor("sensing.read_alarms"), "flapping") == [last.pk]
    draft = RuleDraft(
        kind="threshold", device_type="air_station", property="pm25", level="major", side="above", raise_at=75,
        clear_at=50, recurrence_seconds=0, devices=None, hours=None,
    )  # fmt: skip
    tried = queries.try_rule(make_actor("sensing.try_rule"), draft, T0, T0 + HOUR)
    assert [(row.occurrences, row.flapping) for row in tried.items] == [(2, True), (1, False), (1, False), (1, False)]
    minute_passes()
    last.refresh_from_db()
    assert last.flapping_since is None  # since minute 29 nothing has changed
    assert (last.active, last.cleared_at) == (False, T0 + 29 * MINUTE)
    assert facts(last) == ["raised", "hushed", "steadied", "cleared"]
    take(device, 80, minute=59)
    assert Alarm.objects.count() == 5


def test_a_flapping_alarm_that_stands_when_it_is_stable_stands(city: City, monday: datetime) -> None:
    make_rule(recurrence_seconds=3600)
    device = make_device()
    take(device, *[80, 40] * 3, 90)
    alarm = Alarm.objects.get()
    assert facts() == ["raised", "cleared", "recurred", "cleared", "recurred", "cleared", "hushed"]
    minute_passes()
    alarm.refresh_from_db()
    assert (alarm.active, alarm.recurrences, alarm.flapping_since) == (True, 4, None)
    assert facts()[-1] == "steadied"


def test_a_shelved_alarm_is_quiet_and_comes_back_by_itself(city: City, monday: datetime) -> None:
    make_rule(recurrence_seconds=0)
    device, other = make_device(), make_device()
    take(device, 80)
    take(other, 80)
    alarm, beside = Alarm.objects.order_by("id")
    officer = make_actor("sensing.shelve_alarm", "sensing.read_alarms", "sensing.unshelve_alarm")
    actions.shelve_alarm(officer, alarm.pk, "已知施工", monday + HOUR)
    assert kept(officer, "desk") == [beside.pk]
    assert kept(officer, "shelved") == [alarm.pk]
    out = queries.alarm(officer, alarm.pk)
    (shelf,) = out.shelves
    assert (shelf.reason, shelf.until, shelf.ended_at, out.allowed) == ("已知施工", monday + HOUR, None, ["unshelve"])
    take(device, 40, 90, minute=1)
    again = Alarm.objects.order_by("id").last()
    assert again is not None
    assert (again.pk != alarm.pk, again.told, again.shelved_until, facts(again)) == (True, False, monday + HOUR, [])
    minute_passes()
    assert kept(officer, "shelved") == [again.pk, alarm.pk]
    with now.city_time(monday + HOUR):
        minute_passes()
    assert kept(officer, "shelved") == []
    assert facts(alarm) == ["raised", "shelved", "cleared", "unshelved"]
    assert facts(again) == ["unshelved", "raised"]
    assert AlarmShelf.objects.get().end == "over"


def test_a_shelf_has_a_reason_and_an_end_and_can_be_left_before(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device(area=city.east)
    take(device, 80)
    alarm = Alarm.objects.get()
    officer = make_actor("sensing.shelve_alarm", "sensing.unshelve_alarm", "sensing.read_alarms")
    for reason, until, field in (
        (" ", monday + HOUR, "reason"), ("施工", monday, "until"), ("施工", monday + 25 * HOUR, "until"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as bad:
            actions.shelve_alarm(officer, alarm.pk, reason, until)
        assert bad.value.errors[0].field == field
    with pytest.raises(Refusal):
        actions.unshelve_alarm(officer, alarm.pk)
    with pytest.raises(NotAllowed):
        actions.shelve_alarm(make_actor("sensing.refute_alarm"), alarm.pk, "施工", monday + HOUR)
    client = browser(officer)
    path = f"/api/v1/sensing/alarms/{alarm.pk}"
    body = {"reason": "施工", "until": (monday + HOUR).isoformat()}
    assert client.post(f"{path}/shelve", body, content_type="application/json").status_code == 200
    with pytest.raises(Refusal):
        actions.shelve_alarm(officer, alarm.pk, "again", monday + HOUR)
    take(device, 40, 80, minute=1)
    assert facts() == ["raised", "shelved", "cleared"]
    assert client.post(f"{path}/unshelve", content_type="application/json").status_code == 200
    assert facts()[3:] == ["unshelved", "recurred"]
    assert client.get("/api/v1/sensing/alarms?kept=desk").json()["items"][0]["id"] == alarm.pk
    refused = client.get(f"/api/v1/sensing/alarms?kept=desk&as_of={(monday - MINUTE).isoformat().replace('+', '%2B')}")
    assert refused.status_code == 422
