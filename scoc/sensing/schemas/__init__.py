"""Shapes that leave sensing: readings and what became of them, devices, series, alarms, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from ninja import Field, Schema

from scoc.core.schemas import Moment, TextOut
from scoc.sensing.schemas.rules import (
    RuleDraft as RuleDraft,
)
from scoc.sensing.schemas.rules import (
    RuleInForce as RuleInForce,
)
from scoc.sensing.schemas.rules import (
    RuleRow as RuleRow,
)
from scoc.sensing.schemas.rules import (
    RuleSet as RuleSet,
)
from scoc.sensing.schemas.rules import (
    RuleWanted as RuleWanted,
)
from scoc.sensing.schemas.rules import (
    TrialDevice as TrialDevice,
)
from scoc.sensing.schemas.rules import (
    TrialEpisode as TrialEpisode,
)
from scoc.sensing.schemas.rules import (
    TrialOut as TrialOut,
)
from scoc.sensing.schemas.upkeep import Span


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as a sender gives it. `dedup_key` is the sender's own key against storing it twice."""

    device_key: str
    property: str
    at: datetime
    value: float
    dedup_key: str | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one reading: `stored`, `duplicate` (with the id of the first one), or `rejected` and why."""

    status: Literal["stored", "duplicate", "rejected"]
    id: int | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch; `results` are in the order of the readings."""

    stored: int
    duplicate: int
    rejected: int
    results: tuple[RowResult, ...] = ()


@dataclass(slots=True)
class ImportResult:
    """What became of an import: rows read = stored + duplicate + the rejected of every reason."""

    rows: int = 0
    stored: int = 0
    duplicate: int = 0
    missing: int = 0
    """Cells without a value (such as `NA`): nothing was measured, so they are no readings and not among the rows."""
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A column of a wide table: the property that it gives, and the factor to the stream's unit."""

    property: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class TableMap:
    """How a file's columns give readings.

    The device stands in the column `device`, or is `device_key` for the whole file; `devices` maps names as the file
    spells them to keys. The time is one column of ISO text (or of `time_format`), or the columns year, month, day,
    hour. Values stand in one column each (`values`), or in `value` with the property's name in `property`.
    """

    time: tuple[str, ...]
    values: Mapping[str, ValueColumn] = field(default_factory=dict)
    property: str = ""
    properties: Mapping[str, ValueColumn] = field(default_factory=dict)
    value: str = ""
    device: str = ""
    device_key: str = ""
    devices: Mapping[str, str] = field(default_factory=dict)
    time_format: str = ""
    zone: str = "UTC"
    missing: tuple[str, ...] = ("", "NA")
    delimiter: str = ","
    encoding: str = "utf8"


class StreamOut(Schema):
    """One series of a device with its newest reading."""

    id: int
    property: str
    name: TextOut
    unit: str
    places: int
    minimum: float | None
    maximum: float | None
    """Null where nobody has said what is possible."""
    cadence_seconds: int | None
    repeat: str
    at: datetime | None
    value: float | None
    online: bool


class DeviceRow(Schema):
    """A device in a list."""

    id: int
    key: str
    type: str
    type_name: TextOut
    name: TextOut
    organisation_id: int
    organisation: TextOut
    area: str | None
    area_name: TextOut | None
    place: str
    lon: float | None
    lat: float | None
    state: str
    online: bool
    latest_at: datetime | None


class DeviceCounts(Schema):
    """Devices in use, and those of them that report in time."""

    active: int
    online: int


class DeviceOut(DeviceRow):
    """A device with its series."""

    datum: str
    given_lon: float | None
    given_lat: float | None
    registered_at: datetime
    credential: Literal["none", "issued", "revoked"]
    calibrated_until: date | None
    """Null where it never was calibrated."""
    streams: list[StreamOut]


class DevicePoint(Schema):
    """A device on the map."""

    id: int
    key: str
    type: str
    lon: float
    lat: float
    area_path: str
    state: str
    online: bool


class TypeStream(Schema):
    """A property that every device of a type observes."""

    code: str
    name: TextOut
    unit: str


class DeviceTypeRow(Schema):
    """A kind of device and how many there are."""

    code: str
    name: TextOut
    devices: int
    streams: list[TypeStream]


class ReadingPoint(Schema):
    """One reading, or what an hour or a day amounts to. `value` is the reading or the mean."""

    at: datetime
    value: float
    minimum: float
    maximum: float
    n: int


