"""A rule as people write it, in the city pack or to try it on past data, and what is wrong with it (private)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from scoc.core.city import PackRow
from scoc.core.http.validation import field_error
from scoc.core.models import Area
from scoc.core.pack import CODE, EN, ZH
from scoc.core.refusals import FieldError, Invalid
from scoc.kit.text import Text
from scoc.sensing.hours import HOURS_PATTERN
from scoc.sensing.models import Device, DeviceType, Rule
from scoc.sensing.schemas import RuleDraft
from scoc.sensing.targets import Target, streams_of, target

OWN_CODES = "own."
"""Codes of rules that were made in SCOC itself begin so; those of a city pack do not."""


class RuleIn(PackRow):
    """An alarm rule over one property of many devices. Which fields it needs follows from its kind.

    It looks at the devices of a type (`device_type`), at those within an area (`within`), at named ones (`devices`),
    or at those that all of these hold for; a rule with none of them looks at every device that has the property.
    """

    code: str = CODE
    kind: Literal["threshold", "rate", "deviation", "silence"]
    name_zh: str = ZH
    name_en: str = EN
    device_type: str = Field("", max_length=40)
    property: str = Field(min_length=1, max_length=40)
    within: str = Field("", max_length=20, pattern=r"^\d*$")
    """Code of an area: only devices that lie in it or below it."""
    devices: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field([], max_length=500)
    """Keys of the only devices that it looks at."""
    level: Literal["severe", "major", "minor"]
    category: str = Field("", max_length=60, pattern=r"^((component|event)/\d{4})?$")
    """Class of the case that may come of it, e.g. `event/0506`."""
    recurrence_seconds: int = Field(3600, ge=0, le=31_622_400)
    """An alarm that comes back within this time after it cleared is the same alarm."""
    suppresses: bool = False
    """Its alarms keep back those of the devices that hang on the one that it is about, e.g. those behind a gateway."""
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
    broken_samples: int | None = Field(None, ge=1, le=100)
    """All but silence: the condition must have held in so many (n) …"""
    of_samples: int | None = Field(None, ge=2, le=100)
    """… of the last so many (m) readings, instead of for a duration; it clears after n in a row that have recovered."""
    days: Literal["workdays", "off_days"] | None = None
    """Only on these days, by the city's calendar."""
    hours: list[Annotated[str, Field(pattern=HOURS_PATTERN)]] | None = Field(None, max_length=12)
    """Only in these hours of the city's day, e.g. `22:00-06:00`, which belongs to the day on which it begins."""


_SAMPLES = {"broken_samples", "of_samples"}
_WHEN = {"days", "hours"}
_FIELDS = {
    "threshold": ({"side", "raise_at", "clear_at"}, {"duration_seconds"} | _SAMPLES | _WHEN),
    "rate": ({"side", "change", "clear_change", "window_seconds"}, _SAMPLES | _WHEN),
    "deviation": (
        {"side", "k", "clear_k", "weeks", "least_spread"}, {"least_samples", "duration_seconds"} | _SAMPLES | _WHEN
    ),
    "silence": ({"missed"}, _WHEN),
}  # fmt: skip
_ALL_FIELDS = {name for needed, optional in _FIELDS.values() for name in needed | optional}
_KINDS = {"threshold": "阈值", "rate": "变化率", "deviation": "偏离常态", "silence": "静默"}


def settings_of(row: RuleIn) -> dict[str, Any]:
    """The fields of a rule that its kind uses."""
    needed, optional = _FIELDS[row.kind]
    return {
        name: getattr(row, name) for name in sorted(needed | optional) if getattr(row, name) not in (None, [])
    }  # fmt: skip


def narrowing_of(row: RuleIn) -> dict[str, Any]:
    """What a rule is narrowed to beside a type, as it is stored."""
    narrowing: dict[str, Any] = {}
    if row.within:
        narrowing["within"] = row.within
    if row.devices:
        narrowing["devices"] = sorted(set(row.devices))
    return narrowing


def row_of(rule: Rule) -> RuleIn:
    """A rule as the pack would write it."""
    return RuleIn(
        code=rule.code, kind=rule.kind, name_zh=rule.name.zh, name_en=rule.name.en,
        device_type=rule.device_type.code if rule.device_type else "", property=rule.property, level=rule.level,
        category=rule.category, recurrence_seconds=rule.recurrence_seconds, suppresses=rule.suppresses, **rule.target,
        **rule.settings,
    )  # fmt: skip


FIXED = ("kind", "device_type", "property")
"""What a rule keeps from version to version."""
_EMPTY: dict[str, object] = {"device_type": "", "within": "", "devices": []}
"""What null means for the fields that narrow a rule: it is not narrowed so."""


