"""Working calendars and deadlines (时限): every deadline remembers the calendar version it was computed with.

A deadline in a year without a published calendar is computed with plain weekends, marked provisional, and raises an
alarm; when the year's calendar arrives, open timers are computed anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar.constants import holidays, workdays

from scoc.core import now
from scoc.core.access import posts_that_may
from scoc.core.acting import acting
from scoc.core.facts import Code, Fact, fact, pending, publish
from scoc.core.models import Calendar, FactRow
from scoc.core.notify import notify, posts_with_role
from scoc.core.remembered import forgettable
from scoc.kit import worktime
from scoc.kit.text import Text
from scoc.kit.worktime import NoCalendar, OfficeHours, Reading, Unit, WorkCalendar

ALARMED_ROLES = ("centre_director", "cpo", "shift_leader")
KEEP = "core.edit_calendar"
"""Whoever may do this keeps the calendar, and can help."""


@fact("core.calendar_edited", permission="core.read_calendar")
@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEdited(Fact):
    """The working calendar has a new version; open timers must be computed anew."""

    version: int


@fact("core.calendar_lacked", permission="core.read_calendar")
@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarLacked(Fact):
    """A deadline fell in a year whose calendar is not published."""

    year: int


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline, with what it was computed from."""

    at: datetime
    calendar_version: int
    provisional: bool
    """It needed a year without a published calendar; weekends were assumed."""


def seed_content(slots: list[list[str]], work_day: str) -> dict[str, Any]:
    """A first calendar from the published holiday plans that `chinesecalendar` carries; seed data, to be edited."""
    years: dict[str, dict[str, list[str]]] = {}
    for year, days in groupby(sorted(holidays), key=lambda day: day.year):
        off = [day.isoformat() for day in days if day.weekday() < 5]
        work = [day.isoformat() for day in sorted(workdays) if day.year == year and day.weekday() >= 5]
        years[str(year)] = {"off": off, "work": work}
    return {"years": years, "hours": [{"from": "2000-01-01", "slots": slots}], "work_day": work_day}


SEED_SOURCE = f"chinesecalendar {getattr(chinese_calendar, '__version__', '1')}"


def loaded(content: dict[str, Any], version: int, zone: ZoneInfo) -> WorkCalendar:
    """A calendar row's content as a calendar to compute with. Raises ValueError for content of a wrong form."""
    years = content["years"]
    return WorkCalendar(
        zone=zone,
        years=frozenset(int(year) for year in years),
        off=frozenset(date.fromisoformat(day) for plan in years.values() for day in plan["off"]),
        work=frozenset(date.fromisoformat(day) for plan in years.values() for day in plan["work"]),
        hours=tuple(
            OfficeHours(
                date.fromisoformat(hours["from"]),
                tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in hours["slots"]),
            )
            for hours in content["hours"]
        ),
        reading=Reading(content["work_day"]),
        version=version,
    )


@lru_cache(maxsize=8)
def _cached(version: int, zone: ZoneInfo) -> WorkCalendar:
    return loaded(Calendar.objects.get(version=version).content, version, zone)


@forgettable
def forget_calendars() -> None:
    """Read calendars anew; within one database a version never changes."""
    _cached.cache_clear()
    _with_weekends.cache_clear()


def newest_version() -> int:
    """The calendar version that holds now; 0 before a city was applied."""
    return Calendar.objects.order_by("-version").values_list("version", flat=True).first() or 0


def calendar(version: int | None = None) -> WorkCalendar:
    """A version of the calendar, the newest by default."""
    return _cached(version or newest_version(), now.city_zone())


@lru_cache(maxsize=8)
def _with_weekends(version: int, zone: ZoneInfo, missing: frozenset[int]) -> WorkCalendar:
    known = _cached(version, zone)
    return replace(known, years=known.years | missing)


def _alarm(year: int) -> None:
    """Tell the city's duty and those who keep the calendar that a year has none; once a day and year is enough, in each
    run by itself."""
    subject = Code(f"core:calendar-{year}")
    since = now.wall_now() - timedelta(days=1)
    if pending("core.calendar_lacked", subject):
        return
    told = FactRow.objects.filter(subject=subject, name="core.calendar_lacked", recorded_at__gte=since)
    if told.filter(run=acting().run_id).exists():
        return
    publish(CalendarLacked(subject=subject, year=year))
    notify(
        subject,
        Text(f"{year} 年工作日历尚未发布，有时限按普通周末暂算，请维护日历。",
             f"The {year} working calendar is not published; deadlines assume plain weekends. Please edit it."),
        posts=sorted({*posts_with_role(*ALARMED_ROLES), *posts_that_may(KEEP)}),
        level="alarm",
    )  # fmt: skip


def due(start: datetime, amount: Decimal | int, unit: Unit | str, *, version: int | None = None) -> Due:
    """The deadline of a limit that starts at `start`; called inside an action, since a missing year is told of."""
    base = calendar(version)
    missing: frozenset[int] = frozenset()
    while True:
        chosen = _with_weekends(base.version, base.zone, missing) if missing else base
        try:
            at = worktime.deadline(start, amount, Unit(unit), chosen)
        except NoCalendar as error:
            if len(missing) > 3:
                raise
            missing |= {error.year}
            _alarm(error.year)
            continue
        return Due(at, base.version, bool(missing))


def tolerant_calendar(version: int | None, start: datetime, end: datetime) -> WorkCalendar:
    """A calendar to measure a span with; years without a published calendar count plain weekends."""
    base = calendar(version)
    span = range(start.astimezone(base.zone).year, end.astimezone(base.zone).year + 2)
    missing = frozenset(span) - base.years
    return _with_weekends(base.version, base.zone, missing) if missing else base


def used(
    start: datetime, until: datetime, unit: Unit | str, pauses: worktime.Pauses = (), *, version: int | None = None
) -> timedelta:
    """Counted time of a clock between two moments, without its pauses."""
    return worktime.used(start, until, Unit(unit), tolerant_calendar(version, start, until), pauses)


def limit_length(start: datetime, amount: Decimal | int, unit: Unit | str, *, version: int | None = None) -> timedelta:
    """A limit as counted time."""
    chosen = tolerant_calendar(version, start, start + timedelta(days=400))
    return worktime.length(amount, Unit(unit), chosen, start)
