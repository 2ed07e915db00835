"""What modules offer to count (度量): each names its permission and gives numerator and denominator, not a rate alone.

A module declares its measures in `measures.py` with `@measure(name, …)`; indicators and statistics read them by name.
Ratios are made above as ratio of sums, so a measure gives the two sums.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from scoc.core.acting import Viewer
from scoc.core.models import Area

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """What is measured: [start, end) in an area and all below it (None: the whole city), as known at `as_of`.

    `start` and `end` are times of the city; `as_of` is a real (wall) time and bounds `recorded_at`.
    """

    start: datetime
    end: datetime
    as_of: datetime
    area: Area | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement. For a plain count or mean `denominator` is None and `numerator` is the value itself."""

    numerator: Decimal | None
    """None: unknown, which is never zero."""
    denominator: Decimal | None = None
    samples: int = 0
    """How many rows it rests on."""
    latest_at: datetime | None = None
    """When the newest of these rows happened; None where there is none."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """What went in, as ids, counts and decimals in text, so that the figure can be made again."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure on offer."""

    name: str
    permission: str
    give: Callable[[Viewer, Window, dict[str, Any]], Measured]
    """The last argument are the definition's own parameters, e.g. {"property": "pm25"}."""


_kept: ContextVar[dict[Hashable, Any] | None] = ContextVar("scoc_measures_kept", default=None)


@contextmanager
def measuring_together() -> Iterator[None]:
    """Inside, nothing that is measured changes: what was counted for one area may serve the others (`once`)."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def once(key: Hashable, count: Callable[[], T]) -> T:
    """What `count` gives, counted once for all measures that are taken together."""
    kept = _kept.get()
    if kept is None:
        return count()
    if key not in kept:
        kept[key] = count()
    found: T = kept[key]
    return found


MEASURES: dict[str, Measure] = {}
Give = Callable[[Viewer, Window, dict[str, Any]], Measured]


def measure(name: str, *, permission: str) -> Callable[[Give], Give]:
    """Offer a measure called `<module>.<what>`; the function checks nothing, `take` does."""

    def make(give: Give) -> Give:
        if name in MEASURES:
            raise ValueError(f"Two measures are called {name}.")
        MEASURES[name] = Measure(name, permission, give)
        return give

    return make


def take(viewer: Viewer, name: str, window: Window, parameters: dict[str, Any] | None = None) -> Measured:
    """Measure now. Raises KeyError for an unknown measure and NotAllowed without its permission."""
    from scoc.core.access import allowed

    found = MEASURES[name]
    allowed(viewer, found.permission)
    return found.give(viewer, window, parameters or {})
