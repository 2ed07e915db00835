"""The air quality index (空气质量指数 AQI) by HJ 633-2012 and HJ 633-2026, on exact decimals.

Tables, rounding and validity rules with their sources: `docs/reference/aqi.md`. Concentrations are µg/m³, CO is mg/m³.
An hour is named by its end, as HJ 663 does: hour 1 of a day is 00:00-01:00, hour 24 is 23:00-24:00.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from scoc.kit.scaled import from_scaled
from scoc.kit.text import Text


class Pollutant(StrEnum):
    """The six basic pollutants, by the code of their observed property."""

    SO2 = "so2"
    NO2 = "no2"
    PM10 = "pm10"
    CO = "co"
    O3 = "o3"
    PM25 = "pm25"


class Average(StrEnum):
    """Over what time a concentration is the mean."""

    HOUR = "1h"
    EIGHT = "8h"
    DAY = "24h"


class Edition(StrEnum):
    """Edition of the technical regulation."""

    HJ_2012 = "HJ 633-2012"
    HJ_2026 = "HJ 633-2026"


IN_FORCE_2026 = date(2026, 3, 1)
"""HJ 633-2026 and GB 3095-2026 hold from this day on."""
PLACES: Mapping[Pollutant, int] = {pollutant: int(pollutant is Pollutant.CO) for pollutant in Pollutant}
"""Decimal places that a concentration is rounded to before anything is made of it (修约)."""
INDEX_STEPS = (0, 50, 100, 150, 200, 300, 400, 500)
LARGEST = 500
LEAST_HOURS_OF_DAY = 20
LEAST_HOURS_OF_EIGHT = 6
LEAST_EIGHTS_OF_DAY = 14
OZONE_LIMIT = Decimal(160)
"""GB 3095, grade II, daily maximum 8-hour mean: a day above it counts even with too few valid means."""
FIRST_EIGHT, LAST_EIGHT = 8, 24
"""The 8-hour means of a day end at the hours 8 to 24: 17 of them; the first reaches back to hour 1."""

_TABLE: dict[tuple[Pollutant, Average], tuple[int, ...]] = {
    (Pollutant.SO2, Average.DAY): (0, 50, 150, 475, 800, 1600, 2100, 2620),
    (Pollutant.SO2, Average.HOUR): (0, 150, 500, 650, 800),
    (Pollutant.NO2, Average.DAY): (0, 40, 80, 180, 280, 565, 750, 940),
    (Pollutant.NO2, Average.HOUR): (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    (Pollutant.PM10, Average.DAY): (0, 50, 150, 250, 350, 420, 500, 600),
    (Pollutant.CO, Average.DAY): (0, 2, 4, 14, 24, 36, 48, 60),
    (Pollutant.CO, Average.HOUR): (0, 5, 10, 35, 60, 90, 120, 150),
    (Pollutant.O3, Average.HOUR): (0, 160, 200, 300, 400, 800, 1000, 1200),
    (Pollutant.O3, Average.EIGHT): (0, 100, 160, 215, 265, 800),
    (Pollutant.PM25, Average.DAY): (0, 35, 75, 115, 150, 250, 350, 500),
}
_TABLE_2026 = {
    **_TABLE,
    (Pollutant.PM10, Average.DAY): (0, 50, 120, 250, 350, 420, 500, 600),
    (Pollutant.PM25, Average.DAY): (0, 35, 60, 115, 150, 250, 350, 500),
}
Hours = Sequence[Decimal | Fraction | None]


@dataclass(frozen=True, slots=True)
class Category:
    """One of the six classes of air quality."""

    level: int
    name: Text
    colour: Text
    hex: str


CATEGORIES = (
    Category(1, Text("优", "Excellent"), Text("绿色", "green"), "#00E400"),
    Category(2, Text("良", "Good"), Text("黄色", "yellow"), "#FFFF00"),
    Category(3, Text("轻度污染", "Lightly polluted"), Text("橙色", "orange"), "#FF7E00"),
    Category(4, Text("中度污染", "Moderately polluted"), Text("红色", "red"), "#FF0000"),
    Category(5, Text("重度污染", "Heavily polluted"), Text("紫色", "purple"), "#99004C"),
    Category(6, Text("严重污染", "Severely polluted"), Text("褐红色", "maroon"), "#7E0023"),
)


@dataclass(frozen=True, slots=True)
class SubIndex:
    """What one pollutant gives: its rounded concentration and its sub-index (IAQI)."""

    pollutant: Pollutant
    average: Average
    concentration: Decimal
    value: int


@dataclass(frozen=True, slots=True)
class Index:
    """An AQI with everything it was made of."""

    value: int
    category: Category
    primary: tuple[Pollutant, ...]
    """Primary pollutants (首要污染物): the largest sub-indices of an AQI above 50; several where they are equal."""
    parts: tuple[SubIndex, ...]
    missing: tuple[Pollutant, ...]
    """Pollutants that were asked for and had no valid value."""
    edition: Edition


def edition_on(day: date) -> Edition:
    """The edition in force on a day of the city."""
    return Edition.HJ_2026 if day >= IN_FORCE_2026 else Edition.HJ_2012


def limits(pollutant: Pollutant, average: Average, edition: Edition) -> tuple[int, ...]:
    """Concentrations at the steps 0, 50, 100, 150, 200, 300, 400, 500 of the sub-index; shorter where none is set.

    Hourly PM10 and PM2.5 use the 24-hour column, as hourly reports do. Raises KeyError for what has no sub-index.
    """
    if average is Average.HOUR and pollutant in (Pollutant.PM10, Pollutant.PM25):
        average = Average.DAY
    return (_TABLE_2026 if edition is Edition.HJ_2026 else _TABLE)[pollutant, average]


def rounded(pollutant: Pollutant, concentration: Decimal | Fraction) -> Decimal:
    """A concentration at its places, half to even (GB/T 8170); in one step, from all digits."""
    return exact(Fraction(concentration), PLACES[pollutant])


def sub_index(
    pollutant: Pollutant, average: Average, concentration: Decimal | Fraction, edition: Edition
) -> SubIndex | None:
    """IAQI = (IAQIhi − IAQIlo) ÷ (BPhi − BPlo) × (C − BPlo) + IAQIlo, rounded up to a whole number.

    Above the last step it is 500. SO₂ 1 h and O₃ 8 h end at 800: HJ 633-2012 gives no sub-index above, HJ 633-2026
    gives 200 and 300. Raises ValueError for a negative concentration.
    """
    if concentration < 0:
        raise ValueError(f"A concentration of {pollutant} cannot be {concentration}.")
    value = rounded(pollutant, concentration)
    steps = limits(pollutant, average, edition)
    if value > steps[-1]:
        if len(steps) == len(INDEX_STEPS):
            return SubIndex(pollutant, average, value, LARGEST)
        last = INDEX_STEPS[len(steps) - 1]
        return SubIndex(pollutant, average, value, last) if edition is Edition.HJ_2026 else None
    for place in range(1, len(steps)):
        if value <= steps[place]:
            low, high = steps[place - 1], steps[place]
            first, last = INDEX_STEPS[place - 1], INDEX_STEPS[place]
            exact = Fraction(last - first, high - low) * (Fraction(value) - low) + first
            return SubIndex(pollutant, average, value, -(-exact.numerator // exact.denominator))
    raise AssertionError("the steps cover every concentration up to the last")


def category(value: int) -> Category:
    """The class of an AQI."""
    return CATEGORIES[sum(value > least for least in (50, 100, 150, 200, 300))]


def index(
    parts: Iterable[SubIndex | None], edition: Edition, missing: Sequence[Pollutant] = (), *, decisive: int = 100
) -> Index | None:
    """The AQI of sub-indices: the largest. None when there is none, or when a missing pollutant could still decide.

    With a pollutant missing the index is given only if it exceeds `decisive` already: whatever the missing one
    would have said, the day is not a good one; the index is then a lower bound, and `missing` says so.
    """
    known = tuple(part for part in parts if part is not None)
    if not known:
        return None
    value = max(part.value for part in known)
    if missing and value <= decisive:
        return None
    primary = tuple(part.pollutant for part in known if part.value == value) if value > INDEX_STEPS[1] else ()
    return Index(value, category(value), primary, known, tuple(missing), edition)


def mean(values: Iterable[Decimal | Fraction | None], least: int) -> Fraction | None:
    """The exact mean of the values that are there; None when they are fewer than `least`."""
    there = [Fraction(value) for value in values if value is not None]
    return sum(there, Fraction()) / len(there) if there and len(there) >= least else None


def day_mean(hours: Hours) -> Fraction | None:
    """The 24-hour mean of the hours 1 to 24; it needs 20 of them (GB 3095, table of validity)."""
    _of(hours, 24)
    return mean(hours, LEAST_HOURS_OF_DAY)


def sliding_means(hours: Hours) -> list[Fraction | None]:
    """The 8-hour means that end at the hours 8 to 24 of a day; each needs 6 of its 8 hours."""
    _of(hours, 24)
    return [mean(hours[end - 8 : end], LEAST_HOURS_OF_EIGHT) for end in range(FIRST_EIGHT, LAST_EIGHT + 1)]


def ozone_day(hours: Hours) -> Fraction | None:
    """The day's largest 8-hour mean; it needs 14 valid ones, or exceeds the limit already (HJ 663)."""
    valid = [value for value in sliding_means(hours) if value is not None]
    if not valid:
        return None
    largest = max(valid)
    return largest if len(valid) >= LEAST_EIGHTS_OF_DAY or rounded(Pollutant.O3, largest) > OZONE_LIMIT else None


