"""The working calendar: DOMAIN.md 1.7's vectors, years without a calendar, edits and their versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from scoc.core import administration, clocks, now
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.clocks import Due, due, limit_length, used
from scoc.core.models import Calendar, FactRow, Grant, Notice, Post, Run
from scoc.core.refusals import Invalid
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text
from scoc.kit.worktime import Reading

BEIJING = timezone(timedelta(hours=8))


def at(text: str) -> datetime:
    """A local time of 2025, e.g. `09-26 16:30`."""
    return datetime.strptime(f"2025-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=BEIJING)


def due_and_fail(start: datetime) -> None:
    """A part of an action that computes a deadline and fails."""
    with unit_of_work(system_actor("tests")):
        due(start, 1, "WORK_HOUR")
        raise ZeroDivisionError


def due_at(start: datetime, amount: int, unit: str) -> Due:
    """A deadline, computed inside an action as always."""
    with unit_of_work(system_actor("tests")):
        return due(start, amount, unit)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "deadline"),
    [
        ("09-26 16:30", 2, "URGENT_HOUR", "09-26 18:30"),
        ("09-26 16:30", 4, "WORK_HOUR", "09-28 10:30"),
        ("09-26 16:30", 5, "WORK_DAY", "10-10 16:30"),
        ("09-26 16:30", 7, "NATURAL_DAY", "10-03 16:30"),
        ("09-27 10:00", 2, "WORK_HOUR", "09-28 10:00"),
        ("09-29 12:30", 1, "WORK_HOUR", "09-29 15:00"),
        ("09-30 17:30", 1, "WORK_HOUR", "10-09 08:30"),
        ("09-26 16:30", 3, "URGENT_DAY", "09-29 16:30"),
    ],
)
def test_the_vectors_of_the_domain_reference(city: City, start: str, amount: int, unit: str, deadline: str) -> None:
    found = due_at(at(start), amount, unit)
    assert found == Due(at(deadline).astimezone(UTC), 1, provisional=False)


def test_a_working_day_in_its_other_reading(city: City) -> None:
    admin = make_actor("core.edit_office_hours")
    hours = [(date(2000, 1, 1), [("08:00", "12:00"), ("14:00", "18:00")])]
    assert administration.edit_office_hours(admin, hours, Reading.DAY_END) == 2
    assert due_at(at("09-26 16:30"), 5, "WORK_DAY") == Due(at("10-10 18:00").astimezone(UTC), 2, provisional=False)


def test_counted_time_reaches_the_limit_at_the_deadline(city: City) -> None:
    start = at("09-26 16:30")
    assert used(start, due_at(start, 4, "WORK_HOUR").at, "WORK_HOUR") == limit_length(start, 4, "WORK_HOUR")
    assert limit_length(start, 1, "WORK_DAY") == timedelta(hours=8)
    assert used(start, at("09-28 10:30"), "WORK_HOUR", [(at("09-28 09:00"), at("09-28 10:00"))]) == timedelta(hours=3)


def test_a_deadline_keeps_the_version_it_was_computed_with(city: City) -> None:
    admin = make_actor("core.edit_calendar")
    start = at("09-26 16:30")
    before = due_at(start, 4, "WORK_HOUR")
    plan = Calendar.objects.get().content["years"]["2025"]
    off = [date.fromisoformat(day) for day in plan["off"]]
    work = [date.fromisoformat(day) for day in plan["work"] if day != "2025-09-28"]
    assert administration.edit_calendar(admin, 2025, off, work, "9月28日不调休") == 2
    after = due_at(start, 4, "WORK_HOUR")
    assert (after.at, after.calendar_version) == (at("09-29 10:30").astimezone(UTC), 2)
    with unit_of_work(system_actor("tests")):
        assert due(start, 4, "WORK_HOUR", version=1) == before
    fact = FactRow.objects.get(name="core.calendar_edited")
    assert (fact.subject, fact.body) == ("core:calendar-2025", '{"subject":"core:calendar-2025","version":2}')


def test_a_year_without_a_calendar_is_computed_with_weekends_and_alarms_the_duty_once(
    city: City, later: Callable[[float], None]
) -> None:
    duty = make_actor(role="shift_leader")
    start = datetime(2030, 12, 31, 17, 0, tzinfo=BEIJING)
    found = due_at(start, 2, "WORK_HOUR")
    assert found == Due(datetime(2031, 1, 1, 9, 0, tzinfo=BEIJING).astimezone(UTC), 1, provisional=True)
    due_at(start, 2, "WORK_HOUR")
    missing = FactRow.objects.filter(name="core.calendar_lacked")
    assert [row.subject for row in missing.order_by("id")] == ["core:calendar-2030", "core:calendar-2031"]
    notices = Notice.objects.filter(post_id=duty.post_id or 0)
    assert {notice.level for notice in notices} == {"alarm"}
    assert notices.count() == 2
    later(86_401)
    due_at(start, 2, "WORK_HOUR")
    assert missing.count() == 4  # said again the next day


def test_a_year_without_a_calendar_is_told_to_those_who_keep_it(city: City) -> None:
    """Whatever their role is called; who may not edit it, is denied it, or whose post has ended, has nothing to do."""
    keeper = make_actor("core.edit_calendar", "core.read_notices", role="calendar_office")
    also = make_actor("core.*", role="system_admin")
    make_actor("core.read_calendar", role="reader")
    denied = make_actor(role="calendar_office")
    Grant.objects.create(post_id=denied.post_id, permission="core.edit_calendar", effect="deny", scope="city")
    gone = make_actor(role="calendar_office")
    Post.objects.filter(pk=gone.post_id or 0).update(valid_to=now.wall_today())
    due_at(datetime(2030, 6, 3, 9, 0, tzinfo=BEIJING), 1, "WORK_HOUR")
    assert set(Notice.objects.values_list("post_id", flat=True)) == {keeper.post_id, also.post_id}
    assert Notice.objects.count() == 2
    bell = browser(keeper).get("/api/v1/core/notices").json()["items"]
    assert [(row["level"], row["subject"]) for row in bell] == [("alarm", "core:calendar-2030")]


def test_one_action_with_many_deadlines_alarms_once(city: City) -> None:
    make_actor(role="cpo")
    with unit_of_work(system_actor("tests")):
        for hour in range(1, 5):
            due(datetime(2030, 6, 3, 9, 0, tzinfo=BEIJING), hour, "WORK_HOUR")
    assert FactRow.objects.filter(name="core.calendar_lacked").count() == 1
    assert Notice.objects.count() == 1


def test_a_part_that_was_undone_takes_its_alarm_along_and_the_next_one_alarms(city: City) -> None:
    make_actor(role="cpo")
    start = datetime(2030, 6, 3, 9, 0, tzinfo=BEIJING)
    missing = FactRow.objects.filter(name="core.calendar_lacked")
    with unit_of_work(system_actor("tests")):
        with pytest.raises(ZeroDivisionError):
            due_and_fail(start)
        due(start, 1, "WORK_HOUR")
        with unit_of_work(system_actor("tests")):
            due(start, 2, "WORK_HOUR")
    assert missing.count() == 1
    assert Notice.objects.count() == 1


def test_a_replay_that_lacks_a_calendar_does_not_silence_the_city(city: City) -> None:
    make_actor(role="cpo")
    start = datetime(2030, 6, 3, 9, 0, tzinfo=BEIJING)
    replay = Run.objects.create(kind="replay", name=Text("回放", "Replay"), started_at=now.wall_now())
    for run_id in (replay.pk, city.run.pk, city.run.pk):
        with unit_of_work(system_actor("tests").on_run(run_id)):
            due(start, 1, "WORK_HOUR")
    assert list(Notice.objects.order_by("id").values_list("run_id", flat=True)) == [replay.pk, city.run.pk]


def test_when_the_calendar_arrives_deadlines_are_no_longer_provisional(city: City) -> None:
    admin = make_actor("core.edit_calendar")
    start = datetime(2030, 6, 3, 17, 0, tzinfo=BEIJING)  # a Monday
    assert due_at(start, 2, "WORK_HOUR").provisional
    administration.edit_calendar(admin, 2030, [date(2030, 6, 4)], [])
    found = due_at(start, 2, "WORK_HOUR")
    assert found == Due(datetime(2030, 6, 5, 9, 0, tzinfo=BEIJING).astimezone(UTC), 2, provisional=False)


def test_measuring_a_span_never_fails_for_want_of_a_calendar(city: City) -> None:
    start = datetime(2030, 6, 3, 9, 0, tzinfo=BEIJING)
    assert used(start, start + timedelta(days=365), "WORK_HOUR") > timedelta(hours=2000)


@pytest.mark.parametrize(
    ("off", "work"),
    [
        ([date(2027, 1, 2)], []),  # a Saturday is off anyhow
        ([], [date(2027, 1, 4)]),  # a Monday is worked anyhow
        ([date(2026, 1, 1)], []),
        ([], [date(2028, 1, 1)]),
    ],
)
def test_edits_that_make_no_sense_are_refused(city: City, off: list[date], work: list[date]) -> None:
    with pytest.raises(Invalid):
        administration.edit_calendar(make_actor("core.edit_calendar"), 2027, off, work)
    assert Calendar.objects.count() == 1


@pytest.mark.parametrize(
    "slots", [[("12:00", "08:00")], [("08:00", "12:00"), ("11:00", "18:00")], [("25:00", "26:00")], [], [("x", "y")]]
)
def test_office_hours_that_make_no_sense_are_refused(city: City, slots: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid):
        administration.edit_office_hours(
            make_actor("core.edit_office_hours"), [(date(2000, 1, 1), slots)], Reading.ROLLING
        )


def test_summer_and_winter_hours(city: City) -> None:
    admin = make_actor("core.edit_office_hours")
    winter, summer = [("08:30", "12:00"), ("13:30", "17:30")], [("08:00", "12:00"), ("15:00", "18:00")]
    hours = [(date(2000, 1, 1), winter), (date(2025, 6, 1), summer), (date(2025, 10, 1), winter)]
    administration.edit_office_hours(admin, hours, Reading.ROLLING, "夏令作息")
    assert due_at(at("09-29 11:00"), 2, "WORK_HOUR").at == at("09-29 16:00").astimezone(UTC)
    assert due_at(at("10-13 11:00"), 2, "WORK_HOUR").at == at("10-13 14:30").astimezone(UTC)
    assert due_at(at("03-03 11:00"), 2, "WORK_HOUR").at == at("03-03 14:30").astimezone(UTC)


def test_the_calendar_over_http(city: City) -> None:
    client = browser(make_actor("core.*"))
    year = client.get("/api/v1/core/calendar/2025").json()
    assert (year["published"], year["version"], year["zone"]) == (True, 1, "Asia/Shanghai")
    assert "2025-10-01" in year["off"]
    assert "2025-09-28" in year["work"]
    assert not client.get("/api/v1/core/calendar/2190").json()["published"]
    made = client.put("/api/v1/core/calendar/2190", {"off": ["2190-01-01"], "work": []}, "application/json").json()
    assert (made["published"], made["version"], made["off"]) == (True, 2, ["2190-01-01"])
    body = {"hours": [{"since": "2000-01-01", "slots": [["09:00", "17:00"]]}], "work_day": "day_end"}
    assert client.put("/api/v1/core/office-hours", body, "application/json").json() == {"id": 3}


def test_the_seed_is_the_published_plans(city: City) -> None:
    content = clocks.seed_content([["08:00", "12:00"]], "rolling")
    assert {"2004", "2025"} <= set(content["years"])
    plan = content["years"]["2025"]
    assert len(plan["off"]) + len(plan["work"]) > 20
    assert all(date.fromisoformat(day).weekday() < 5 for day in plan["off"])
    assert all(date.fromisoformat(day).weekday() >= 5 for day in plan["work"])
    forget_all()
    assert clocks.newest_version() == 1
    assert Post.objects.count() == 0
