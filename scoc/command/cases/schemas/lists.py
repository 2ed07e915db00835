"""Cases in lists and on the map, and what a move answers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from ninja import Schema

from scoc.core.schemas import OrganisationRow, TextOut


class CaseMoved(Schema):
    """Where a case stands after a move."""

    id: int
    case_no: str
    state: str
    version: int
    due_at: datetime | None


class CaseCommented(Schema):
    """A comment was written."""

    id: int


class ClockNow(Schema):
    """One clock at a glance."""

    clock: str
    name: TextOut
    unit: str
    unit_name: TextOut
    limit: Decimal
    """As people say it, in `unit`."""
    limit_minutes: int
    """As counted time."""
    started_at: datetime
    deadline_at: datetime
    light: str
    """green, yellow, red, grey, or blue: DOMAIN.md 1.7."""
    percent: Decimal
    """Used of the limit, in all spans of the bundle."""
    used_minutes: int
    """Counted minutes used, in all spans of the bundle."""
    remaining_minutes: int
    """Counted minutes left; negative: over by so many."""
    running: bool
    in_time: bool | None
    """Of a stopped clock: exactly on the deadline is in time."""
    provisional: bool
    """The deadline assumes plain weekends in a year without a published calendar."""


class CaseRow(Schema):
    """A case in a list."""

    id: int
    case_no: str
    title: TextOut
    """In the words of who opened it; where these are Chinese, its class and area for readers of English."""
    kind: str
    category: str | None
    category_name: TextOut | None
    condition: TextOut | None
    state: str
    state_name: TextOut
    stage: int
    priority: int
    urgent: bool
    supervised: bool
    rework_count: int
    source: str
    source_name: TextOut
    address: str
    lon: float | None
    lat: float | None
    area: str | None
    area_name: TextOut | None
    current_unit: OrganisationRow | None
    happened_at: datetime
    entered_at: datetime
    due_at: datetime | None
    clock: ClockNow | None
    """The running clock whose deadline comes first; none runs in some states."""
    disposal: ClockNow | None
    """The clock that is evaluated, once it was dispatched."""
    light: str
    closed_at: datetime | None
    version: int


class CaseCounts(Schema):
    """How many cases each tab holds under the same filters; null when more than 10 000."""

    mine: int | None
    open: int | None
    soon: int | None
    overdue: int | None
    closed: int | None
    as_of: datetime


class CasePoint(Schema):
    """An open case on the map."""

    id: int
    case_no: str
    title: TextOut
    """In the words of who opened it; where these are Chinese, its class and area for readers of English."""
    category: str | None
    state: str
    priority: int
    light: str
    due_at: datetime | None
    lon: float
    lat: float
