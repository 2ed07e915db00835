"""What indicators count themselves: air by station and hour, and good days of their own daily values."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from scoc.command.indicators import air
from scoc.command.indicators.air import AirParameters, AreaValue, IndexParameters, MeanParameters
from scoc.command.indicators.models import IndicatorValue
from scoc.core.acting import Viewer
from scoc.core.measures import Measured, Window, measure
from scoc.core.models import Area
from scoc.core.now import city_zone, current_run
from scoc.kit import aqi
from scoc.kit.aqi import Edition, Pollutant

SEE = "indicators.read_values"


class DaysParameters(BaseModel):
    """Parameters of `indicators.good_days`."""

    model_config = ConfigDict(extra="forbid")
    of: str = Field(min_length=1, max_length=60)
    """Code of the daily indicator whose days are counted."""
    limit: int = Field(100, ge=0, le=500)
    """A day up to this value is a good one (优良)."""


PARAMETERS: dict[str, type[BaseModel]] = {
    "indicators.air_mean": MeanParameters,
    "indicators.aqi_hour": IndexParameters,
    "indicators.aqi_day": IndexParameters,
    "indicators.good_days": DaysParameters,
}
"""The shape of the parameters of each measure here, for the check of city packs."""


@measure("indicators.air_mean", permission=SEE)
def air_mean(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """The mean of a property over the stations of an area in an hour: sum of the stations' means and their number."""
    wanted = MeanParameters.model_validate(parameters)
    found = air.air(viewer, wanted.property, window, wanted)
    stations = {key: aqi.mean(hours.values(), 1) for key, hours in found.hourly.items()}
    area = air.over_stations(viewer, window, wanted, stations)
    known = area.value is not None
    return Measured(
        numerator=aqi.exact(sum(area.stations.values(), Fraction())) if known else None,
        denominator=Decimal(len(area.stations)) if known else None,
        samples=found.readings, latest_at=found.latest_at, inputs=area.told(),
    )  # fmt: skip


def _index(
    made: aqi.Index | None, areas: dict[Pollutant, AreaValue], edition: Edition, samples: int, latest_at: Any
) -> Measured:
    parts = {part.pollutant: part for part in made.parts} if made else {}
    beyond = made.missing if made else ()
    inputs: dict[str, Any] = {
        "edition": edition.value,
        "pollutants": {
            pollutant.value: {
                **area.told(),
                **(
                    {"average": parts[pollutant].average.value, "rounded": str(parts[pollutant].concentration),
                     "iaqi": parts[pollutant].value}
                    if pollutant in parts else {}
                ),
            }
            for pollutant, area in areas.items()
        },
        "primary": [pollutant.value for pollutant in made.primary] if made else [],
        "missing": [name.value for name, area in areas.items() if area.value is None or name in beyond],
    }  # fmt: skip
    return Measured(Decimal(made.value) if made else None, None, samples, latest_at, inputs)


@measure("indicators.aqi_hour", permission=SEE)
def aqi_hour(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """The hourly AQI of an area: each pollutant's mean over the stations, then HJ 633."""
    wanted = IndexParameters.model_validate(parameters)
    edition = wanted.edition_at(window.start)
    areas: dict[Pollutant, AreaValue] = {}
    samples, latest_at = 0, None
    for pollutant in wanted.pollutants:
        found = air.air(viewer, pollutant.value, window, wanted)
        stations = {key: hours.get(window.end) for key, hours in found.hourly.items()}
        areas[pollutant] = air.over_stations(viewer, window, wanted, stations)
        samples += found.readings
        latest_at = max(filter(None, (latest_at, found.latest_at)), default=None)
    values = {pollutant: area.value for pollutant, area in areas.items()}
    sulphur = values.get(Pollutant.SO2)
    sulphur_day = None
    if sulphur is not None and aqi.sub_index(Pollutant.SO2, aqi.Average.HOUR, sulphur, edition) is None:
        sulphur_day = _last_day(viewer, Pollutant.SO2, window, wanted)
    made = aqi.hour_index(values, edition, sulphur_day=sulphur_day)
    return _index(made, areas, edition, samples, latest_at)


def _last_day(viewer: Viewer, pollutant: Pollutant, window: Window, wanted: AirParameters) -> Fraction | None:
    """The area's mean over the 24 hours that end with the window."""
    day = Window(window.end - timedelta(hours=24), window.end, window.as_of, window.area)
    found = air.air(viewer, pollutant.value, day, wanted)
    means = {key: aqi.day_mean(air.day_hours(hours, day.start)) for key, hours in found.hourly.items()}
    return air.over_stations(viewer, day, wanted, means).value


@measure("indicators.aqi_day", permission=SEE)
def aqi_day(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """The daily AQI of an area: each station's day value, their mean by pollutant, then HJ 633."""
    wanted = IndexParameters.model_validate(parameters)
    edition = wanted.edition_at(window.start)
    areas: dict[Pollutant, AreaValue] = {}
    samples, latest_at, ozone_hour = 0, None, None
    for pollutant in wanted.pollutants:
        found = air.air(viewer, pollutant.value, window, wanted)
        hours = {key: air.day_hours(series, window.start) for key, series in found.hourly.items()}
        stations = {key: aqi.day_values({pollutant: day})[pollutant] for key, day in hours.items()}
        areas[pollutant] = air.over_stations(viewer, window, wanted, stations)
        if pollutant is Pollutant.O3 and areas[pollutant].value is not None:
            largest = [max(value for value in hours[key] if value is not None) for key in areas[pollutant].stations]
            ozone_hour = sum(largest, Fraction()) / len(largest)
        samples += found.readings
        latest_at = max(filter(None, (latest_at, found.latest_at)), default=None)
    made = aqi.day_index(
        {pollutant: area.value for pollutant, area in areas.items()}, edition, ozone_hour=ozone_hour,
        with_ozone_hour=wanted.ozone_hour,
    )  # fmt: skip
    return _index(made, areas, edition, samples, latest_at)


@measure("indicators.good_days", permission=SEE)
def good_days(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """Good days and valid days among an area's daily values in a window, as known then. An unknown day is not valid."""
    wanted = DaysParameters.model_validate(parameters)
    city = Area.objects.filter(level=Area.Level.CITY, valid_to=None).values_list("code", flat=True).first() or ""
    rows = (
        IndicatorValue.objects.filter(
            run_id=viewer.run_id or current_run(), code=wanted.of,
            area_code=window.area.code if window.area else city,
            window_end__gt=window.start, window_end__lte=window.end, computed_at__lte=window.as_of,
        )
        .order_by("window_end", "revision")
        .values_list("window_start", "window_end", "value")
    )  # fmt: skip
    newest = {start: (end, value) for start, end, value in rows}
    valid = {start: value for start, (_, value) in newest.items() if value is not None}
    zone = city_zone()
    return Measured(
        numerator=Decimal(sum(value <= wanted.limit for value in valid.values())) if valid else None,
        denominator=Decimal(len(valid)) if valid else None,
        samples=len(newest),
        latest_at=max((end for end, _ in newest.values()), default=None),
        inputs={
            "of": wanted.of,
            "days": {
                start.astimezone(zone).date().isoformat(): f"{value.normalize():f}" for start, value in valid.items()
            },
            "unknown": sorted(
                start.astimezone(zone).date().isoformat() for start in newest.keys() - valid.keys()
            ),
        },
    )  # fmt: skip
