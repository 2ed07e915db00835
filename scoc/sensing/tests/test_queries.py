"""Devices, series, roll-ups, alarms and refusals as they are read: scope, pages, grain, and as they were known then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import Run
from scoc.core.refusals import Invalid, NotAllowed, NotFound
from scoc.core.tests.factories import City, make_actor
from scoc.core.tests.plans import reads_text_index
from scoc.kit.text import Text
from scoc.sensing import actions, queries
from scoc.sensing.models import Alarm, Datastream, Device
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import NOISE, PM25, T0, line_of, make_device, make_rule, make_type, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
READ = ("sensing.read_devices", "sensing.read_observations", "sensing.read_alarms", "sensing.read_rejected")


def reader(**scope: Any) -> Actor:
    """Somebody who may read all of sensing within a scope."""
    return make_actor(*READ, **scope)


def page_of(**asked: Any) -> PageQuery:
    """A page, by default the first."""
    return PageQuery(**asked)


@contextmanager
def recorded_at(moment: datetime) -> Iterator[None]:
    """What is written inside is recorded at this wall time."""
    with now.wall_time(lambda: moment):
        yield


def take(device: Device, *values: float, start: datetime = T0, step: float = 60) -> None:
    """Readings one step apart."""
    actions.ingest(system_actor("sensing"), "test", readings(device, *values, start=start, step=step))


def test_devices_with_their_newest_reading(city: City, monday: datetime) -> None:
    fresh, stale, mute = make_device("a", area=city.east), make_device("b"), make_device("c")
    take(fresh, 10.0, start=monday - 3 * MINUTE)
    take(stale, 11.0, start=monday - 4 * MINUTE)
    page = queries.devices(reader(), page_of())
    assert [(row.key, row.online, row.latest_at) for row in page.items] == [
        ("a", True, monday - 3 * MINUTE), ("b", False, monday - 4 * MINUTE), ("c", False, None),
    ]  # fmt: skip
    assert (page.items[0].area, page.items[0].type_name.zh) == ("990102", "空气站")
    assert [row.key for row in queries.devices(reader(), page_of(), online=True).items] == ["a"]
    assert [row.key for row in queries.devices(reader(), page_of(), online=False).items] == ["b", "c"]
    out = queries.device(reader(), fresh.pk)
    assert [(s.property, s.value, s.online, s.unit) for s in out.streams] == [("pm25", 10.0, True, "µg/m³")]
    assert out.credential == "none"
    assert queries.device(reader(), mute.pk).streams[0].value is None


def test_devices_by_what_is_asked_for(city: City, monday: datetime) -> None:
    meter = make_type("meter", [NOISE])
    make_device("a-1", area=city.east)
    make_device("a-2", area=city.west, state=Device.State.RETIRED)
    make_device("m-1", type_=meter, area=city.west, organisation=city.bureau)
    found = {
        "type": queries.devices(reader(), page_of(), type="meter"),
        "state": queries.devices(reader(), page_of(), state="retired"),
        "area": queries.devices(reader(), page_of(), area="990102"),
        "organisation": queries.devices(reader(), page_of(), organisation_id=city.bureau.pk),
        "search": queries.devices(reader(), page_of(), search="M-"),
    }
    assert {name: [row.key for row in page.items] for name, page in found.items()} == {
        "type": ["m-1"], "state": ["a-2"], "area": ["a-1"], "organisation": ["m-1"], "search": ["m-1"],
    }  # fmt: skip
    assert [(row.code, row.devices) for row in queries.device_types(reader())] == [("air_station", 1), ("meter", 1)]


def test_part_of_a_code_is_no_area(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device(area=city.east)
    actions.ingest(system_actor("sensing"), "test", readings(device, 80.0))
    viewer = make_actor("sensing.read_devices", "sensing.read_alarms")
    page = PageQuery(cursor=None, limit=10)
    for area, number in ((city.east.code, 1), (city.area.code, 1), (city.west.code, 0), ("102", 0), ("0102", 0)):
        assert len(queries.devices(viewer, page, area=area).items) == number, area
        assert len(queries.alarms(viewer, page, area=area).items) == number, area


def test_devices_page_by_key(city: City, monday: datetime) -> None:
    for n in range(5):
        make_device(f"d-{n}")
    first = queries.devices(reader(), page_of(limit=2))
    second = queries.devices(reader(), page_of(limit=2, cursor=first.next))
    last = queries.devices(reader(), page_of(limit=2, cursor=second.next))
    assert [row.key for page in (first, second, last) for row in page.items] == [f"d-{n}" for n in range(5)]
    assert (first.total, last.next) == (5, None)


def test_everybody_sees_only_the_own_scope(city: City, monday: datetime) -> None:
    make_rule()
    east = make_device("east", area=city.east, organisation=city.bureau)
    west = make_device("west", area=city.west, organisation=city.utility)
    for device in (east, west):
        take(device, 80.0)
        actions.ingest(system_actor("sensing"), "test", [Reading(device.key, "pm25", T0, -1.0)])
    actions.ingest(system_actor("sensing"), "test", [Reading("nobody", "pm25", T0, 1.0)])
    for viewer in (reader(scope="area_below", area=city.east), reader(scope="unit", organisation=city.bureau)):
        assert [row.key for row in queries.devices(viewer, page_of()).items] == ["east"]
        assert [row.key for row in queries.device_points(viewer)] == ["east"]
        assert [row.device_key for row in queries.alarms(viewer, page_of()).items] == ["east"]
        assert [row.device_key for row in queries.rejected(viewer, page_of()).items] == ["east"]
        assert sum(row.n for row in queries.rejected_counts(viewer, date(2026, 6, 15), date(2026, 6, 15))) == 1
        assert {row.device_key for row in queries.rollups(viewer, "pm25", T0, T0 + HOUR)} == {"east"}
        with pytest.raises(NotFound):
            queries.device(viewer, west.pk)
        with pytest.raises(NotFound):
            queries.series(viewer, line_of(west).pk, T0, T0 + HOUR)
        with pytest.raises(NotFound):
            queries.alarm(viewer, Alarm.objects.get(device=west).pk)
    assert len(queries.rejected(reader(), page_of()).items) == 3


@pytest.mark.parametrize("name", ["devices", "alarms", "rejected"])
def test_without_permission_nothing_is_read(city: City, name: str) -> None:
    with pytest.raises(NotAllowed):
        getattr(queries, name)(make_actor(), page_of())


def test_the_map_shows_where_devices_stand(city: City, monday: datetime) -> None:
    device = make_device("a", area=city.east, lon=121.51, lat=30.02)
    take(device, 1.0, start=monday)
    (point,) = queries.device_points(reader())
    assert (point.lon, point.lat, point.type, point.area_path, point.online) == (
        121.51, 30.02, "air_station", "990100/990102/", True,
    )  # fmt: skip
    assert queries.device_points(reader(), "meter") == []


def test_a_series_chooses_its_grain(city: City, monday: datetime) -> None:
    device = make_device()
    take(device, 10.0, 20.0, 30.1, start=T0 - HOUR)
    take(device, 40.0)
    line = line_of(device).pk
    raw = queries.series(reader(), line, T0 - HOUR, T0 + HOUR)
    assert (raw.grain, [point.value for point in raw.points]) == (0, [10.0, 20.0, 30.1, 40.0])
    hours = queries.series(reader(), line, T0 - timedelta(days=3), T0 + HOUR)
    assert hours.grain == 60
    assert [(p.at, p.value, p.minimum, p.maximum, p.n) for p in hours.points] == [
        (T0 - HOUR, 60.1 / 3, 10.0, 30.1, 3), (T0, 40.0, 40.0, 40.0, 1),
    ]  # fmt: skip
    days = queries.series(reader(), line, T0 - timedelta(days=100), T0 + HOUR)
    assert (days.grain, [(p.at, p.n) for p in days.points]) == (1440, [(datetime(2026, 6, 14, 16, tzinfo=UTC), 4)])
    assert queries.series(reader(), line, T0, T0 + HOUR, "day").points == []


def test_a_series_is_cut_at_its_most_points_and_says_so(
    city: City, monday: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["scoc.sensing.queries.series"], "MOST_POINTS", 3)
    device = make_device()
    take(device, 1.0, 2.0, 3.0, 4.0)
    found = queries.series(reader(), line_of(device).pk, T0, T0 + HOUR)
    assert (found.cut, len(found.points)) == (True, 3)


def test_an_empty_span_is_refused(city: City, monday: datetime) -> None:
    line = line_of(make_device()).pk
    with pytest.raises(Invalid):
        queries.series(reader(), line, T0, T0)
    with pytest.raises(NotFound):
        queries.series(reader(), 10**9, T0, T0 + HOUR)


def test_rollups_give_exact_sums(city: City, monday: datetime) -> None:
    device = make_device(area=city.east)
    take(device, 0.1, 0.2, 0.3, 12.4)
    other = make_device("meter", type_=make_type("meter", [{**PM25, "places": 3}]))
    take(other, 7.125)
    rows = queries.rollups(reader(), "pm25", T0, T0 + HOUR)
    assert [(row.total, row.n, row.minimum, row.maximum, row.last, row.last_at) for row in rows] == [
        (Decimal("13.0"), 4, 0.1, 12.4, 12.4, T0 + 3 * MINUTE), (Decimal("7.125"), 1, 7.125, 7.125, 7.125, T0),
    ]  # fmt: skip
    assert rows[0].area_path == "990100/990102/"
    assert [row.device_key for row in queries.rollups(reader(), "pm25", T0, T0 + HOUR, device_type="meter")] == [
        "meter"
    ]
    assert queries.rollups(reader(), "pm25", T0 + HOUR, T0 + 2 * HOUR) == []
    (day, _) = queries.rollups(reader(), "pm25", T0 - 24 * HOUR, T0 + HOUR, 1440)
    assert (day.bucket, day.total) == (datetime(2026, 6, 14, 16, tzinfo=UTC), Decimal("13.0"))


def test_rollups_as_they_were_known_then(city: City) -> None:
    device = make_device()
    with now.city_time(T0 + 3 * HOUR):
        with recorded_at(T0 + HOUR):
            take(device, 10.0, 20.0)
        with recorded_at(T0 + 2 * HOUR):
            take(device, 90.0, start=T0 + 5 * MINUTE)  # late
            take(device, 50.0, start=T0 + HOUR + MINUTE)
        viewer = reader()
        for grain in (60, 1440):
            first = queries.rollups(viewer, "pm25", T0 - 24 * HOUR, T0 + HOUR, grain, as_of=T0 + HOUR)
            assert [(row.n, row.total, row.maximum, row.last) for row in first] == [(2, Decimal("30.0"), 20.0, 20.0)]
        assert queries.rollups(viewer, "pm25", T0, T0 + 2 * HOUR, as_of=T0) == []
        now_known = queries.rollups(viewer, "pm25", T0, T0 + 2 * HOUR, as_of=T0 + 2 * HOUR)
        assert [(row.n, row.total) for row in now_known] == [(3, Decimal("120.0")), (1, Decimal("50.0"))]
        line = line_of(device).pk
        then = queries.series(viewer, line, T0, T0 + 2 * HOUR, "hour", as_of=T0 + HOUR)
        assert [(p.value, p.n) for p in then.points] == [(15.0, 2)]
        raw = queries.series(viewer, line, T0, T0 + 2 * HOUR, "raw", as_of=T0 + HOUR)
        assert [p.value for p in raw.points] == [10.0, 20.0]


def test_alarms_newest_first_page_and_filter(city: City, monday: datetime) -> None:
    make_rule()
    make_rule("higher", settings={"side": "above", "raise_at": 90.0, "clear_at": 80.0}, level="severe")
    devices = [make_device(area=city.east), make_device(area=city.west)]
    take(devices[0], 95.0)
    take(devices[1], 80.0, 40.0, start=T0 + MINUTE)
    viewer = reader()
    page = queries.alarms(viewer, page_of(limit=2))
    rest = queries.alarms(viewer, page_of(limit=2, cursor=page.next))
    assert [row.happened_at for row in [*page.items, *rest.items]] == [T0 + MINUTE, T0, T0]
    asked: dict[str, dict[str, Any]] = {
        "level": {"level": "severe"}, "active": {"active": False}, "device": {"device_id": devices[1].pk},
        "rule": {"rule": "higher"}, "area": {"area": "990103"}, "since": {"since": T0 + MINUTE},
        "state": {"state": "new"},
    }  # fmt: skip
    assert {name: len(queries.alarms(viewer, page_of(), **by).items) for name, by in asked.items()} == {
        "level": 1, "active": 1, "device": 1, "rule": 1, "area": 1, "since": 1, "state": 3,
    }  # fmt: skip


def test_an_alarm_with_all_that_is_known_of_it(city: City, monday: datetime) -> None:
    make_rule(settings={"side": "above", "raise_at": 75.0, "clear_at": 50.0, "duration_seconds": 60})
    device = make_device(area=city.east)
    take(device, 80.0, 85.0)
    pk = Alarm.objects.get().pk
    person = make_actor("sensing.acknowledge_alarm", "sensing.refute_alarm", *READ)
    out = queries.alarm(person, pk)
    assert (out.threshold.en, out.property_name.zh, out.unit) == ("PM2.5 ≥ 75 µg/m³ for 1 min", "细颗粒物", "µg/m³")
    assert (out.device_key, out.place, out.lon, out.lat, out.area_path) == (
        device.key, "海滨路", 121.5, 30.0, "990100/990102/",
    )  # fmt: skip
    assert (out.value, out.peak, out.recurrences, out.subject) == (85.0, 85.0, 1, f"sensing:{pk}")
    assert (out.allowed, out.version, len(out.occurrences)) == (["acknowledge", "refute"], 1, 1)
    actions.acknowledge_alarm(person, pk, "seen")
    out = queries.alarm(person, pk)
    assert out.allowed == ["refute"]
    assert [(row.to_state, row.opinion, row.username) for row in out.flow] == [
        ("new", "", "system:sensing"), ("acknowledged", "seen", person.username),
    ]  # fmt: skip
    assert queries.alarm(reader(), pk).allowed == []


def test_alarms_as_they_were_known_then(city: City) -> None:
    make_rule()
    device = make_device()
    person = make_actor("sensing.acknowledge_alarm")
    with now.city_time(T0 + MINUTE), recorded_at(T0 + MINUTE):
        take(device, 80.0)
    with now.city_time(T0 + 10 * MINUTE), recorded_at(T0 + 10 * MINUTE):
        take(device, 40.0, start=T0 + 9 * MINUTE)
        actions.acknowledge_alarm(person, Alarm.objects.get().pk)
    with now.city_time(T0 + HOUR):
        viewer = reader()
        (row,) = queries.alarms(viewer, page_of(as_of=T0 + 5 * MINUTE)).items
        assert (row.state, row.active, row.cleared_at) == ("new", True, None)
        (row,) = queries.alarms(viewer, page_of()).items
        assert (row.state, row.active) == ("acknowledged", False)
        assert queries.alarms(viewer, page_of(as_of=T0)).items == []
        assert queries.alarms(viewer, page_of(as_of=T0 + 5 * MINUTE), state="acknowledged").items == []
        assert len(queries.alarms(viewer, page_of(as_of=T0 + 5 * MINUTE), active=True).items) == 1


def test_a_drill_has_readings_and_alarms_of_its_own(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    drill = Run.objects.create(kind=Run.Kind.EXERCISE, name=Text("演练", "Drill"), started_at=T0)
    line = line_of(device)
    line.pk, line.run = None, drill
    line.save()
    actor = system_actor("rehearsal").on_run(drill.pk)
    actions.ingest(actor, "drill", readings(device, 99.0))
    assert Datastream.objects.count() == 2
    assert queries.alarms(reader(), page_of()).items == []
    assert len(queries.alarms(reader().on_run(drill.pk), page_of()).items) == 1
    assert queries.rollups(reader(), "pm25", T0, T0 + HOUR) == []


def test_refused_readings_page_newest_first(city: City, monday: datetime) -> None:
    device = make_device("a")
    for value in (-1.0, -2.0, -3.0):
        actions.ingest(system_actor("sensing"), "test", [Reading("a", "pm25", T0, value)])
    actions.ingest(system_actor("sensing"), "other", [Reading("a", "ozone", T0, 1.0)] * 2)
    viewer = reader()
    page = queries.rejected(viewer, page_of(limit=3))
    rest = queries.rejected(viewer, page_of(limit=3, cursor=page.next))
    assert [row.raw.split(", ")[-1] for row in [*page.items, *rest.items]] == ["1.0", "1.0", "-3.0", "-2.0", "-1.0"]
    assert len(queries.rejected(viewer, page_of(), reason="out_of_range").items) == 3
    assert len(queries.rejected(viewer, page_of(), device_key=device.key).items) == 5
    assert queries.rejected(viewer, page_of(), device_key="b").items == []
    today = date(2026, 6, 15)
    counts = queries.rejected_counts(viewer, today, today, by_device=True)
    assert [(row.source, row.device_key, row.reason, row.n) for row in counts] == [
        ("test", "a", "out_of_range", 3), ("other", "a", "unknown_property", 2),
    ]  # fmt: skip
    assert queries.rejected_counts(viewer, date(2026, 6, 14), date(2026, 6, 14)) == []


def test_words_are_looked_for_by_the_text_index(city: City) -> None:
    make_device("m-1")
    assert reads_text_index("sensing_device", lambda: queries.devices(reader(), page_of(), search="M-"))
