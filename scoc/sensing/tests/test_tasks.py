"""Timed work of sensing: months before they are needed, areas that follow their boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.fields import to_micros
from scoc.core.tasks import CRONS, deliver_all, enqueue
from scoc.core.tests.factories import City
from scoc.sensing import actions
from scoc.sensing.ingest import partitions, storing
from scoc.sensing.ingest.columns import Columns
from scoc.sensing.ingest.directory import stream
from scoc.sensing.models import Observation
from scoc.sensing.tests.factories import T0, line_of, make_device, readings
from scoc.spatial.tests.factories import make_outline

pytestmark = pytest.mark.django_db
on_postgres = pytest.mark.only_on("postgresql", reason="SQLite has no partitions")


def test_the_areas_of_devices_follow_their_boundaries(city: City, monday: datetime) -> None:
    device = make_device(lon=121.5, lat=30.0, area=city.west)
    make_outline(city.east, 121.4, 29.9, 121.6, 30.1)
    enqueue("sensing.locate_devices")
    deliver_all()
    device.refresh_from_db()
    assert device.area == city.east


def test_silence_is_listened_for_every_minute_and_the_rest_every_night() -> None:
    assert {name for name in CRONS if name.startswith("sensing.")} == {
        "sensing.listen", "sensing.compute_baselines", "sensing.make_months", "sensing.locate_devices",
        "sensing.prove_accounts", "sensing.prove_last_day", "sensing.let_go",
    }  # fmt: skip


def test_months_are_counted_over_years() -> None:
    assert [partitions.month_after(2025, 12, n) for n in (-12, -1, 0, 1, 13)] == [
        (2024, 12), (2025, 11), (2025, 12), (2026, 1), (2027, 1),
    ]  # fmt: skip
    first, last = datetime(2025, 11, 30, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert partitions.months_between(to_micros(first), to_micros(last)) == [(2025, 11), (2025, 12), (2026, 1)]


def months() -> set[str]:
    """The partitions there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sensing_observation'::regclass"
        )
        return {name.removeprefix("sensing_observation_") for (name,) in cursor.fetchall()}


@on_postgres
def test_a_reading_makes_the_month_that_it_needs(city: City, monday: datetime) -> None:
    actions.ingest(system_actor("sensing"), "test", readings(make_device(), 1.0))
    assert "2026_06" in months()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ONLY sensing_observation_2026_06")
        assert cursor.fetchone() == (1,)


@on_postgres
def test_far_apart_times_make_only_their_own_months() -> None:
    times = [datetime(2013, 3, 1, tzinfo=UTC), datetime(2018, 4, 30, 23, 59, 59, tzinfo=UTC)]
    partitions.ensure_for(np.array([to_micros(at) for at in times]))
    made = months()
    assert {"2013_03", "2018_04"} <= made
    assert "2015_01" not in made


@on_postgres
def test_the_coming_months_are_made_before_they_come(city: City) -> None:
    with now.city_time(datetime(2031, 11, 30, tzinfo=UTC)):
        enqueue("sensing.make_months")
        deliver_all()
    assert {"2031_10", "2031_11", "2031_12", "2032_01"} <= months()


@on_postgres
def test_rows_in_the_default_partition_move_to_their_month(city: City, monday: datetime) -> None:
    line = line_of(make_device())
    at = datetime(2041, 2, 3, tzinfo=UTC)
    times = np.array([to_micros(at), to_micros(at + timedelta(days=40))])
    of = stream(city.run.pk, line.pk)
    assert of is not None
    rows = Columns(np.full(2, line.pk), times, np.array([1.0, 2.0]), np.ones(2), None, {line.pk: of})
    storing.insert(np.array([1, 2]), rows, to_micros(T0), np.zeros(2, np.bool_))
    partitions.ensure([(2041, 2)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sensing_observation_2041_02")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM sensing_observation_default")
        assert cursor.fetchone() == (1,)
    assert Observation.objects.count() == 2


@on_postgres
def test_a_look_up_by_time_reads_its_own_months_only(city: City, monday: datetime) -> None:
    partitions.ensure([(2026, 5), (2026, 6), (2026, 7)])
    rows = Observation.objects.filter(datastream_id=1, at__gte=T0, at__lt=T0 + timedelta(hours=1))
    assert "sensing_observation_2026_06" in (plan := rows.explain())
    assert "sensing_observation_2026_05" not in plan
    assert "sensing_observation_2026_07" not in plan
