"""Newest values for open screens: what changed, once each, with who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions, live_source
from scoc.sensing.tests.factories import T0, line_of, make_device, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_only_what_changed_is_shown_and_of_each_datastream_the_newest(city: City, monday: datetime) -> None:
    device, other = make_device(area=city.east), make_device()
    actor = system_actor("sensing")
    actions.ingest(actor, "test", readings(device, 1.0))
    assert live_source.newest_values() == []  # pages load what is there
    assert live_source.newest_values() == []
    actions.ingest(actor, "test", [*readings(device, 2.0, 3.0, start=T0 + MINUTE), *readings(other, 9.0)])
    actions.ingest(actor, "test", readings(device, 4.0, start=T0 - MINUTE))  # late: the newest stays
    events = {event.message["datastream"]: event for event in live_source.newest_values()}
    assert {pk: event.message["value"] for pk, event in events.items()} == {
        line_of(device).pk: 3.0, line_of(other).pk: 9.0,
    }  # fmt: skip
    event = events[line_of(device).pk]
    assert event.message == {
        "type": "reading", "device": device.pk, "datastream": line_of(device).pk, "property": "pm25",
        "at": "2026-06-15T00:02:00+00:00", "value": 3.0,
    }  # fmt: skip
    assert live_source.newest_values() == []
    may = make_actor("sensing.read_observations", scope="area_below", area=city.east).on_run(city.run.pk)
    assert event.for_viewer(may)
    assert not events[line_of(other).pk].for_viewer(may)
    assert not event.for_viewer(make_actor("sensing.read_observations").on_run(None))


def test_what_was_recorded_long_ago_is_no_news(city: City, monday: datetime) -> None:
    device = make_device()
    live_source.newest_values()
    with now.wall_time(lambda: monday):
        actions.ingest(system_actor("sensing"), "test", readings(device, 1.0))
    with now.wall_time(lambda: monday + MINUTE):
        assert live_source.newest_values() == []
