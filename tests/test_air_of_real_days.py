"""Twelve days of real stations, each AQI worked out by hand: sums of hours, means, rounding, sub-indices, the largest.

The files stay outside the repository; what stands here are results. An hour is named by its end: the day of a station
is its records of 01:00 to 24:00. Editions: HJ 633-2012, in force then. Formulas below read
`width of the step / width of its concentrations * (C - lower concentration) + lower step`, rounded up.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pytest
from django.conf import settings

from scoc.command.indicators import actions, queries
from scoc.command.indicators.schemas import ValueOut
from scoc.command.indicators.tests.factories import make_indicator
from scoc.core.access import system_actor
from scoc.core.now import city_time
from scoc.core.tests.factories import City, make_actor
from scoc.kit.aqi import Edition, Hours, Pollutant, day_index, day_values, sliding_means
from scoc.rehearsal.archive.source import read_span
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.sensing.actions import import_table, ingest
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import make_device, make_type

COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3"}
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Part:
    """One pollutant of a day by hand: sum and number of hours (of ozone: of its largest 8-hour mean), C, IAQI."""

    total: str
    hours: int
    concentration: str
    iaqi: int


@dataclass(frozen=True)
class Day:
    """A day of a station by hand; `aqi` None: unknown."""

    station: str
    day: date
    aqi: int | None
    primary: tuple[str, ...]
    parts: dict[str, Part]
    missing: tuple[str, ...] = ()


DAYS = [
    # 1. Ozone decides. 2113/8 = 264.125 -> 264: 50/50*(264-215)+150 = 199. PM2.5 2436/24 = 101.5 -> 102 (half to
    # even): 50/40*(102-75)+100 = 133.75 -> 134. PM10 3365/24 = 140.2 -> 140: 50/100*(140-50)+50 = 95. NO2 1086/24 =
    # 45.25 -> 45: 50/40*(45-40)+50 = 56.25 -> 57. SO2 792/24 = 33: 33. CO 25.8/24 = 1.075 -> 1.1: 27.5 -> 28.
    Day("Dongsi", date(2015, 5, 25), 199, ("o3",), {
        "o3": Part("2113", 8, "264", 199), "pm25": Part("2436", 24, "102", 134), "pm10": Part("3365", 24, "140", 95),
        "no2": Part("1086", 24, "45", 57), "so2": Part("792", 24, "33", 33), "co": Part("25.8", 24, "1.1", 28)}),
    # 2. Ozone decides at the very limit of good. 1283/8 = 160.375 -> 160: 100. NO2 1153/24 = 48.04 -> 48: 50/40*8+50 =
    # 60. PM2.5 693/24 = 28.875 -> 29: 50/35*29 = 41.4 -> 42. PM10 693/24 -> 29: 29. CO 14.7/24 = 0.6125 -> 0.6: 15.
    # SO2 180/24 = 7.5 -> 8 (half to even): 8.
    Day("Dongsi", date(2014, 7, 10), 100, ("o3",), {
        "o3": Part("1283", 8, "160", 100), "pm25": Part("693", 24, "29", 42), "pm10": Part("693", 24, "29", 29),
        "no2": Part("1153", 24, "48", 60), "so2": Part("180", 24, "8", 8), "co": Part("14.7", 24, "0.6", 15)}),
    # 3. Beyond the table. PM2.5 13553/24 = 564.7 -> 565 > 500: 500. PM10 13915/24 = 579.8 -> 580: 100/100*(580-500)+400
    # = 480. NO2 3180/24 = 132.5 -> 132 (half to even): 50/100*(132-80)+100 = 126. CO 181.9/24 = 7.579 -> 7.6:
    # 50/10*(7.6-4)+100 = 118. SO2 407/24 = 16.96 -> 17: 17. O3 37/8 = 4.625 -> 5: 2.5 -> 3.
    Day("Dongsi", date(2015, 12, 25), 500, ("pm25",), {
        "o3": Part("37", 8, "5", 3), "pm25": Part("13553", 24, "565", 500), "pm10": Part("13915", 24, "580", 480),
        "no2": Part("3180", 24, "132", 126), "so2": Part("407", 24, "17", 17), "co": Part("181.9", 24, "7.6", 118)}),
    # 4. A day with missing hours. PM2.5 1716/21 = 81.7 -> 82: 50/40*7+100 = 108.75 -> 109. PM10 3483/23 = 151.4 -> 151:
    # 50/100*1+100 = 100.5 -> 101. NO2 1357/22 = 61.7 -> 62: 50/40*22+50 = 77.5 -> 78. SO2 842/24 = 35.08 -> 35. CO
    # 25.6/24 = 1.067 -> 1.1: 28. O3: the largest mean has six of its eight hours, 706/6 = 117.7 -> 118: 15+50 = 65.
    Day("Dongsi", date(2014, 5, 6), 109, ("pm25",), {
        "o3": Part("706", 6, "118", 65), "pm25": Part("1716", 21, "82", 109), "pm10": Part("3483", 23, "151", 101),
        "no2": Part("1357", 22, "62", 78), "so2": Part("842", 24, "35", 35), "co": Part("25.6", 24, "1.1", 28)}),
    # 5. Too few hours: PM2.5 has 18. The others: PM10 1400/24 = 58.3 -> 58: 54; NO2 591/23 = 25.7 -> 26: 32.5 -> 33;
    # SO2 50/23 = 2.2 -> 2; CO 12.1/23 = 0.526 -> 0.5: 12.5 -> 13; O3 699/8 = 87.4 -> 87: 43.5 -> 44. PM2.5 could have
    # said more: the day is unknown.
    Day("Dongsi", date(2016, 5, 12), None, (), {
        "o3": Part("699", 8, "87", 44), "pm10": Part("1400", 24, "58", 54), "no2": Part("591", 23, "26", 33),
        "so2": Part("50", 23, "2", 2), "co": Part("12.1", 23, "0.5", 13)}, ("pm25",)),
    # 6. CO is missing (2 hours), but PM2.5 says enough. 7276/24 = 303.2 -> 303: 100/100*(303-250)+300 = 353. PM10
    # 7228/24 = 301.2 -> 301: 50/100*(301-250)+150 = 175.5 -> 176. NO2 3462/24 = 144.25 -> 144: 50/100*64+100 = 132. SO2
    # 1762/24 = 73.4 -> 73: 50/100*23+50 = 61.5 -> 62. O3 856/8 = 107: 50/60*7+50 = 55.8 -> 56.
    Day("Dongsi", date(2013, 3, 17), 353, ("pm25",), {
        "o3": Part("856", 8, "107", 56), "pm25": Part("7276", 24, "303", 353), "pm10": Part("7228", 24, "301", 176),
        "no2": Part("3462", 24, "144", 132), "so2": Part("1762", 24, "73", 62)}, ("co",)),
    # 7. Dust. PM10 10378/24 = 432.4 -> 432: 100/80*(432-420)+300 = 315. PM2.5 1934/24 = 80.6 -> 81: 50/40*6+100 = 107.5
    # -> 108. NO2 1810/24 = 75.4 -> 75: 50/40*35+50 = 93.75 -> 94. O3 828/8 = 103.5 -> 104 (half to even): 50/60*4+50 =
    # 53.3 -> 54. CO 31.5/24 = 1.3125 -> 1.3: 32.5 -> 33. SO2 492/24 = 20.5 -> 20 (half to even): 20.
    Day("Dongsi", date(2015, 3, 29), 315, ("pm10",), {
        "o3": Part("828", 8, "104", 54), "pm25": Part("1934", 24, "81", 108), "pm10": Part("10378", 24, "432", 315),
        "no2": Part("1810", 24, "75", 94), "so2": Part("492", 24, "20", 20), "co": Part("31.5", 24, "1.3", 33)}),
    # 8. Nitrogen dioxide decides. 2040/24 = 85: 50/100*5+100 = 102.5 -> 103. PM2.5 1621/24 = 67.5 -> 68: 50/40*33+50 =
    # 91.25 -> 92. PM10 2035/24 = 84.8 -> 85: 67.5 -> 68. O3 617/8 = 77.1 -> 77: 38.5 -> 39. CO 25.2/24 = 1.05 -> 1.0
    # (half to even): 25. SO2 467/24 = 19.458 -> 19.
    Day("Dongsi", date(2013, 10, 12), 103, ("no2",), {
        "o3": Part("617", 8, "77", 39), "pm25": Part("1621", 24, "68", 92), "pm10": Part("2035", 24, "85", 68),
        "no2": Part("2040", 24, "85", 103), "so2": Part("467", 24, "19", 19), "co": Part("25.2", 24, "1.0", 25)}),
    # 9. Two primary pollutants. PM2.5 1643/24 = 68.46 -> 68: 91.25 -> 92. NO2 1743/24 = 72.6 -> 73: 50/40*33+50 = 91.25
    # -> 92. PM10 2067/24 = 86.1 -> 86: 68. SO2 579/24 = 24.1 -> 24. CO 22.8/24 = 0.95 -> 1.0 (half to even): 25. O3
    # 532/8 = 66.5 -> 66 (half to even): 33.
    Day("Dongsi", date(2013, 10, 26), 92, ("pm25", "no2"), {
        "o3": Part("532", 8, "66", 33), "pm25": Part("1643", 24, "68", 92), "pm10": Part("2067", 24, "86", 68),
        "no2": Part("1743", 24, "73", 92), "so2": Part("579", 24, "24", 24), "co": Part("22.8", 24, "1.0", 25)}),
    # 10. An excellent day has no primary pollutant. NO2 600/24 = 25: 31.25 -> 32. O3 476/8 = 59.5 -> 60 (half to even):
    # 30. PM2.5 279/24 = 11.6 -> 12: 17.1 -> 18. PM10 425/24 = 17.7 -> 18. CO 9.5/24 = 0.396 -> 0.4: 10. SO2 81/24 = 3.4
    # -> 3.
    Day("Dongsi", date(2016, 1, 7), 32, (), {
        "o3": Part("476", 8, "60", 30), "pm25": Part("279", 24, "12", 18), "pm10": Part("425", 24, "18", 18),
        "no2": Part("600", 24, "25", 32), "so2": Part("81", 24, "3", 3), "co": Part("9.5", 24, "0.4", 10)}),
]  # fmt: skip


@pytest.fixture(scope="module")
def records() -> dict[datetime, dict[str, Decimal | None]]:
    """The hours of the station Dongsi, by local time; CO in mg/m³."""
    folder: Path | None = settings.ENVIRONMENT.data_dir
    if folder is None:
        pytest.skip("SCOC_DATA_DIR is not set: the real air data are not here")
    path = folder / "beijing_air_prsa" / "PRSA_Data_Dongsi.csv.gz"
    return dict(_rows(path))


def _rows(path: Path) -> Iterator[tuple[datetime, dict[str, Decimal | None]]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            year, month, day, hour = (int(row[name]) for name in ("year", "month", "day", "hour"))
            at = datetime(year, month, day, hour, tzinfo=ZONE)
            values = {
                name: None if row[column] == "NA" else Decimal(row[column]) / (1000 if name == "co" else 1)
                for column, name in COLUMNS.items()
            }
            yield at, values


def hours_of(records: dict[datetime, dict[str, Decimal | None]], day: date) -> dict[Pollutant, Hours]:
    start = datetime.combine(day, time(), ZONE)
    ends = [start + timedelta(hours=hour) for hour in range(1, 25)]
    return {Pollutant(name): [records[end][name] for end in ends] for name in COLUMNS.values()}


def largest_eight(hours: Hours) -> tuple[Decimal, int]:
    """Sum and number of the hours of the largest 8-hour mean of a day."""
    means = [mean if mean is not None else Fraction(-1) for mean in sliding_means(hours)]
    end = 8 + means.index(max(means))
    there = [Decimal(str(value)) for value in hours[end - 8 : end] if value is not None]
    return sum(there, Decimal(0)), len(there)


@pytest.mark.parametrize("by_hand", DAYS, ids=lambda day: day.day.isoformat())
def test_a_day_equals_the_hand_computation(records: dict[datetime, dict[str, Decimal | None]], by_hand: Day) -> None:
    hours = hours_of(records, by_hand.day)
    values = day_values(hours)
    assert tuple(name.value for name, value in values.items() if value is None) == by_hand.missing
    made = day_index(values, Edition.HJ_2012)
    assert (made.value if made else None) == by_hand.aqi
    assert (set(made.primary) if made else set()) == set(by_hand.primary)
    for name, part in by_hand.parts.items():
        pollutant = Pollutant(name)
        there = [Decimal(str(value)) for value in hours[pollutant] if value is not None]
        total = largest_eight(hours[pollutant]) if name == "o3" else (sum(there, Decimal(0)), len(there))
        assert (name, *total) == (name, Decimal(part.total), part.hours)
        alone = day_index({pollutant: values[pollutant]}, Edition.HJ_2012)
        assert alone is not None
        assert (name, alone.parts[0].concentration, alone.value) == (name, Decimal(part.concentration), part.iaqi)


STREAMS = [
    {"property": name, "name_zh": name, "name_en": name, "unit": "mg/m³" if name == "co" else "µg/m³", "places": 3,
     "minimum": 0.0, "maximum": 20000.0, "cadence_seconds": 3600, "repeat": "ignore"}
    for name in COLUMNS.values()
]  # fmt: skip


def station_in_the_city(key: str, city: City) -> None:
    """A station, and the city's daily AQI and hourly PM2.5 of it alone."""
    make_device(key, type_=make_type("air_station", STREAMS), area=city.east)
    common: dict[str, Any] = {"factor": 1, "places": 0, "direction": "lower", "low": None, "period": "span", "span": "",
                              "freshness": "source"}  # fmt: skip
    make_indicator(
        "AI01D", measure="indicators.aqi_day", grain="day", **common,
        parameters={"device_type": "air_station", "stamp": "end"},
        high={"best": "0", "green": "100", "yellow": "150", "worst": "300"},
    )  # fmt: skip
    make_indicator(
        "AI02", measure="indicators.air_mean", grain="hour", **common,
        parameters={"device_type": "air_station", "property": "pm25", "stamp": "end"},
        high={"best": "0", "green": "35", "yellow": "75", "worst": "250"},
    )  # fmt: skip


