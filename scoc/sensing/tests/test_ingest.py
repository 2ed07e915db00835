"""Readings in: stored once, `latest` and roll-ups true under any order, refused with reason, neighbours unharmed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scoc.core.access import system_actor
from scoc.core.refusals import NotAllowed
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions
from scoc.sensing.models import Device, Latest, Observation, Rejected, RejectedCount, Rollup
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import NOISE, T0, make_device, make_type, readings

pytestmark = pytest.mark.django_db


def test_readings_are_stored_rolled_up_and_the_newest_is_latest(city: City, monday: datetime) -> None:
    device = make_device()
    result = actions.ingest(system_actor("sensing"), "test", readings(device, 10.0, 12.5, 11.0))
    assert (result.stored, result.duplicate, result.rejected) == (3, 0, 0)
    assert [row.id for row in result.results] == list(Observation.objects.order_by("at").values_list("id", flat=True))
    latest = Latest.objects.get()
    assert (latest.at, latest.result, latest.observation_id) == (
        T0 + timedelta(seconds=120), 11.0, result.results[2].id,
    )  # fmt: skip
    hour, day = Rollup.objects.order_by("grain")
    assert (hour.bucket, hour.n, hour.total, hour.minimum, hour.maximum, hour.last) == (T0, 3, 335, 10.0, 12.5, 11.0)
    # the city's day began at 16:00 UTC of the day before
    assert (day.bucket, day.n, day.total) == (datetime(2026, 6, 14, 16, tzinfo=UTC), 3, 335)


def test_a_repeat_is_answered_with_the_first_id_and_counts_nowhere(city: City, monday: datetime) -> None:
    device = make_device()
    actor = system_actor("sensing")
    first = actions.ingest(actor, "test", readings(device, 10.0, 12.0))
    again = actions.ingest(actor, "test", [*readings(device, 99.0, 12.0, 13.0), readings(device, 5.0)[0]])
    assert (again.stored, again.duplicate) == (1, 3)
    assert [row.status for row in again.results] == ["duplicate", "duplicate", "stored", "duplicate"]
    assert [row.id for row in again.results[:2]] == [row.id for row in first.results]
    assert again.results[3].id == first.results[0].id
    assert Rollup.objects.get(grain=60).n == 3
    assert Rollup.objects.get(grain=60).total == 350


def test_repeats_inside_one_batch_keep_the_first(city: City, monday: datetime) -> None:
    device = make_device()
    rows = [Reading(device.key, "pm25", T0, 1.0), Reading(device.key, "pm25", T0, 2.0)]
    result = actions.ingest(system_actor("sensing"), "test", rows)
    assert [row.status for row in result.results] == ["stored", "duplicate"]
    assert result.results[0].id == result.results[1].id
    assert Observation.objects.get().result == 1.0


def test_a_datastream_that_keeps_repeats_goes_by_the_senders_key(city: City, monday: datetime) -> None:
    device = make_device(type_=make_type("meter", [NOISE]))
    rows = [Reading(device.key, "noise", T0, value, key) for value, key in ((50.0, "a"), (51.0, "a"), (52.0, "b"))]
    rows += [Reading(device.key, "noise", T0, 53.0), Reading(device.key, "noise", T0, 53.0)]
    result = actions.ingest(system_actor("sensing"), "test", rows)
    assert [row.status for row in result.results] == ["stored", "duplicate", "stored", "stored", "stored"]
    assert Latest.objects.get().result == 53.0
    assert Rollup.objects.get(grain=60).total == 500 + 520 + 530 + 530


def test_late_readings_correct_rollups_and_leave_latest(city: City, monday: datetime) -> None:
    device = make_device()
    actor = system_actor("sensing")
    actions.ingest(actor, "test", readings(device, 20.0, start=T0 + timedelta(minutes=10)))
    actions.ingest(actor, "test", readings(device, 40.0))
    assert Latest.objects.get().result == 20.0
    hour = Rollup.objects.get(grain=60)
    assert (hour.n, hour.total, hour.last, hour.maximum) == (2, 600, 20.0, 40.0)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("unknown device", {"device_key": "nobody"}, "unknown_device"),
    ("unknown property", {"property": "ozone"}, "unknown_property"),
    ("text as value", {"value": "12"}, "wrong_type"),
    ("truth as value", {"value": True}, "wrong_type"),
    ("nothing as value", {"value": None}, "wrong_type"),
    ("number as device", {"device_key": 7}, "wrong_type"),
    ("list as property", {"property": ["pm25"]}, "wrong_type"),
    ("not a number", {"value": math.nan}, "not_finite"),
    ("infinity", {"value": -math.inf}, "not_finite"),
    ("an integer beyond floats", {"value": 10**400}, "not_finite"),
    ("below the possible", {"value": -1.0}, "out_of_range"),
    ("above the possible", {"value": 1000.5}, "out_of_range"),
    ("ahead of the clock", {"at": datetime(2026, 6, 15, 1, 6, tzinfo=UTC)}, "in_future"),
    ("year 9999", {"at": datetime(9999, 12, 31, tzinfo=UTC)}, "in_future"),
    ("too long ago", {"at": datetime(2026, 5, 1, tzinfo=UTC)}, "too_old"),
    ("year 1", {"at": datetime(1, 1, 1, tzinfo=UTC)}, "too_old"),
    ("no zone", {"at": T0.replace(tzinfo=None)}, "bad_time"),
    ("no time", {"at": "yesterday"}, "bad_time"),
]


@pytest.mark.parametrize(("change", "reason"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_reading_is_refused_counted_and_harms_no_neighbour(
    city: City, monday: datetime, change: dict[str, Any], reason: str
) -> None:
    device = make_device("dev-a")
    good = readings(device, 10.0, 11.0)
    bad = Reading(**{"device_key": "dev-a", "property": "pm25", "at": T0, "value": 10.0, **change})
    result = actions.ingest(system_actor("sensing"), "test", [good[0], bad, good[1]])
    assert [row.status for row in result.results] == ["stored", "rejected", "stored"]
    assert result.results[1].reason == reason
    kept = Rejected.objects.get()
    assert (kept.reason, kept.source) == (reason, "test")
    count = RejectedCount.objects.get()
    assert (count.reason, count.n, count.day.isoformat()) == (reason, 1, "2026-06-15")
    assert count.device_key == ("" if reason == "unknown_device" or change.get("device_key") == 7 else "dev-a")


def test_five_minutes_ahead_of_the_citys_clock_are_allowed(city: City, monday: datetime) -> None:
    device = make_device()
    result = actions.ingest(
        system_actor("sensing"), "test", readings(device, 10.0, start=monday + timedelta(minutes=5))
    )
    assert result.stored == 1


def test_a_retired_device_is_refused(city: City, monday: datetime) -> None:
    device = make_device(state=Device.State.RETIRED)
    result = actions.ingest(system_actor("sensing"), "test", readings(device, 10.0))
    assert result.results[0].reason == "retired_device"


def test_texts_that_no_database_takes_are_kept_readable(city: City, monday: datetime) -> None:
    rows = [Reading("dev\x00\ud800", "pm25", T0, 1.0)]
    assert actions.ingest(system_actor("sensing"), "test", rows).rejected == 1
    assert Rejected.objects.get().device_key == "dev\ufffd?"


def test_only_so_many_refused_rows_are_kept_but_all_are_counted(city: City, monday: datetime) -> None:
    device = make_device()
    actor = system_actor("sensing")
    for _ in range(3):
        actions.ingest(actor, "test", [Reading(device.key, "pm25", T0, -1.0)] * 60)
    assert Rejected.objects.count() == 100
    assert RejectedCount.objects.get().n == 180


def test_ingest_needs_its_permission(city: City, monday: datetime) -> None:
    device = make_device()
    with pytest.raises(NotAllowed):
        actions.ingest(make_actor(), "test", readings(device, 1.0))
    assert actions.ingest(make_actor("sensing.ingest"), "test", readings(device, 1.0)).stored == 1
