"""Shapes of intake that come in and leave."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from ninja import Field, Schema
from pydantic import StringConstraints

from scoc.core.schemas import Moment, TextOut
from scoc.kit.coordinates import Datum
from scoc.kit.text import Text

Category = Annotated[str, StringConstraints(pattern=r"^(component|event)/[0-9]{4}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/@+\-]{1,60}$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
ROW_ID = Annotated[int, Field(ge=1, le=2**53)]


class Channel(StrEnum):
    """Where a report comes from (案件来源), DOMAIN.md 1.2."""

    COLLECTOR = "01"
    EVALUATION = "02"
    SELF_HANDLED = "03"
    HOTLINE = "11"
    MEDIA = "31"
    WEB = "33"
    VIDEO = "34"
    INSPECTION = "36"
    ANALYTICS = "41"
    SENSOR = "42"
    LEADER = "51"
    TRANSFERRED = "52"


PERSONAL = frozenset({Channel.HOTLINE, Channel.WEB, Channel.MEDIA, Channel.LEADER, Channel.TRANSFERRED})
"""Channels whose place is in people's own words and may name a home: it is kept whole with the reporter only."""

CHANNEL_NAMES: dict[str, Text] = {
    Channel.COLLECTOR: Text("信息采集员上报", "Collector's report"),
    Channel.EVALUATION: Text("考评发现", "Found by evaluators"),
    Channel.SELF_HANDLED: Text("采集员自行处置", "Fixed by the collector"),
    Channel.HOTLINE: Text("热线来电", "Hotline call"),
    Channel.MEDIA: Text("媒体监督", "Media report"),
    Channel.WEB: Text("网络上报", "Web report"),
    Channel.VIDEO: Text("视频上报", "Seen on video"),
    Channel.INSPECTION: Text("督查检查", "Inspection"),
    Channel.ANALYTICS: Text("视频智能分析", "Video analytics"),
    Channel.SENSOR: Text("物联感知", "Sensor alarm"),
    Channel.LEADER: Text("领导交办", "Leader's assignment"),
    Channel.TRANSFERRED: Text("上级平台转办", "Transferred from another platform"),
}


class DismissReason(StrEnum):
    """Why a situation is no matter for the city (消除原因)."""

    FALSE_ALARM = "false_alarm"
    NOT_THERE = "not_there"
    GONE = "gone"
    NOT_OURS = "not_ours"
    DUPLICATE = "duplicate"


DISMISS_NAMES: dict[str, Text] = {
    DismissReason.FALSE_ALARM: Text("误报", "False alarm"),
    DismissReason.NOT_THERE: Text("现场未发现", "Nothing found on the spot"),
    DismissReason.GONE: Text("已自行恢复", "Over by itself"),
    DismissReason.NOT_OURS: Text("不属受理范围", "Not a matter for the centre"),
    DismissReason.DUPLICATE: Text("已另行受理", "Already dealt with elsewhere"),
}


class ReporterIn(Schema):
    """Who reports; becomes a contact at once and is never stored in plain."""

    name: str = Field("", max_length=40)
    phone: str = Field("", max_length=24)


class SignalIn(Schema):
    """One report as it comes in."""

    channel: Channel
    external_id: Identifier | None = None
    """The sender's own number: the same number of the same channel is the same report. Given one when left out."""
    category: Category | None = None
    level: Annotated[int, Field(ge=1, le=4)] | None = None
    text: str = Field("", max_length=4000)
    reporter: ReporterIn | None = None
    lon: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    datum: Datum = Datum.WGS84
    """What `lon` and `lat` refer to; Chinese maps and phones give GCJ-02 or BD-09."""
    place: str = Field("", max_length=160)
    """Where, in words. Of a caller's the house is kept with the reporter only and shown by the view-plain action."""
    area: str | None = Field(None, max_length=20, pattern=r"^[0-9]{6,20}$")
    """Code of the area where no position is known."""
    asset: Identifier | None = None
    """Code of the component or asset that it is about."""
    device: Identifier | None = None
    """Key of the device that noticed it, e.g. a camera's."""
    rule: Identifier | None = None
    """What the device looked for; repeats of one device and rule are counted, not listed."""
    happened_at: Moment | None = None
    """When it was noticed; now when left out."""
    attachments: list[ROW_ID] = Field(default_factory=list, max_length=9)
    """Ids of files handed in before by the same principal."""


class SignalReceipt(Schema):
    """What became of a signal."""

    signal_id: int
    situation_id: int
    number: str
    """Of the situation."""
    known: bool = False
    """This very report had come in before; nothing was changed."""
    counted: bool = False
    """It was counted on an earlier signal of the same device and rule."""
    joined: bool = False
    """It joined a situation that was there."""
    proposal_id: int | None = None
    """It may belong to another situation; a person decides."""


