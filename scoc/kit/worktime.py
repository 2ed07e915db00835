"""The five clock units of Chinese case work (计时单位, DOMAIN.md 1.7) as arithmetic on a working calendar.

紧急工作时 and 紧急工作日 run day and night, 工作时 only inside office slots, 工作日 in one of two readings,
自然日 by the date. Moments go in with a zone and come out in UTC; spans are exact to microseconds. Counting
over years costs no more than over days, since each year's office time is added up once.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

ZERO = timedelta(0)
_INSTANT = timedelta.resolution
_DAY = timedelta(days=1)
Pauses = Sequence[tuple[datetime, datetime | None]]
"""Spans in which a clock stands still (挂账, 延期审批中 …), in any order; without an end: still open."""


class Unit(StrEnum):
    """What a limit counts."""

    URGENT_HOUR = "URGENT_HOUR"
    URGENT_DAY = "URGENT_DAY"
    WORK_HOUR = "WORK_HOUR"
    WORK_DAY = "WORK_DAY"
    NATURAL_DAY = "NATURAL_DAY"


class Reading(StrEnum):
    """The two readings of WORK_DAY: n × a day's office hours, or the end of office on the n-th day after."""

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
    """Office time is needed in a year whose calendar is not published."""

    def __init__(self, year: int) -> None:
        super().__init__(f"The working calendar of {year} is not published.")
        self.year = year


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Office slots (作息时间), in local time, that hold from a day on, until later ones do."""

    valid_from: date
    slots: tuple[tuple[time, time], ...]

    def __post_init__(self) -> None:
        """Raise ValueError for slots that are empty, overlap or stand in the wrong order."""
        clocks = [clock for slot in self.slots for clock in slot]
        if not clocks or any(b < a for a, b in pairwise(clocks)) or any(a >= b for a, b in self.slots):
            raise ValueError("Office slots must follow each other, and each must end after it begins.")

    def length(self) -> timedelta:
        """Office time in one day."""
        return sum((_span(a, b) for a, b in self.slots), ZERO)


@dataclass(frozen=True)
class WorkCalendar:
    """Working days and office hours (工作日历): `off` are days without work, `work` days with work (调休).

    All other days follow the week: Monday to Friday work. `years` are those whose holiday plan is published.
    Days before the first office hours use the first ones.
    """

    zone: ZoneInfo
    years: frozenset[int]
    off: frozenset[date]
    work: frozenset[date]
    hours: tuple[OfficeHours, ...]
    reading: Reading = Reading.ROLLING
    version: int = 0
    _starts: list[date] = field(init=False, repr=False, compare=False)
    _totals: dict[int, list[timedelta]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError where office hours are missing or out of order, or a day is both off and work."""
        if not self.hours:
            raise ValueError("A calendar needs office hours.")
        object.__setattr__(self, "_starts", [hours.valid_from for hours in self.hours])
        if self._starts != sorted(set(self._starts)):
            raise ValueError("Office hours must be in order of their first day.")
        if both := self.off & self.work:
            raise ValueError(f"{min(both)} is both a day off and a working day.")

    def is_working(self, day: date) -> bool:
        """Whether people work on this day. Raises NoCalendar for a year without a published calendar."""
        if day.year not in self.years:
            raise NoCalendar(day.year)
        return day in self.work or (day.weekday() < 5 and day not in self.off)

    def slots(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The day's office slots as UTC times; empty on days off. Raises NoCalendar."""
        if not self.is_working(day):
            return ()
        return tuple((self._utc(day, a), self._utc(day, b)) for a, b in self._hours_on(day).slots)

    def day_length(self, day: date) -> timedelta:
        """Office time that a working day of this season has."""
        return self._hours_on(day).length()

    def local_day(self, moment: datetime) -> date:
        """The day it is in the city at `moment`."""
        return moment.astimezone(self.zone).date()

    def totals(self, year: int) -> list[timedelta]:
        """Office time of a year before its i-th day; the last entry is the whole year. Raises NoCalendar."""
        if year not in self.years:
            raise NoCalendar(year)
        known = self._totals.get(year)
        if known is None:
            first = date(year, 1, 1)
            days = (first + timedelta(days=n) for n in range(366))
            lengths = (sum((b - a for a, b in self.slots(d)), ZERO) for d in days if d.year == year)
            known = self._totals[year] = list(accumulate(lengths, initial=ZERO))
        return known

    def _hours_on(self, day: date) -> OfficeHours:
        return self.hours[max(0, bisect.bisect_right(self._starts, day) - 1)]

    def _utc(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def _span(start: time, end: time) -> timedelta:
    return datetime.combine(date.min, end) - datetime.combine(date.min, start)


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("A moment must know its zone.")
    return moment.astimezone(UTC)


def _positive(amount: Decimal | int) -> Decimal:
    number = Decimal(amount)
    if not number.is_finite() or number <= 0:
        raise ValueError("A limit is a positive amount.")
    return number


def _times(span: timedelta, number: Decimal) -> timedelta:
    try:
        return timedelta(microseconds=round(span // _INSTANT * number))
    except OverflowError as error:
        raise ValueError(f"{number} is too much for a limit.") from error


def length(
    amount: Decimal | int, unit: Unit, calendar: WorkCalendar, start: datetime, reading: Reading | None = None
) -> timedelta:
    """A limit as counted time: what `used` reaches exactly at the deadline.

    A rolling working day counts the office hours of the season in which the limit starts. Raises like
    `deadline`.
    """
    number = _positive(amount)
    match unit:
        case Unit.URGENT_HOUR | Unit.WORK_HOUR:
            return _times(timedelta(hours=1), number)
        case Unit.URGENT_DAY | Unit.NATURAL_DAY:
            return _times(_DAY, number)
        case Unit.WORK_DAY:
            if (reading or calendar.reading) is Reading.DAY_END:
                return worked(start, _end_of_nth_day(start, number, calendar), calendar)
            return _times(calendar.day_length(calendar.local_day(_in_utc(start))), number)


def deadline(
    start: datetime, amount: Decimal | int, unit: Unit, calendar: WorkCalendar, reading: Reading | None = None
) -> datetime:
    """When a limit that starts at `start` ends, in UTC. Exactly then is still in time.

    `reading` of a working day is the calendar's own unless given; DAY_END leaves out the day of the start and
    takes a begun day as a whole one. Units that run day and night need no calendar. Raises NoCalendar where
    office time of a year without a published calendar would be needed, ValueError for an amount that is not
    positive and for a start without a zone.
    """
    number = _positive(amount)
    if unit is Unit.WORK_DAY and (reading or calendar.reading) is Reading.DAY_END:
        return _end_of_nth_day(start, number, calendar)
    return after(start, length(number, unit, calendar, start, reading), unit, calendar)


def after(start: datetime, needed: timedelta, unit: Unit, calendar: WorkCalendar) -> datetime:
    """The first moment by which a clock of this unit has counted `needed` from `start`. Raises NoCalendar."""
    start = _in_utc(start)
    if unit in {Unit.WORK_HOUR, Unit.WORK_DAY}:
        return _after_worked(start, needed, calendar)
    try:
        return start + needed
    except OverflowError as error:
        raise ValueError(f"{needed} is too much for a limit.") from error


def _after_worked(start: datetime, left: timedelta, calendar: WorkCalendar) -> datetime:
    if left <= ZERO:
        return start
    day = calendar.local_day(start)
    in_first = _in_day(day, start, None, calendar)
    if left > in_first:
        left -= in_first
        day, left = _day_that_reaches(day + _DAY, left, calendar)
        start = calendar.slots(day)[0][0]
    for begin, end in calendar.slots(day):
        begin = max(begin, start)
        if begin < end and left <= end - begin:
            return begin + left
        left -= max(ZERO, end - begin)
    raise AssertionError("the day was chosen since it has the time")


def _day_that_reaches(day: date, left: timedelta, calendar: WorkCalendar) -> tuple[date, timedelta]:
    """The day, from `day` on, in which `left` office time is reached, and what is left of it that morning."""
    year, offset = day.year, day.timetuple().tm_yday - 1
    while True:
        totals = calendar.totals(year)
        target = totals[offset] + left
        if target <= totals[-1]:
            index = bisect.bisect_left(totals, target) - 1
            return date(year, 1, 1) + timedelta(days=index), target - totals[index]
        left, year, offset = target - totals[-1], year + 1, 0


def _end_of_nth_day(start: datetime, number: Decimal, calendar: WorkCalendar) -> datetime:
    count = int(number.to_integral_value(ROUND_CEILING))
    day = calendar.local_day(_in_utc(start))
    while count:
        day += _DAY
        count -= calendar.is_working(day)
    return calendar.slots(day)[-1][1]


def worked(start: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Office time between two moments; zero when the second is not later. Raises NoCalendar."""
    start, end = _in_utc(start), _in_utc(end)
    if end <= start:
        return ZERO
    # The instant before, so that a span up to midnight asks nothing of the next day and its year.
    first, last = calendar.local_day(start), calendar.local_day(end - _INSTANT)
    if first == last:
        return _in_day(first, start, end, calendar)
    whole = _whole_days(first + _DAY, last, calendar)
    return _in_day(first, start, None, calendar) + whole + _in_day(last, None, end, calendar)


def _in_day(day: date, start: datetime | None, end: datetime | None, calendar: WorkCalendar) -> timedelta:
    """Office time of a day from `start` to `end`; None leaves that side open."""
    total = ZERO
    for begin, finish in calendar.slots(day):
        total += max(ZERO, min(finish, end or finish) - max(begin, start or begin))
    return total


def _whole_days(first: date, end: date, calendar: WorkCalendar) -> timedelta:
    """Office time from the day `first` up to, without, the day `end`."""
    total = ZERO
    while first < end:
        totals = calendar.totals(first.year)
        next_year = date(first.year + 1, 1, 1)
        stop = totals[end.timetuple().tm_yday - 1] if end < next_year else totals[-1]
        total += stop - totals[first.timetuple().tm_yday - 1]
        first = next_year
    return total


def counted(start: datetime, end: datetime, unit: Unit, calendar: WorkCalendar) -> timedelta:
    """Time that a clock of this unit counts between two moments; never negative. Raises NoCalendar."""
    if unit in {Unit.WORK_HOUR, Unit.WORK_DAY}:
        return worked(start, end, calendar)
    return max(ZERO, _in_utc(end) - _in_utc(start))


def used(start: datetime, until: datetime, unit: Unit, calendar: WorkCalendar, pauses: Pauses = ()) -> timedelta:
    """Counted time from `start` to `until` without the pauses; pauses that overlap are taken off once.

    Raises NoCalendar, and ValueError for a pause that ends before it begins.
    """
    total = counted(start, until, unit, calendar)
    until = _in_utc(until)
    for begin, end in _merged(pauses, _in_utc(start)):
        stop = until if end is None else min(end, until)
        total -= counted(begin, stop, unit, calendar)
    return total


def _merged(pauses: Pauses, start: datetime) -> list[tuple[datetime, datetime | None]]:
    """Pauses in order, without overlaps, none before `start`; an open one swallows all that follow."""
    merged: list[tuple[datetime, datetime | None]] = []
    spans = sorted(
        ((_in_utc(begin), None if end is None else _in_utc(end)) for begin, end in pauses),
        key=lambda span: span[0],
    )
    for begin, end in spans:
        if end is not None and end < begin:
            raise ValueError("A pause ends before it begins.")
        if end is not None and end <= start:
            continue
        begin = max(begin, start)
        if not merged:
            merged.append((begin, end))
            continue
        last_begin, last_end = merged[-1]
        if last_end is None:
            break
        if begin > last_end:
            merged.append((begin, end))
        else:
            merged[-1] = (last_begin, None if end is None else max(last_end, end))
    return merged


def light(ratio: float, *, yellow: float, red: float = 1.0, suspended: bool = False, finished: bool = False) -> Light:
    """The light of a clock, `ratio` being used ÷ (limit + approved extension).

    A clock that still runs turns yellow and red at these ratios. One that finished is blue when it was in
    time, which exactly on the deadline still is, and red when it was late. A suspended one is grey.
    """
    if finished:
        return Light.BLUE if ratio <= 1 else Light.RED
    if suspended:
        return Light.GREY
    if ratio >= red:
        return Light.RED
    return Light.YELLOW if ratio >= yellow else Light.GREEN


def overdue_multiple(spent: timedelta, limit: timedelta) -> float:
    """(used − limit) ÷ limit, as overdue cases are scored; zero on the deadline, negative before it."""
    return (spent - limit) / limit
