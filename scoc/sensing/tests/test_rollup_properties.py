"""Under any order, batching and repetition of arrival, `latest` and roll-ups equal a count from the raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.fields import to_micros
from scoc.core.now import city_zone
from scoc.core.tests.factories import City
from scoc.sensing import actions
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.rebuilding import rebuild_rollups
from scoc.sensing.models import Datastream, Device, Latest, Observation, Rollup
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import NOISE, PM25, make_device, make_type

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 6, 14, 14, 0, tzinfo=UTC)
"""Two hours before the city's midnight."""
HOUR = timedelta(hours=1)

row = st.tuples(
    st.sampled_from(["a pm25", "b pm25", "m noise"]),
    st.integers(0, 40),
    st.integers(0, 4000).map(lambda n: n / 10),
    st.sampled_from([None, "k1", "k2"]),
)
batches = st.lists(st.lists(row, min_size=1, max_size=12), min_size=1, max_size=6)


@pytest.fixture
def places(city: City) -> Iterator[dict[str, Device]]:
    """Two stations that ignore repeats and a meter that keeps them, at one moment of the city."""
    station = make_type("station", [PM25])
    meter = make_type("meter", [{**NOISE, "maximum": 1000.0}])
    with now.city_time(T0 + timedelta(hours=20)):
        yield {
            "a": make_device("a", type_=station),
            "b": make_device("b", type_=station),
            "m": make_device("m", type_=meter),
        }


def reading(one: tuple[str, int, float, str | None]) -> Reading:
    """A reading at one of forty times, five minutes apart."""
    key, name = one[0].split()
    return Reading(key, name, T0 + timedelta(minutes=5 * one[1]), one[2], one[3])


def bucket(at: datetime, grain: int) -> datetime:
    """Where a time belongs, said in the plainest way."""
    if grain == 60:
        return at.replace(minute=0, second=0, microsecond=0)
    local = at.astimezone(city_zone())
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def recounted() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Roll-ups and latest values counted from the raw rows, without a line of the code under test."""
    rolled: dict[Any, Any] = {}
    latest: dict[Any, Any] = {}
    scale = {line.pk: 10**line.places for line in Datastream.objects.all()}
    for pk, line, at, value, recorded in Observation.objects.values_list(
        "id", "datastream_id", "at", "result", "recorded"
    ):
        exact = int(Decimal(str(value)) * scale[line])
        for grain in (60, 1440):
            rolled.setdefault((line, grain, bucket(at, grain)), []).append((at, value, exact, recorded))
        latest.setdefault(line, []).append((at, value, pk))
    return (
        {
            key: (
                len(rows), min(r[1] for r in rows), max(r[1] for r in rows), sum(r[2] for r in rows),
                *max((r[0], r[1]) for r in rows), max(r[3] for r in rows),
            )
            for key, rows in rolled.items()
        },
        {line: max(rows) for line, rows in latest.items()},
    )  # fmt: skip


def kept() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The same as it is kept."""
    rolled = {
        (r.datastream_id, r.grain, r.bucket): (r.n, r.minimum, r.maximum, r.total, r.last_at, r.last, r.recorded)
        for r in Rollup.objects.all()
    }
    return rolled, {r.datastream_id: (r.at, r.result, r.observation_id) for r in Latest.objects.all()}


def forget_rows() -> None:
    """Each example begins without readings."""
    for model in (Observation, Rollup, Latest):
        model.objects.all().delete()


def check(batches: list[list[tuple[str, int, float, str | None]]]) -> None:
    """What is kept equals a recount, and each reading was stored or found equal to a stored one."""
    assert kept() == recounted()
    given_rows = [reading(one) for batch in batches for one in batch]
    stored = set(Observation.objects.values_list("datastream__device__key", "at"))
    assert stored == {(r.device_key, r.at) for r in given_rows}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_live_readings(places: dict[str, Device], batches: list[list[tuple[str, int, float, str | None]]]) -> None:
    forget_rows()
    for batch in batches:
        actions.ingest(system_actor("sensing"), "test", [reading(one) for one in batch])
        check_counts()
    check(batches)
    rebuild_rollups(Datastream.objects.values_list("id", flat=True))
    assert kept() == recounted()


def check_counts() -> None:
    """Ignored repeats are stored once for each time."""
    for key in ("a", "b"):
        rows = Observation.objects.filter(datastream__device__key=key)
        assert rows.count() == rows.values("at").distinct().count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches, st.booleans())
def test_imported_tables(
    places: dict[str, Device], batches: list[list[tuple[str, int, float, str | None]]], copied: bool
) -> None:
    forget_rows()
    with pytest.MonkeyPatch.context() as patch:
        if copied:
            patch.setattr(storing, "LEAST_COPIED", 1)
        for batch in batches:
            rows = [reading(one) for one in batch]
            table = pa.record_batch(
                {
                    "device_key": [r.device_key for r in rows], "property": [r.property for r in rows],
                    "at_micros": [to_micros(r.at) for r in rows], "value": [r.value for r in rows],
                    "dedup_key": pa.array([r.dedup_key for r in rows], pa.string()),
                }
            )  # fmt: skip
            result = actions.import_table(system_actor("sensing"), "test", [table])
            assert (result.rows, result.stored + result.duplicate) == (len(rows), len(rows))
    check(batches)