class ReasonOut(Schema):
    """One of the four reasons of a score, with the figures in it."""

    what: str
    name: TextOut
    weight: int
    value: Decimal | None
    """0 to 1; None: unknown, not counted."""
    evidence: TextOut
    """E.g. `48 m of 200 m`."""


class ReporterOut(Schema):
    """Who reported, masked; plain only by the view-plain action on the contact."""

    contact_id: int
    name: str
    phone: str


class SignalRow(Schema):
    """One signal of a situation."""

    id: int
    channel: str
    channel_name: TextOut
    external_id: str
    happened_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    category: str | None
    level: int
    name: TextOut | None
    said: TextOut | None
    text: str
    """Persons' numbers in it are masked."""
    reporter: ReporterOut | None
    lon: float | None
    lat: float | None
    place: str
    asset: str | None
    device: str | None
    alarm_id: int | None
    count: int
    attachments: list[int]
    distance_m: int | None
    """From the middle of its situation."""
    join_id: int
    how: str
    score: Decimal | None
    reasons: list[ReasonOut]
    joined_at: datetime
    undo_until: datetime | None
    """Until when the join can be undone in one step; None: it cannot."""
    answer: str | None
    """Outcome noted for the reporter."""


class SituationRow(Schema):
    """A situation in a list."""

    id: int
    number: str
    state: str
    category: str | None
    category_name: TextOut | None
    title: TextOut
    level: int
    first_at: datetime
    last_at: datetime
    lon: float | None
    lat: float | None
    area: str | None
    area_name: TextOut | None
    signals: int
    occurrences: int | None
    """Signals with their repeats and recurrences; None for the past, where it is not kept."""
    counts: dict[str, int]
    """Signals by channel."""
    judge_by: datetime | None
    """None once it is judged."""
    escalated: bool
    taken_over_by: str | None
    open_proposals: int
    version: int


class ProposalOut(Schema):
    """A join that waits for a person."""

    id: int
    signal_id: int
    signal_situation_id: int
    signal_situation_number: str
    situation_id: int
    situation_number: str
    title: TextOut
    """Of the other situation: the one that this one's signal may go to, or that the signal would come from."""
    incoming: bool
    """The signal would come here (else it would leave)."""
    score: Decimal
    reasons: list[ReasonOut]
    happened_at: datetime


class NearbyOut(Schema):
    """A live situation near by that was not joined, with the score that its merger would have."""

    id: int
    number: str
    title: TextOut
    state: str
    distance_m: int
    last_at: datetime
    score: Decimal
    reasons: list[ReasonOut]


class FlowOut(Schema):
    """One step of a situation."""

    version: int
    from_state: str
    to_state: str
    action: str
    reason: str
    reason_name: TextOut | None
    """In words: the class it was accepted as, or why it was dismissed; None where the action says it all."""
    level: int
    opinion: str
    post: TextOut | None
    actor: TextOut
    happened_at: datetime


class SituationOut(SituationRow):
    """A situation with everything that explains it."""

    place: str
    radius_m: int
    window_minutes: int
    rule_version: int
    auto_join: Decimal
    ask: Decimal
    summary: list[ReasonOut]
    """The four reasons over all joined signals: means of their values."""
    score: Decimal | None
    """Mean score of its joined signals; None while nothing was compared."""
    merged_into: int | None
    outcome: str | None
    outcome_name: TextOut | None
    """Of a dismissal; the outcomes of what took it over are named there."""
    ended_at: datetime | None
    rows: list[SignalRow]
    """Its signals, newest first, at most 200; `signals` says how many there are."""
    proposals: list[ProposalOut]
    nearby: list[NearbyOut]
    flow: list[FlowOut]
    actions: list[str]
    """What the viewer may do with it now."""


class PointOut(Schema):
    """A live situation on the map."""

    id: int
    number: str
    state: str
    level: int
    category: str | None
    title: TextOut
    lon: float
    lat: float
    radius_m: int
    signals: int
    last_at: datetime


class CountsOut(Schema):
    """How many situations each tab holds under the same filters; null beyond 10 000."""

    states: dict[str, int | None]
    as_of: datetime


class LastHourOut(Schema):
    """What came in during the last hour, and what it came to."""

    signals: int
    """Repeats that were only counted are in it."""
    situations: int
    start: datetime
    end: datetime


class AcceptIn(Schema):
    """Acceptance by a person."""

    category: Category | None = None
    """As suggested when left out."""
    opinion: str = Field("", max_length=500)


class DismissIn(Schema):
    """Dismissal by a person."""

    reason: DismissReason
    opinion: str = Field(min_length=2, max_length=500)


class TargetIn(Schema):
    """The situation that something goes to."""

    situation_id: ROW_ID


class Moved(Schema):
    """Where a signal is now."""

    situation_id: int
    number: str
    version: int


class SituationVersion(Schema):
    """State and version after an act."""

    id: int
    state: str
    version: int
