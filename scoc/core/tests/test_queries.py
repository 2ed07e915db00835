"""What others may read of the kernel: as of a time, within the viewer's scope, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from scoc.core import administration, queries
from scoc.core.access import system_actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import Notice, Run
from scoc.core.now import city_now, city_time, in_run, wall_now
from scoc.core.refusals import Invalid
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import City, make_actor
from scoc.core.tests.ringing import ring
from scoc.kit.text import Text

START = datetime(2016, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(as_of: datetime | None) -> PageQuery:
    """The first page as of a time."""
    return PageQuery(cursor=None, limit=50, as_of=as_of)


def test_a_timeline_of_a_fast_clock_is_as_it_was_known_at_the_citys_time(
    city: City, later: Callable[[float], None]
) -> None:
    Run.objects.filter(pk=city.run.pk).update(city_origin=START, wall_origin=wall_now(), speed_millis=3_600_000)
    forget_all()
    viewer = make_actor("core.read_facts", "tests.read")
    ring(1)
    later(24)
    ring(1)
    known = [len(queries.timeline(viewer, "tests:1", at(START + n * DAY)).items) for n in (-1, 0, 1)]
    assert (city_now(), known) == (START + DAY, [0, 1, 2])


def test_a_timeline_of_a_replay_goes_by_what_had_happened(city: City) -> None:
    run = administration.start_run(system_actor("tests"), Run.Kind.REPLAY, Text("回放", "Replay"))
    viewer = make_actor("core.read_facts", "tests.read").on_run(run)
    with in_run(run):
        for day in range(3):
            with city_time(START + day * DAY):
                ring(1)
        with city_time(START + 2 * DAY):
            known = [len(queries.timeline(viewer, "tests:1", at(START + n * DAY)).items) for n in (-1, 0, 1, 2)]
    assert known == [0, 1, 2, 3]


def test_notices_are_as_they_lay_there_at_a_time(city: City, monday: datetime) -> None:
    viewer = make_actor("core.read_notices")
    for day, read in ((0, monday + 2 * DAY), (1, None), (3, None)):
        Notice.objects.create(
            user_id=viewer.user_id, subject=f"tests:{day}", title=Text("通知", "Notice"), run=city.run,
            happened_at=monday + day * DAY, read_at=read,
        )  # fmt: skip
    with city_time(monday + 4 * DAY):
        found = queries.notices(viewer, at(monday + DAY), unread=True).items
        assert [(row.subject, row.read_at) for row in found] == [("tests:1", None), ("tests:0", None)]
        assert [row.subject for row in queries.notices(viewer, at(None), unread=True).items] == ["tests:3", "tests:1"]


def test_what_waits_for_a_person_is_known_for_now_only(city: City) -> None:
    viewer = make_actor("core.read_deliveries")
    assert queries.parked_deliveries(viewer, at(None)).items == []
    with pytest.raises(Invalid, match="as_of"):
        queries.parked_deliveries(viewer, at(START))
