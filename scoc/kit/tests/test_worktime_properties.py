"""What holds of clocks for every start, limit and pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.tests.test_worktime import ROLLING
from scoc.kit.worktime import (
    OfficeHours,
    Reading,
    Unit,
    WorkCalendar,
    deadline,
    length,
    used,
    worked,
)

SUMMER = OfficeHours(date(2025, 6, 1), ((time(8, 30), time(11, 30)), (time(15), time(18, 15))))
SEASONS = replace(ROLLING, years=frozenset({2024, 2025, 2026}), hours=(*ROLLING.hours, SUMMER))
FIRST = datetime(2024, 1, 2, tzinfo=UTC)
ZERO = timedelta(0)

calendars = st.sampled_from([SEASONS, replace(SEASONS, reading=Reading.DAY_END)])
moments = st.integers(0, 2 * 366 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
amounts = st.integers(1, 40) | st.decimals("0.1", "40", places=1)
units = st.sampled_from(list(Unit))
pauses = st.lists(
    st.tuples(moments, st.integers(0, 20 * 86_400)).map(lambda p: (p[0], p[0] + timedelta(seconds=p[1]))),
    max_size=4,
)


def slow_worked(start: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Office time by the plainest way: day by day, slot by slot."""
    total, day = ZERO, calendar.local_day(start)
    while day <= calendar.local_day(end):
        for begin, finish in calendar.slots(day):
            total += max(ZERO, min(finish, end) - max(begin, start))
        day += timedelta(days=1)
    return total


@settings(deadline=None)
@given(moments, moments)
def test_office_time_is_what_the_plain_way_counts(a: datetime, b: datetime) -> None:
    """Adding up by years gives what adding up slot by slot gives; backwards it is zero."""
    start, end = sorted((a, b))
    assert worked(start, end, SEASONS) == slow_worked(start, end, SEASONS)
    assert worked(end, start, SEASONS) == ZERO


@settings(deadline=None)
@given(moments, moments, moments)
def test_office_time_adds_up(a: datetime, b: datetime, c: datetime) -> None:
    """Office time of two neighbouring spans is the office time of both together."""
    first, second, third = sorted((a, b, c))
    both = worked(first, second, SEASONS) + worked(second, third, SEASONS)
    assert both == worked(first, third, SEASONS)


@settings(deadline=None)
@given(moments, amounts, units, calendars)
def test_used_at_the_deadline_is_the_limit(
    start: datetime, amount: Decimal | int, unit: Unit, calendar: WorkCalendar
) -> None:
    """On the deadline the limit is used up exactly, an instant before it is not: the deadline is in time."""
    due = deadline(start, amount, unit, calendar)
    limit = length(amount, unit, calendar, start)
    assert due > start
    assert used(start, due, unit, calendar) == limit
    assert used(start, due - timedelta.resolution, unit, calendar) < limit


@settings(deadline=None)
@given(moments, moments, amounts, amounts, units, calendars)
def test_later_starts_and_longer_limits_never_end_earlier(
    a: datetime, b: datetime, one: Decimal | int, two: Decimal | int, unit: Unit, calendar: WorkCalendar
) -> None:
    """Deadlines are monotone in the limit, and in the start within one table of office hours."""
    assert deadline(a, min(one, two), unit, calendar) <= deadline(a, max(one, two), unit, calendar)
    plain = replace(calendar, hours=ROLLING.hours)
    assert deadline(min(a, b), one, unit, plain) <= deadline(max(a, b), one, unit, plain)


@settings(deadline=None)
@given(moments, moments, moments, units, pauses)
def test_used_only_grows(
    a: datetime, b: datetime, c: datetime, unit: Unit, stops: list[tuple[datetime, datetime | None]]
) -> None:
    """What a clock has used never shrinks with time and never exceeds the time without pauses."""
    start, earlier, later = sorted((a, b, c))
    before = used(start, earlier, unit, SEASONS, stops)
    after = used(start, later, unit, SEASONS, stops)
    assert ZERO <= before <= after <= used(start, later, unit, SEASONS)
