"""A datastream may let a second reading at one time take the place of the first: all that was counted follows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from scoc.core.access import system_actor
from scoc.core.fields import to_micros
from scoc.core.now import current_run
from scoc.core.tests.factories import City
from scoc.sensing import actions
from scoc.sensing.ingest.rebuilding import rebuild_rollups
from scoc.sensing.models import Account, Latest, Observation, Rollup
from scoc.sensing.proving import findings
from scoc.sensing.schemas import IngestResult, Reading
from scoc.sensing.tests.factories import PM25, T0, make_device, make_type, readings

pytestmark = pytest.mark.django_db
METER = {**PM25, "repeat": "replace"}


def ingest(rows: list[Reading]) -> IngestResult:
    """Take readings."""
    return actions.ingest(system_actor("sensing"), "test", rows)


def kept() -> list[float | None]:
    """The stored numbers in the order of their times, after a look whether all that was counted fits them."""
    before = list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values())
    rebuild_rollups(Rollup.objects.values_list("datastream_id", flat=True).distinct())
    assert before == list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values())
    return list(Observation.objects.order_by("at", "id").values_list("result", flat=True))


def test_a_correction_takes_the_place_of_the_first(city: City, monday: datetime) -> None:
    device = make_device(type_=make_type("meter", [METER]))
    first = ingest(readings(device, 10.0, 12.0, 14.0))
    again = ingest([*readings(device, 99.0, 12.0), Reading(device.key, "pm25", T0 + timedelta(seconds=120), 1.0)])
    assert [row.status for row in again.results] == ["duplicate"] * 3
    assert [row.id for row in again.results] == [row.id for row in first.results]
    assert kept() == [99.0, 12.0, 1.0]
    hour = Rollup.objects.get(grain=60)
    assert (hour.n, hour.total, hour.minimum, hour.maximum, hour.last) == (3, 1120, 1.0, 99.0, 1.0)
    latest = Latest.objects.get()
    assert (latest.result, latest.observation_id) == (1.0, first.results[2].id)


def test_of_several_in_one_batch_the_last_counts(city: City, monday: datetime) -> None:
    device = make_device(type_=make_type("meter", [METER]))
    found = ingest([Reading(device.key, "pm25", T0, value) for value in (1.0, 2.0, 3.0)])
    assert [row.status for row in found.results] == ["stored", "duplicate", "duplicate"]
    assert kept() == [3.0]
    assert Latest.objects.get().result == 3.0


def test_beside_it_another_datastream_ignores_repeats(city: City, monday: datetime) -> None:
    replacing, ignoring = make_device(type_=make_type("meter", [METER])), make_device()
    ingest([*readings(replacing, 1.0), *readings(ignoring, 2.0)])
    ingest([*readings(replacing, 10.0), *readings(ignoring, 20.0)])
    assert sorted(kept(), key=float) == [2.0, 10.0]  # type: ignore[arg-type]  # both are numbers


def test_history_is_corrected_too_and_the_accounts_agree(city: City, monday: datetime) -> None:
    device = make_device(type_=make_type("meter", [METER]))
    ingest(readings(device, 10.0, 12.0))
    table = pa.table(
        {
            "device_key": [device.key] * 3, "property": ["pm25"] * 3, "value": [11.0, 12.0, 13.0],
            "at_micros": [to_micros(T0 + timedelta(seconds=60 * n)) for n in range(3)],
        }
    )  # fmt: skip
    found = actions.import_table(system_actor("sensing"), "test", table.to_batches())
    assert (found.stored, found.duplicate) == (1, 2)
    assert kept() == [11.0, 12.0, 13.0]
    account = Account.objects.get()
    assert (account.received, account.stored, account.duplicate, account.rejected) == (5, 3, 2, 0)
    assert findings(current_run(), T0.date()) == []
