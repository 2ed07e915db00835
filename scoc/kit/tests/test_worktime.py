"""The five clock units keep DOMAIN.md 1.7."""

from __future__ import annotations

import time as process_time
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

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
SLOTS = ((time(8), time(12)), (time(14), time(18)))
ROLLING = WorkCalendar(
    zone=SHANGHAI,
    years=frozenset({2025}),
    off=frozenset(date(2025, 10, day) for day in range(1, 9)),
    work=frozenset({date(2025, 9, 28), date(2025, 10, 11)}),
    hours=(OfficeHours(date(2000, 1, 1), SLOTS),),
)
DAY_END = replace(ROLLING, reading=Reading.DAY_END)


def local(text: str) -> datetime:
    """The moment at which clocks in Shanghai show this."""
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
        ("2025-09-29 08:00", 4, Unit.WORK_HOUR, ROLLING, "2025-09-29 12:00"),
        ("2025-09-29 06:00", 8, Unit.WORK_HOUR, ROLLING, "2025-09-29 18:00"),
        ("2025-09-29 18:00", Decimal("0.5"), Unit.WORK_HOUR, ROLLING, "2025-09-30 08:30"),
        ("2025-10-01 00:00", 1, Unit.WORK_DAY, ROLLING, "2025-10-09 18:00"),
        ("2025-10-01 00:00", 1, Unit.WORK_DAY, DAY_END, "2025-10-09 18:00"),
        ("2025-09-29 08:00", Decimal("1.5"), Unit.WORK_DAY, DAY_END, "2025-10-09 18:00"),
    ],
)
def test_vectors(start: str, amount: int | Decimal, unit: Unit, calendar: WorkCalendar, expected: str) -> None:
    """Each vector of DOMAIN.md 1.7, and the edges of slots, give their deadline to the microsecond."""
    assert deadline(local(start), amount, unit, calendar) == local(expected)


def test_reading_can_be_chosen_for_one_limit() -> None:
    """A limit may be read otherwise than the calendar's own reading."""
    start = local("2025-09-26 16:30")
    assert deadline(start, 5, Unit.WORK_DAY, ROLLING, Reading.DAY_END) == local("2025-10-10 18:00")
    assert deadline(start, 5, Unit.WORK_DAY, DAY_END, Reading.ROLLING) == local("2025-10-10 16:30")
    spent = used(start, local("2025-10-10 18:00"), Unit.WORK_DAY, ROLLING)
    assert length(5, Unit.WORK_DAY, ROLLING, start, Reading.DAY_END) == spent


def test_zones() -> None:
    """The zone in which a moment is told does not matter; answers are in UTC."""
    start = local("2025-09-26 16:30")
    assert start.hour == 8
    for zone in (SHANGHAI, ZoneInfo("America/New_York")):
        for unit in Unit:
            due = deadline(start.astimezone(zone), 1, unit, ROLLING)
            assert due.tzinfo is UTC
            assert due == deadline(start, 1, unit, ROLLING)
    with pytest.raises(ValueError, match="zone"):
        deadline(start.replace(tzinfo=None), 1, Unit.URGENT_HOUR, ROLLING)


def test_year_without_calendar_is_refused() -> None:
    """Office time that falls in, or must pass through, a year without a published calendar says which."""
    gap = replace(ROLLING, years=frozenset({2025, 2027}))
    for calendar in (ROLLING, gap):
        for amount, unit in ((4, Unit.WORK_HOUR), (3000, Unit.WORK_HOUR), (400, Unit.WORK_DAY)):
            with pytest.raises(NoCalendar) as caught:
                deadline(local("2025-12-31 17:30"), amount, unit, calendar)
            assert caught.value.year == 2026
    with pytest.raises(NoCalendar):
        deadline(local("2025-12-31 17:30"), 1, Unit.WORK_DAY, DAY_END)
    with pytest.raises(NoCalendar):
        worked(local("2025-12-31 17:30"), local("2027-01-04 09:00"), gap)
    with pytest.raises(NoCalendar):
        deadline(local("2024-12-31 10:00"), 1, Unit.WORK_HOUR, ROLLING)


def test_the_last_minute_of_the_last_year() -> None:
    """What ends within the published year asks nothing of the next, midnight included."""
    assert deadline(local("2025-12-31 17:30"), Decimal("0.5"), Unit.WORK_HOUR, ROLLING) == local("2025-12-31 18:00")
    assert worked(local("2025-12-31 17:30"), local("2026-01-01 00:00"), ROLLING) == timedelta(minutes=30)


def test_continuous_units_need_no_calendar() -> None:
    """Urgent hours and days by the date cross into an unpublished year."""
    for amount, unit in ((24, Unit.URGENT_HOUR), (1, Unit.URGENT_DAY), (1, Unit.NATURAL_DAY)):
        assert deadline(local("2025-12-31 23:00"), amount, unit, ROLLING) == local("2026-01-01 23:00")


@pytest.mark.parametrize("amount", [0, -1, Decimal("-0.5"), Decimal("NaN"), Decimal("Infinity")])
@pytest.mark.parametrize("unit", list(Unit))
def test_limits_are_positive(amount: Decimal, unit: Unit) -> None:
    """A limit of nothing, or of no number, is refused."""
    for calendar in (ROLLING, DAY_END):
        with pytest.raises(ValueError, match="positive"):
            deadline(local("2025-09-26 16:30"), amount, unit, calendar)


