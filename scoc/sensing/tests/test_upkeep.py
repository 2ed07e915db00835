"""Upkeep: maintenance planned, done, called off; who is under maintenance when; what a calibration holds for."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from scoc.core.access import system_actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import FactRow
from scoc.core.now import city_time
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions, queries
from scoc.sensing.maintenance import in_maintenance, maintenance_windows
from scoc.sensing.models import Device
from scoc.sensing.schemas.upkeep import MaintenanceIn, MaintenanceKind
from scoc.sensing.tests.factories import line_of, make_device

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def planned(starts: datetime, hours: float = 2, kind: MaintenanceKind = "repair") -> MaintenanceIn:
    """A window from a time on."""
    return MaintenanceIn(kind=kind, starts=starts, ends=starts + hours * HOUR, plan="换探头")


def test_a_window_counts_until_the_work_is_done_and_not_when_it_is_called_off(city: City, monday: datetime) -> None:
    actor = system_actor("sensing")
    one, two, three = make_device(), make_device(), make_device(state=Device.State.MAINTENANCE)
    ids = [one.pk, two.pk, three.pk]
    first = actions.plan_maintenance(actor, one.pk, planned(monday - HOUR, 3))
    second = actions.plan_maintenance(actor, two.pk, planned(monday + HOUR))
    assert in_maintenance(ids, monday) == {one.pk, three.pk}
    assert in_maintenance(ids, monday + HOUR) == {one.pk, two.pk, three.pk}
    assert in_maintenance([], monday) == set()
    assert set(maintenance_windows(ids, monday, monday + 9 * HOUR)) == {one.pk, two.pk}
    actions.finish_maintenance(actor, first, "已更换")
    assert in_maintenance(ids, monday) == {three.pk}
    assert in_maintenance(ids, monday - HOUR / 2) == {one.pk, three.pk}
    actions.cancel_maintenance(actor, second, "雨天改期")
    assert in_maintenance(ids, monday + HOUR) == {three.pk}
    rows = queries.maintenance(actor, PageQuery.model_validate({})).items
    assert [(row.id, row.state, row.now, row.result) for row in rows] == [
        (second, "cancelled", False, "雨天改期"), (first, "done", False, "已更换")
    ]  # fmt: skip
    assert [
        row.id for row in queries.maintenance(actor, PageQuery.model_validate({}), device_id=one.pk, state="done").items
    ] == [first]
    told = FactRow.objects.filter(name__startswith="sensing.maintenance").order_by("id")
    assert [(row.name.split("_")[1], row.subject) for row in told] == [
        ("planned", f"sensing:device-{one.pk}"), ("planned", f"sensing:device-{two.pk}"),
        ("ended", f"sensing:device-{one.pk}"), ("ended", f"sensing:device-{two.pk}"),
    ]  # fmt: skip


def test_what_makes_no_sense_is_refused_with_its_field(city: City, monday: datetime) -> None:
    actor = system_actor("sensing")
    device = make_device()
    for wrong in (planned(monday, -1), planned(monday, 0), planned(monday, 24 * 400)):
        with pytest.raises(Invalid) as refused:
            actions.plan_maintenance(actor, device.pk, wrong)
        assert refused.value.errors[0].field == "ends"
    with pytest.raises(Refusal, match="retired"):
        actions.plan_maintenance(actor, make_device(state=Device.State.RETIRED).pk, planned(monday))
    with pytest.raises(NotFound):
        actions.finish_maintenance(actor, 99, "")
    made = actions.plan_maintenance(actor, device.pk, planned(monday))
    with pytest.raises(Invalid):
        actions.finish_maintenance(actor, made, "", calibrated_until=date(2027, 1, 1))
    with pytest.raises(Invalid):
        actions.cancel_maintenance(actor, made, "  ")
    actions.finish_maintenance(actor, made, "")
    with pytest.raises(Refusal, match="done already"):
        actions.finish_maintenance(actor, made, "")
    with pytest.raises(Refusal, match="done already"):
        actions.cancel_maintenance(actor, made, "不做了")


def test_only_devices_in_scope_are_kept_up(city: City, monday: datetime) -> None:
    west = make_device(area=city.west)
    engineer = make_actor("sensing.plan_maintenance", "sensing.read_devices", scope="area_below", area=city.east)
    with pytest.raises(NotFound):
        actions.plan_maintenance(engineer, west.pk, planned(monday))
    made = actions.plan_maintenance(engineer, make_device(area=city.east).pk, planned(monday))
    with pytest.raises(NotAllowed):
        actions.finish_maintenance(engineer, made, "")
    actions.plan_maintenance(system_actor("sensing"), west.pk, planned(monday))
    assert [row.id for row in queries.maintenance(engineer, PageQuery.model_validate({})).items] == [made]


def test_readings_past_the_calibration_are_marked_and_the_next_one_is_due(city: City, monday: datetime) -> None:
    actor = system_actor("sensing")
    device, never = make_device(), make_device()

    def calibrate(at: datetime, until: date) -> None:
        with city_time(at):
            made = actions.plan_maintenance(actor, device.pk, planned(at, kind="calibration"))
            with pytest.raises(Invalid):
                actions.finish_maintenance(actor, made, "")
            with pytest.raises(Invalid):
                actions.finish_maintenance(actor, made, "", date(2020, 1, 1))
            actions.finish_maintenance(actor, made, "合格", until)

    def marked(start: datetime, end: datetime, of: Device = device) -> list[tuple[datetime, datetime]]:
        spans = queries.series(actor, line_of(of).pk, start, end).uncalibrated
        return [(span.start, span.end) for span in spans]

    month = timedelta(days=30)
    calibrate(monday - 6 * month, date(2026, 3, 31))
    over = datetime.fromisoformat("2026-04-01T00:00:00+08:00")
    assert marked(monday - month, monday) == [(monday - month, monday)]
    assert marked(over - HOUR, over + HOUR) == [(over, over + HOUR)]
    assert marked(over - HOUR, over) == []
    assert marked(monday - month, monday, never) == []
    due = queries.devices(actor, PageQuery.model_validate({}), calibrated_before=monday.date()).items
    assert [row.id for row in due] == [device.pk]
    calibrate(monday - HOUR, date(2027, 5, 31))
    assert marked(over - HOUR, monday + HOUR) == [(over, monday - HOUR)]
    assert queries.devices(actor, PageQuery.model_validate({}), calibrated_before=monday.date()).items == []
    assert queries.device(actor, device.pk).calibrated_until == date(2027, 5, 31)
