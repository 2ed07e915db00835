"""The shape of the cockpit: one answer that composes what lower modules tell this viewer."""

from __future__ import annotations

from datetime import datetime

from ninja import Schema

from scoc.command.cases.schemas import Evaluation
from scoc.command.indicators.schemas import DistrictIndex, HealthIndex, VitalSign
from scoc.core.schemas import ClockOut, RunOut, TextOut
from scoc.sensing.schemas import AlarmRow


class NextAction(Schema):
    """The one thing that a matter waits for."""

    code: str
    """Name of the action, which is its permission, e.g. `cases.dispatch_case`."""
    name: TextOut
    may: bool
    """Whether the viewer holds the permission; whether it may act on this very matter, the action itself says."""


class Need(Schema):
    """A matter that needs something: a situation that nobody judged, or a case whose time runs out."""

    subject: str
    number: str
    title: TextOut
    level: int
    """1 is the gravest."""
    state: TextOut
    who: TextOut | None
    """Who is to act."""
    action: NextAction
    due_at: datetime | None
    remaining_minutes: int | None
    """In the time unit that the matter counts in; negative: over by so many."""
    unit: TextOut
    """What the minutes count, e.g. working time."""
    lon: float | None
    lat: float | None


class Needs(Schema):
    """The gravest matters that need something, and how many there are in all; a count is null above 10 000."""

    items: list[Need]
    total: int | None
    """Matters that the items were chosen from: situations to be judged, cases overdue and cases soon due."""
    situations: int | None
    """Situations that wait to be judged."""
    cases: int | None
    """Cases in work."""
    overdue: int | None
    """Cases in work whose running clock is over."""
    soon: int | None
    """Cases in work whose running clock is in its last part, as the city says."""


class News(Schema):
    """One line of the ticker."""

    id: int
    at: datetime
    kind: str
    """Wire name of the fact, e.g. `sensing.alarm_raised`."""
    level: str
    """ok, att or bad."""
    title: TextOut
    subject: str
    area: str | None


class Sources(Schema):
    """The data sources behind the vital signs: on time, older than allowed, or without a value."""

    normal: int
    stale: int
    dead: int


class Devices(Schema):
    """Devices in use, and how many of them report in time; null above 10 000."""

    active: int | None
    online: int | None


class Overview(Schema):
    """The city at one look. A part is null where the viewer may not see it."""

    city: TextOut
    run: RunOut
    clock: ClockOut
    as_of: datetime
    health: HealthIndex | None
    signs: list[VitalSign] | None
    districts: list[DistrictIndex] | None
    sources: Sources | None
    needs: Needs | None
    units: Evaluation | None
    """This month's evaluation by unit."""
    devices: Devices | None
    alarms: list[AlarmRow] | None
    """The newest alarms."""
    news: list[News]
    """Of the last 24 hours, as far as the viewer may see what happened."""
