"""The five clock units keep DOMAIN.md 1.7."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.worktime import (
    Light,
    NoCalendar,
    OfficeHours,
    Reading,
    Unit,
    WorkCalendar,
    deadline,
    length,
    light,
    overdue_multiple,
    used,
    worked,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROLLING = WorkCalendar(
    zone=SHANGHAI,
    years=frozenset({2025}),
    off=frozenset(date(2025, 10, day) for day in range(1, 9)),
    work=frozenset({date(2025, 9, 28), date(2025, 10, 11)}),
    hours=(OfficeHours(date(2000, 1, 1), ((time(8), time(12)), (time(14), time(18)))),),
)
DAY_END = replace(ROLLING, reading=Reading.DAY_END)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "calendar", "expected"),
    [
        ("2025-09-26 16:30", 2, Unit.URGENT_HOUR, ROLLING, "2025-09-26 18:30"),
        ("2025-09-26 16:30", 4, Unit.WORK_HOUR, ROLLING, "2025-09-28 10:30"),
        ("2025-09-26 16:30", 5, Unit.WORK_DAY, ROLLING, "2025-10-10 16:30"),
        ("2025-09-26 16:30", 5, Unit.WORK_DAY, DAY_END, "2025-10-10 18:00"),
        ("2025-09-26 16:30", 7, Unit.NATURAL_DAY, ROLLING, "2025-10-03 16:30"),
        ("2025-09-27 10:00", 2, Unit.WORK_HOUR, ROLLING, "2025-09-28 10:00"),
        ("2025-09-29 12:30", 1, Unit.WORK_HOUR, ROLLING, "2025-09-29 15:00"),
        ("2025-09-30 17:30", 1, Unit.WORK_HOUR, ROLLING, "2025-10-09 08:30"),
        ("2025-09-26 16:30", 1, Unit.URGENT_DAY, ROLLING, "2025-09-27 16:30"),
    ],
)
def test_vectors_of_the_domain(start: str, amount: int, unit: Unit, calendar: WorkCalendar, expected: str) -> None:
    """Each vector of DOMAIN.md 1.7 gives its deadline, to the minute."""
    assert deadline(local(start), amount, unit, calendar) == local(expected)


def test_year_without_calendar_is_refused() -> None:
    """A deadline that needs a year without a published calendar says which."""
    with pytest.raises(NoCalendar) as caught:
        deadline(local("2025-12-31 17:30"), 4, Unit.WORK_HOUR, ROLLING)
    assert caught.value.year == 2026


def test_continuous_units_need_no_calendar() -> None:
    """Urgent hours cross into an unpublished year."""
    assert deadline(local("2025-12-31 23:00"), 2, Unit.URGENT_HOUR, ROLLING) == local("2026-01-01 01:00")


@pytest.mark.parametrize("amount", [0, -1, Decimal("-0.5")])
def test_limits_are_positive(amount: Decimal) -> None:
    """A limit of nothing is refused."""
    with pytest.raises(ValueError, match="positive"):
        deadline(local("2025-09-26 16:30"), amount, Unit.URGENT_HOUR, ROLLING)


def test_pauses_do_not_count() -> None:
    """A pause over one office hour takes one hour off what was used; an open pause lasts until now."""
    start, until = local("2025-09-29 08:00"), local("2025-09-29 15:00")
    assert used(start, until, Unit.WORK_HOUR, ROLLING) == timedelta(hours=5)
    pause = (local("2025-09-29 11:00"), local("2025-09-29 13:00"))
    assert used(start, until, Unit.WORK_HOUR, ROLLING, [pause]) == timedelta(hours=4)
    assert used(start, until, Unit.WORK_HOUR, ROLLING, [(local("2025-09-29 11:00"), None)]) == timedelta(hours=3)


def test_season_tables() -> None:
    """Office hours with a first day hold from that day on."""
    summer = OfficeHours(date(2025, 6, 1), ((time(8), time(12)), (time(15), time(18))))
    calendar = replace(ROLLING, hours=(*ROLLING.hours, summer))
    assert worked(local("2025-05-30 13:00"), local("2025-05-30 18:00"), calendar) == timedelta(hours=4)
    assert worked(local("2025-06-02 13:00"), local("2025-06-02 18:00"), calendar) == timedelta(hours=3)


moments = st.datetimes(datetime(2025, 1, 2), datetime(2025, 9, 1)).map(lambda m: m.replace(tzinfo=UTC))
units = st.sampled_from([Unit.URGENT_HOUR, Unit.URGENT_DAY, Unit.WORK_HOUR, Unit.WORK_DAY, Unit.NATURAL_DAY])


@settings(deadline=None)
@given(moments, st.integers(1, 40), units)
def test_used_at_the_deadline_is_the_limit(start: datetime, amount: int, unit: Unit) -> None:
    """At its deadline a clock has used exactly its limit, and a second earlier it has not used more."""
    due = deadline(start, amount, unit, ROLLING)
    limit = length(amount, unit, ROLLING, start)
    assert used(start, due, unit, ROLLING) == limit
    assert used(start, due - timedelta(seconds=1), unit, ROLLING) < limit


@settings(deadline=None)
@given(moments, moments, moments)
def test_worked_time_adds_up(a: datetime, b: datetime, c: datetime) -> None:
    """Office time of two neighbouring spans is the office time of both together."""
    first, second, third = sorted((a, b, c))
    both = worked(first, second, ROLLING) + worked(second, third, ROLLING)
    assert both == worked(first, third, ROLLING)


def test_lights() -> None:
    """Lights change at 0.7 and at the limit; exactly on the deadline is in time."""
    assert light(0.69) == Light.GREEN
    assert light(0.7) == Light.YELLOW
    assert light(1.0) == Light.RED
    assert light(1.0, finished=True) == Light.BLUE
    assert light(1.01, finished=True) == Light.RED
    assert light(5, suspended=True) == Light.GREY
    assert overdue_multiple(timedelta(hours=6), timedelta(hours=4)) == 0.5
