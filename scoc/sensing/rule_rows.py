"""A rule as people write it, in the city pack or to try it on past data, and what is wrong with it (private)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from scoc.core.city import PackRow
from scoc.core.pack import CODE, EN, ZH
from scoc.core.refusals import FieldError
from scoc.kit.text import Text
from scoc.sensing.models import Rule


class RuleIn(PackRow):
    """An alarm rule over one property of all devices of a type. Which fields it needs follows from its kind."""

    code: str = CODE
    kind: Literal["threshold", "rate", "deviation", "silence"]
    name_zh: str = ZH
    name_en: str = EN
    device_type: str
    property: str
    level: Literal["severe", "major", "minor"]
    category: str = Field("", max_length=60, pattern=r"^((component|event)/\d{4})?$")
    """Class of the case that may come of it, e.g. `event/0506`."""
    recurrence_seconds: int = Field(3600, ge=0, le=31_622_400)
    """An alarm that comes back within this time after it cleared is the same alarm."""
    side: Literal["above", "below", "both"] | None = None
    raise_at: float | None = Field(None, allow_inf_nan=False)
    """threshold: the alarm is raised when this value is reached."""
    clear_at: float | None = Field(None, allow_inf_nan=False)
    """threshold: it clears when the value is back beyond this one (hysteresis)."""
    duration_seconds: int | None = Field(None, ge=0, le=31_622_400)
    """threshold, deviation: for so long the condition must have held."""
    change: float | None = Field(None, gt=0, allow_inf_nan=False)
    """rate: a change of so much within the window raises it."""
    clear_change: float | None = Field(None, gt=0, allow_inf_nan=False)
    """rate: it clears when the change within the window is smaller than this."""
    window_seconds: int | None = Field(None, ge=1, le=31_622_400)
    k: float | None = Field(None, gt=0, allow_inf_nan=False)
    """deviation: further than k × MAD from the median of the same hour of the week raises it."""
    clear_k: float | None = Field(None, ge=0, allow_inf_nan=False)
    weeks: int | None = Field(None, ge=1, le=104)
    """deviation: so many weeks back make up what is usual."""
    least_spread: float | None = Field(None, gt=0, allow_inf_nan=False)
    """deviation: a smaller MAD counts as this, so that a still series does not alarm at every tremble."""
    least_samples: int | None = Field(None, ge=1, le=100_000)
    """deviation: with fewer past hours what is usual is unknown, and nothing is raised."""
    missed: int | None = Field(None, ge=1, le=10_000)
    """silence: so many cadences without a reading raise it."""


_FIELDS = {
    "threshold": ({"side", "raise_at", "clear_at"}, {"duration_seconds"}),
    "rate": ({"side", "change", "clear_change", "window_seconds"}, set[str]()),
    "deviation": ({"side", "k", "clear_k", "weeks", "least_spread"}, {"least_samples", "duration_seconds"}),
    "silence": ({"missed"}, set[str]()),
}
_ALL_FIELDS = {name for needed, optional in _FIELDS.values() for name in needed | optional}
_KINDS = {"threshold": "阈值", "rate": "变化率", "deviation": "偏离常态", "silence": "静默"}


def settings_of(row: RuleIn) -> dict[str, float | int | str]:
    """The fields of a rule that its kind uses."""
    needed, optional = _FIELDS[row.kind]
    return {
        name: getattr(row, name) for name in sorted(needed | optional) if getattr(row, name) is not None
    }  # fmt: skip


def row_of(rule: Rule) -> RuleIn:
    """A rule as the pack would write it."""
    return RuleIn(
        code=rule.code, kind=rule.kind, name_zh=rule.name.zh, name_en=rule.name.en, device_type=rule.device_type.code,
        property=rule.property, level=rule.level, category=rule.category, recurrence_seconds=rule.recurrence_seconds,
        **rule.settings,
    )  # fmt: skip


def faults_of(row: RuleIn) -> Iterator[FieldError]:
    """What is wrong with a rule in itself: fields that its kind lacks or does not have, and the wrong way round."""
    needed, optional = _FIELDS[row.kind]
    given = {name for name in _ALL_FIELDS if getattr(row, name) is not None}
    kind = _KINDS[row.kind]
    for name in sorted(needed - given):
        yield _fault(name, f"{kind}规则须填此项。", f"A rule of kind {row.kind} needs it.", "Add this field.")
    for name in sorted(given - needed - optional):
        yield _fault(
            name, f"{kind}规则没有此项，请去掉。", f"A rule of kind {row.kind} has no such field.", "Remove it."
        )
    if not needed - given:
        yield from _wrong_way_round(row)


def _fault(field: str, zh: str, en: str, remedy: str) -> FieldError:
    return FieldError(field, Text(zh, en), Text("", remedy))


def _wrong_way_round(row: RuleIn) -> Iterator[FieldError]:
    remedy = "An alarm must clear on the safe side of where it is raised."
    if row.kind == "threshold":
        if row.side == "both":
            yield _fault("side", "阈值规则只有一个方向；上限和下限请分写两条规则。", "A threshold has one side.",
                         "Write two rules, above and below.")  # fmt: skip
        assert row.raise_at is not None
        assert row.clear_at is not None
        beyond = row.clear_at - row.raise_at
        if (beyond > 0 and row.side == "above") or (beyond < 0 and row.side == "below"):
            yield _fault("clear_at", "恢复值越过了触发值，应在其安全一侧。", "It lies beyond `raise_at`.", remedy)
    if row.kind == "rate" and (row.clear_change or 0) > (row.change or 0):
        yield _fault("clear_change", "不得大于触发的变化量。", "It is greater than `change`.", remedy)
    if row.kind == "deviation" and (row.clear_k or 0) > (row.k or 0):
        yield _fault("clear_k", "不得大于触发的倍数。", "It is greater than `k`.", remedy)
