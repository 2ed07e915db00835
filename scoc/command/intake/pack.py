"""What a city pack may configure of intake: `[intake]` in city.toml, and rules by category in situations.toml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scoc.command.intake.models import JoinRule
from scoc.core.city import (
    Changes,
    Pack,
    PackRow,
    Problem,
    Section,
    SettingsTable,
    declare_section,
    declare_settings,
)
from scoc.core.now import city_now, wall_now
from scoc.core.pack import ALWAYS

Share = Annotated[Decimal, Field(ge=0, le=1, max_digits=5, decimal_places=4)]
Minutes = Annotated[int, Field(ge=1, le=7 * 24 * 60)]
Level = Annotated[int, Field(ge=1, le=4)]
CATEGORY = r"^(component|event)/\d{4}$"


class Weights(BaseModel):
    """`[intake.weights]`: what each reason counts in the score, in percent; together 100."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    space: int = Field(35, ge=0, le=100)
    """How near the signal is to the middle of the situation."""
    time: int = Field(25, ge=0, le=100)
    """How near in time it is to the situation's first or last signal."""
    kind: int = Field(25, ge=0, le=100)
    """Whether both speak of the same or a related category."""
    asset: int = Field(15, ge=0, le=100)
    """Whether both speak of the same device or asset, or of linked ones; not counted where nobody knows."""

    @model_validator(mode="after")
    def _whole(self) -> Weights:
        if self.space + self.time + self.kind + self.asset != 100:
            raise ValueError("the four weights must be 100 together")
        return self


class Kinship(BaseModel):
    """`[intake.kinship]`: how much categories that differ, and assets that are linked, still count (0 to 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    related: Share = Decimal("0.80")
    """The pack's rule of one category names the other as related."""
    major: Share = Decimal("0.60")
    """The same major class."""
    unknown: Share = Decimal("0.50")
    """One side has no category yet."""
    linked: Share = Decimal("0.80")
    """The registry links one asset to the other, e.g. pipe and valve."""


class JudgeMinutes(BaseModel):
    """`[intake.judge_minutes]`: how long a new situation of each level may wait for its judgement."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    p1: Minutes = 20
    p2: Minutes = 30
    p3: Minutes = 60
    p4: Minutes = 240

    def of(self, level: int) -> int:
        """The minutes of a level from 1 to 4."""
        return (self.p1, self.p2, self.p3, self.p4)[level - 1]


class AlarmLevels(BaseModel):
    """`[intake.alarm_levels]`: the level of a signal by the level of its alarm."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    severe: Level = 1
    major: Level = 2
    minor: Level = 3


class IntakeSettings(BaseModel):
    """`[intake]`: how signals are joined, and how long anything may wait."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    radius_m: int = Field(200, ge=1, le=100_000)
    """Radius of joining where the category has no rule of its own."""
    window_minutes: Minutes = 30
    """Time window of joining where the category has no rule of its own."""
    auto_join: Share = Decimal("0.80")
    """From this score a signal joins by itself."""
    ask: Share = Decimal("0.55")
    """From this score, below `auto_join`, the join waits for a person; below it a new situation is opened."""
    weights: Weights = Weights()
    kinship: Kinship = Kinship()
    undo_minutes: Minutes = 10
    """How long a join can be undone in one step; later the signal can still be separated."""
    nearby_factor: int = Field(6, ge=1, le=20)
    """Situations within this many radii are shown as possibly related."""
    flood_minutes: Minutes = 60
    """Within this time signals of one device and rule are one stream …"""
    flood_rows: int = Field(3, ge=1, le=100)
    """… of which so many are kept as signals; further ones are counted on the newest."""
    judge_minutes: JudgeMinutes = JudgeMinutes()
    escalate_roles: list[Annotated[str, Field(min_length=1, max_length=40)]] = ["shift_leader"]
    """Roles that are told of a situation that nobody judged in time."""
    notify_level: int = Field(1, ge=0, le=4)
    """A situation is told of as soon as it is this urgent or more; 0: of none."""
    notify_roles: list[Annotated[str, Field(min_length=1, max_length=40)]] = [
        "acceptor",
        "duty_officer",
        "shift_leader",
    ]
    """Roles that are told, in whose area it lies."""
    default_level: Level = 3
    """Level of a report that names none."""
    leader_level: Level = 2
    """A leader's assignment (channel 51) is at least this urgent."""
    alarm_levels: AlarmLevels = AlarmLevels()
    future_minutes: int = Field(5, ge=0, le=60)
    """A report may be this far ahead of the city's clock; senders' clocks differ."""
    role_channels: dict[str, list[Annotated[str, Field(pattern=r"^\d{2}$")]]] = {
        "collector": ["01", "03"],
        "grid_officer": ["01", "03"],
        "evaluator": ["02"],
    }
    """Channels that a role may report through; roles that are not named may use all."""

    @model_validator(mode="after")
    def _ordered(self) -> IntakeSettings:
        if self.ask > self.auto_join:
            raise ValueError("`ask` must not exceed `auto_join`")
        return self