def test_limits_beyond_all_time_are_refused() -> None:
    """A limit that no calendar can hold is an error, not an overflow."""
    for amount in (10**9, 10**30):
        with pytest.raises(ValueError, match="too much"):
            deadline(local("2025-09-26 16:30"), amount, Unit.URGENT_DAY, ROLLING)


def test_pauses_do_not_count() -> None:
    """Only office time of a pause is taken off; an open one lasts until now; overlaps count once."""
    start, until = local("2025-09-29 08:00"), local("2025-09-29 15:00")
    lunch = (local("2025-09-29 11:00"), local("2025-09-29 13:00"))
    early = (local("2025-09-28 08:00"), local("2025-09-29 09:00"))
    late = (local("2025-09-29 16:00"), None)
    inside = (local("2025-09-29 11:10"), local("2025-09-29 11:40"))

    def hours(*pauses: tuple[datetime, datetime | None]) -> float:
        return used(start, until, Unit.WORK_HOUR, ROLLING, pauses) / timedelta(hours=1)

    assert hours() == 5
    assert hours(lunch) == 4
    assert hours(lunch, inside, lunch) == 4
    assert hours(early) == 4
    assert hours(late) == 5
    assert hours((local("2025-09-29 11:00"), None)) == 3
    assert hours((local("2025-09-29 11:00"), None), inside, late) == 3
    assert hours((local("2025-09-28 11:00"), None)) == 0
    with pytest.raises(ValueError, match="ends before"):
        hours((lunch[1], lunch[0]))


def test_pauses_stop_urgent_clocks_day_and_night() -> None:
    """A clock that runs at night is paused at night."""
    start, until = local("2025-09-29 20:00"), local("2025-09-30 02:00")
    pause = (local("2025-09-29 22:00"), local("2025-09-30 01:00"))
    assert used(start, until, Unit.URGENT_HOUR, ROLLING, [pause]) == timedelta(hours=3)


def test_season_tables() -> None:
    """Office hours with a first day hold from that day on; days before the first table use the first."""
    summer = OfficeHours(date(2025, 6, 1), ((time(8), time(12)), (time(15), time(18))))
    winter = OfficeHours(date(2025, 10, 1), SLOTS)
    calendar = replace(ROLLING, hours=(OfficeHours(date(2025, 3, 1), SLOTS), summer, winter))
    spans = {"2025-02-14": 4, "2025-05-30": 4, "2025-06-02": 3, "2025-09-30": 3, "2025-10-09": 4}
    for day, hours in spans.items():
        assert worked(local(f"{day} 13:00"), local(f"{day} 18:00"), calendar) == timedelta(hours=hours)
    assert length(2, Unit.WORK_DAY, calendar, local("2025-06-02 09:00")) == timedelta(hours=14)
    assert length(2, Unit.WORK_DAY, calendar, local("2025-02-14 09:00")) == timedelta(hours=16)
    assert deadline(local("2025-05-30 17:00"), 5, Unit.WORK_HOUR, calendar) == local("2025-06-02 12:00")


def test_wrong_calendars_are_refused() -> None:
    """Slots that overlap or end before they begin, and days both off and on, are errors."""
    for slots in (
        (),
        ((time(12), time(8)),),
        ((time(8), time(8)),),
        ((time(8), time(13)), (time(12), time(18))),
    ):
        with pytest.raises(ValueError, match="slots"):
            OfficeHours(date(2025, 1, 1), slots)
    with pytest.raises(ValueError, match="office hours"):
        replace(ROLLING, hours=())
    with pytest.raises(ValueError, match="order"):
        replace(ROLLING, hours=(ROLLING.hours[0], ROLLING.hours[0]))
    with pytest.raises(ValueError, match="2025-10-01"):
        replace(ROLLING, work=frozenset({date(2025, 10, 1)}))


def test_long_spans_are_fast() -> None:
    """Sixty years of office time are counted about as fast as a day."""
    calendar = replace(ROLLING, years=frozenset(range(2000, 2061)))
    start, end = local("2000-01-03 09:00"), local("2060-12-30 17:00")
    total = worked(start, end, calendar)
    assert deadline(start, Decimal(total // timedelta(seconds=1)) / 3600, Unit.WORK_HOUR, calendar) == end
    begun = process_time.process_time()
    for _ in range(200):
        worked(start, end, calendar)
    assert process_time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("ratio", "suspended", "finished", "expected"),
    [
        (0.0, False, False, Light.GREEN),
        (0.69, False, False, Light.GREEN),
        (0.7, False, False, Light.YELLOW),
        (0.99, False, False, Light.YELLOW),
        (1.0, False, False, Light.RED),
        (1.0, False, True, Light.BLUE),
        (1.01, False, True, Light.RED),
        (5.0, True, False, Light.GREY),
        (0.5, True, True, Light.BLUE),
    ],
)
def test_lights(ratio: float, suspended: bool, finished: bool, expected: Light) -> None:
    """Lights change at the city's thresholds; what finished exactly on the deadline was in time."""
    assert light(ratio, yellow=0.7, suspended=suspended, finished=finished) is expected


def test_thresholds_are_the_citys() -> None:
    """A city may warn earlier."""
    assert light(0.5, yellow=0.5) is Light.YELLOW
    assert light(0.9, yellow=0.5, red=0.9) is Light.RED


def test_overdue_multiple() -> None:
    """Six hours used of four are half a limit too much."""
    assert overdue_multiple(timedelta(hours=6), timedelta(hours=4)) == 0.5
    assert overdue_multiple(timedelta(hours=4), timedelta(hours=4)) == 0
    assert overdue_multiple(timedelta(hours=1), timedelta(hours=4)) == -0.75
