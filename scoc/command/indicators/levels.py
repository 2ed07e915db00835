"""Where a value stands: its level by the thresholds, and its score by the same limits. Pure, on exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from scoc.command.indicators.models import Level

Limits = Mapping[str, Any]
"""best, green, yellow, orange (may be missing) and worst, as decimals in text."""
_ORDER = (Level.GREEN, Level.YELLOW, Level.ORANGE, Level.RED)
_SCORES = {"best": 100, "green": 80, "yellow": 60, "worst": 0}
"""DOMAIN.md 3.4: red 0-60, yellow 60-80, green 80-100, on fixed bounds."""


def _sides(low: Limits | None, high: Limits | None) -> list[tuple[int, Limits]]:
    """The sides with a sign that makes bigger worse."""
    return [(sign, side) for sign, side in ((-1, low), (1, high)) if side]


def _limit(sign: int, side: Limits, name: str) -> Fraction:
    return sign * Fraction(Decimal(side[name]))


def _level(value: Fraction, sign: int, side: Limits, margin: Fraction) -> Level:
    badness = sign * value + margin
    for level in (Level.GREEN, Level.YELLOW, Level.ORANGE):
        if side.get(level.value) is not None and badness <= _limit(sign, side, level.value):
            return level
    return Level.RED


def level_of(
    value: Decimal | Fraction | None, low: Limits | None, high: Limits | None, margin: Decimal | Fraction = Decimal(0)
) -> Level:
    """The worst level over the sides; a value at a limit has the better level. `margin` is what recovery must add."""
    if value is None:
        return Level.UNKNOWN
    found = [_level(Fraction(value), sign, side, Fraction(margin)) for sign, side in _sides(low, high)]
    return max(found, key=_ORDER.index)


def signal_of(
    value: Decimal | None, low: Limits | None, high: Limits | None, hysteresis: Decimal, before: str | None
) -> Level:
    """The level that is told of: it worsens at the limit, and recovers only past the limit by the hysteresis."""
    level = level_of(value, low, high)
    if before not in _ORDER or level is Level.UNKNOWN:
        return level
    held = Level(before)
    if _ORDER.index(level) >= _ORDER.index(held):
        return level
    # Recovering: as far as the value has passed each limit by the margin, and never worse than it was.
    return min(level_of(value, low, high, hysteresis), held, key=_ORDER.index)


def score_of(value: Decimal | None, low: Limits | None, high: Limits | None) -> Fraction | None:
    """0 to 100, in straight pieces between the fixed limits; of two sides the worse one. None for an unknown value."""
    if value is None:
        return None
    return min(_score(Fraction(value), sign, side) for sign, side in _sides(low, high))


def _score(value: Fraction, sign: int, side: Limits) -> Fraction:
    badness = sign * value
    steps = [(_limit(sign, side, name), Fraction(score)) for name, score in _SCORES.items()]
    if badness <= steps[0][0]:
        return Fraction(100)
    for (better, more), (worse, less) in pairwise(steps):
        if badness <= worse:
            return more - (more - less) * (badness - better) / (worse - better)
    return Fraction(0)