def signs() -> dict[str, ValueOut]:
    """What was measured, by indicator."""
    actions.refresh(system_actor("indicators"))
    found = queries.vital_signs(make_actor("indicators.read_values"))
    return {sign.code: sign.newest for sign in found if sign.newest is not None}


def test_the_same_day_through_the_whole_loop(city: City, records: dict[datetime, dict[str, Decimal | None]]) -> None:
    """Day 1 as readings into sensing, through roll-ups, to the city's daily AQI: 199, by ozone."""
    by_hand = DAYS[0]
    station_in_the_city("dongsi", city)
    start = datetime.combine(by_hand.day, time(), ZONE)
    with city_time(start + timedelta(hours=26)):
        ingest(
            system_actor("tests"), "tests",
            [
                Reading("dongsi", name, start + timedelta(hours=hour), float(value))
                for hour in range(1, 25)
                for name, value in records[start + timedelta(hours=hour)].items()
                if value is not None
            ],
        )  # fmt: skip
        found = signs()["AI01D"]
    assert (found.value, found.level) == (Decimal(199), "red")


@dataclass(frozen=True)
class Loaded:
    """A day of another station by hand, as the loader brings it: what it refuses is not in the sums."""

    key: str
    day: date
    aqi: int
    primary: list[str]
    sums: dict[str, str]
    """Sum of the hours that are believed; of ozone that of the largest eight."""
    iaqi: dict[str, int]
    last_hour: int
    """PM2.5 from 23:00 to 24:00."""
    refused: int


