"""Which time a value is about: the window of an indicator at a moment, in the city's days, months and years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scoc.command.indicators.models import Indicator

Grain, Period = Indicator.Grain, Indicator.Period
STEP = {Grain.FIVE_MINUTES: timedelta(minutes=5), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def grain_step(indicator: Indicator) -> timedelta:
    """The length of the indicator's grain."""
    return STEP[Grain(indicator.grain)]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The start of a city day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def floor(moment: datetime, grain: str, zone: ZoneInfo) -> datetime:
    """The last boundary of a grain at or before a moment; days are the city's days, hours those of its clock."""
    if grain == Grain.DAY:
        return midnight(moment.astimezone(zone).date(), zone)
    step = STEP[Grain(grain)]
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return moment - (moment + offset - _EPOCH) % step


def _days_before(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    return datetime.combine(local.date() - timedelta(days=days), local.time(), zone).astimezone(UTC)


def _start(indicator: Indicator, end: datetime, zone: ZoneInfo) -> datetime:
    """The start of the window that ends at `end`."""
    match indicator.period:
        case Period.POINT:
            return end
        case Period.ROLLING:
            return _days_before(end, int(indicator.span), zone)
        case Period.SPAN:
            return _days_before(end, 1, zone) if indicator.grain == Grain.DAY else end - grain_step(indicator)
    # A span that ends exactly at midnight ends with that day, month or year; it has not begun the next one.
    day = (end - timedelta(microseconds=1)).astimezone(zone).date()
    first = {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[indicator.span]
    return midnight(first, zone)


def measured(indicator: Indicator, span: tuple[datetime, datetime], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The time that is measured for a value's window: of a current span the whole of it, though it is not over."""
    start, end = span
    if indicator.period != Period.CURRENT:
        return span
    first = start.astimezone(zone).date()
    match indicator.span:
        case "day":
            following = first + timedelta(days=1)
        case "month":
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            following = date(first.year + 1, 1, 1)
    return start, max(end, midnight(following, zone))


def window_at(
    indicator: Indicator, moment: datetime, zone: ZoneInfo, *, exact: bool = False
) -> tuple[datetime, datetime]:
    """The newest window that is due at a moment: start and end.

    With `exact` a moment or cumulative figure is taken now and not at the last boundary of its grain.
    """
    end = floor(moment - timedelta(seconds=indicator.delay_seconds), indicator.grain, zone)
    if (
        exact
        and indicator.period in (Period.POINT, Period.CUMULATIVE, Period.CURRENT)
        and indicator.grain == Grain.FIVE_MINUTES
    ):
        end = moment
    return _start(indicator, end, zone), end


def windows_between(
    indicator: Indicator, after: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """The windows on the grain's boundaries whose end lies in (after, until], oldest first."""
    end = floor(after, indicator.grain, zone)
    while True:
        end = _days_before(end, -1, zone) if indicator.grain == Grain.DAY else end + grain_step(indicator)
        if end > until:
            return
        if end > after:
            yield _start(indicator, end, zone), end
