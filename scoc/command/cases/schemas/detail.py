"""A case with everything that explains it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from ninja import Schema

from scoc.command.cases.schemas.lists import CaseRow, ClockNow
from scoc.core.schemas import OrganisationRow, TextOut


class TimerSpan(Schema):
    """One span of a clock: a round of its bundle."""

    span: int
    started_at: datetime
    stopped_at: datetime | None
    used_minutes: int
    deadline_at: datetime
    calendar_version: int
    status: str


class TimerOut(ClockNow):
    """A clock with its rounds (捆绑计时)."""

    bundle: int
    calendar_version: int
    unit_of_work: OrganisationRow | None
    """The unit whose time runs."""
    overdue_multiple: Decimal | None
    """(used − limit) ÷ limit, once it is over the limit."""
    spans: list[TimerSpan]


class StageOut(Schema):
    """One of the seven stages."""

    number: int
    name: TextOut
    status: Literal["done", "current", "ahead"]
    reached_at: datetime | None
    """When it was done, or of the current one since when it is in work."""


class EvidenceOut(Schema):
    """A photo or document of a case."""

    id: int
    attachment_id: int
    kind: str
    kind_name: TextOut
    name: str
    media_type: str
    digest: str
    """SHA-256 of the content."""
    taken_at: datetime | None
    """As the file itself says; None: it does not say."""
    came_at: datetime
    """When it came with a step of the case."""
    distance_m: int | None
    """From the place of the case to where it was taken."""
    flow_version: int
    by: TextOut | None
    """Post that handed it in."""


class CaseFlowOut(Schema):
    """One step of a case, or a side action between steps."""

    version: int | None
    """None: a side action."""
    kind: Literal["move", "comment", "urge"]
    action: str
    action_name: TextOut
    from_state: str
    to_state: str
    post: TextOut | None
    actor: TextOut
    receiver: OrganisationRow | None
    opinion: str
    basis: str
    basis_name: TextOut | None
    happened_at: datetime
    recorded_at: datetime
    left_at: datetime | None
    elapsed_minutes: int | None
    overtime: bool | None


class SnapshotOut(Schema):
    """What was agreed at filing, frozen."""

    condition: str
    condition_version: int
    name: TextOut
    limit: Decimal
    unit: str
    unit_name: TextOut
    criterion: TextOut
    basis: TextOut
    responsible: OrganisationRow | None
    taken_at: datetime


class NeedOut(Schema):
    """What a move asks for."""

    field: str
    name: TextOut
    required: bool


class MoveOut(Schema):
    """A move that the table knows from the present state, and whether this viewer may make it."""

    move: str
    number: int
    name: TextOut
    route: str
    """The last part of its address: POST /api/v1/cases/{id}/{route}."""
    permission: str
    target: str
    allowed: bool
    why: TextOut | None
    """Why not."""
    code: str | None
    needs: list[NeedOut]
    turn: bool
    """The case waits for this move rather than another."""


class HistoryRow(Schema):
    """An earlier case of the same asset or at the same place."""

    id: int
    case_no: str
    happened_at: datetime
    title: TextOut
    condition: TextOut | None
    state: str
    state_name: TextOut
    disposal: ClockNow | None
    same_asset: bool
    distance_m: int | None


class CaseReporterOut(Schema):
    """The public reporter, masked for everybody; plain only by the view-plain action."""

    contact_id: int
    name: str
    phone: str


class CaseOut(CaseRow):
    """A case with everything that explains it."""

    description: str
    external_id: str
    situation_id: int | None
    reporter: CaseReporterOut | None
    asset: str | None
    asset_name: TextOut | None
    asset_owner: OrganisationRow | None
    attributes: dict[str, str]
    area_names: list[TextOut]
    """From the district down."""
    first_unit: OrganisationRow | None
    final_unit: OrganisationRow | None
    recorded_at: datetime
    stages: list[StageOut]
    snapshot: SnapshotOut | None
    timers: list[TimerOut]
    flow: list[CaseFlowOut]
    """Newest first."""
    evidence: list[EvidenceOut]
    history: list[HistoryRow]
    moves: list[MoveOut]
    rule: TextOut
    """The rule of the house in one sentence: who handles can never close."""
    as_of: datetime