LOADED = [
    # 11. Changping, which the other archive calls Pingchang. O3 1941/8 = 242.6 -> 243: 50/50*(243-215)+150 = 178. PM2.5
    # 1726/24 = 71.9 -> 72: 50/40*37+50 = 96.25 -> 97. PM10 2763/24 = 115.1 -> 115: 50/100*65+50 = 82.5 -> 83. NO2
    # 713/24 = 29.7 -> 30: 50/40*30 = 37.5 -> 38. CO 16500 µg/24 = 0.6875 mg -> 0.7: 17.5 -> 18. SO2 467/24 = 19.458 ->
    # 19: 19.
    Loaded("pingchang_aq", date(2014, 5, 18), 178, ["o3"],
           {"o3": "1941", "pm25": "1726", "pm10": "2763", "no2": "713", "co": "16.5", "so2": "467"},
           {"o3": 178, "pm25": 97, "pm10": 83, "no2": 38, "co": 18, "so2": 19}, 144, 0),
    # 12. Dingling, with PM2.5 above PM10 by more than a tenth in hours 4 (120 > 107), 9 (94 > 85) and 13 (25 > 13):
    # neither is believed then. PM2.5 1096/21 = 52.2 -> 52: 50/40*17+50 = 71.25 -> 72 (with them 1335/24 = 55.6 -> 56:
    # 77). PM10 1930/21 = 91.9 -> 92: 50/100*42+50 = 71. O3 689/8 = 86.1 -> 86: 43. NO2 672/24 = 28: 35. CO 13.9/24 =
    # 0.579 -> 0.6: 15. SO2 273/24 = 11.375 -> 11.
    Loaded("dingling_aq", date(2013, 3, 22), 72, ["pm25"],
           {"o3": "689", "pm25": "1096", "pm10": "1930", "no2": "672", "co": "13.9", "so2": "273"},
           {"o3": 43, "pm25": 72, "pm10": 71, "no2": 35, "co": 15, "so2": 11}, 53, 6),
]  # fmt: skip


