"""The five clock units of Chinese case work (DOMAIN.md 1.7) as pure arithmetic on a working calendar.

紧急工作时 and 紧急工作日 run continuously, 工作时 only inside office slots, 工作日 in one of two readings, 自然日 by date.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

ZERO = timedelta(0)
Pauses = Sequence[tuple[datetime, datetime | None]]


class Unit(StrEnum):
    """What a limit counts."""

    URGENT_HOUR = "URGENT_HOUR"
    URGENT_DAY = "URGENT_DAY"
    WORK_HOUR = "WORK_HOUR"
    WORK_DAY = "WORK_DAY"
    NATURAL_DAY = "NATURAL_DAY"


class Reading(StrEnum):
    """The two readings of WORK_DAY: n × the day's office hours, or the end of office on the n-th day after."""

    ROLLING = "rolling"
    DAY_END = "day_end"


class Light(StrEnum):
    """The state of a clock at a glance."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"
    BLUE = "blue"


class NoCalendar(Exception):
    """A deadline needs a year whose calendar is not published."""

    def __init__(self, year: int) -> None:
        super().__init__(f"The working calendar of {year} is not published.")
        self.year = year


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Office slots that hold from a day on, until later ones do."""

    valid_from: date
    slots: tuple[tuple[time, time], ...]

    def length(self) -> timedelta:
        """Office time in one day."""
        return sum((_span(a, b) for a, b in self.slots), ZERO)


@dataclass(frozen=True)
class WorkCalendar:
    """Working days and office hours. `off` are weekdays without work, `work` weekend days with work (调休)."""

    zone: ZoneInfo
    years: frozenset[int]
    off: frozenset[date]
    work: frozenset[date]
    hours: tuple[OfficeHours, ...]
    reading: Reading = Reading.ROLLING
    version: int = 0
    _starts: list[date] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check that office hours exist and are in order."""
        if not self.hours or any(not hours.slots for hours in self.hours):
            raise ValueError("A calendar needs office hours.")
        object.__setattr__(self, "_starts", [hours.valid_from for hours in self.hours])
        if self._starts != sorted(set(self._starts)):
            raise ValueError("Office hours must be in order of their first day.")

    def is_working(self, day: date) -> bool:
        """Whether people work on this day. Raises NoCalendar for a year without a published calendar."""
        if day.year not in self.years:
            raise NoCalendar(day.year)
        return day in self.work or (day.weekday() < 5 and day not in self.off)

    def slots(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The day's office slots as UTC times; empty on days off."""
        if not self.is_working(day):
            return ()
        hours = self.hours[max(0, bisect.bisect_right(self._starts, day) - 1)]
        return tuple((self._utc(day, a), self._utc(day, b)) for a, b in hours.slots)

    def day_length(self, day: date) -> timedelta:
        """Office time that a working day of this season has."""
        return self.hours[max(0, bisect.bisect_right(self._starts, day) - 1)].length()

    def local_day(self, moment: datetime) -> date:
        """The day it is in the city at `moment`."""
        return moment.astimezone(self.zone).date()

    def _utc(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def _span(start: time, end: time) -> timedelta:
    return datetime.combine(date.min, end) - datetime.combine(date.min, start)


def _days(first: date) -> Iterator[date]:
    day = first
    while True:
        yield day
        day += timedelta(days=1)


def length(amount: Decimal | int, unit: Unit, calendar: WorkCalendar, start: datetime) -> timedelta:
    """A limit as counted time: what `used` reaches exactly at the deadline."""
    number = Decimal(amount)
    match unit:
        case Unit.URGENT_HOUR | Unit.WORK_HOUR:
            return timedelta(seconds=float(number * 3600))
        case Unit.URGENT_DAY | Unit.NATURAL_DAY:
            return timedelta(seconds=float(number * 86400))
        case Unit.WORK_DAY:
            if calendar.reading == Reading.DAY_END:
                return worked(start, deadline(start, amount, unit, calendar), calendar)
            return calendar.day_length(calendar.local_day(start)) * float(number)


def deadline(start: datetime, amount: Decimal | int, unit: Unit, calendar: WorkCalendar) -> datetime:
    """When a limit that starts at `start` (UTC) ends. Exactly then is still in time.

    Raises NoCalendar for a year without a published calendar, ValueError for an amount that is not positive.
    """
    if Decimal(amount) <= 0:
        raise ValueError("A limit is a positive amount.")
    match unit:
        case Unit.URGENT_HOUR | Unit.URGENT_DAY | Unit.NATURAL_DAY:
            return start + length(amount, unit, calendar, start)
        case Unit.WORK_DAY if calendar.reading == Reading.DAY_END:
            return _end_of_nth_day(start, amount, calendar)
        case _:
            return after_worked(start, length(amount, unit, calendar, start), calendar)


def _end_of_nth_day(start: datetime, amount: Decimal | int, calendar: WorkCalendar) -> datetime:
    count = int(Decimal(amount).to_integral_value())
    for day in _days(calendar.local_day(start) + timedelta(days=1)):
        slots = calendar.slots(day)
        if slots:
            count -= 1
            if count <= 0:
                return slots[-1][1]
    raise AssertionError("days do not end")


def after_worked(start: datetime, needed: timedelta, calendar: WorkCalendar) -> datetime:
    """The first moment by which `needed` office time has passed since `start`."""
    left = needed
    for day in _days(calendar.local_day(start)):
        for begin, end in calendar.slots(day):
            begin = max(begin, start)
            if begin < end:
                if left <= end - begin:
                    return begin + left
                left -= end - begin
    raise AssertionError("days do not end")


def worked(start: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Office time between two moments; zero when the second is not later."""
    total = ZERO
    if end <= start:
        return total
    last = calendar.local_day(end)
    for day in _days(calendar.local_day(start)):
        if day > last:
            return total
        for begin, finish in calendar.slots(day):
            overlap = min(finish, end) - max(begin, start)
            if overlap > ZERO:
                total += overlap
    raise AssertionError("days do not end")


def counted(start: datetime, end: datetime, unit: Unit, calendar: WorkCalendar) -> timedelta:
    """Time that a clock of this unit counts between two moments."""
    if unit in {Unit.WORK_HOUR, Unit.WORK_DAY}:
        return worked(start, end, calendar)
    return max(ZERO, end - start)


def used(start: datetime, until: datetime, unit: Unit, calendar: WorkCalendar, pauses: Pauses = ()) -> timedelta:
    """Counted time from `start` to `until` without the pauses; an open pause lasts until `until`."""
    total = counted(start, until, unit, calendar)
    for begin, end in pauses:
        stop = min(end or until, until)
        total -= counted(max(begin, start), stop, unit, calendar)
    return max(ZERO, total)


def light(
    ratio: float, *, suspended: bool = False, finished: bool = False, thresholds: Mapping[str, float] | None = None
) -> Light:
    """The light of a clock: `ratio` = used / (limit + approved extension).

    A running clock is red from its limit on; one that finished exactly on the deadline was in time, and blue.
    `thresholds` gives `yellow`, 0.7 by default in DOMAIN.md 1.7.
    """
    if suspended:
        return Light.GREY
    if finished:
        return Light.RED if ratio > 1 else Light.BLUE
    if ratio >= 1:
        return Light.RED
    return Light.YELLOW if ratio >= (thresholds or {}).get("yellow", 0.7) else Light.GREEN


def overdue_multiple(spent: timedelta, limit: timedelta) -> float:
    """(used − limit) / limit, as overdue cases are scored; negative while in time."""
    return (spent - limit) / limit