def _of(hours: Hours, count: int) -> None:
    if len(hours) != count:
        raise ValueError(f"A day has {count} hours, not {len(hours)}; give None for a missing one.")


def day_values(hours: Mapping[Pollutant, Hours]) -> dict[Pollutant, Fraction | None]:
    """The day's value of each pollutant at one station: 24-hour means, and the largest 8-hour mean of ozone."""
    return {
        pollutant: ozone_day(values) if pollutant is Pollutant.O3 else day_mean(values)
        for pollutant, values in hours.items()
    }


def day_index(
    values: Mapping[Pollutant, Decimal | Fraction | None],
    edition: Edition,
    *,
    ozone_hour: Decimal | Fraction | None = None,
    with_ozone_hour: bool = False,
) -> Index | None:
    """The daily AQI of the pollutants' day values; a pollutant whose value is None is missing.

    `ozone_hour` is the day's largest hourly ozone: HJ 633-2012 reports ozone by it when the 8-hour mean is above 800.
    `with_ozone_hour` counts it on every day, as the letter of HJ 633-2012 lists it; HJ 633-2026 never does.
    """
    parts: list[SubIndex | None] = []
    missing = []
    for pollutant, value in values.items():
        if value is None:
            missing.append(pollutant)
            continue
        average = Average.EIGHT if pollutant is Pollutant.O3 else Average.DAY
        part = sub_index(pollutant, average, value, edition)
        if pollutant is Pollutant.O3 and ozone_hour is not None and edition is Edition.HJ_2012:
            if part is None:
                part = sub_index(pollutant, Average.HOUR, ozone_hour, edition)
            elif with_ozone_hour:
                parts.append(sub_index(pollutant, Average.HOUR, ozone_hour, edition))
        if part is None:
            missing.append(pollutant)
        parts.append(part)
    return _merged(index(parts, edition, missing))