class SeriesOut(Schema):
    """A series at one grain: minutes of the bucket (60, 1440), or 0 for readings as they came."""

    datastream_id: int
    device_id: int
    property: str
    name: TextOut
    unit: str
    places: int
    grain: int
    start: datetime
    end: datetime
    cut: bool
    """Whether there were more points than are shown."""
    points: list[ReadingPoint]
    uncalibrated: list[Span]
    """Where no calibration of the device held any more, so that its readings are to be taken with care."""


@dataclass(frozen=True, slots=True)
class RollupRow:
    """What one datastream gave in one hour or city day. The mean is `total / n`."""

    datastream_id: int
    device_id: int
    device_key: str
    area_path: str
    bucket: datetime
    n: int
    total: Decimal
    minimum: float
    maximum: float
    last: float
    last_at: datetime


class AlarmRow(Schema):
    """An alarm in a list."""

    id: int
    subject: str
    rule: str
    rule_name: TextOut
    kind: str
    level: str
    category: str
    device_id: int
    device_key: str
    device_name: TextOut
    datastream_id: int
    property: str
    unit: str
    value: float | None
    peak: float | None
    area: str | None
    area_name: TextOut | None
    place: str
    lon: float | None
    lat: float | None
    state: str
    active: bool
    happened_at: datetime
    cleared_at: datetime | None
    recurrences: int
    told: bool
    """Whether the city was told of it; one that was kept back from the start was not."""
    suppressed_by: int | None
    """The alarm above it that explains it."""
    shelved_until: datetime | None
    flapping_since: datetime | None
    version: int


class ShelfOut(Schema):
    """One time that an alarm was set aside: by whom, why, until when, and how it ended."""

    at: datetime
    until: datetime
    reason: str
    username: str
    post: TextOut | None
    ended_at: datetime | None
    end: str


class OccurrenceOut(Schema):
    """One time that the condition held."""

    started_at: datetime
    ended_at: datetime | None
    value: float | None
    peak: float | None


class AlarmFlowOut(Schema):
    """One stay in one state."""

    version: int
    from_state: str
    to_state: str
    action: str
    username: str
    post: TextOut | None
    opinion: str
    happened_at: datetime
    left_at: datetime | None


class AlarmOut(AlarmRow):
    """An alarm with all that is known of it."""

    threshold: TextOut
    """What was compared with what, as a sentence."""
    property_name: TextOut
    organisation_id: int | None
    area_id: int | None
    area_path: str
    asset_id: int | None
    """The component or asset that the device belongs to."""
    settled_by: str
    allowed: list[str]
    """The moves that the viewer may make now: acknowledge, refute, shelve, unshelve."""
    shelve_most_hours: int
    """For so long it may be shelved at most."""
    shelves: list[ShelfOut]
    """The newest times that it was set aside, the newest first."""
    suppressing: int
    """How many alarms it keeps back."""
    occurrences: list[OccurrenceOut]
    flow: list[AlarmFlowOut]


class RejectedRow(Schema):
    """A reading that was refused."""

    id: int
    source: str
    device_key: str
    property: str
    reason: str
    detail: str
    raw: str
    recorded_at: datetime


class RejectedCountRow(Schema):
    """How many readings were refused on a day."""

    day: date
    source: str
    device_key: str
    reason: str
    n: int


class AccountingSum(Schema):
    """What came on a day by a source: received = stored + duplicate + rejected, and `gap` is what is amiss."""

    day: date
    source: str
    received: int
    stored: int
    duplicate: int
    rejected: int
    requests: int
    """Requests that were refused with no reading looked at."""
    withdrawn: int
    """Stored ones that were removed or moved since."""
    gap: int


class AccountingRow(AccountingSum):
    """The same of one device; unknown ones are together under the empty key."""

    device_key: str


class AccountingFinding(Schema):
    """What does not agree: `balance`, `stored` or `rejected`."""

    kind: str
    source: str
    device_key: str
    expected: int
    found: int


class AccountingProof(Schema):
    """Whether the accounts of a day agree with the tables themselves, as of the last look."""

    day: date
    proved_at: datetime
    wrong: int
    amiss: int
    findings: list[AccountingFinding]


class OpinionIn(Schema):
    """What a person says about an alarm."""

    opinion: str = Field("", max_length=500)


class RefuteIn(Schema):
    """Why an alarm is false."""

    opinion: str = Field(min_length=2, max_length=500)


class ShelveIn(Schema):
    """Why an alarm is set aside, and until when."""

    reason: str = Field(min_length=2, max_length=500)
    until: Moment


class CredentialOut(Schema):
    """A device's new credential. It is shown this once; only its keyed hash is kept."""

    device_id: int
    token: str


class StateIn(Schema):
    """The state to put a device in."""

    state: Literal["registered", "active", "maintenance", "retired"]
