"""Which time a value is about, in the days of the city."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scoc.command.indicators.models import Indicator
from scoc.command.indicators.windows import floor, measured, window_at, windows_between

ZONE = ZoneInfo("Asia/Shanghai")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def definition(grain: str, period: str, span: str = "", **given: Any) -> Indicator:
    return Indicator(grain=grain, period=period, span=span, delay_seconds=given.get("delay", 0))


@pytest.mark.parametrize(
    ("made", "start", "end"),
    [
        (definition("five_minutes", "point"), "2026-07-15T14:35", "2026-07-15T14:35"),
        (definition("hour", "span"), "2026-07-15T13:00", "2026-07-15T14:00"),
        (definition("hour", "span", delay=40 * 60), "2026-07-15T12:00", "2026-07-15T13:00"),
        (definition("day", "span"), "2026-07-14T00:00", "2026-07-15T00:00"),
        (definition("five_minutes", "cumulative", "month"), "2026-07-01T00:00", "2026-07-15T14:35"),
        (definition("five_minutes", "cumulative", "day"), "2026-07-15T00:00", "2026-07-15T14:35"),
        (definition("day", "cumulative", "year"), "2026-01-01T00:00", "2026-07-15T00:00"),
        (definition("hour", "rolling", "30"), "2026-06-15T14:00", "2026-07-15T14:00"),
    ],
)
def test_windows(made: Indicator, start: str, end: str) -> None:
    assert window_at(made, local("2026-07-15T14:36:20"), ZONE) == (local(start), local(end))


def test_what_is_cumulative_may_be_taken_to_the_second() -> None:
    moment = local("2026-07-15T14:36:20")
    month = definition("five_minutes", "cumulative", "month")
    assert window_at(month, moment, ZONE, exact=True) == (local("2026-07-01T00:00"), moment)
    hour = definition("hour", "span")
    assert window_at(hour, moment, ZONE, exact=True) == window_at(hour, moment, ZONE)


def test_a_month_that_is_just_over_is_whole() -> None:
    month = definition("five_minutes", "cumulative", "month")
    assert window_at(month, local("2026-08-01T00:00"), ZONE) == (local("2026-07-01T00:00"), local("2026-08-01T00:00"))
    assert window_at(month, local("2026-08-01T00:05"), ZONE)[0] == local("2026-08-01T00:00")
    year = definition("day", "cumulative", "year")
    assert window_at(year, local("2026-01-01T00:30"), ZONE) == (local("2025-01-01T00:00"), local("2026-01-01T00:00"))


@pytest.mark.parametrize(
    ("span", "end"), [("day", "2026-12-16T00:00"), ("month", "2027-01-01T00:00"), ("year", "2027-01-01T00:00")]
)
def test_a_current_span_is_measured_whole(span: str, end: str) -> None:
    moment = local("2026-12-15T14:35")
    current = definition("five_minutes", "current", span)
    window = window_at(current, moment, ZONE)
    assert window[1] == moment
    assert measured(current, window, ZONE) == (window[0], local(end))
    over = window_at(current, local(end), ZONE)
    assert measured(current, over, ZONE) == over == (window[0], local(end))


def test_windows_between_two_times() -> None:
    hour, day = definition("hour", "span"), definition("day", "span")
    ends = [end for _, end in windows_between(hour, local("2026-07-15T12:00"), local("2026-07-15T15:30"), ZONE)]
    assert ends == [local(f"2026-07-15T{h}:00") for h in (13, 14, 15)]
    spans = list(windows_between(day, local("2026-07-13T05:00"), local("2026-07-15T00:00"), ZONE))
    assert spans == [
        (local("2026-07-13T00:00"), local("2026-07-14T00:00")), (local("2026-07-14T00:00"), local("2026-07-15T00:00")),
    ]  # fmt: skip


def test_days_of_a_zone_with_summer_time() -> None:
    zone = ZoneInfo("Europe/Berlin")
    day = definition("day", "span")
    start, end = window_at(day, datetime(2026, 3, 30, 12, tzinfo=UTC), zone)
    assert end - start == timedelta(hours=23)


def test_hours_of_a_zone_off_the_hour() -> None:
    zone = ZoneInfo("Asia/Kathmandu")  # UTC+5:45
    assert floor(datetime(2026, 7, 15, 0, 20, tzinfo=UTC), "hour", zone) == datetime(2026, 7, 15, 0, 15, tzinfo=UTC)
