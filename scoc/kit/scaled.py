"""Exact decimal numbers as scaled integers: sums do not depend on their order, and equal means equal."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from fractions import Fraction

LARGEST = 2**63 - 1
MOST_PLACES = 18
_WIDE = Context(prec=64, rounding=ROUND_HALF_EVEN)


def to_scaled(value: Decimal | int | float | str, places: int) -> int:
    """`value` × 10^places, rounded half to even; a float counts as its shortest decimal, the one it prints.

    Raises ValueError for NaN, infinity, booleans, text that is no number, what does not fit into 63 bits, and
    places outside 0 to 18.
    """
    _check(places)
    number = _decimal(value)
    if number and number.adjusted() + places > 19:
        raise ValueError(f"{value!r} is too large for {places} places.")
    # One rounding, on all digits: rounding twice would move a half that was none.
    rounded = number.quantize(Decimal((0, (1,), -places)), context=_WIDE)
    scaled = int(rounded.scaleb(places, context=_WIDE))
    if abs(scaled) > LARGEST:
        raise ValueError(f"{value!r} is too large for {places} places.")
    return scaled


def from_scaled(scaled: int, places: int) -> Decimal:
    """The decimal number that a scaled integer stands for, with all its places: 1500 of 3 is 1.500."""
    _check(places)
    return Decimal((int(scaled < 0), tuple(map(int, str(abs(scaled)))), -places))


def ratio(numerator: Decimal | int, denominator: Decimal | int, places: int) -> Decimal | None:
    """numerator ÷ denominator, rounded half to even; None when the denominator is 0: unknown is not zero.

    Raises ValueError for NaN and infinity.
    """
    _check(places)
    above, below = Fraction(_decimal(numerator)), Fraction(_decimal(denominator))
    if not below:
        return None
    return from_scaled(round(above / below * 10**places), places)


def _check(places: int) -> None:
    if not 0 <= places <= MOST_PLACES:
        raise ValueError(f"{places} is no number of places from 0 to {MOST_PLACES}.")


def _decimal(value: Decimal | int | float | str) -> Decimal:
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError(f"{value!r} is not a number.")
    try:
        # float's own repr, since a subclass such as numpy's writes its name as well.
        number = Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a number.") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number.")
    return number