def _merged(made: Index | None) -> Index | None:
    """Name a primary pollutant once, though two of its averages may be equal."""
    if made is None or len(set(made.primary)) == len(made.primary):
        return made
    return Index(made.value, made.category, tuple(dict.fromkeys(made.primary)), made.parts, made.missing, made.edition)


def hour_index(
    values: Mapping[Pollutant, Decimal | Fraction | None],
    edition: Edition,
    *,
    sulphur_day: Decimal | Fraction | None = None,
) -> Index | None:
    """The hourly AQI of the six hourly concentrations.

    `sulphur_day` is the mean of SO₂ over the last 24 hours: HJ 633-2012 reports SO₂ by it when its hour is above 800.
    """
    parts: list[SubIndex | None] = []
    missing = []
    for pollutant, value in values.items():
        part = None if value is None else sub_index(pollutant, Average.HOUR, value, edition)
        if part is None and value is not None and pollutant is Pollutant.SO2 and sulphur_day is not None:
            part = sub_index(pollutant, Average.DAY, sulphur_day, edition)
        if part is None:
            missing.append(pollutant)
        parts.append(part)
    return index(parts, edition, missing)


def exact(value: Fraction, places: int = 6) -> Decimal:
    """A fraction as a decimal of `places`, half to even: for showing and storing, never for a limit."""
    return from_scaled(round(value * 10**places), places)
