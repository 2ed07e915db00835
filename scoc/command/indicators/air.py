"""Air readings of the city by station and hour, and the indices made of them (rules: docs/reference/aqi.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoc.core.acting import Viewer
from scoc.core.measures import Window
from scoc.core.now import city_zone
from scoc.kit import aqi
from scoc.kit.aqi import Edition, Pollutant
from scoc.sensing import queries as sensing
from scoc.sensing.schemas import RollupRow

HOUR = timedelta(hours=1)
MINUTES_OF_HOUR = 60


class AirParameters(BaseModel):
    """Parameters of the air measures, given by the definition."""

    model_config = ConfigDict(extra="forbid")
    device_type: str = Field(min_length=1, max_length=40)
    """Which devices are stations."""
    least_share: Decimal = Field(Decimal("0.75"), ge=0, le=1)
    """So much of an area's stations must have a valid value, or the area has none."""
    least_readings: int = Field(1, ge=1, le=3600)
    """So many readings make an hour valid (GB 3095: 45 minutes of it)."""
    stamp: Literal["start", "end"] = "start"
    """`start`: readings within an hour are averaged to its value; `end`: a reading is the mean of the hour before."""


class MeanParameters(AirParameters):
    """Parameters of `indicators.air_mean`."""

    property: str = Field(min_length=1, max_length=40)


class IndexParameters(AirParameters):
    """Parameters of `indicators.aqi_hour` and `indicators.aqi_day`."""

    edition: Literal["in_force", "HJ 633-2012", "HJ 633-2026"] = "in_force"
    """`in_force`: the edition that holds on the day of the window."""
    pollutants: list[Pollutant] = Field(default_factory=lambda: list(Pollutant), min_length=1, max_length=6)
    """What an index must rest on; a missing one makes it unknown unless the others exceed 100 already."""
    ozone_hour: bool = False
    """Count the largest hourly ozone every day, as the letter of HJ 633-2012 lists it."""

    def edition_at(self, moment: datetime) -> Edition:
        """The edition for a window that starts at a moment."""
        if self.edition == "in_force":
            return aqi.edition_on(moment.astimezone(city_zone()).date())
        return Edition(self.edition)


Hourly = dict[str, dict[datetime, Fraction]]
"""Station → end of the hour → mean."""


@dataclass(slots=True)
class _Read:
    """What one computation has read already, so that sixteen districts cost one reading, and many hours as well."""

    hours: tuple[datetime, datetime] | None
    rows: dict[tuple[Any, ...], list[RollupRow]] = field(default_factory=dict)
    by_hour: dict[tuple[Any, ...], dict[datetime, list[RollupRow]]] = field(default_factory=dict)
    stations: dict[tuple[str, int | None], list[str]] = field(default_factory=dict)


_read: ContextVar[_Read | None] = ContextVar("scoc_air_read", default=None)


@contextmanager
def reading_once(hours: tuple[datetime, datetime] | None = None) -> Iterator[None]:
    """Inside, equal readings are asked of sensing once, and those within `hours` together."""
    token = _read.set(_Read(hours))
    try:
        yield
    finally:
        _read.reset(token)


def _rows(
    viewer: Viewer, property_: str, start: datetime, end: datetime, device_type: str, as_of: datetime
) -> list[RollupRow]:
    def asked(start: datetime, end: datetime) -> list[RollupRow]:
        return sensing.rollups(
            viewer, property_, start, end, MINUTES_OF_HOUR, device_type=device_type, as_of=as_of
        )  # fmt: skip

    known = _read.get()
    if known is None:
        return asked(start, end)
    key = (property_, device_type, as_of, viewer.run_id)
    if known.hours is not None and known.hours[0] <= start and end <= known.hours[1]:
        if key not in known.by_hour:
            made = known.by_hour[key] = {}
            for row in asked(*known.hours):
                made.setdefault(row.bucket, []).append(row)
        found = [row for bucket, rows in known.by_hour[key].items() if start <= bucket < end for row in rows]
        return sorted(found, key=lambda row: (row.datastream_id, row.bucket))
    if (*key, start, end) not in known.rows:
        known.rows[*key, start, end] = asked(start, end)
    return known.rows[*key, start, end]


def station_paths(viewer: Viewer, device_type: str) -> list[str]:
    """Area paths of the stations that should report."""
    known = _read.get()
    key = (device_type, viewer.run_id)
    if known is not None and key in known.stations:
        return known.stations[key]
    found = [
        point.area_path
        for point in sensing.device_points(viewer)
        if point.type == device_type and point.state == "active"
    ]
    if known is not None:
        known.stations[key] = found
    return found


@dataclass(frozen=True, slots=True)
class Air:
    """The hourly means of one pollutant at the stations of an area over some hours."""

    hourly: Hourly
    readings: int
    latest_at: datetime | None


def air(viewer: Viewer, property_: str, window: Window, wanted: AirParameters) -> Air:
    """Read the hours of a window. An hour is named by its end, whichever way its readings are stamped."""
    shift = HOUR if wanted.stamp == "end" else timedelta()
    found = _rows(viewer, property_, window.start + shift, window.end + shift, wanted.device_type, window.as_of)
    prefix = window.area.path if window.area else ""
    hourly: Hourly = {}
    readings, latest = 0, None
    for row in found:
        if not row.area_path.startswith(prefix) or row.n < wanted.least_readings:
            continue
        end = row.bucket if wanted.stamp == "end" else row.bucket + HOUR
        hourly.setdefault(row.device_key, {})[end] = Fraction(row.total) / row.n
        readings += row.n
        latest = max(latest, row.last_at) if latest else row.last_at
    return Air(hourly, readings, latest)


@dataclass(frozen=True, slots=True)
class AreaValue:
    """One pollutant in an area: the mean over its stations, or None when too few had a valid value."""

    value: Fraction | None
    stations: dict[str, Fraction]
    expected: int

    def told(self) -> dict[str, Any]:
        """As an input of a stored figure."""
        return {
            "mean": None if self.value is None else str(aqi.exact(self.value)),
            "expected": self.expected,
            "stations": {key: str(aqi.exact(value, 3)) for key, value in sorted(self.stations.items())},
        }


def over_stations(
    viewer: Viewer, window: Window, wanted: AirParameters, stations: Mapping[str, Fraction | None]
) -> AreaValue:
    """The area's mean of its stations' values, of those that are valid; their share must reach `least_share`."""
    prefix = window.area.path if window.area else ""
    expected = sum(path.startswith(prefix) for path in station_paths(viewer, wanted.device_type))
    valid = {key: value for key, value in stations.items() if value is not None}
    expected = max(expected, len(valid))
    enough = bool(valid) and len(valid) >= Fraction(wanted.least_share) * expected
    return AreaValue(sum(valid.values(), Fraction()) / len(valid) if enough else None, valid, expected)


def day_hours(series: Mapping[datetime, Fraction], start: datetime) -> list[Fraction | None]:
    """The hours 1 to 24 of the city day that begins at `start`."""
    return [series.get(start + HOUR * hour) for hour in range(1, 25)]
