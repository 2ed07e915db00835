"""What sensing offers to count, by hand-computed examples."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.measures import Measured, Window, take
from scoc.core.models import Area
from scoc.core.now import wall_now
from scoc.core.refusals import NotAllowed
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions
from scoc.sensing.models import Device
from scoc.sensing.tests.factories import T0, make_device, readings

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def window(start: datetime, end: datetime, area: Area | None = None, as_of: datetime | None = None) -> Window:
    """A window as known now."""
    return Window(start, end, as_of or wall_now(), area)


def test_the_mean_is_a_sum_and_a_count(city: City, monday: datetime) -> None:
    east, west = make_device(area=city.east), make_device(area=city.west)
    actor = system_actor("sensing")
    actions.ingest(actor, "test", readings(east, 10.0, 20.0, 33.3, start=T0 - HOUR))
    actions.ingest(actor, "test", readings(west, 50.0))
    viewer = make_actor("sensing.read_observations")
    whole = window(T0 - 2 * HOUR, T0 + HOUR)
    # (10 + 20 + 33.3 + 50) / 4
    assert take(viewer, "sensing.mean", whole, {"property": "pm25"}) == Measured(Decimal("113.3"), Decimal(4), 4, T0)
    last = take(viewer, "sensing.mean", whole, {"property": "pm25", "hours": 1})
    assert (last.numerator, last.denominator) == (Decimal("50.0"), Decimal(1))
    here = take(viewer, "sensing.mean", window(T0 - 2 * HOUR, T0 + HOUR, city.east), {"property": "pm25"})
    assert (here.numerator, here.samples, here.latest_at) == (Decimal("63.3"), 3, T0 - HOUR + 2 * MINUTE)
    assert take(viewer, "sensing.mean", whole, {"property": "pm25", "device_type": "meter"}) == Measured(None)
    assert take(viewer, "sensing.mean", window(T0 - 9 * HOUR, T0 - 8 * HOUR), {"property": "pm25"}).numerator is None


def test_the_online_rate_counts_devices_heard_within_three_cadences(city: City, monday: datetime) -> None:
    fresh, stale = make_device(area=city.east), make_device(area=city.east)
    make_device(area=city.west)
    make_device(state=Device.State.RETIRED)
    make_device(state=Device.State.MAINTENANCE)
    make_device(registered_at=monday + MINUTE)
    actor = system_actor("sensing")
    actions.ingest(actor, "test", readings(fresh, 1.0, start=monday - 3 * MINUTE))
    actions.ingest(actor, "test", readings(stale, 1.0, start=monday - 3 * MINUTE - timedelta(seconds=1)))
    viewer = make_actor("sensing.read_devices")
    assert take(viewer, "sensing.online_rate", window(monday, monday)) == Measured(
        Decimal(1), Decimal(3), 3, monday - 3 * MINUTE
    )
    here = take(viewer, "sensing.online_rate", window(monday, monday, city.east))
    assert (here.numerator, here.denominator) == (Decimal(1), Decimal(2))
    assert take(viewer, "sensing.online_rate", window(monday, monday), {"device_type": "meter"}).numerator is None


def test_the_online_rate_of_an_earlier_moment_is_told_by_the_readings_of_then(city: City, monday: datetime) -> None:
    device = make_device()
    actor = system_actor("sensing")
    early = monday - 30 * MINUTE
    with now.wall_time(lambda: monday - 20 * MINUTE):
        actions.ingest(actor, "test", readings(device, 1.0, start=early))
    with now.wall_time(lambda: monday):
        actions.ingest(actor, "test", readings(device, 1.0, start=monday))
    viewer = make_actor("sensing.read_devices")
    for moment, as_of, online in (
        (early + 3 * MINUTE, monday, 1),
        (early + 4 * MINUTE, monday, 0),
        (early + 3 * MINUTE, monday - 25 * MINUTE, 0),  # it was not known yet
        (monday, monday, 1),
        (monday, monday - MINUTE, 0),
    ):
        found = take(viewer, "sensing.online_rate", window(moment, moment, as_of=as_of))
        assert (found.numerator, found.denominator) == (Decimal(online), Decimal(1)), moment


def test_measures_need_their_permission(city: City, monday: datetime) -> None:
    with pytest.raises(NotAllowed):
        take(make_actor(), "sensing.mean", window(T0, monday), {"property": "pm25"})
