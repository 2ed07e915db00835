"""Exact decimal numbers as scaled integers: sums do not depend on their order, and equal means equal."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

LARGEST = 2**63 - 1


def to_scaled(value: Decimal | int | float | str, places: int) -> int:
    """`value` × 10^places, rounded half to even; a float counts as the shortest decimal that reads back to it.

    Raises ValueError for NaN, infinity, text that is no number, and what does not fit into 63 bits.
    """
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a number.") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number.")
    if number.adjusted() + places > 19:
        raise ValueError(f"{value!r} is too large for {places} places.")
    scaled = int(number.scaleb(places).to_integral_value(ROUND_HALF_EVEN))
    if abs(scaled) > LARGEST:
        raise ValueError(f"{value!r} is too large for {places} places.")
    return scaled


def from_scaled(scaled: int, places: int) -> Decimal:
    """The decimal number that a scaled integer stands for."""
    return Decimal(scaled).scaleb(-places)


def ratio(numerator: Decimal | int, denominator: Decimal | int, places: int) -> Decimal | None:
    """numerator ÷ denominator, rounded half to even; None when the denominator is 0: unknown is not zero."""
    if not denominator:
        return None
    return (Decimal(numerator) / Decimal(denominator)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
