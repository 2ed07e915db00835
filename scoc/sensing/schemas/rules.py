"""Shapes of alarm rules and of their trials."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ninja import Field, Schema
from pydantic import ConfigDict

from scoc.core.schemas import TextOut


class RuleRow(Schema):
    """An alarm rule in force, in words, and how many alarms it raised in thirty days."""

    code: str
    version: int
    name: TextOut
    kind: str
    level: str
    category: str
    device_type: str
    """Empty for a rule over devices of every type."""
    type_name: TextOut
    property: str
    property_name: TextOut
    within: str
    """Code of the area that it is narrowed to, if any."""
    within_name: TextOut | None
    devices: list[str]
    """Keys of the only devices that it looks at, if it names any."""
    sentence: TextOut
    settings: dict[str, str | int | float]
    """By kind: raise_at, clear_at, duration_seconds, change, window_seconds, k, missed, broken_samples …"""
    days: str
    """`workdays` or `off_days` by the city's calendar, or empty: it looks on all days."""
    hours: list[str]
    """The hours of the day that it looks in; none: in all."""
    unit: str
    recurrence_seconds: int
    """An alarm that comes back within this time after it cleared is the same alarm again."""
    suppresses: bool
    """Whether its alarms keep back those of the devices that hang on theirs."""
    own: bool
    """Made in SCOC itself and changed here; all others are the city pack's."""
    valid_from: datetime
    raised: int
    refuted: int


class RuleDraft(Schema):
    """A rule to try, in the words of the city pack. With `code`, what is not given is as in that rule in force."""

    model_config = ConfigDict(extra="forbid")
    code: str | None = None
    kind: Literal["threshold", "rate", "deviation", "silence"] | None = None
    device_type: str | None = None
    property: str | None = None
    within: str | None = None
    devices: list[str] | None = Field(None, max_length=500)
    level: Literal["severe", "major", "minor"] | None = None
    recurrence_seconds: int | None = None
    side: Literal["above", "below", "both"] | None = None
    raise_at: float | None = None
    clear_at: float | None = None
    duration_seconds: int | None = None
    change: float | None = None
    clear_change: float | None = None
    window_seconds: int | None = None
    k: float | None = None
    clear_k: float | None = None
    weeks: int | None = None
    least_spread: float | None = None
    least_samples: int | None = None
    missed: int | None = None
    broken_samples: int | None = None
    of_samples: int | None = None
    days: Literal["workdays", "off_days"] | None = None
    hours: list[str] | None = Field(None, max_length=12)


class RuleWanted(RuleDraft):
    """A rule to put into force. With `code`, the next version of a rule that was made in SCOC itself."""

    name_zh: str | None = Field(None, min_length=1, max_length=120)
    name_en: str | None = Field(None, min_length=1, max_length=120)
    category: str | None = Field(None, max_length=60)
    suppresses: bool | None = None


class RuleSet(Schema):
    """The code and version of the rule that is in force now."""

    code: str
    version: int


class TrialDevice(Schema):
    """How many alarms a tried rule would have raised over one device."""

    device_id: int
    device_key: str
    device_name: TextOut
    episodes: int
    recurrences: int


class TrialEpisode(Schema):
    """An alarm that a tried rule would have raised."""

    device_id: int
    device_key: str
    device_name: TextOut
    level: str
    started_at: datetime
    """Since when the condition held."""
    raised_at: datetime
    ended_at: datetime | None
    """Null where it still held at the end of the span."""
    peak: float | None
    occurrences: int
    """How often the condition held within the one alarm."""
    flapping: bool
    """Whether it came and went too often to be told each time."""


class RuleInForce(Schema):
    """The rule in force beside the one that was tried: tried in the same way, and what it really raised."""

    version: int
    sentence: TextOut
    episodes: int
    recurrences: int
    raised: int


class TrialOut(Schema):
    """What a rule would have raised in a span of the past."""

    kind: str
    level: str
    device_type: str
    """Empty for a rule over devices of every type."""
    property: str
    unit: str
    sentence: TextOut
    start: datetime
    end: datetime
    """Not later than now."""
    datastreams: int
    readings: int
    """How many were looked at."""
    episodes: int
    recurrences: int
    """How often one of them came back as the same alarm."""
    devices: list[TrialDevice]
    """Those with the most episodes, at most 500."""
    items: list[TrialEpisode]
    """The newest episodes, at most 500."""
    more: bool
    in_force: RuleInForce | None
    notes: list[TextOut]
