"""Shapes of the upkeep of devices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from ninja import Field, Schema

from scoc.core.schemas import Day, Moment, TextOut

MaintenanceKind = Literal["inspection", "cleaning", "repair", "replacement", "calibration", "firmware", "other"]


class MaintenanceIn(Schema):
    """Maintenance to plan: what is done, and within which window of the city's time."""

    kind: MaintenanceKind
    starts: Moment
    ends: Moment
    plan: str = Field("", max_length=500)


class FinishIn(Schema):
    """What was done; of a calibration, the last day on which it holds."""

    result: str = Field("", max_length=500)
    calibrated_until: Day | None = None


class CancelIn(Schema):
    """Why something is called off."""

    reason: str = Field(min_length=2, max_length=500)


class MaintenanceRow(Schema):
    """One piece of upkeep of a device."""

    id: int
    device_id: int
    device_key: str
    device_name: TextOut
    kind: str
    state: str
    starts: datetime
    ends: datetime
    now: bool
    """Whether its window is open now."""
    plan: str
    result: str
    calibrated_until: date | None
    planned_by: str
    planned_at: datetime
    ended_by: str
    ended_at: datetime | None


class Span(Schema):
    """A span of time; `end` is no part of it."""

    start: datetime
    end: datetime
