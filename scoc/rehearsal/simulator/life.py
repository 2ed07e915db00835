"""The city lives on: from one moment to the next its devices report, its people call, its staff works."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from scoc.core.access import system_actor
from scoc.core.now import city_time
from scoc.core.tasks import deliver_all, enqueue_due, next_happening
from scoc.rehearsal.simulator.reports import Report, reports_of
from scoc.rehearsal.simulator.signals import Readings, readings_of
from scoc.rehearsal.simulator.staff import Staff
from scoc.rehearsal.simulator.town import ACTOR, Town
from scoc.sensing import actions as sensing

SOURCE = "simulator"


class Source(Protocol):
    """Where readings and reports of a span come from: made up, or real ones of the past."""

    def batch(self, start: datetime, end: datetime) -> Any:
        """Readings after `start` and up to `end`, as a record batch for `sensing.import_table`."""

    def reports(self, start: datetime, end: datetime) -> list[Report]:
        """Reports after `start` and up to `end`, in order."""


@dataclass(slots=True)
class MadeUp:
    """The simulated city as a source; a day is drawn once."""

    town: Town
    days: dict[date, tuple[Readings, list[Report]]] = field(default_factory=dict)

    def _day(self, day: date) -> tuple[Readings, list[Report]]:
        if day not in self.days:
            for old in [known for known in self.days if known < day - timedelta(days=1)]:
                del self.days[old]
            drawn = readings_of(self.town, day)
            self.days[day] = (drawn, reports_of(self.town, day, drawn))
        return self.days[day]

    def _days(self, start: datetime, end: datetime) -> Iterator[date]:
        day = start.astimezone(self.town.zone).date()
        last = end.astimezone(self.town.zone).date()
        while day <= last:
            yield day
            day += timedelta(days=1)

    def readings(self, start: datetime, end: datetime) -> Readings:
        """Readings after `start` and up to `end`."""
        return Readings.joined([self._day(day)[0].between(start, end) for day in self._days(start, end)])

    def batch(self, start: datetime, end: datetime) -> Any:
        """The same as a record batch."""
        found = self.readings(start, end)
        return pa.record_batch(
            {
                "device_key": pa.array(found.device), "property": pa.array(found.property),
                "at_micros": pa.array(found.at_micros), "value": pa.array(found.value),
            }
        )  # fmt: skip

    def reports(self, start: datetime, end: datetime) -> list[Report]:
        """Reports after `start` and up to `end`, in order."""
        return [r for day in self._days(start, end) for r in self._day(day)[1] if start < r.at <= end]


@dataclass(slots=True)
class Tally:
    """What came of the readings of a life so far."""

    readings: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    reports: int = 0


SELDOM = {"indicators.refresh": timedelta(hours=12)}
"""Timed tasks of long replays: run so seldom, they catch up what was due between."""
NEVER = frozenset({"indicators.settle"})
"""Of no use in a replay: no reading comes late."""


class Life:
    """Lets time pass. In replays everything happens in this process, under the city's time of each event."""

    def __init__(
        self, source: Source, staff: Staff | None, name: str = SOURCE, fine_from: datetime | None = None
    ) -> None:
        """From `fine_from` on every timed task runs in each step."""
        self.fine_from = fine_from
        self.last_run: dict[str, datetime] = {}
        self.source = source
        self.staff = staff
        self.name = name
        self.actor = system_actor(ACTOR)
        self.tally = Tally()

    def take_readings(self, batch: Any) -> None:
        """Store readings as their rules judge them; what is at fault is refused and counted there too."""
        if not batch.num_rows:
            return
        result = sensing.import_table(self.actor, self.name, [batch], judged=True)
        self.tally.readings += result.rows
        self.tally.stored += result.stored
        self.tally.duplicate += result.duplicate
        for reason, number in result.rejected.items():
            self.tally.rejected[reason] = self.tally.rejected.get(reason, 0) + number

    def pass_time(self, start: datetime, end: datetime, step: timedelta, told: Callable[[datetime], None]) -> None:
        """Replay a span: step by step readings, then reports and staff in the order of their times."""
        at = start
        while at < end:
            following = min(at + step, end)
            self._one_step(at, following)
            told(following)
            at = following

    def _one_step(self, start: datetime, end: datetime) -> None:
        """Readings of the span first; then reports, facts and the staff's steps in the order of the city's time."""
        with city_time(end):
            self.take_readings(self.source.batch(start, end))
        reports = deque(self.source.reports(start, end) if self.staff is not None else ())
        while True:
            if self.staff is not None:
                self.staff.learn()
            told, planned = next_happening(), self.staff.next_at() if self.staff else None
            called = reports[0].at.astimezone(UTC) if reports else None
            moment = min((at for at in (told, planned, called) if at is not None), default=None)
            if moment is None or moment > end:
                break
            if moment == called and self.staff is not None:
                self.tally.reports += 1
                self.staff.at(moment, partial(self.staff.report, reports.popleft()))
            elif moment == planned and self.staff is not None:
                self.staff.work_until(moment)
            with city_time(max(moment, start)):
                deliver_all(happened_by=moment)
        self.do_timed(end)

    def do_timed(self, moment: datetime) -> None:
        """Timed tasks that are due."""
        waiting = set(NEVER)
        for name, pause in SELDOM.items():
            fine = self.fine_from is not None and moment >= self.fine_from
            if not fine and moment - self.last_run.get(name, moment - pause) < pause:
                waiting.add(name)
            else:
                self.last_run[name] = moment
        with city_time(moment):
            enqueue_due(without=waiting)
            deliver_all()
