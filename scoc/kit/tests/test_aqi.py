"""The air quality index by HJ 633, each figure worked out by hand in the test that asks for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoc.kit.aqi import (
    INDEX_STEPS,
    Average,
    Edition,
    Hours,
    Pollutant,
    category,
    day_index,
    day_mean,
    day_values,
    edition_on,
    exact,
    hour_index,
    limits,
    ozone_day,
    rounded,
    sliding_means,
    sub_index,
)

D = Decimal
OLD, NEW = Edition.HJ_2012, Edition.HJ_2026
SO2, NO2, PM10, CO, O3, PM25 = (
    Pollutant.SO2, Pollutant.NO2, Pollutant.PM10, Pollutant.CO, Pollutant.O3, Pollutant.PM25,
)  # fmt: skip


def iaqi(pollutant: Pollutant, average: Average, concentration: str, edition: Edition = OLD) -> int | None:
    part = sub_index(pollutant, average, D(concentration), edition)
    return part.value if part else None


def level(value: int, count: int = 24) -> list[Decimal | None]:
    return [D(value)] * count


@pytest.mark.parametrize(
    ("pollutant", "average", "steps"),
    [
        (SO2, Average.DAY, (0, 50, 150, 475, 800, 1600, 2100, 2620)),
        (SO2, Average.HOUR, (0, 150, 500, 650, 800)),
        (NO2, Average.DAY, (0, 40, 80, 180, 280, 565, 750, 940)),
        (NO2, Average.HOUR, (0, 100, 200, 700, 1200, 2340, 3090, 3840)),
        (PM10, Average.DAY, (0, 50, 150, 250, 350, 420, 500, 600)),
        (CO, Average.DAY, (0, 2, 4, 14, 24, 36, 48, 60)),
        (CO, Average.HOUR, (0, 5, 10, 35, 60, 90, 120, 150)),
        (O3, Average.HOUR, (0, 160, 200, 300, 400, 800, 1000, 1200)),
        (O3, Average.EIGHT, (0, 100, 160, 215, 265, 800)),
        (PM25, Average.DAY, (0, 35, 75, 115, 150, 250, 350, 500)),
    ],
)
def test_every_breakpoint_gives_its_step(pollutant: Pollutant, average: Average, steps: tuple[int, ...]) -> None:
    assert limits(pollutant, average, OLD) == steps
    assert [iaqi(pollutant, average, str(step)) for step in steps] == list(INDEX_STEPS[: len(steps)])


def test_the_2026_edition_lowers_the_good_limit_of_particles() -> None:
    # PM2.5 60: (100-50)/(60-35) * (60-35) + 50 = 100; in 2012: (100-50)/(75-35) * (60-35) + 50 = 81.25 -> 82
    assert (iaqi(PM25, Average.DAY, "60", NEW), iaqi(PM25, Average.DAY, "60")) == (100, 82)
    # PM2.5 75 in 2026: (150-100)/(115-60) * (75-60) + 100 = 113.63… -> 114; in 2012 the limit itself: 100
    assert (iaqi(PM25, Average.DAY, "75", NEW), iaqi(PM25, Average.DAY, "75")) == (114, 100)
    # PM10 120: 2026 the limit; 2012: (100-50)/(150-50) * (120-50) + 50 = 85
    assert (iaqi(PM10, Average.DAY, "120", NEW), iaqi(PM10, Average.DAY, "120")) == (100, 85)
    same = [(p, a) for p in (SO2, NO2, CO) for a in (Average.HOUR, Average.DAY)]
    same += [(O3, Average.HOUR), (O3, Average.EIGHT)]
    assert all(limits(p, a, OLD) == limits(p, a, NEW) for p, a in same)


def test_the_edition_follows_the_day() -> None:
    assert edition_on(date(2016, 11, 1)) is OLD
    assert edition_on(date(2026, 2, 28)) is OLD
    assert edition_on(date(2026, 3, 1)) is NEW


def test_a_sub_index_is_rounded_up() -> None:
    # PM2.5 76: (150-100)/(115-75) * (76-75) + 100 = 101.25 -> 102
    assert iaqi(PM25, Average.DAY, "76") == 102
    # PM2.5 1: 50/35 * 1 = 1.428… -> 2
    assert iaqi(PM25, Average.DAY, "1") == 2
    # NO2 81: (150-100)/(180-80) * 1 + 100 = 100.5 -> 101
    assert iaqi(NO2, Average.DAY, "81") == 101


def test_a_concentration_is_rounded_half_to_even_before_the_index() -> None:
    assert rounded(PM25, D("75.5")) == 76
    assert rounded(PM25, D("74.5")) == 74
    assert rounded(CO, D("2.25")) == D("2.2")
    assert rounded(CO, D("2.35")) == D("2.4")
    assert rounded(PM25, D("75.5000001")) == 76
    assert rounded(PM25, Fraction(149, 2)) == 74  # 74.5 exactly
    # 75.5 -> 76 -> 102, but 75.4 -> 75 -> 100
    assert (iaqi(PM25, Average.DAY, "75.5"), iaqi(PM25, Average.DAY, "75.4")) == (102, 100)


def test_carbon_monoxide_keeps_one_place_in_milligrams() -> None:
    # CO 24 h 3.4 mg/m³: (100-50)/(4-2) * (3.4-2) + 50 = 85
    assert iaqi(CO, Average.DAY, "3.4") == 85
    # 2.1: 25 * 0.1 + 50 = 52.5 -> 53
    assert iaqi(CO, Average.DAY, "2.1") == 53


def test_above_the_last_step_the_index_stays_at_five_hundred() -> None:
    assert iaqi(PM25, Average.DAY, "500") == 500
    assert iaqi(PM25, Average.DAY, "999") == 500
    assert iaqi(PM10, Average.DAY, "601") == 500
    # 499: (500-400)/(500-350) * (499-350) + 400 = 499.33… -> 500
    assert iaqi(PM25, Average.DAY, "499") == 500
    assert iaqi(PM25, Average.DAY, "498") == 499  # 498.66…


def test_eight_hour_ozone_and_hourly_sulphur_end_at_eight_hundred() -> None:
    assert (iaqi(O3, Average.EIGHT, "800"), iaqi(O3, Average.EIGHT, "801")) == (300, None)
    assert (iaqi(SO2, Average.HOUR, "800"), iaqi(SO2, Average.HOUR, "801")) == (200, None)
    assert iaqi(O3, Average.EIGHT, "801", NEW) == 300
    assert iaqi(SO2, Average.HOUR, "801", NEW) == 200
    assert iaqi(O3, Average.EIGHT, "800.4") == 300  # rounds to 800


def test_a_negative_concentration_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be -1"):
        sub_index(SO2, Average.DAY, D(-1), OLD)


def test_what_has_no_table_is_refused() -> None:
    with pytest.raises(KeyError):
        limits(PM25, Average.EIGHT, OLD)


@pytest.mark.parametrize(
    ("value", "step", "name", "colour"),
    [(0, 1, "优", "绿色"), (50, 1, "优", "绿色"), (51, 2, "良", "黄色"), (100, 2, "良", "黄色"),
     (101, 3, "轻度污染", "橙色"), (150, 3, "轻度污染", "橙色"), (151, 4, "中度污染", "红色"),
     (200, 4, "中度污染", "红色"), (201, 5, "重度污染", "紫色"), (300, 5, "重度污染", "紫色"),
     (301, 6, "严重污染", "褐红色"), (500, 6, "严重污染", "褐红色")],
)  # fmt: skip
def test_categories(value: int, step: int, name: str, colour: str) -> None:
    found = category(value)
    assert (found.level, found.name.zh, found.colour.zh) == (step, name, colour)


def test_a_day_needs_twenty_hours() -> None:
    nineteen: Hours = [*level(60, 19), *[None] * 5]
    twenty: Hours = [*level(60, 20), *[None] * 4]
    assert day_mean(nineteen) is None
    assert day_mean(twenty) == 60


def test_the_mean_is_of_the_hours_that_are_there() -> None:
    # hours 1-12: 40, hours 13-21: 90, three missing: (12*40 + 9*90) / 21 = 1290/21 = 61.428…, not 1290/24
    hours: Hours = [*level(40, 12), *level(90, 9), *[None] * 3]
    assert day_mean(hours) == Fraction(1290, 21)


def test_a_day_has_twenty_four_hours() -> None:
    with pytest.raises(ValueError, match="24 hours, not 23"):
        day_mean(level(1, 23))


def test_an_eight_hour_mean_needs_six_hours() -> None:
    hours = level(100)
    hours[0:2] = [None, None]
    means = sliding_means(hours)
    assert len(means) == 17
    assert means[0] == 100  # hours 1-8 with 3-8 there: six
    hours[2] = None
    assert sliding_means(hours)[0] is None  # five
    assert sliding_means(hours)[1] == 100  # hours 2-9: 4-9, six


def test_ozone_by_the_largest_eight_hour_mean() -> None:
    # Hours 1-8: 20, 9-11: 80, 12-19: 180, 20-24: 60.
    hours = [*level(20, 8), *level(80, 3), *level(180, 8), *level(60, 5)]
    # The mean that ends at hour 19 is over hours 12-19: 8*180/8 = 180; the ones beside it hold an 80 or a 60.
    assert ozone_day(hours) == 180
    # The first one ends at hour 8 and is over hours 1-8; the night before does not enter.
    assert sliding_means(hours)[0] == 20


def test_ozone_needs_fourteen_means_unless_it_exceeds_the_limit() -> None:
    # Hours 1-9 missing. The mean ending at h has the hours 10..h of its eight: 15 is the first with six (10-15),
    # so the ends 15 to 24 are valid: ten.
    hours: list[Decimal | None] = [*[None] * 9, *level(120, 15)]
    assert sum(value is not None for value in sliding_means(hours)) == 10
    assert ozone_day(hours) is None
    assert ozone_day([*[None] * 9, *level(161, 15)]) == 161  # above 160: the day is bad whatever the morning was
    assert ozone_day([*[None] * 9, *level(160, 15)]) is None
    # Hours 1-5 missing: the end 11 is the first with six (6-11): ends 11 to 24, fourteen.
    assert ozone_day([*[None] * 5, *level(120, 19)]) == 120
    assert ozone_day([None] * 24) is None


WINTER: dict[Pollutant, Hours] = {
    SO2: level(18), NO2: level(62), PM10: level(131), CO: [D("1.4")] * 24, O3: level(22), PM25: level(98),
}  # fmt: skip


def test_a_winter_day_step_by_step() -> None:
    """PM2.5 decides.

    SO2 18: 50/50 * 18 = 18. NO2 62: 50/40 * (62-40) + 50 = 77.5 -> 78. PM10 131: 50/100 * (131-50) + 50 = 90.5 -> 91.
    CO 1.4: 50/2 * 1.4 = 35. O3 8 h 22: 50/100 * 22 = 11. PM2.5 98: 50/40 * (98-75) + 100 = 128.75 -> 129.
    """
    made = day_index(day_values(WINTER), OLD)
    assert made is not None
    assert {part.pollutant: part.value for part in made.parts} == {
        SO2: 18,
        NO2: 78,
        PM10: 91,
        CO: 35,
        O3: 11,
        PM25: 129,
    }
    assert (made.value, made.primary, made.category.level, made.missing) == (129, (PM25,), 3, ())


def test_the_same_day_by_the_2026_edition() -> None:
    # PM10 131: 50/130 * (131-120) + 100 = 104.23… -> 105; PM2.5 98: 50/55 * (98-60) + 100 = 134.54… -> 135
    made = day_index(day_values(WINTER), NEW)
    assert made is not None
    assert (made.value, made.primary) == (135, (PM25,))


def summer(afternoon: int) -> dict[Pollutant, Hours]:
    """A summer day whose hours 12 to 19 have this much ozone."""
    ozone = [*level(30, 8), *level(90, 3), *level(afternoon, 8), *level(70, 5)]
    return {SO2: level(6), NO2: level(28), PM10: level(66), CO: [D("0.7")] * 24, O3: ozone, PM25: level(34)}


def test_a_summer_day_decided_by_eight_hour_ozone() -> None:
    """The largest mean ends at hour 19 and is 188.

    O3 8 h 188: 50/55 * (188-160) + 100 = 125.45… -> 126. PM10 66: 50/100 * 16 + 50 = 58. PM2.5 34: 50/35 * 34 = 48.57
    -> 49. NO2 28: 50/40 * 28 = 35. SO2 6: 6. CO 0.7: 25 * 0.7 = 17.5 -> 18.
    """
    made = day_index(day_values(summer(188)), OLD)
    assert made is not None
    assert {part.pollutant: part.value for part in made.parts} == {O3: 126, PM10: 58, PM25: 49, NO2: 35, SO2: 6, CO: 18}
    assert (made.value, made.primary, made.category.name.zh) == (126, (O3,), "轻度污染")


def test_a_day_decided_by_eight_hour_ozone_just_within_good() -> None:
    # O3 8 h 160 -> 100: still 良; 161: 50/55 * 1 + 100 = 100.909 -> 101: no longer.
    good, bad = day_index(day_values(summer(160)), NEW), day_index(day_values(summer(161)), NEW)
    assert good is not None
    assert bad is not None
    assert (good.value, good.category.level, good.primary) == (100, 2, (O3,))
    assert (bad.value, bad.category.level) == (101, 3)


def test_a_day_with_missing_hours() -> None:
    """PM2.5 has 21 hours: (12*40 + 9*90)/21 = 61.43 -> 61: 50/40 * (61-35) + 50 = 82.5 -> 83. PM10 decides with 91."""
    day = {**WINTER, PM25: [*level(40, 12), *level(90, 9), *[None] * 3]}
    made = day_index(day_values(day), OLD)
    assert made is not None
    assert next(part for part in made.parts if part.pollutant is PM25).concentration == 61
    assert (made.value, made.primary) == (91, (PM10,))


def test_a_missing_pollutant_leaves_a_good_day_unknown_and_a_bad_day_bad() -> None:
    short: Hours = [*level(40, 19), *[None] * 5]
    assert day_index(day_values({**WINTER, PM25: short}), OLD) is None  # the rest says 91; PM2.5 could say more
    heavy = day_index(day_values({**WINTER, PM25: short, PM10: level(260)}), OLD)
    assert heavy is not None  # PM10 260: 50/100 * (260-250) + 150 = 155, bad whatever PM2.5 was
    assert (heavy.value, heavy.missing) == (155, (PM25,))
    assert day_index({PM25: None}, OLD) is None


def test_no_primary_pollutant_up_to_fifty() -> None:
    made = day_index({PM25: D(35), PM10: D(50)}, OLD)
    assert made is not None
    assert (made.value, made.primary) == (50, ())


def test_two_primary_pollutants() -> None:
    # PM2.5 55: 50/40 * 20 + 50 = 75; PM10 100: 50/100 * 50 + 50 = 75
    made = day_index({PM25: D(55), PM10: D(100), NO2: D(10)}, OLD)
    assert made is not None
    assert (made.value, made.primary) == (75, (PM25, PM10))


def test_above_eight_hundred_ozone_goes_by_its_hour_in_2012() -> None:
    values = {O3: Fraction(820), PM25: Fraction(20)}
    # 1 h 900: 100/200 * (900-800) + 300 = 350
    made = day_index(values, OLD, ozone_hour=D(900))
    assert made is not None
    assert (made.value, made.primary) == (350, (O3,))
    assert day_index(values, OLD) is None  # without its hour ozone is missing, and PM2.5 alone cannot decide
    new = day_index(values, NEW, ozone_hour=D(900))
    assert new is not None
    assert new.value == 300


def test_the_letter_of_2012_counts_the_ozone_hour_every_day() -> None:
    # 8 h 150: 50/60 * 50 + 50 = 91.66… -> 92; 1 h 210: 50/100 * 10 + 100 = 105
    values = {O3: Fraction(150)}
    usual = day_index(values, OLD, ozone_hour=D(210))
    letter = day_index(values, OLD, ozone_hour=D(210), with_ozone_hour=True)
    new = day_index(values, NEW, ozone_hour=D(210), with_ozone_hour=True)
    assert [made.value for made in (usual, letter, new) if made] == [92, 105, 92]
    both = day_index({O3: Fraction(160)}, OLD, ozone_hour=D(200), with_ozone_hour=True)
    assert both is not None
    assert both.primary == (O3,)


def test_an_hour_step_by_step() -> None:
    """SO2 12: 50/150 * 12 = 4. NO2 120: 50/100 * 20 + 50 = 60. CO 1.2: 10 * 1.2 = 12. O3 170: 50/40 * 10 + 50 = 62.5 ->
    63. PM10 80 by the 24 h column: 50/100 * 30 + 50 = 65. PM2.5 40: 50/40 * 5 + 50 = 56.25 -> 57."""
    made = hour_index({SO2: D(12), NO2: D(120), CO: D("1.2"), O3: D(170), PM10: D(80), PM25: D(40)}, OLD)
    assert made is not None
    assert {part.pollutant: part.value for part in made.parts} == {SO2: 4, NO2: 60, CO: 12, O3: 63, PM10: 65, PM25: 57}
    assert (made.value, made.primary) == (65, (PM10,))


def test_an_hour_with_much_sulphur() -> None:
    values = {SO2: D(900), PM25: D(160)}
    # 24 h 300: 50/325 * (300-150) + 100 = 123.07… -> 124; PM2.5 160: 100/100 * 10 + 200 = 210
    by_day = hour_index(values, OLD, sulphur_day=D(300))
    assert by_day is not None
    assert {part.pollutant: part.value for part in by_day.parts} == {SO2: 124, PM25: 210}
    without = hour_index(values, OLD)
    assert without is not None
    assert (without.value, without.missing) == (210, (SO2,))
    new = hour_index({SO2: D(900)}, NEW)
    assert new is not None
    assert new.value == 200


def test_a_fraction_is_shown_half_to_even() -> None:
    assert exact(Fraction(1290, 21), 2) == D("61.43")
    assert exact(Fraction(5, 2), 0) == 2


CONCENTRATIONS = st.decimals(min_value=0, max_value=5000, places=3)
COLUMNS = st.sampled_from(
    [(p, a, e) for p in Pollutant for a in Average for e in Edition
     if (p is O3) == (a is Average.EIGHT) or a is Average.HOUR]
)  # fmt: skip


@given(COLUMNS, CONCENTRATIONS, CONCENTRATIONS)
def test_more_of_a_pollutant_is_never_a_smaller_index(
    column: tuple[Pollutant, Average, Edition], one: Decimal, other: Decimal
) -> None:
    pollutant, average, edition = column
    low, high = (sub_index(pollutant, average, value, edition) for value in sorted((one, other)))
    if low is not None and high is not None:
        assert 0 <= low.value <= high.value <= 500
