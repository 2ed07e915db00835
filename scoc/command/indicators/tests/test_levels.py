"""Levels and scores by thresholds, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoc.command.indicators.levels import level_of, score_of, signal_of

D = Decimal
RATE = {"best": "100", "green": "95", "yellow": "90", "worst": "60"}
AQI = {"best": "0", "green": "100", "yellow": "150", "orange": "200", "worst": "300"}
BAND_LOW = {"best": "80", "green": "75", "yellow": "70", "worst": "50"}
BAND_HIGH = {"best": "90", "green": "93", "yellow": "96", "worst": "100"}


@pytest.mark.parametrize(
    ("value", "level"), [("100", "green"), ("95", "green"), ("94.9", "yellow"), ("90", "yellow"), ("89.9", "red")]
)
def test_higher_is_better(value: str, level: str) -> None:
    assert level_of(D(value), RATE, None) == level


@pytest.mark.parametrize(
    ("value", "level"),
    [("0", "green"), ("100", "green"), ("101", "yellow"), ("150", "yellow"), ("151", "orange"), ("200", "orange"),
     ("201", "red"), ("500", "red")],
)  # fmt: skip
def test_lower_is_better(value: str, level: str) -> None:
    assert level_of(D(value), None, AQI) == level


@pytest.mark.parametrize(
    ("value", "level"),
    [("74.9", "yellow"), ("75", "green"), ("85", "green"), ("93", "green"), ("93.1", "yellow"), ("96.1", "red"),
     ("69", "red")],
)  # fmt: skip
def test_a_band(value: str, level: str) -> None:
    assert level_of(D(value), BAND_LOW, BAND_HIGH) == level


def test_unknown_has_no_colour_and_no_score() -> None:
    assert level_of(None, RATE, None) == "unknown"
    assert score_of(None, RATE, None) is None


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("100", Fraction(100)), ("95", Fraction(80)), ("90", Fraction(60)), ("60", Fraction(0)), ("10", Fraction(0)),
        ("97.5", Fraction(90)),  # half of the way from 95 to 100
        ("93.6", Fraction(372, 5)),  # 80 - 20 * (95-93.6)/5 = 74.4
        ("75", Fraction(30)),  # 60 - 60 * 15/30
    ],
)  # fmt: skip
def test_scores_go_in_straight_pieces(value: str, score: Fraction) -> None:
    assert score_of(D(value), RATE, None) == score


def test_a_score_where_lower_is_better() -> None:
    # AQI 129: 80 - 20 * (129-100)/50 = 68.4
    assert score_of(D(129), None, AQI) == Fraction(342, 5)
    assert score_of(D(50), None, AQI) == 90


def test_a_score_in_a_band_is_the_worse_side() -> None:
    assert score_of(D(85), BAND_LOW, BAND_HIGH) == 100
    assert score_of(D(93), BAND_LOW, BAND_HIGH) == 80
    assert score_of(D(60), BAND_LOW, BAND_HIGH) == 30  # 60 - 60 * 10/20


def test_limits_that_meet_leave_no_gap() -> None:
    steep = {"best": "0", "green": "0", "yellow": "0", "worst": "1"}
    assert level_of(D(0), None, steep) == "green"
    assert score_of(D(0), None, steep) == 100
    assert level_of(D(1), None, steep) == "red"
    assert score_of(D(1), None, steep) == 0


def test_a_signal_worsens_at_the_limit_and_recovers_past_it() -> None:
    count = {"best": "0", "green": "30", "yellow": "60", "worst": "150"}
    steps = [("30", "green"), ("31", "yellow"), ("29", "yellow"), ("28", "yellow"), ("27", "green"), ("61", "red"),
             ("58", "red"), ("57", "yellow"), ("20", "green")]  # fmt: skip
    before: str | None = None
    for value, expected in steps:
        before = signal_of(D(value), None, count, D(3), before)
        assert (value, before) == (value, expected)
    assert signal_of(None, None, count, D(3), "red") == "unknown"
    assert signal_of(D(29), None, count, D(3), "unknown") == "green"


@given(st.decimals(min_value=-1000, max_value=1000, places=3), st.decimals(min_value=-1000, max_value=1000, places=3))
def test_a_better_value_never_scores_less(one: Decimal, other: Decimal) -> None:
    worse, better = sorted((one, other))
    low, high = score_of(worse, RATE, None), score_of(better, RATE, None)
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= 100
    order = ["red", "yellow", "green"]
    assert order.index(level_of(worse, RATE, None)) <= order.index(level_of(better, RATE, None))