def told_in(draft: RuleDraft) -> dict[str, Any]:
    """What a draft says of a rule, by the fields of RuleIn and `code`."""
    names = set(RuleIn.model_fields) & set(type(draft).model_fields)
    given = draft.model_dump(exclude_unset=True, include=names)
    return {name: _EMPTY[name] if value is None and name in _EMPTY else value for name, value in given.items()}


def fitting(values: dict[str, Any]) -> RuleIn:
    """A rule from its fields. Raises Invalid for one that the city could not have, with each field and its remedy."""
    try:
        row = RuleIn.model_validate(values)
    except ValidationError as error:
        raise _unfit(field_error(item) for item in error.errors()) from error
    for faults in (faults_of, unmet):
        if errors := tuple(faults(row)):
            raise _unfit(errors)
    return row


def _unfit(errors: Iterable[FieldError]) -> Invalid:
    words = Text("规则不符合要求。", "The rule does not fit.")
    return Invalid("invalid", words, errors=tuple(errors))


def target_in(row: RuleIn) -> Target:
    """The target of a rule as it is written."""
    type_id = DeviceType.objects.filter(code=row.device_type).values_list("pk", flat=True).first()
    return target(row.property, type_id, narrowing_of(row))


def unmet(row: RuleIn) -> Iterator[FieldError]:
    """What a rule names and the city has not: a type of device, a property of it, an area, devices."""
    type_ = DeviceType.objects.filter(code=row.device_type).first() if row.device_type else None
    if row.device_type and type_ is None:
        yield _fault("device_type", "没有这种设备类型。", "There is no such type of device.",
                     "Name one that the city has.")  # fmt: skip
    elif type_ is not None and row.property not in {stream["property"] for stream in type_.streams}:
        yield _fault("property", "这种设备不观测此项。", f"A {row.device_type} does not observe `{row.property}`.",
                     "Name one of its streams.")  # fmt: skip
    elif type_ is None:
        units = set(streams_of(target_in(row)).order_by().values_list("unit", flat=True).distinct()[:2])
        if not units:
            yield _fault("property", "所选设备都不观测此项。", f"None of the devices observes `{row.property}`.",
                         "Name a property that they have.")  # fmt: skip
        elif len(units) > 1:
            yield _fault("device_type", "所选设备的单位不一致，请指定设备类型。",
                         f"The devices measure `{row.property}` in {' and '.join(sorted(units))}.",
                         "Name a type of device.")  # fmt: skip
    if row.within and not Area.objects.filter(code=row.within).exists():
        yield _fault("within", "没有这个区域。", f"There is no area {row.within}.", "Give the code of an area.")
    known = set(Device.objects.filter(key__in=row.devices).values_list("key", flat=True))
    if unknown := sorted(set(row.devices) - known):
        yield _fault("devices", f"没有设备 {'、'.join(unknown[:5])}。", f"There is no device {', '.join(unknown[:5])}.",
                     "Give the keys of devices of the city.")  # fmt: skip


def faults_of(row: RuleIn) -> Iterator[FieldError]:
    """What is wrong with a rule in itself: fields that its kind lacks or does not have, and the wrong way round."""
    needed, optional = _FIELDS[row.kind]
    given = {name for name in _ALL_FIELDS if getattr(row, name) not in (None, [])}
    kind = _KINDS[row.kind]
    for name in sorted(needed - given):
        yield _fault(name, f"{kind}规则须填此项。", f"A rule of kind {row.kind} needs it.", "Add this field.")
    for name in sorted(given - needed - optional):
        yield _fault(
            name, f"{kind}规则没有此项，请去掉。", f"A rule of kind {row.kind} has no such field.", "Remove it."
        )
    yield from _samples(row)
    if not needed - given:
        yield from _wrong_way_round(row)


def _samples(row: RuleIn) -> Iterator[FieldError]:
    n, m = row.broken_samples, row.of_samples
    if (n is None) != (m is None):
        missing = "of_samples" if m is None else "broken_samples"
        yield _fault(missing, "“m 次中 n 次”须同时填写两个数。", "It is given without the other one.",
                     "Give both `broken_samples` and `of_samples`, or neither.")  # fmt: skip
    elif n is not None and m is not None:
        if n > m:
            yield _fault("broken_samples", "次数不得大于窗口次数。", "It is greater than `of_samples`.",
                         "Of m readings at most m can break a rule.")  # fmt: skip
        if row.duration_seconds:
            yield _fault("duration_seconds", "“持续时间”与“m 次中 n 次”只能取其一。",
                         "A rule has a duration or counts readings, not both.", "Leave one of them out.")  # fmt: skip


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
