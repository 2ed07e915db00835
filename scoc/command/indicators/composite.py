"""The composite health index (城市健康指数) of scores and weights: pure, exact, and able to say why.

DOMAIN.md 3.4: arithmetic mean by weights within and over themes; a missing child leaves its weight to its neighbours;
a bottom-line child that fails caps its theme; the points lost add up to what the index lacks of 100, to the tenth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from scoc.kit.scaled import from_scaled

PLACES = 1
"""The index and what each child takes from it are given in tenths of a point."""


@dataclass(frozen=True, slots=True)
class Child:
    """One indicator as it enters the index. `score` None: it has no value that may be used."""

    code: str
    theme: str
    weight: Decimal
    score: Fraction | None
    failed: bool = False
    """A bottom-line indicator that is red."""


@dataclass(frozen=True, slots=True)
class ChildPart:
    """What a child did: its share of the whole (0 to 1) and the points it took from 100."""

    child: Child
    share: Fraction
    lost: Decimal | None


@dataclass(frozen=True, slots=True)
class ThemePart:
    """A theme's score, its share of the whole, the points its children took, and whether it was capped."""

    code: str
    score: Fraction | None
    share: Fraction
    lost: Decimal | None
    capped: bool


@dataclass(frozen=True, slots=True)
class Composite:
    """An index with its parts; `value` None while too little is known."""

    value: Decimal | None
    coverage: Fraction
    themes: tuple[ThemePart, ...]
    children: tuple[ChildPart, ...]


def compose(
    children: Sequence[Child], weights: Mapping[str, Decimal], *, cap: Decimal, least_coverage: Decimal
) -> Composite:
    """The index of children by theme weights. Themes without any child do not count at all."""
    by_theme: dict[str, list[Child]] = {}
    for child in children:
        if child.weight > 0 and child.theme in weights:
            by_theme.setdefault(child.theme, []).append(child)
    known = {theme: [child for child in group if child.score is not None] for theme, group in by_theme.items()}
    coverage = _coverage(by_theme, known, weights)
    whole = sum((Fraction(weights[theme]) for theme, group in known.items() if group), Fraction())
    shares = {theme: Fraction(weights[theme]) / whole if group else Fraction() for theme, group in known.items()}
    scores: dict[str, Fraction] = {}
    capped: dict[str, bool] = {}
    lost: dict[str, Fraction] = {}
    parts: dict[str, Fraction] = {}
    for theme, group in known.items():
        if group:
            scores[theme], capped[theme] = _theme(group, shares[theme], Fraction(cap), parts, lost)
    if not scores or coverage < Fraction(least_coverage):
        return Composite(
            None, coverage,
            tuple(ThemePart(theme, scores.get(theme), shares[theme], None, capped.get(theme, False))
                  for theme in known),
            tuple(ChildPart(child, parts.get(child.code, Fraction()), None)
                  for group in by_theme.values() for child in group),
        )  # fmt: skip
    exact = sum((shares[theme] * score for theme, score in scores.items()), Fraction())
    value = from_scaled(round(exact * 10**PLACES), PLACES)
    points = _whole_tenths(lost, (100 - value))
    return Composite(
        value, coverage,
        tuple(
            ThemePart(theme, scores.get(theme), shares[theme],
                      sum((points[child.code] for child in group), Decimal(0)) if group else None,
                      capped.get(theme, False))
            for theme, group in known.items()
        ),
        tuple(ChildPart(child, parts.get(child.code, Fraction()), points.get(child.code))
              for group in by_theme.values() for child in group),
    )  # fmt: skip


def _coverage(
    all_: Mapping[str, list[Child]], known: Mapping[str, list[Child]], weights: Mapping[str, Decimal]
) -> Fraction:
    """Share of the weights that had a value."""
    whole = sum((Fraction(weights[theme]) for theme in all_), Fraction())
    if not whole:
        return Fraction()
    there = sum(
        (Fraction(weights[theme]) * _weight(known[theme]) / _weight(group) for theme, group in all_.items()),
        Fraction(),
    )
    return there / whole


def _weight(group: Sequence[Child]) -> Fraction:
    return sum((Fraction(child.weight) for child in group), Fraction())


def _theme(
    group: Sequence[Child], share: Fraction, cap: Fraction, parts: dict[str, Fraction], lost: dict[str, Fraction]
) -> tuple[Fraction, bool]:
    """Score a theme of known children, and note each child's share and exact loss."""
    whole = _weight(group)
    score = Fraction()
    for child in group:
        assert child.score is not None
        part = Fraction(child.weight) / whole
        parts[child.code] = share * part
        lost[child.code] = share * part * (100 - child.score)
        score += part * child.score
    failed = [child for child in group if child.failed]
    if not failed or score <= cap:
        return score, False
    # What the cap takes is the doing of the bottom-line children that failed.
    blame = _weight(failed)
    for child in failed:
        lost[child.code] += share * (score - cap) * Fraction(child.weight) / blame
    return cap, True


def _whole_tenths(exact: Mapping[str, Fraction], total: Decimal) -> dict[str, Decimal]:
    """Losses in tenths that add up to `total` exactly: rounded down, then the largest remainders get one more."""
    scaled = {code: value * 10**PLACES for code, value in exact.items()}
    floors = {code: value.numerator // value.denominator for code, value in scaled.items()}
    over = int(total.scaleb(PLACES)) - sum(floors.values())
    by_remainder = sorted(scaled, key=lambda code: (floors[code] - scaled[code], code))
    for code in by_remainder[:over]:
        floors[code] += 1
    return {code: from_scaled(units, PLACES) for code, units in floors.items()}