@pytest.mark.parametrize("by_hand", LOADED, ids=lambda day: day.key)
def test_a_day_of_another_station_from_its_file_to_the_index(city: City, by_hand: Loaded) -> None:
    """Through the loader (local time, CO in µg/m³, another spelling, doubts), sensing and the roll-ups."""
    folder: Path | None = settings.ENVIRONMENT.data_dir
    if folder is None:
        pytest.skip("SCOC_DATA_DIR is not set: the real air data are not here")
    station_in_the_city(by_hand.key, city)
    start = datetime.combine(by_hand.day, time(), ZONE)
    source = read_span(folder, AirArchiveSettings(), start, start + timedelta(days=1))
    batch = source.batch(start, start + timedelta(days=1)).filter(pc.field("device_key") == by_hand.key)
    with city_time(start + timedelta(hours=26)):
        result = import_table(system_actor("tests"), "tests", [batch])
        # the day is over since two hours: its last hour is measured as of then
        with city_time(start + timedelta(hours=24)):
            last = signs()["AI02"]
        found = signs()["AI01D"]
        told = queries.indicator(make_actor("indicators.read_values"), "AI01D").inputs
    inputs: Any = told["pollutants"]
    assert (result.rows, sum(result.rejected.values())) == (24 * 6, by_hand.refused)
    assert (last.window_end, last.value) == (start + timedelta(days=1), Decimal(by_hand.last_hour))
    assert found.value == Decimal(by_hand.aqi)
    assert {name: part["iaqi"] for name, part in inputs.items()} == by_hand.iaqi
    for name, total in by_hand.sums.items():
        hours = 8 if name == "o3" else 24 - (by_hand.refused // 2 if name.startswith("pm") else 0)
        assert abs(Decimal(inputs[name]["mean"]) * hours - Decimal(total)) < Decimal("0.001"), name
