"""What each kind of rule decides about series made by hand: hysteresis, duration, gaps, windows, baselines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoc.kit.text import Text
from scoc.sensing.rules import Cleared, Raised, Standing, Worse, decide, longest_gap, may_matter, sentence

MINUTE = 60_000_000
GAP = 3 * MINUTE
ABOVE: dict[str, Any] = {"side": "above", "raise_at": 75.0, "clear_at": 50.0}
BELOW: dict[str, Any] = {"side": "below", "raise_at": 3.0, "clear_at": 4.0}


def series(*values: float, start: int = 0) -> list[tuple[int, float]]:
    """One value a minute."""
    return [((start + n) * MINUTE, value) for n, value in enumerate(values)]


def judge(kind: str, settings: dict[str, Any], *values: float, usual: Any = None) -> tuple[list[Any], Standing]:
    """What a rule makes of a series, from the beginning."""
    standing = Standing()
    options = {"usual": usual} if usual else {}
    return decide(kind, settings, standing, series(*values), GAP, **options), standing


def test_a_threshold_is_raised_where_it_is_reached_and_clears_below_the_other_one() -> None:
    events, standing = judge("threshold", ABOVE, 74.9, 75.0, 60.0, 50.0, 49.9, 60.0)
    assert events == [Raised(MINUTE, 75.0, MINUTE, 75.0), Cleared(4 * MINUTE, 49.9)]
    assert standing.phase == "normal"


def test_between_the_two_thresholds_nothing_flaps() -> None:
    events, standing = judge("threshold", ABOVE, 80, 74, 76, 51, 77, 50)
    assert events == [Raised(0, 80, 0, 80)]
    assert standing.phase == "alarm"


def test_the_furthest_value_is_the_peak() -> None:
    events, _ = judge("threshold", ABOVE, 80, 90, 85, 95)
    assert events == [Raised(0, 80, 0, 80), Worse(MINUTE, 90), Worse(3 * MINUTE, 95)]


def test_a_lower_threshold() -> None:
    events, _ = judge("threshold", BELOW, 3.5, 3.0, 2.0, 3.9, 4.0, 4.1)
    assert events == [Raised(MINUTE, 3.0, MINUTE, 3.0), Worse(2 * MINUTE, 2.0), Cleared(5 * MINUTE, 4.1)]


def test_a_condition_must_last_and_the_alarm_tells_when_it_began() -> None:
    lasting = {**ABOVE, "duration_seconds": 120}
    events, _ = judge("threshold", lasting, 80, 90, 85, 70)
    assert events == [Raised(2 * MINUTE, 85, 0, 90)]


def test_a_condition_that_is_interrupted_begins_anew() -> None:
    lasting = {**ABOVE, "duration_seconds": 120}
    events, standing = judge("threshold", lasting, 80, 80, 70, 80, 80)
    assert events == []
    assert (standing.phase, standing.since) == ("pending", 3 * MINUTE)


def test_after_a_gap_nobody_knows_whether_the_condition_went_on() -> None:
    lasting = {**ABOVE, "duration_seconds": 120}
    standing = Standing()
    assert decide("threshold", lasting, standing, [(0, 80.0), (4 * MINUTE, 80.0)], GAP) == []
    assert (standing.phase, standing.since) == ("pending", 4 * MINUTE)
    assert decide("threshold", lasting, standing, [(6 * MINUTE, 80.0)], GAP) == [
        Raised(6 * MINUTE, 80.0, 4 * MINUTE, 80.0)
    ]


RATE: dict[str, Any] = {"side": "above", "change": 20.0, "clear_change": 5.0, "window_seconds": 180}


def test_a_rise_within_the_window_is_raised_and_clears_when_it_has_passed() -> None:
    #        minute    0   1   2   3   4   5   6   7
    events, _ = judge("rate", RATE, 10, 15, 20, 30, 31, 32, 33, 33)
    # minute 3: 30 - 10 (minute 0, still inside) = 20; minute 6: 33 - 30 = 3 < 5
    assert events == [
        Raised(3 * MINUTE, 30, 3 * MINUTE, 30), Worse(4 * MINUTE, 31), Worse(5 * MINUTE, 32), Cleared(6 * MINUTE, 33),
    ]  # fmt: skip


def test_a_slow_rise_is_no_alarm() -> None:
    assert judge("rate", RATE, *(5.0 * n for n in range(4)))[0] == []


def test_a_fall_counts_only_where_it_is_asked_for() -> None:
    falling = (50.0, 25.0)
    assert judge("rate", RATE, *falling)[0] == []
    assert judge("rate", {**RATE, "side": "below"}, *falling)[0] == [Raised(MINUTE, 25.0, MINUTE, 25.0)]
    assert judge("rate", {**RATE, "side": "both"}, *falling)[0] == [Raised(MINUTE, 25.0, MINUTE, 25.0)]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.integers(1, 6))
def test_the_remembered_window_gives_the_change_that_a_full_look_back_gives(values: list[float], minutes: int) -> None:
    settings = {"side": "above", "change": 30.0, "clear_change": 10.0, "window_seconds": minutes * 60}
    standing = Standing()
    for n, (at, value) in enumerate(series(*values)):
        before = standing.phase
        decide("rate", settings, standing, [(at, value)], GAP)
        rise = value - min(values[max(0, n - minutes) : n + 1])
        expected = "alarm" if rise >= 30 else "normal" if rise < 10 else before
        assert standing.phase == expected


def usual(at: int) -> tuple[float, float] | None:
    """Ten with a spread of two; after minute 50 nothing is known."""
    return (10.0, 2.0) if at < 50 * MINUTE else None


DEVIATION: dict[str, Any] = {"side": "both", "k": 3.0, "clear_k": 2.0, "weeks": 4, "least_spread": 0.5}


def test_a_deviation_is_measured_in_spreads_from_the_usual() -> None:
    # further than 3 × 2 from 10 raises; within 2 × 2 clears
    events, _ = judge("deviation", DEVIATION, 16.0, 16.1, 15.0, 14.0, 3.9, usual=usual)
    assert events == [
        Raised(MINUTE, 16.1, MINUTE, 16.1),
        Cleared(3 * MINUTE, 14.0),
        Raised(4 * MINUTE, 3.9, 4 * MINUTE, 3.9),
    ]


def test_a_still_series_has_the_least_spread() -> None:
    events, _ = judge("deviation", DEVIATION, 11.4, 11.6, usual=lambda at: (10.0, 0.0))
    assert events == [Raised(MINUTE, 11.6, MINUTE, 11.6)]


def test_one_side_of_the_usual() -> None:
    assert judge("deviation", {**DEVIATION, "side": "above"}, 0.0, usual=usual)[0] == []
    assert judge("deviation", {**DEVIATION, "side": "below"}, 0.0, usual=usual)[0] == [Raised(0, 0.0, 0, 0.0)]


def test_where_the_usual_is_unknown_nothing_is_raised_and_nothing_clears() -> None:
    standing = Standing()
    assert decide("deviation", DEVIATION, standing, [(51 * MINUTE, 99.0)], GAP, usual) == []
    standing = Standing(phase="alarm", memory={"peak": 99.0})
    assert decide("deviation", DEVIATION, standing, [(51 * MINUTE, 10.0)], GAP, usual) == []
    assert standing.phase == "alarm"


@given(st.lists(st.floats(0, 200), min_size=1, max_size=60), st.integers(0, 5), st.integers(1, 59))
def test_a_series_judged_in_parts_is_judged_as_a_whole(values: list[float], minutes: int, cut: int) -> None:
    settings = {**ABOVE, "duration_seconds": minutes * 60}
    whole, parted = Standing(), Standing()
    rows = series(*values)
    events = decide("threshold", settings, whole, rows, GAP)
    parts = decide("threshold", settings, parted, rows[:cut], GAP)
    parts += decide("threshold", settings, parted, rows[cut:], GAP)
    assert (parts, parted) == (events, whole)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=30))
def test_what_cannot_matter_raises_nothing(values: list[float]) -> None:
    for settings in (ABOVE, BELOW):
        if not may_matter("threshold", settings, min(values), max(values)):
            events, standing = judge("threshold", settings, *values)
            assert (events, standing.phase) == ([], "normal")


@pytest.mark.parametrize(
    ("kind", "settings", "zh", "en"),
    [
        (
            "threshold", {**ABOVE, "duration_seconds": 600}, "细颗粒物 ≥ 75 µg/m³，持续 10分钟",
            "PM2.5 ≥ 75 µg/m³ for 10 min",
        ),
        ("threshold", BELOW, "细颗粒物 ≤ 3 µg/m³", "PM2.5 ≤ 3 µg/m³"),
        ("rate", RATE, "细颗粒物 3分钟内上升 ≥ 20 µg/m³", "PM2.5 rises by ≥ 20 µg/m³ within 3 min"),
        (
            "deviation", DEVIATION, "细颗粒物偏离同时段常态 3 倍离差",
            "PM2.5 more than 3 × MAD away from the usual of the hour",
        ),
        ("silence", {"missed": 3}, "连续 3 个周期无数据", "no reading for 3 cadences"),
    ],
)  # fmt: skip
def test_a_rule_says_what_it_compares(kind: str, settings: dict[str, Any], zh: str, en: str) -> None:
    assert sentence(kind, settings, Text("细颗粒物", "PM2.5"), "µg/m³") == Text(zh, en)


THREE_OF_FIVE: dict[str, Any] = {**ABOVE, "broken_samples": 3, "of_samples": 5}


def test_three_of_the_last_five_readings() -> None:
    events, standing = judge("threshold", THREE_OF_FIVE, 80, 60, 90, 40, 76, 40, 40, 60, 40, 40, 40, 80)
    # broken at 0, 2 and 4; the calm of 5 and 6 is interrupted at 7, and three in a row have recovered at 10
    assert events == [Raised(4 * MINUTE, 76, 0, 90), Cleared(10 * MINUTE, 40)]
    assert (standing.phase, standing.since) == ("pending", 11 * MINUTE)


def test_two_of_the_last_five_are_not_enough_and_are_forgotten_in_time() -> None:
    events, standing = judge("threshold", THREE_OF_FIVE, 80, 40, 40, 40, 80, 80, 40, 40, 40)
    assert (events, standing.phase) == ([], "pending")  # minute 0 is out of the window when 5 is broken
    assert judge("threshold", THREE_OF_FIVE, 80, *[40] * 6)[1] == Standing("normal", 5 * MINUTE, 6 * MINUTE)


def test_a_gap_begins_counting_anew() -> None:
    standing = Standing()
    at = [0, 1, 10, 11, 12]
    events = decide("threshold", THREE_OF_FIVE, standing, [(n * MINUTE, 80.0) for n in at], GAP)
    assert events == [Raised(12 * MINUTE, 80.0, 10 * MINUTE, 80.0)]


def test_n_of_m_counts_batch_by_batch_as_at_once() -> None:
    values = (80, 60, 90, 40, 76, 95, 40, 40, 40)
    at_once, _ = judge("threshold", THREE_OF_FIVE, *values)
    standing, found = Standing(), []
    for reading in series(*values):
        found += decide("threshold", THREE_OF_FIVE, standing, [reading], GAP)
    assert found == at_once


def test_a_rate_and_a_deviation_may_count_readings_too() -> None:
    twice = {"broken_samples": 2, "of_samples": 3}
    assert judge("rate", {**RATE, **twice}, 10, 40, 41)[0] == [Raised(2 * MINUTE, 41, MINUTE, 41)]
    assert judge("deviation", {**DEVIATION, **twice}, 17, 10, 18, usual=usual)[0] == [Raised(2 * MINUTE, 18, 0, 18)]


def test_outside_of_its_hours_a_rule_raises_nothing_and_what_stands_clears() -> None:
    standing = Standing()
    events = decide(
        "threshold", ABOVE, standing, series(80, 80, 80, 80, 80), GAP, inside=lambda at: MINUTE <= at < 3 * MINUTE
    )
    assert events == [Raised(MINUTE, 80, MINUTE, 80), Cleared(3 * MINUTE, 80)]
    lasting = {**ABOVE, "duration_seconds": 120}
    assert not decide("threshold", lasting, Standing(), series(80, 80, 80), GAP, inside=lambda at: at != MINUTE)


def test_where_nobody_said_how_often_readings_come_no_gap_is_too_long() -> None:
    lasting = {**ABOVE, "duration_seconds": 120}
    gap = longest_gap(0, 3)
    assert decide("threshold", lasting, Standing(), [(0, 80.0), (90 * MINUTE, 80.0)], gap) == [
        Raised(90 * MINUTE, 80.0, 0, 80.0)
    ]


def test_the_words_tell_of_readings_and_hours() -> None:
    settings = {**THREE_OF_FIVE, "days": "workdays", "hours": ["22:00-06:00"]}
    words = sentence("threshold", settings, Text("噪声", "Noise"), "dB")
    assert words.en == "Noise ≥ 75 dB in 3 of the last 5 readings (working days 22:00–06:00 only)"
    assert words.zh == "噪声 ≥ 75 dB，最近 5 次读数中至少 3 次（仅工作日22:00–06:00）"
