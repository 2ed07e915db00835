"""What the flow log counts (DOMAIN.md 1.11)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from ninja import Schema

from scoc.core.schemas import TextOut


class EvaluationRow(Schema):
    """What was counted for one unit, one area, or the city (DOMAIN.md 1.11); a rate is null where nothing is due."""

    key: str
    """Code of the organisation or area; `city`."""
    name: TextOut
    reported: int
    """上报数, by report time."""
    valid_reports: int
    """有效上报数: reached filing, not voided."""
    accepted: int
    filed: int
    """立案数, of those reported in the period."""
    dispatched: int
    """By the time of their first dispatch."""
    dispatched_right: int
    """First unit = final unit."""
    due: int
    """应结案数: handled, or not handled and overdue; by disposal deadline."""
    handled: int
    handled_in_time: int
    closed: int
    closed_in_time: int
    """Closed, and the disposal was in time."""
    overdue_unhandled: int
    ever_handled: int
    """Fed back at least once."""
    reworked: int
    reworks: int
    filing_rate: Decimal | None
    closing_rate: Decimal | None
    """结案率."""
    on_time_closing_rate: Decimal | None
    """按期结案率."""
    handling_rate: Decimal | None
    """处置率."""
    on_time_handling_rate: Decimal | None
    """按期处置率."""
    rework_rate: Decimal | None
    """返工率."""
    dispatch_accuracy: Decimal | None
    """派遣准确率."""


class DueCase(Schema):
    """A case behind a unit's rates: its disposal deadline lies in the period, and it was handled or is overdue."""

    case_id: int
    case_no: str
    title: TextOut
    state_name: TextOut
    """As known at the evaluation's time."""
    deadline_at: datetime
    handled_at: datetime | None
    """When the unit's time stopped; null: not handled, and overdue."""
    in_time: bool
    closed: bool
    """Closed cases that were handled in time are the numerator of 按期结案率; all rows are its denominator."""


class Evaluation(Schema):
    """An evaluation of a period, as known at a time."""

    start: datetime
    end: datetime
    as_of: datetime
    by: Literal["unit", "area", "city"]
    rows: list[EvaluationRow]
    total: EvaluationRow
