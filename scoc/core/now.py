"""Two clocks: `city_now` (what time it is in the run) and `wall_now` (security, queues, `recorded_at`).

Nothing else in SCOC asks for the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from scoc.core.remembered import forgettable

if TYPE_CHECKING:
    from scoc.core.models import Run

_REFRESH_SECONDS = 1.0


def _system_clock() -> datetime:
    return datetime.now(UTC)


_wall: ContextVar[Callable[[], datetime]] = ContextVar("scoc_wall", default=_system_clock)
_pinned: ContextVar[datetime | None] = ContextVar("scoc_pinned", default=None)
_run: ContextVar[int | None] = ContextVar("scoc_run", default=None)


@dataclass(frozen=True, slots=True)
class RunClock:
    """The clock of one run: city time = origin + elapsed wall time × speed."""

    run_id: int
    kind: str
    city_origin: datetime | None
    wall_origin: datetime | None
    speed: float
    ended_at: datetime | None = None

    def at(self, wall: datetime) -> datetime:
        """City time at the wall time `wall`; the clock of a run that ended stands still."""
        if self.ended_at is not None:
            wall = min(wall, self.ended_at)
        if self.city_origin is None or self.wall_origin is None:
            return wall
        return self.city_origin + (wall - self.wall_origin) * self.speed

    def wall_at(self, city: datetime) -> datetime | None:
        """The wall time at which it was `city` in the city; None where the clock stood still."""
        if self.city_origin is None or self.wall_origin is None:
            return city
        return self.wall_origin + (city - self.city_origin) / self.speed if self.speed else None


@dataclass(slots=True)
class _Known:
    until: float = 0.0
    active_run: int | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    clocks: dict[int, RunClock] | None = None


_known = _Known()


@forgettable
def forget_clocks() -> None:
    """Read runs and zone anew at the next question; called when one of them was changed."""
    _known.until = 0.0


def _clock_of(run: Run) -> RunClock:
    return RunClock(run.pk, run.kind, run.city_origin, run.wall_origin, run.speed_millis / 1000, run.ended_at)


def _refresh() -> _Known:
    if _known.clocks is not None and time.monotonic() < _known.until:
        return _known
    from scoc.core.models import Installation, Run

    installation = Installation.objects.only("active_run_id", "timezone").first()
    _known.active_run = installation.active_run_id if installation else None
    _known.zone = ZoneInfo(installation.timezone) if installation else ZoneInfo("Asia/Shanghai")
    _known.clocks = {run.pk: _clock_of(run) for run in Run.objects.filter(ended_at=None)}
    _known.until = time.monotonic() + _REFRESH_SECONDS
    return _known


def wall_now() -> datetime:
    """The real time, UTC."""
    return _wall.get()()


def city_now() -> datetime:
    """The city's time in the current run, UTC."""
    return city_at(wall_now())


def city_at(wall: datetime) -> datetime:
    """The city's time in the current run at a wall time, UTC; a clock that stands still has one time alone."""
    pinned = _pinned.get()
    if pinned is not None:
        return pinned
    clock = run_clock()
    return clock.at(wall) if clock else wall


def run_clock(run_id: int | None = None) -> RunClock | None:
    """The clock of a run (the current one by default); None before a city was applied."""
    known = _refresh()
    chosen = run_id or _run.get() or known.active_run
    if chosen is None or known.clocks is None:
        return None
    if chosen not in known.clocks:
        from scoc.core.models import Run

        ended = Run.objects.filter(pk=chosen).first()
        if ended is None:
            return None
        known.clocks[chosen] = _clock_of(ended)
    return known.clocks[chosen]


def recorded_by(as_of: datetime | None) -> datetime | None:
    """Up to which wall time (`recorded_at`) a row counts as known at the city time `as_of`; None: all that is recorded.

    In a run whose clock is shifted or fast the two clocks differ. What was recorded before the clock was set counts as
    known: a replay, and the history that a demo begins with, are recorded today whatever time the city has. So whoever
    asks bounds by `happened_at` as well.
    """
    if as_of is None or as_of >= city_now():
        return None
    clock = run_clock()
    if clock is None:
        return as_of
    if clock.kind == "replay":
        return None
    if clock.city_origin is not None and clock.wall_origin is not None and as_of < clock.city_origin:
        return clock.wall_origin
    return clock.wall_at(as_of)


def current_run() -> int:
    """The id of the run that this call belongs to. Raises RuntimeError before a city was applied."""
    return _run.get() or real_run()


def real_run() -> int:
    """The id of the run of real life: devices, machines and timed work of the installation live in it, whatever is
    rehearsed beside it. Raises RuntimeError before a city was applied."""
    run_id = _refresh().active_run
    if run_id is None:
        raise RuntimeError("No city is applied yet; run `scoc city apply <name>`.")
    return run_id


def is_real(run_id: int) -> bool:
    """Whether this is the run that the installation lives in; one that was made for a replay lives in that."""
    return _refresh().active_run == run_id


def open_runs() -> list[int]:
    """The ids of the runs that have not ended, oldest first; empty before a city was applied."""
    known = _refresh()
    return sorted(run_id for run_id, clock in (known.clocks or {}).items() if clock.ended_at is None)


def city_zone() -> ZoneInfo:
    """The time zone of the city's pack."""
    return _refresh().zone


def city_today() -> date:
    """The calendar day in the city."""
    return city_now().astimezone(city_zone()).date()


def wall_today() -> date:
    """The calendar day of the real city, whatever the clock of the run says; posts hold by it."""
    return wall_now().astimezone(city_zone()).date()


@contextmanager
def in_run(run_id: int | None) -> Iterator[None]:
    """Whatever happens inside belongs to this run; None keeps the one it is in."""
    token = _run.set(run_id or _run.get())
    try:
        yield
    finally:
        _run.reset(token)


@contextmanager
def city_time(moment: datetime) -> Iterator[None]:
    """Inside, the city's clock stands at `moment`: replays and tests drive time by this."""
    token = _pinned.set(moment)
    try:
        yield
    finally:
        _pinned.reset(token)


@contextmanager
def wall_time(source: Callable[[], datetime]) -> Iterator[None]:
    """Inside, the real clock is `source`; for tests only."""
    token = _wall.set(source)
    try:
        yield
    finally:
        _wall.reset(token)
