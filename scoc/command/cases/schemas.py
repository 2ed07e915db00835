"""Shapes of cases that come in and leave."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import AwareDatetime, StringConstraints

from scoc.command.cases.models import Evidence
from scoc.core.schemas import OrganisationRow, TextOut
from scoc.kit.coordinates import Datum

NO_NUL = r"^[^\x00]*$"
"""No zero byte: PostgreSQL cannot store one, and nobody types one."""
CategoryCode = Annotated[str, StringConstraints(pattern=r"^(component|event)/[0-9]{4}$")]
DefinitionCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./@+\-]{1,60}$")]
RowId = Annotated[int, Field(ge=1, le=2**53)]
Opinion = Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL, strip_whitespace=True)]
Said = Annotated[str, StringConstraints(min_length=2, max_length=1000, pattern=NO_NUL, strip_whitespace=True)]
Title = Annotated[str, StringConstraints(max_length=160, pattern=NO_NUL, strip_whitespace=True)]
Address = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=4000, pattern=NO_NUL, strip_whitespace=True)]
ExternalId = Annotated[str, StringConstraints(max_length=80, pattern=r"^[A-Za-z0-9_.:/@+\-]*$")]
SourceCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
PersonName = Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL, strip_whitespace=True)]
PhoneNumber = Annotated[str, StringConstraints(max_length=24, pattern=NO_NUL, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]+$")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Tab = Literal["mine", "open", "soon", "overdue", "closed"]
"""我的待办, 在办, 将超时, 已超时, 已结案."""


class EvidenceIn(Schema):
    """A file handed in before, and what it shows."""

    attachment_id: RowId
    kind: Evidence


class CaseReporterIn(Schema):
    """The public reporter; becomes a contact at once and is never stored in plain."""

    name: PersonName = ""
    phone: PhoneNumber = ""


class CaseIn(Schema):
    """A report (上报)."""

    source: SourceCode = "01"
    """Code of the source, DOMAIN.md 1.2."""
    category: CategoryCode | None = None
    title: Title = ""
    """Made of class and address when left out."""
    description: Description = ""
    address: Address = ""
    lon: Longitude | None = None
    lat: Latitude | None = None
    """A report has a position; only a situation of intake may come without one."""
    datum: Datum = Datum.WGS84
    """What `lon` and `lat` refer to; Chinese maps and phones give GCJ-02 or BD-09."""
    asset: DefinitionCode | None = None
    """Code of the component that it is about."""
    attributes: dict[Word, Word] = Field(default_factory=dict, max_length=20)
    external_id: ExternalId = ""
    """Its number in the system it comes from; the same one is taken once."""
    reporter: CaseReporterIn | None = None
    urgent: bool = False
    """Danger to life or property."""
    happened_at: AwareDatetime | None = None
    """When it was seen; now when left out."""
    evidence: list[EvidenceIn] = Field(default_factory=list, max_length=20)


class CaseAcceptIn(Schema):
    """Acceptance (受理): what it is, and where if the report had it wrong."""

    condition: DefinitionCode
    """Code of the filing condition; it names the class."""
    opinion: Opinion = ""
    address: Address | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84


class CaseStepIn(Schema):
    """A move that needs nothing but, if wished, a word."""

    opinion: Opinion = ""


class CaseDispatchIn(Schema):
    """Dispatch (派遣): to the first unit of the matrix, or to another one for a reason."""

    unit_id: RowId | None = None
    opinion: Opinion = ""


class CaseFeedBackIn(Schema):
    """Feedback (反馈): what was done, shown by a photo."""

    opinion: Said
    evidence: list[EvidenceIn] = Field(min_length=1, max_length=20)


class CasePassIn(Schema):
    """A passed check (核查通过), shown by a photo."""

    opinion: Opinion = ""
    evidence: list[EvidenceIn] = Field(min_length=1, max_length=20)


class CaseReworkIn(Schema):
    """Rework (返工): why the criterion is not met."""

    opinion: Said
    evidence: list[EvidenceIn] = Field(default_factory=list, max_length=20)


class CaseCloseIn(Schema):
    """Closing (结案): the closing criterion of the snapshot is ticked."""

    criterion_met: bool
    opinion: Opinion = ""


class CaseCommentIn(Schema):
    """A comment (评论); it changes nothing."""

    text: Said


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
    provisional: bool
    """The deadline assumes plain weekends in a year without a published calendar."""


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
    in_time: bool | None
    """Of a stopped clock."""
    spans: list[TimerSpan]


class CaseRow(Schema):
    """A case in a list."""

    id: int
    case_no: str
    title: str
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
    """The clock of its step; none runs in some states."""
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
    actor: str
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
    title: str
    condition: TextOut | None
    state: str
    state_name: TextOut
    in_time: bool | None
    same_asset: bool
    distance_m: int | None


class CaseReporterOut(Schema):
    """The public reporter, masked after acceptance for everybody; plain only by the view-plain action."""

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


class CasePoint(Schema):
    """An open case on the map."""

    id: int
    case_no: str
    title: str
    category: str | None
    state: str
    priority: int
    light: str
    due_at: datetime | None
    lon: float
    lat: float


class ConditionRow(Schema):
    """A filing condition of a class."""

    code: str
    version: int
    category: str
    name: TextOut
    limit: Decimal
    unit: str
    unit_name: TextOut
    criterion: TextOut
    basis: TextOut
    urgency: int
    responsible: OrganisationRow | None
    supervising: OrganisationRow | None


class UnitSuggestion(Schema):
    """A unit that may be responsible, with the reasons."""

    rank: int
    unit: OrganisationRow
    basis: str
    """`matrix:<row>@<version>` or `condition:<code>@<version>`."""
    priority: int | None
    legal_basis: TextOut
    reasons: list[TextOut]


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


class Evaluation(Schema):
    """An evaluation of a period, as known at a time."""

    start: datetime
    end: datetime
    as_of: datetime
    by: Literal["unit", "area", "city"]
    rows: list[EvaluationRow]
    total: EvaluationRow
