"""Scaled integers are exact."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.scaled import LARGEST, from_scaled, ratio, to_scaled

places = st.integers(0, 18)


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (0.1, 3, 100),
        ("0.0005", 3, 0),
        ("0.0015", 3, 2),
        ("-0.0015", 3, -2),
        (Decimal("0.00050000000000000000000000000000000000001"), 3, 1),
        (12, 2, 1200),
        ("1e-30", 18, 0),
        ("1e-999999999", 2, 0),
        ("0e999", 2, 0),
        ("1.5E3", 0, 1500),
        (" 7.25 ", 1, 72),
        (-0.0, 4, 0),
        (np.float64(35.7), 1, 357),
        (LARGEST, 0, LARGEST),
        ("9.223372036854775807", 18, LARGEST),
    ],
)
def test_to_scaled(value: Decimal | int | float | str, places: int, expected: int) -> None:
    """Numbers are rounded once, half to even, as they are written."""
    assert to_scaled(value, places) == expected


def test_order_of_sums_does_not_matter() -> None:
    """0.1 + 0.2 is 0.3."""
    assert to_scaled(0.1, 3) + to_scaled(0.2, 3) == to_scaled(0.3, 3)


@pytest.mark.parametrize(
    "bad",
    [
        "nan",
        "-Infinity",
        float("inf"),
        float("nan"),
        Decimal("sNaN"),
        "x",
        "",
        "1_000",
        True,
        "1e30",
        LARGEST,
    ],
)
def test_what_cannot_be_held_is_refused(bad: Decimal | int | float | str) -> None:
    """No number, no finite number, or too large for 63 bits: an error."""
    with pytest.raises(ValueError, match=r"number|large"):
        to_scaled(bad, 3)


@pytest.mark.parametrize("places", [-1, 19])
def test_places_are_few(places: int) -> None:
    """Places lie between none and eighteen."""
    for use in (lambda: to_scaled(1, places), lambda: from_scaled(1, places), lambda: ratio(1, 2, places)):
        with pytest.raises(ValueError, match="places"):
            use()


def test_from_scaled_keeps_its_places() -> None:
    """What was measured to three places is shown with three."""
    assert str(from_scaled(1500, 3)) == "1.500"
    assert from_scaled(-1234, 3) == Decimal("-1.234")
    assert str(from_scaled(0, 2)) == "0.00"


@settings(deadline=None)
@given(st.integers(-LARGEST, LARGEST), places)
def test_there_and_back(number: int, places: int) -> None:
    """Every integer of 63 bits survives the way through a decimal and through its text."""
    assert to_scaled(from_scaled(number, places), places) == number
    assert to_scaled(str(from_scaled(number, places)), places) == number


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_never_off_by_more_than_half(value: float, places: int) -> None:
    """The integer is the nearest one."""
    assert abs(to_scaled(value, places) - Fraction(repr(value)) * 10**places) <= Fraction(1, 2)


def test_ratio() -> None:
    """A ratio of sums is rounded once; nothing out of nothing is unknown, not zero."""
    assert ratio(1, 3, 4) == Decimal("0.3333")
    assert ratio(2, 3, 4) == Decimal("0.6667")
    assert ratio(1, 8, 2) == Decimal("0.12")
    assert ratio(-3, 8, 2) == Decimal("-0.38")
    assert str(ratio(1, 2, 4)) == "0.5000"
    assert ratio(Decimal("0.1"), Decimal("0.4"), 2) == Decimal("0.25")
    assert ratio(10**40, 3, 0) == 10**40 // 3
    assert ratio(5, 0, 4) is None
    assert ratio(0, 0, 4) is None
    assert ratio(0, 7, 2) == 0
    with pytest.raises(ValueError, match="finite"):
        ratio(Decimal("nan"), 1, 2)