declare_settings(
    SettingsTable(
        "intake", IntakeSettings,
        roles=lambda given: {
            "escalate_roles": given.escalate_roles, "notify_roles": given.notify_roles,
            "role_channels": given.role_channels,
        },
    )
)  # fmt: skip


class SituationRule(PackRow):
    """How signals of one category are joined, and whether their situation is accepted without a person."""

    category: str = Field(pattern=CATEGORY)
    """E.g. `event/0506`; a major class such as `event/0500` rules the minor ones without a rule of their own."""
    radius_m: int = Field(ge=1, le=100_000)
    """Farther from its middle nothing joins."""
    window_minutes: Minutes
    """Longer before its first or after its last signal nothing joins."""
    level: Literal[1, 2, 3, 4] | None = None
    """Situations of this category are at least this urgent."""
    accept_level: Literal[1, 2, 3, 4] | None = None
    """Situations this urgent or more are accepted without a person; leave it out and a person decides always."""
    accept_signals: int = Field(1, ge=1, le=100)
    """… but not before so many signals tell of it."""
    related: list[Annotated[str, Field(pattern=CATEGORY)]] = Field(default_factory=list, max_length=20)
    """Categories that tell of the same kind of event; said once, it holds both ways."""


def _check_rules(pack: Pack, rows: Sequence[tuple[SituationRule, str, int]]) -> Iterable[Problem]:
    known = {getattr(row, "code", "") for row, _, _ in pack.rows["categories"]}
    for row, file, line in rows:
        for name, code in [("category", row.category), *(("related", code) for code in row.related)]:
            if code not in known:
                yield Problem(file, line, name, f"`{code}` is not among the categories.",
                              "Add it to categories.toml or correct it.")  # fmt: skip
        if row.accept_level is None and row.accept_signals > 1:
            yield Problem(file, line, "accept_signals", "Without `accept_level` no number of signals accepts anything.",
                          "Add `accept_level`, or leave `accept_signals` out: a person decides.")  # fmt: skip
        if row.category in row.related:
            yield Problem(file, line, "related", "A category is not related to itself.", "Remove it.")
        if row.related != sorted(set(row.related)):
            yield Problem(file, line, "related", "List each category once, in order.", "Sort the list.")


def _rules() -> Iterable[SituationRule]:
    for row in JoinRule.objects.filter(valid_to=None):
        yield SituationRule.model_validate(
            {
                "category": row.code, "radius_m": row.radius_m, "window_minutes": row.window_minutes,
                "level": row.level, "accept_level": row.accept_level, "accept_signals": row.accept_signals,
                "related": row.related,
            }
        )  # fmt: skip


def _apply_rules(changes: Changes[SituationRule]) -> None:
    """A changed rule gets a new version: joins made before name the version that they were made by."""
    moment = city_now()
    newest = dict(JoinRule.objects.order_by("version").values_list("code", "version"))
    ended = [row.category for row in [*changes.removed, *changes.changed]]
    JoinRule.objects.filter(code__in=ended, valid_to=None).update(valid_to=moment)
    JoinRule.objects.bulk_create(
        JoinRule(
            code=row.category, version=newest.get(row.category, 0) + 1, radius_m=row.radius_m,
            window_minutes=row.window_minutes, level=row.level, accept_level=row.accept_level,
            accept_signals=row.accept_signals, related=row.related, source="city pack", recorded_at=wall_now(),
            valid_from=moment if row.category in newest else ALWAYS,
        )
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


declare_section(
    Section("situations", ("situations.toml",), "situation", SituationRule, ("category",), _rules, _apply_rules,
            check=_check_rules)
)  # fmt: skip
