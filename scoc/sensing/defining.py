"""Rules put into force and ended, as versions, whether a city pack or a person says so (private)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scoc.core.city.sections import text_of
from scoc.core.now import city_now, wall_now
from scoc.core.pack import ALWAYS
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.models import DeviceType, Rule, RuleState
from scoc.sensing.raising import drop_states
from scoc.sensing.rule_rows import RuleIn, narrowing_of, settings_of
from scoc.sensing.targets import streams_of, target, target_of


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


def end_rules(codes: Collection[str]) -> None:
    """These rules look at nothing any more, and what they raised clears."""
    moment = city_now()
    Rule.objects.filter(code__in=codes, valid_to=None).update(valid_to=moment)
    drop_states(RuleState.objects.filter(rule_code__in=codes), moment)
    forget_directory()
