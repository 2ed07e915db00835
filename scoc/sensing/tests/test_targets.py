"""Rules over groups of devices and in hours of the city's calendar: live, silent, usual and tried, all look alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scoc.core import clocks
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.fields import to_micros
from scoc.core.models import Calendar
from scoc.core.now import wall_now
from scoc.core.tasks import deliver_all, enqueue
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions, baselines, queries
from scoc.sensing.defining import end_rules, put_in_force
from scoc.sensing.hours import inside_of
from scoc.sensing.models import Alarm, Device
from scoc.sensing.rule_rows import RuleIn
from scoc.sensing.schemas import Reading, RuleDraft
from scoc.sensing.tests.factories import NOISE, PM25, T0, line_of, make_device, make_type, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HIGH: dict[str, Any] = {
    "code": "high", "kind": "threshold", "name_zh": "偏高", "name_en": "High", "property": "pm25", "level": "major",
    "side": "above", "raise_at": 75.0, "clear_at": 50.0,
}  # fmt: skip
SILENT: dict[str, Any] = {
    **{name: value for name, value in HIGH.items() if name not in ("side", "raise_at", "clear_at")},
    "code": "silent", "kind": "silence", "missed": 5,
}  # fmt: skip


def force(*rules: dict[str, Any]) -> None:
    """Put rules into force."""
    with unit_of_work(system_actor("city")):
        put_in_force([RuleIn(**rule) for rule in rules], source="test")


def take(devices: Iterable[Device], value: float, at: datetime) -> None:
    """One reading of each."""
    actions.ingest(
        system_actor("sensing"), "test", [Reading(device.key, "pm25", at, value) for device in devices]
    )  # fmt: skip


def raised() -> list[str]:
    """Over which devices alarms stand."""
    return sorted(Alarm.objects.filter(active=True).values_list("device__key", flat=True))


def tried(rule: dict[str, Any]) -> list[str]:
    """Over which devices a rule would have raised alarms."""
    draft = RuleDraft(**{key: value for key, value in rule.items() if key not in ("code", "name_zh", "name_en")})
    out = queries.try_rule(make_actor("sensing.try_rule"), draft, T0, T0 + timedelta(hours=1))
    return sorted(row.device_key for row in out.devices)


@pytest.fixture
def devices(city: City, monday: datetime) -> list[Device]:
    """Two air stations east and west, and a street box of another type that measures PM2.5 too."""
    box = make_type("street_box", streams=(PM25, NOISE))
    return [
        make_device("east", area=city.east), make_device("west", area=city.west),
        make_device("box", type_=box, area=city.east),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("narrowing", "expected"),
    [
        ({"device_type": "air_station"}, ["east", "west"]),
        ({}, ["box", "east", "west"]),
        ({"within": "990102"}, ["box", "east"]),
        ({"within": "990102", "device_type": "air_station"}, ["east"]),
        ({"devices": ["box", "west"]}, ["box", "west"]),
        ({"devices": ["box", "west"], "within": "990103"}, ["west"]),
        ({"devices": ["box", "west"], "device_type": "street_box"}, ["box"]),
        ({"within": "990100"}, ["box", "east", "west"]),
    ],
)
def test_a_rule_looks_at_its_devices_only_live_silent_and_tried(
    devices: list[Device], narrowing: dict[str, Any], expected: list[str]
) -> None:
    force({**HIGH, **narrowing}, {**SILENT, **narrowing})
    take(devices, 80.0, T0)
    assert raised() == expected
    assert tried({**HIGH, **narrowing}) == expected
    take(devices, 10.0, T0 + MINUTE)
    assert raised() == []
    enqueue("sensing.listen")  # an hour after the last reading
    deliver_all()
    assert raised() == expected
    assert tried({**SILENT, **narrowing}) == expected
    take(devices, 10.0, T0 + timedelta(minutes=59))
    enqueue("sensing.listen")
    deliver_all()
    assert raised() == []


def test_a_rule_that_is_narrowed_clears_what_it_leaves_and_an_ended_one_all(devices: list[Device]) -> None:
    force(HIGH)
    take(devices, 80.0, T0)
    force({**HIGH, "within": "990103"})
    assert raised() == ["west"]
    take(devices, 90.0, T0 + MINUTE)
    assert raised() == ["west"]
    force({**HIGH, "within": "990103", "raise_at": 70.0})
    assert raised() == ["west"]
    with unit_of_work(system_actor("city")):
        end_rules(["high"])
    assert raised() == []


def test_what_is_usual_is_computed_for_narrowed_rules(devices: list[Device]) -> None:
    deviation = {**SILENT, "kind": "deviation", "side": "both", "k": 3.0, "clear_k": 1.0, "weeks": 4, "least_spread": 1}
    deviation.pop("missed")
    force({**deviation, "within": "990102"})
    assert baselines.wanted() == sorted(line_of(device).pk for device in devices if device.key != "west")


def calendar(off: list[str], work: list[str]) -> None:
    """A calendar of 2026 with these days off and at work."""
    newest = Calendar.objects.order_by("version").last()
    content = {
        "years": {"2026": {"off": off, "work": work}}, "hours": [{"from": "2000-01-01", "slots": [["08:00", "18:00"]]}],
        "work_day": "rolling",
    }  # fmt: skip
    Calendar.objects.create(
        version=newest.version + 1 if newest else 1, content=content, source="test", recorded_at=wall_now()
    )
    clocks.forget_calendars()


def at(day: int, hour: int, minute: int = 0) -> int:
    """A time of June 2026 in the city, eight hours ahead of UTC; the 15th is a Monday."""
    return to_micros(datetime(2026, 6, day, hour, minute, tzinfo=UTC) - timedelta(hours=8))


def test_hours_of_the_day_and_kinds_of_days(city: City, monday: datetime) -> None:
    calendar(off=["2026-06-19"], work=["2026-06-21"])  # a Friday off for a Sunday at work
    day = inside_of({"hours": ["07:00-09:30", "17:00-19:00"]})
    assert [day(at(15, *time)) for time in ((6, 59), (7, 0), (9, 29), (9, 30), (17, 0), (19, 0))] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    night = inside_of({"hours": ["22:00-06:00"], "days": "off_days"})
    # the night of Friday 19, off, goes on until Saturday morning; that of Sunday 21 at work is none
    assert [night(at(*time)) for time in ((19, 5), (19, 22), (20, 5, 59), (20, 6), (21, 5), (21, 22), (22, 1))] == [
        False, True, True, False, True, False, False,
    ]  # fmt: skip
    work = inside_of({"days": "workdays"})
    assert [work(at(day, 12)) for day in (18, 19, 20, 21)] == [True, False, False, True]
    year = to_micros(datetime(2031, 6, 16, 4, tzinfo=UTC))
    assert (work(year), work(year + 5 * 86_400_000_000)) == (True, False)  # without a calendar plain weekends
    assert inside_of({"hours": ["00:00-24:00"]})(at(15, 23, 59))


def test_a_rule_with_hours_is_silent_outside_of_them(devices: list[Device]) -> None:
    hours = {"hours": ["08:30-09:30"]}  # the city's clock stands at nine
    force({**HIGH, **hours, "devices": ["east"]}, {**SILENT, "hours": ["08:00-08:30"], "devices": ["west"]})
    device = devices[0]
    actions.ingest(system_actor("sensing"), "test", readings(device, 80, 80, 80, start=T0, step=1200))
    assert [(row.device.key, row.happened_at) for row in Alarm.objects.all()] == [("east", T0 + 40 * MINUTE)]
    assert tried({**HIGH, **hours}) == ["east"]
    enqueue("sensing.listen")
    deliver_all()
    assert raised() == ["east"]  # the silent west is outside of its rule's hours
    assert tried({**SILENT, "hours": ["08:10-08:30"], "devices": ["west"]}) == ["west"]
    assert tried({**SILENT, "hours": ["09:30-10:30"], "devices": ["west"]}) == []
