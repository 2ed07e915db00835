"""When a rule looks at readings: hours of the day and kinds of days by the city's calendar (private)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from scoc.core import clocks
from scoc.core.fields import from_micros
from scoc.core.remembered import forgettable
from scoc.kit.text import Text
from scoc.kit.worktime import NoCalendar, WorkCalendar

Inside = Callable[[int], bool]
"""Whether a time, in microseconds, lies in the hours of a rule."""
Hours = tuple[tuple[int, int], ...]
"""Spans of minutes of the day; one that ends before it begins goes on past midnight, and belongs to the day before."""
DAY_MINUTES = 24 * 60
MINUTE = 60_000_000
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
HOURS_PATTERN = rf"^{_SPAN.pattern}$"
_DAY = timedelta(days=1)


def always(at: int) -> bool:
    """A rule without hours looks at all times."""
    return True


def hours_of(spans: list[str]) -> Hours:
    """`HH:MM-HH:MM` as minutes of the day."""
    return tuple(_minutes(span) for span in spans)


def _minutes(span: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(span)
    if found is None:
        raise ValueError(f"{span!r} is no span of hours.")
    begin_hour, begin, end_hour, end = found.groups()
    until = DAY_MINUTES if end_hour is None else int(end_hour) * 60 + int(end)
    return int(begin_hour) * 60 + int(begin), until


def inside_of(settings: Mapping[str, Any]) -> Inside:
    """The question whether a time lies in the hours (`hours`) and on the days (`days`) of a rule."""
    days, spans = str(settings.get("days", "")), hours_of(settings.get("hours", []))
    if not days and not spans:
        return always
    version = clocks.newest_version() if days else 0

    def inside(at: int) -> bool:
        return _inside(days, spans, version, at // MINUTE)

    return inside


@lru_cache(maxsize=50_000)
def _inside(days: str, spans: Hours, version: int, minute: int) -> bool:
    calendar = clocks.calendar(version or None)
    local = from_micros(minute * MINUTE).astimezone(calendar.zone)
    now, today = local.hour * 60 + local.minute, local.date()
    if not spans:
        return _fits(days, calendar, today)
    return any(_lies_in(span, now, days, calendar, today) for span in spans)


def _lies_in(span: tuple[int, int], now: int, days: str, calendar: WorkCalendar, today: date) -> bool:
    begin, end = span
    if begin < end:
        return begin <= now < end and _fits(days, calendar, today)
    if now >= begin:
        return _fits(days, calendar, today)
    return now < end and _fits(days, calendar, today - _DAY)


@forgettable
def forget_hours() -> None:
    """Look at the calendar anew at the next question."""
    _inside.cache_clear()


def _fits(days: str, calendar: WorkCalendar, day: date) -> bool:
    if not days:
        return True
    try:
        working = calendar.is_working(day)
    except NoCalendar:  # as everywhere: a year without a published calendar has plain weekends
        working = day.weekday() < 5
    return working == (days == "workdays")


_DAYS = {"": ("", ""), "workdays": ("工作日", "working days"), "off_days": ("休息日", "days off")}


def told(settings: Mapping[str, Any]) -> Text:
    """The hours of a rule for people; empty for one that looks at all times."""
    zh, en = _DAYS[str(settings.get("days", ""))]
    spans = settings.get("hours", [])
    zh = "".join(part for part in (zh, "、".join(one.replace("-", "–") for one in spans)) if part)
    en = " ".join(part for part in (en, ", ".join(one.replace("-", "–") for one in spans)) if part)
    return Text(zh, en)
