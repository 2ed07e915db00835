"""The rule of joining that holds for a category now, with the city's defaults where it has none."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scoc.command.intake.models import Join, JoinRule
from scoc.command.intake.pack import IntakeSettings
from scoc.core.city import city_settings
from scoc.core.models import Category, VersionRow
from scoc.core.now import city_now
from scoc.core.remembered import forgettable
from scoc.kit.text import Text

REFRESH_SECONDS = 1.0
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
UNDOABLE = (Join.How.AUTOMATIC, Join.How.PERSON, Join.How.CONFIRMED, Join.How.MERGED, Join.How.SEPARATED)
"""What can be undone in one step; an undo cannot."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How signals of a category are joined; version 0 stands for the city's defaults."""

    version: int
    radius_m: int
    window_minutes: int
    level: int | None = None
    accept_level: int | None = None
    accept_signals: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules that hold at a moment."""

    by_code: dict[str, Rule]
    default: Rule
    related: frozenset[frozenset[str]]
    settings: IntakeSettings
    names: dict[str, Text]
    """Names of the categories that the city has."""

    def of(self, category: str) -> Rule:
        """The rule of a category, else of its major class, else the default."""
        return self.by_code.get(category) or self.by_code.get(f"{category[:-2]}00") or self.default


@dataclass(slots=True)
class _Known:
    until: float = 0.0
    rows: list[JoinRule] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    made: Rules | None = None
    since: datetime = _NEVER
    before: datetime = _NEVER
    """`made` holds from `since` to `before`, in which no definition begins or ends."""


_known = _Known()


@forgettable
def forget_rules() -> None:
    """Read the rules anew at the next question."""
    _known.until = 0.0


def rules_now() -> Rules:
    """The rules that hold at this moment in the city; looked up again once a second."""
    moment = city_now()
    if time.monotonic() > _known.until:
        _known.rows = list(JoinRule.objects.order_by("code", "version"))
        _known.categories = list(Category.objects.order_by("code", "version"))
        _known.made = None
        _known.until = time.monotonic() + REFRESH_SECONDS
    if _known.made is None or not _known.since <= moment < _known.before:
        changes = [
            change
            for row in (*_known.rows, *_known.categories)
            for change in (row.valid_from, row.valid_to)
            if change is not None
        ]
        _known.since = max((change for change in changes if change <= moment), default=moment)
        _known.before = min((change for change in changes if change > moment), default=_NEVER)
        _known.made = _rules_at(moment)
    return _known.made


def _rules_at(moment: datetime) -> Rules:
    settings = city_settings(IntakeSettings)
    holding = [row for row in _known.rows if _holds(row, moment)]
    return Rules(
        by_code={
            row.code: Rule(row.version, row.radius_m, row.window_minutes, row.level, row.accept_level,
                           row.accept_signals)
            for row in holding
        },
        default=Rule(0, settings.radius_m, settings.window_minutes),
        related=frozenset(frozenset((row.code, other)) for row in holding for other in row.related),
        settings=settings,
        names={row.code: row.name for row in _known.categories if _holds(row, moment)},
    )  # fmt: skip


def _holds(row: VersionRow, moment: datetime) -> bool:
    return row.valid_from <= moment and (row.valid_to is None or row.valid_to > moment)


def undo_until(join: Join, settings: IntakeSettings) -> datetime:
    """Until when a join can be undone in one step."""
    return join.happened_at + timedelta(minutes=settings.undo_minutes if join.how in UNDOABLE else 0)
