"""What was known at a time: the bound on `recorded_at` that belongs to a time in the city."""

from __future__ import annotations

from datetime import datetime

from scoc.core import now
from scoc.core.models import Run


def recorded_bound(as_of: datetime) -> datetime | None:
    """By when a row must be recorded to be known at `as_of`, a time in the city; None: every row is known.

    In a replay all rows are recorded today, whatever time the city has: there what had happened counts as known.
    """
    if as_of >= now.city_now():
        return None
    clock = now.run_clock()
    if clock is None or clock.kind == Run.Kind.REPLAY:
        return None
    if clock.city_origin is None or clock.wall_origin is None or clock.speed <= 0:
        return as_of
    return clock.wall_origin + (as_of - clock.city_origin) / clock.speed
