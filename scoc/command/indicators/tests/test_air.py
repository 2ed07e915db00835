"""Air of stations, districts and the city: from readings through sensing to the index, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scoc.command.indicators import actions
from scoc.command.indicators.models import IndicatorValue
from scoc.command.indicators.tests.factories import HOUR, make_indicator
from scoc.core.access import system_actor
from scoc.core.models import Area
from scoc.core.now import city_time
from scoc.core.tests.factories import City
from scoc.sensing.actions import change_device_state, ingest
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import make_device, make_type

D = Decimal
POLLUTANTS = ("so2", "no2", "pm10", "co", "o3", "pm25")
CLEAN: dict[str, float] = {"so2": 6, "no2": 28, "pm10": 40, "co": 0.7, "o3": 60, "pm25": 20}


@pytest.fixture
def midnight(city: City, monday: datetime) -> datetime:
    """The start of Sunday 2026-06-14 in the city."""
    return monday - timedelta(hours=33)


@pytest.fixture
def stations(city: City) -> dict[str, int]:
    """Three stations in the east and one in the west, by key."""
    streams = [
        {"property": name, "name_zh": name, "name_en": name, "unit": "mg/m³" if name == "co" else "µg/m³", "places": 3,
         "minimum": 0.0, "maximum": 5000.0, "cadence_seconds": 3600, "repeat": "ignore"}
        for name in POLLUTANTS
    ]  # fmt: skip
    kind = make_type("air_station", streams)
    places: dict[str, Area] = {"e1": city.east, "e2": city.east, "e3": city.east, "w1": city.west}
    return {key: make_device(key, type_=kind, area=area).pk for key, area in places.items()}


def observe(key: str, start: datetime, hours: int, values: Mapping[str, float]) -> None:
    """One reading an hour, at the beginning of the hour that it stands for."""
    ingest(
        system_actor("tests"), "tests",
        [Reading(key, name, start + n * HOUR, value) for n in range(hours) for name, value in values.items()],
    )  # fmt: skip


def value(code: str, area: Area, end: datetime) -> IndicatorValue:
    return IndicatorValue.objects.filter(code=code, area_code=area.code, window_end=end).latest("revision")


def air_indicator(code: str, measure: str, **given: Any) -> None:
    parameters = {"device_type": "air_station", "least_share": "0.75", **given.pop("parameters", {})}
    values: dict[str, Any] = {
        "factor": 1, "places": 0, "direction": "lower", "low": None, "freshness": "source", "latency_seconds": 3600,
        "high": {"best": "0", "green": "100", "yellow": "150", "orange": "200", "worst": "300"}, "theme": "air",
        "grain": "hour", "period": "span", "span": "",
    }  # fmt: skip
    make_indicator(code, measure=measure, parameters=parameters, **{**values, **given})


def refresh(at: datetime) -> None:
    with city_time(at):
        actions.refresh(system_actor("indicators"))


def test_an_hour_of_pm25_is_the_mean_of_stations_and_not_of_districts(
    city: City, stations: dict[str, int], monday: datetime
) -> None:
    """East 30, 40, 80: mean 50. West 150. City (30+40+80+150)/4 = 75, not (50+150)/2 = 100."""
    air_indicator("AI02", "indicators.air_mean", parameters={"property": "pm25"}, places=1)
    for key, pm25 in {"e1": 30, "e2": 40, "e3": 80, "w1": 150}.items():
        observe(key, monday - HOUR, 1, {"pm25": pm25})
    refresh(monday)
    found = {area.code: value("AI02", area, monday) for area in (city.area, city.east, city.west)}
    assert [row.value for row in found.values()] == [75, 50, 150]
    whole = found[city.area.code]
    assert (whole.numerator, whole.denominator, whole.samples, whole.latest_at) == (D(300), D(4), 4, monday - HOUR)
    assert whole.inputs == {
        "mean": "75.000000", "expected": 4,
        "stations": {"e1": "30.000", "e2": "40.000", "e3": "80.000", "w1": "150.000"},
    }  # fmt: skip


def test_an_hour_is_the_mean_of_its_readings(city: City, stations: dict[str, int], monday: datetime) -> None:
    air_indicator("AI02", "indicators.air_mean", parameters={"property": "pm25", "least_readings": 2}, places=1)
    for minute, pm25 in ((0, 10), (20, 20), (40, 60)):
        observe("w1", monday - HOUR + timedelta(minutes=minute), 1, {"pm25": pm25})
    observe("e1", monday - HOUR, 1, {"pm25": 999})
    refresh(monday)
    assert value("AI02", city.west, monday).value == 30
    assert value("AI02", city.east, monday).value is None  # one reading is no hour, and one station of three too few


def test_too_few_stations_make_an_area_unknown(city: City, stations: dict[str, int], monday: datetime) -> None:
    """East has 2 of 3, less than three quarters; the city 3 of 4, just enough."""
    air_indicator("AI02", "indicators.air_mean", parameters={"property": "pm25"})
    for key in ("e1", "e2", "w1"):
        observe(key, monday - HOUR, 1, {"pm25": 40})
    refresh(monday)
    assert value("AI02", city.east, monday).status == "unknown"
    assert value("AI02", city.area, monday).value == 40
    change_device_state(system_actor("tests"), stations["e3"], "maintenance")
    actions.recompute(system_actor("indicators"), ["AI02"], monday - HOUR, monday)
    assert value("AI02", city.east, monday).value == 40  # what is under repair is not expected


def test_late_readings_are_looked_for_in_the_city_first(city: City, stations: dict[str, int], monday: datetime) -> None:
    air_indicator("AI02", "indicators.air_mean", parameters={"property": "pm25"}, settle_seconds=7200)
    for key in ("e1", "e2", "e3"):
        observe(key, monday - HOUR, 1, {"pm25": 40})
    refresh(monday)
    with city_time(monday + HOUR / 2):
        actions.settle(system_actor("indicators"))
        quiet = actions.settle(system_actor("indicators"))
        assert (quiet.values, quiet.unchanged) == (0, 2)  # two windows of the city; no district was asked
        observe("w1", monday - HOUR, 1, {"pm25": 80})
        late = actions.settle(system_actor("indicators"))
    assert (late.values, late.unchanged) == (2, 2)  # city and west; the east and the other window came out as before
    assert value("AI02", city.west, monday).value == 80
    assert value("AI02", city.area, monday).value == 50


def test_readings_stamped_with_the_end_of_their_hour(city: City, stations: dict[str, int], monday: datetime) -> None:
    """The reading at 09:00 is the mean of 08:00-09:00, which is the hour that ends at 09:00."""
    air_indicator("AI02", "indicators.air_mean", parameters={"property": "pm25", "stamp": "end"})
    observe("w1", monday - HOUR, 1, {"pm25": 10})
    observe("w1", monday, 1, {"pm25": 90})
    refresh(monday)
    assert value("AI02", city.west, monday).value == 90


def test_an_hourly_index(city: City, stations: dict[str, int], monday: datetime) -> None:
    """By HJ 633-2026, in force in June 2026.

    City NO2 (100+100+100+180)/4 = 120: 50/100 * 20 + 50 = 60. PM2.5 (40+40+40+60)/4 = 45: 50/25 * 10 + 50 = 70 (2012:
    50/40 * 10 + 50 = 62.5 -> 63). The others are clean: PM10 40 -> 40, O3 60 -> 19, CO 0.7 -> 7, SO2 6 -> 2.
    """
    air_indicator("AI01", "indicators.aqi_hour")
    air_indicator("AI99", "indicators.aqi_hour", parameters={"edition": "HJ 633-2012"})
    for key in ("e1", "e2", "e3"):
        observe(key, monday - HOUR, 1, {**CLEAN, "no2": 100, "pm25": 40})
    observe("w1", monday - HOUR, 1, {**CLEAN, "no2": 180, "pm25": 60})
    refresh(monday)
    row = value("AI01", city.area, monday)
    assert (row.value, row.inputs["edition"], row.inputs["primary"], row.inputs["missing"]) == (
        D(70), "HJ 633-2026", ["pm25"], [],
    )  # fmt: skip
    iaqi = {name: part["iaqi"] for name, part in row.inputs["pollutants"].items()}
    assert iaqi == {"so2": 2, "no2": 60, "pm10": 40, "co": 7, "o3": 19, "pm25": 70}
    assert value("AI99", city.area, monday).value == 63
    # West by itself: PM2.5 60 -> 100; NO2 180 -> 50/100 * 80 + 50 = 90
    assert value("AI01", city.west, monday).value == 100


def test_a_missing_pollutant_makes_a_good_hour_unknown(city: City, stations: dict[str, int], monday: datetime) -> None:
    air_indicator("AI01", "indicators.aqi_hour")
    air_indicator("AI98", "indicators.aqi_hour", parameters={"pollutants": ["pm25", "pm10"]})
    observe("w1", monday - HOUR, 1, {"pm25": 20, "pm10": 40})
    refresh(monday)
    assert value("AI01", city.west, monday).status == "unknown"
    assert value("AI01", city.west, monday).inputs["missing"] == ["so2", "no2", "co", "o3"]
    assert value("AI98", city.west, monday).value == 40


def ozone(n: int, afternoon: float) -> float:
    """Ozone in the hour n+1 of a summer day: high in the hours 12 to 19."""
    return afternoon if 11 <= n <= 18 else 40


def test_a_day_decided_by_eight_hour_ozone(
    city: City, stations: dict[str, int], midnight: datetime, monday: datetime
) -> None:
    """Largest 8-hour means of the stations: 176, 176, 176 and 224; the city (3*176 + 224)/4 = 188.

    O3 8 h 188: 50/55 * 28 + 100 = 125.45… -> 126. NO2 28 -> 35, PM10 40 -> 40, PM2.5 20: 50/35 * 20 = 28.57 -> 29,
    CO 0.7 -> 18, SO2 6 -> 6.
    """
    air_indicator("AI01D", "indicators.aqi_day", grain="day")
    for key, top in {"e1": 176, "e2": 176, "e3": 176, "w1": 224}.items():
        observe(key, midnight, 24, {name: value for name, value in CLEAN.items() if name != "o3"})
        ingest(system_actor("tests"), "tests",
               [Reading(key, "o3", midnight + n * HOUR, ozone(n, top)) for n in range(24)])  # fmt: skip
    refresh(monday)
    end = midnight + 24 * HOUR
    row = value("AI01D", city.area, end)
    assert (row.value, row.inputs["primary"]) == (D(126), ["o3"])
    assert row.inputs["pollutants"]["o3"]["stations"] == {
        "e1": "176.000",
        "e2": "176.000",
        "e3": "176.000",
        "w1": "224.000",
    }
    assert {name: part["iaqi"] for name, part in row.inputs["pollutants"].items()} == {
        "so2": 6, "no2": 35, "pm10": 40, "co": 18, "o3": 126, "pm25": 29,
    }  # fmt: skip
    # West by itself, 224: 50/50 * 9 + 150 = 159
    assert value("AI01D", city.west, end).value == 159


def test_a_day_with_missing_hours(city: City, stations: dict[str, int], midnight: datetime, monday: datetime) -> None:
    """West: PM2.5 has 20 hours of 50 -> valid, 50; then 19 hours -> no day, and the day is unknown."""
    air_indicator("AI01D", "indicators.aqi_day", grain="day")
    observe("w1", midnight, 24, {name: value for name, value in CLEAN.items() if name != "pm25"})
    observe("w1", midnight, 19, {"pm25": 50})
    refresh(monday)
    end = midnight + 24 * HOUR
    assert value("AI01D", city.west, end).status == "unknown"
    observe("w1", midnight + 20 * HOUR, 1, {"pm25": 50})
    actions.recompute(system_actor("indicators"), ["AI01D"], midnight, end)
    row = value("AI01D", city.west, end)
    # PM2.5 50: 50/25 * 15 + 50 = 80
    assert (row.revision, row.value, row.inputs["primary"]) == (2, D(80), ["pm25"])


def test_good_days_of_the_year(city: City, stations: dict[str, int], midnight: datetime, monday: datetime) -> None:
    """Three days in the west: 80 (good), 159 (not), unknown: 1 of 2 valid days = 50 %."""
    air_indicator("AI01D", "indicators.aqi_day", grain="day")
    make_indicator(
        "AI03", measure="indicators.good_days", parameters={"of": "AI01D"}, grain="day", span="year", theme="air",
        low={"best": "100", "green": "85", "yellow": "75", "worst": "40"},
    )  # fmt: skip
    days = [midnight - 48 * HOUR, midnight - 24 * HOUR, midnight]
    rest = {name: value for name, value in CLEAN.items() if name not in ("o3", "pm25")}
    for number, day in enumerate(days[:2]):
        observe("w1", day, 24, {**rest, "pm25": 50})
        ingest(system_actor("tests"), "tests",
               [Reading("w1", "o3", day + n * HOUR, ozone(n, (60, 224)[number])) for n in range(24)])  # fmt: skip
    for day in days:
        refresh(day + 25 * HOUR)
    row = value("AI03", city.west, midnight + 24 * HOUR)
    assert (row.value, row.numerator, row.denominator, row.samples) == (D(50), D(1), D(2), 3)
    assert row.inputs == {
        "of": "AI01D", "days": {"2026-06-12": "80", "2026-06-13": "159"}, "unknown": ["2026-06-14"],
    }  # fmt: skip
    assert value("AI03", city.east, midnight + 24 * HOUR).status == "unknown"
    # The unknown day becomes known, and with it a bad one: 1 of 3.
    observe("w1", midnight, 24, {**rest, "pm25": 100})
    observe("w1", midnight, 24, {"o3": 60})
    actions.recompute(system_actor("indicators"), ["AI01D"], midnight, midnight + 24 * HOUR)
    row = value("AI03", city.west, midnight + 24 * HOUR)
    assert (row.revision, row.value, row.denominator) == (2, D("33.3"), D(3))
