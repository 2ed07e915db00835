"""Rules put into force and ended, as versions, whether a city pack or a person says so (private)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from scoc.core.city.sections import text_of
from scoc.core.facts import Code
from scoc.core.http.request import require_version
from scoc.core.models import Category
from scoc.core.now import city_now, wall_now
from scoc.core.pack import ALWAYS
from scoc.core.refusals import Refusal, invalid, no_such
from scoc.kit.identifiers import prefixed
from scoc.kit.text import Text
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.models import DeviceType, Rule, RuleState
from scoc.sensing.raising import drop_states
from scoc.sensing.rule_rows import FIXED, OWN_CODES, RuleIn, fitting, narrowing_of, row_of, settings_of, told_in
from scoc.sensing.schemas import RuleWanted
from scoc.sensing.targets import streams_of, target, target_of

OWN_SOURCE = "scoc"
_NEVER_EMPTY = ("code", "name_zh", "name_en", "category", "suppresses", "level", "recurrence_seconds")


def put_in_force(rows: Sequence[RuleIn], *, source: str, own: bool = False) -> list[Rule]:
    """Put new rules, and next versions of those that there are, into force.

    Of a rule that looks at other datastreams than before, or in another way, what it raised where it looks no longer
    clears.
    """
    moment, recorded = city_now(), wall_now()
    types = dict(DeviceType.objects.values_list("code", "id"))
    known = {row.code: row for row in Rule.objects.filter(code__in=[row.code for row in rows]).order_by("version")}
    Rule.objects.filter(code__in=known, valid_to=None).update(valid_to=moment)
    for row in rows:
        if row.code in known:
            _leave(known[row.code], row, types.get(row.device_type))
    made = Rule.objects.bulk_create(
        Rule(
            code=row.code, version=known[row.code].version + 1 if row.code in known else 1, kind=row.kind,
            name=text_of(row), device_type_id=types.get(row.device_type), property=row.property,
            target=narrowing_of(row), level=row.level, category=row.category, settings=settings_of(row), own=own,
            suppresses=row.suppresses, recurrence_seconds=row.recurrence_seconds,
            valid_from=moment if own or row.code in known else ALWAYS,
            recorded_at=recorded, source=source,
        )
        for row in rows
    )  # fmt: skip
    forget_directory()
    return made


def _leave(before: Rule, row: RuleIn, type_id: int | None) -> None:
    states = RuleState.objects.filter(rule_code=before.code)
    after = target(row.property, type_id, narrowing_of(row))
    if before.kind == row.kind and ("of_samples" in before.settings) == (row.of_samples is not None):
        if target_of(before) == after:
            return
        states = states.exclude(datastream__in=streams_of(after))
    drop_states(states, city_now())


def set_own(draft: RuleWanted, version: int | None) -> Rule:
    """Put a rule that a person made into force, or the next version of one. Raises Invalid, Refusal, Stale."""
    given = {name: value for name, value in told_in(draft).items() if value is not None or name not in _NEVER_EMPTY}
    code = given.pop("code", None)
    values: dict[str, Any] = {"code": f"{OWN_CODES}{secrets.token_hex(4)}"}
    if code is not None:
        before = _own(code)
        require_version(version, before.version, rule_subject(before))
        values = row_of(before).model_dump()
        for name in FIXED:
            if given.get(name, values[name]) != values[name]:
                raise invalid(name, "A rule keeps it.", "Make a new rule and end this one.",
                              zh="既有规则的此项不变；如需改动，请新建规则并停用此规则。")  # fmt: skip
    row = fitting(values | given)
    if row.category and not Category.objects.filter(valid_to=None, code=row.category).exists():
        raise invalid("category", f"`{row.category}` is not among the categories.", "Choose one of them.",
                      zh="没有这个类别。")  # fmt: skip
    (made,) = put_in_force([row], source=OWN_SOURCE, own=True)
    return made


def end_own(code: str) -> Rule:
    """End a rule that was made in SCOC itself. Raises Refusal for one of the city pack."""
    rule = _own(code)
    end_rules([code])
    return rule


def rule_subject(rule: Rule) -> Code:
    """The subject id of a version of a rule."""
    return Code(prefixed("sensing", f"rule-{rule.pk}"))


def _own(code: str) -> Rule:
    rule = Rule.objects.filter(code=code, valid_to=None).select_for_update(of=("self",)).first()
    if rule is None:
        raise no_such("规则", "rule", code)
    if not rule.own:
        raise Refusal(
            "of_the_pack",
            Text("此规则来自城市包，请在城市包中修改。", "This rule is the city pack's; change it there."),
            subject=rule_subject(rule),
        )  # fmt: skip
    return rule


def end_rules(codes: Collection[str]) -> None:
    """These rules look at nothing any more, and what they raised clears."""
    moment = city_now()
    Rule.objects.filter(code__in=codes, valid_to=None).update(valid_to=moment)
    drop_states(RuleState.objects.filter(rule_code__in=codes), moment)
    forget_directory()
