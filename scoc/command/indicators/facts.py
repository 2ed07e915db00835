"""What indicators tell the city: crossings of thresholds, never each value."""

from __future__ import annotations

from dataclasses import dataclass

from scoc.core.facts import Code, Fact, fact

SEE = "indicators.read_values"


@fact("indicators.turned", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorTurned(Fact):
    """An indicator went from one level to another in an area; `subject` is `indicators:<code>`."""

    area: Code
    was: Code
    level: Code
    value: int
    """Id of the value row that turned it."""


@fact("indicators.recomputed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorRecomputed(Fact):
    """Past windows were computed anew and some came out different; earlier revisions stay."""

    windows: int
