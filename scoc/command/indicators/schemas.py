"""Shapes of indicators that leave the module. Figures are decimals in text, rounded as the definition says."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from ninja import Field, Schema

from scoc.core.schemas import Moment, OrganisationRow, TextOut

Code = Annotated[str, Field(min_length=1, max_length=60)]


class SideOut(Schema):
    """Limits on one side; from best to worst."""

    best: Decimal
    green: Decimal
    yellow: Decimal
    orange: Decimal | None
    worst: Decimal


class ThresholdsOut(Schema):
    """`low`: limits where lower is worse; `high`: where higher is worse; a band has both."""

    direction: str
    low: SideOut | None
    high: SideOut | None
    basis: str
    basis_text: TextOut


class SeriesPoint(Schema):
    """One point of a series; a null value is unknown and drawn as a gap."""

    at: datetime
    value: float | None
    status: str


class ValueOut(Schema):
    """One value with everything that makes it checkable."""

    id: int
    window_start: datetime
    window_end: datetime
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    samples: int
    status: str
    """ok, unknown or stale; stale also when it grew old since it was computed."""
    level: str
    latest_at: datetime | None
    computed_at: datetime
    as_of: datetime
    revision: int
    indicator_version: int


class VitalSign(Schema):
    """An indicator as the cockpit shows it: newest value, its change since the day before, 24 hours of points."""

    code: str
    name: TextOut
    theme: str
    unit: TextOut
    places: int
    version: int
    area_code: str
    newest: ValueOut | None
    age_seconds: int | None
    """City time since the end of the newest window."""
    change: Decimal | None
    """Against the same time a day before; for percentages in percentage points (百分点). Null: nothing to compare."""
    change_unit: TextOut
    compared_with: datetime | None
    comparable: bool
    """False when the other value was made by another version of the definition."""
    thresholds: ThresholdsOut
    points: list[SeriesPoint]
    provider: TextOut
    owner: OrganisationRow | None


class IndicatorRow(Schema):
    """A definition in a list."""

    code: str
    name: TextOut
    theme: str
    unit: TextOut
    version: int
    grain: str
    measure: str


class VersionOut(Schema):
    """One version of a definition."""

    version: int
    valid_from: datetime
    valid_to: datetime | None
    source: str
    approved_by: str


class DefinitionOut(Schema):
    """A definition whole (口径)."""

    code: str
    version: int
    name: TextOut
    theme: str
    definition: TextOut
    formula: TextOut
    numerator: TextOut
    denominator: TextOut
    unit: TextOut
    factor: int
    places: int
    direction: str
    aggregation: str
    grain: str
    period: str
    span: str
    by_district: bool
    measure: str
    parameters: dict[str, str | int | bool | list[str]]
    collection: str
    freshness: str
    latency_seconds: int
    delay_seconds: int
    settle_seconds: int
    thresholds: ThresholdsOut
    hysteresis: Decimal
    owner: OrganisationRow | None
    provider: TextOut
    weight: Decimal
    bottom_line: bool
    grade: int
    versions: list[VersionOut]


class IndicatorOut(Schema):
    """One indicator in one area: definition, newest value with its inputs, the series, and every district's value."""

    definition: DefinitionOut
    sign: VitalSign
    inputs: dict[str, object]
    """What went into the newest value."""
    series: list[SeriesPoint]
    step_seconds: int
    """One point of the series in so long: the last window of each step."""
    districts: list[DistrictValue]
    revisions: list[ValueOut]
    """Every revision of the newest window, newest first."""


class DistrictValue(Schema):
    """A district's newest value of one indicator."""

    area_code: str
    area_name: TextOut
    newest: ValueOut | None


class ThemeOut(Schema):
    """A theme of the health index."""

    code: str
    name: TextOut
    score: Decimal | None
    weight: Decimal
    """As it counted: missing themes leave theirs to the others."""
    lost: Decimal | None
    """Points that it takes from 100."""
    capped: bool


class Contribution(Schema):
    """What one indicator does to the index."""

    code: str
    name: TextOut
    theme: str
    score: Decimal | None
    weight: Decimal
    """Its share of the whole index, 0 to 1."""
    lost: Decimal | None
    carried: bool
    """Its newest value is older than the time of the index."""
    dropped: bool
    """It had no value that could be used; its weight went to the others."""
    bottom_line: bool


class HealthIndex(Schema):
    """The composite health index of an area; null while too little is known."""

    area_code: str
    area_name: TextOut
    value: Decimal | None
    mark: str
    mark_name: TextOut
    at: datetime | None
    coverage: Decimal
    known: int
    total: int
    version: int
    change: Decimal | None
    """Against the same time a day before, in points."""
    comparable: bool
    target: Decimal
    """The score that the city wants of each theme."""
    themes: list[ThemeOut]
    """By points lost, most first."""
    contributions: list[Contribution]
    points: list[SeriesPoint]


class DistrictIndex(Schema):
    """A district with its index, for the map."""

    area_code: str
    area_name: TextOut
    value: Decimal | None
    mark: str
    coverage: Decimal
    at: datetime | None


class ComputeIn(Schema):
    """Measure indicators now; all of them when none is named."""

    codes: list[Code] = Field(default_factory=list, max_length=200)


class RecomputeIn(Schema):
    """Measure the windows anew that end in a past time; all indicators when none is named."""

    codes: list[Code] = Field(default_factory=list, max_length=200)
    start: Moment
    end: Moment


class Computed(Schema):
    """What a computation did."""

    values: int
    unchanged: int
    turned: int


IndicatorOut.model_rebuild()
