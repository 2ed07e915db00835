"""The rule of silence: a datastream from which nothing came for several cadences (private)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from django.db import connection
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from scoc.core.fields import from_micros, to_micros
from scoc.core.models import Run
from scoc.core.now import city_now, current_run
from scoc.sensing.hours import inside_of
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.judging import save_states
from scoc.sensing.models import Datastream, Device, Rule, RuleState
from scoc.sensing.raising import Subject, clear_alarm, raise_alarm
from scoc.sensing.rules import silence_of, silent
from scoc.sensing.targets import streams_of, target_of

_SLICE = 200


def silence_rules() -> QuerySet[Rule]:
    """The rules of silence that hold now."""
    return Rule.objects.filter(kind=Rule.Kind.SILENCE, valid_to=None).order_by("code")


def _lines(rule: Rule) -> QuerySet[Datastream]:
    """The datastreams that a rule listens to, with the phase it stands in over each."""
    lines = streams_of(target_of(rule)).filter(
        device__state=Device.State.ACTIVE, active=True, run_id=current_run(), cadence_seconds__gt=0
    )
    return lines.select_related("device", "latest")


_TURNED = """
SELECT r.id, s.id, st.id IS NULL, l.at IS NULL
FROM sensing_rule r
JOIN sensing_device d ON d.type_id = r.device_type_id AND d.state = 'active'
JOIN sensing_datastream s ON s.device_id = d.id AND s.property = r.property AND s.active AND s.run_id = %s
  AND s.cadence_seconds > 0
LEFT JOIN sensing_latest l ON l.datastream_id = s.id
LEFT JOIN sensing_rule_state st ON st.datastream_id = s.id AND st.rule_code = r.code AND st.phase = 'alarm'
WHERE r.id IN ({ids})
  AND CASE WHEN st.id IS NULL THEN l.at IS NULL OR l.at < %s - CAST(s.cadence_seconds AS bigint) * {missed}
      ELSE l.at >= %s - CAST(s.cadence_seconds AS bigint) * {missed} END
ORDER BY r.id, s.id
"""
"""By hand and for all rules at once: this is asked every minute, and making the queries cost more than running them."""


def turned(rules: Sequence[Rule], moment: datetime) -> dict[str, list[int]]:
    """By rule the datastreams that fell silent and have no alarm of it yet, and those in alarm that are heard again,
    e.g. since a reading was imported.
    """
    found: dict[str, list[int]] = {rule.code: [] for rule in rules}
    at = to_micros(moment)
    rows = _turned_plain([rule for rule in rules if not target_of(rule).narrowed], at)
    for rule in rules:
        if target_of(rule).narrowed:
            rows += _turned_narrowed(rule, at)
    codes = {rule.pk: rule for rule in rules}
    looking = {rule.pk: inside_of(rule.settings)(at) for rule in rules}
    unheard = _listened_since([line for _, line, fell, never in rows if fell and never])
    for rule_id, line, fell, never in rows:
        rule = codes[rule_id]
        if fell and (not looking[rule_id] or (never and at - unheard[line][0] <= _missed(rule) * unheard[line][1])):
            continue
        found[rule.code].append(line)
    return found


Turned = list[tuple[int, int, bool, bool]]
"""Rule, datastream, whether it fell silent (else it is heard again), whether it was never heard at all."""


def _turned_plain(rules: Sequence[Rule], at: int) -> Turned:
    if not rules:
        return []
    missed, told = _by_rule(rules)
    ids = ", ".join(["%s"] * len(rules))
    with connection.cursor() as cursor:
        cursor.execute(
            _TURNED.format(ids=ids, missed=missed),
            [current_run(), *(rule.pk for rule in rules), at, *told, at, *told],
        )
        return [(rule_id, line, bool(fell), bool(never)) for rule_id, line, fell, never in cursor.fetchall()]


def _turned_narrowed(rule: Rule, at: int) -> Turned:
    """The same of a rule over some devices only, or over those of every type."""
    heard_by = Value(at, BigIntegerField()) - Cast(F("cadence_seconds"), BigIntegerField()) * Value(_missed(rule))
    standing = RuleState.objects.filter(datastream=OuterRef("pk"), rule_code=rule.code, phase=RuleState.Phase.ALARM)
    rows = _lines(rule).alias(heard_by=heard_by).annotate(stands=Exists(standing))
    silent_now = Q(stands=False) & (Q(latest__at=None) | Q(latest__at__lt=F("heard_by")))
    rows = rows.filter(silent_now | Q(stands=True, latest__at__gte=F("heard_by"))).order_by("pk")
    return [
        (rule.pk, line, not stands, newest is None)
        for line, stands, newest in rows.values_list("pk", "stands", "latest__at")
    ]


def _missed(rule: Rule) -> int:
    return silence_of(rule.settings, 1_000_000)


def _by_rule(rules: Sequence[Rule]) -> tuple[str, list[int]]:
    """SQL for the microseconds that a second of cadence allows under the row's rule, and its parameters."""
    whens = " ".join(["WHEN %s THEN %s"] * len(rules))
    return f"CASE r.id {whens} END", [number for rule in rules for number in (rule.pk, _missed(rule))]


def _listened_since(datastreams: list[int]) -> dict[int, tuple[int, int]]:
    """Of datastreams that never brought a reading: since when one could have come, and their cadence in seconds."""
    if not datastreams:
        return {}
    began = run_began()
    lines = Datastream.objects.filter(pk__in=datastreams).select_related("device", "latest")
    return {line.pk: (_heard(line, began), line.cadence_seconds) for line in lines}


def run_began() -> datetime:
    """Since when the current run has listened, in the city's time."""
    run = Run.objects.get(pk=current_run())
    return run.city_origin or run.started_at


def _heard(line: Datastream, began: datetime) -> int:
    """The last sign of life: its newest reading, else that it was registered, but not before anybody listened."""
    return to_micros(line.latest.at if hasattr(line, "latest") else max(line.device.registered_at, began))


def judge_silence(rule: Rule, datastreams: Iterable[int]) -> None:
    """Raise or clear the rule's alarms over these datastreams, in the open transaction.

    They are looked at again under the lock that readings take: one may have come meanwhile.
    """
    wanted = np.array(sorted(datastreams), np.int64)
    now = to_micros(city_now())
    storing.previous(wanted)
    began, looking = run_began(), inside_of(rule.settings)(now)
    changed = []
    for line in _lines(rule).filter(pk__in=wanted.tolist()).order_by("pk"):
        state = RuleState.objects.filter(datastream=line, rule_code=rule.code).first()
        standing = state is not None and state.phase == RuleState.Phase.ALARM
        heard = _heard(line, began)
        quiet = silent(rule.settings, line.cadence_seconds * 1_000_000, heard, now)
        if quiet == standing or (quiet and not looking):
            continue
        if state is None:
            state = RuleState(datastream=line, rule_code=rule.code)
        if quiet:
            value = line.latest.result if hasattr(line, "latest") else None
            state.alarm_id = raise_alarm(_subject(rule, line), state.alarm_id, now, heard, value, None)
            state.phase, state.since = RuleState.Phase.ALARM, from_micros(heard)
        else:
            if state.alarm_id is not None:
                clear_alarm(state.alarm_id, heard)
            state.phase, state.since = RuleState.Phase.NORMAL, from_micros(heard)
        state.last_at = from_micros(now)
        changed.append(state)
    save_states(changed)


def _subject(rule: Rule, line: Datastream) -> Subject:
    return Subject(
        rule.pk, rule.code, rule.level, rule.category, rule.recurrence_seconds * 1_000_000, line.pk, line.device_id,
        line.device.organisation_id, line.device.area_id,
        line.device.parent_id is not None or line.device.asset_id is not None, rule.suppresses,
    )  # fmt: skip


def slices(datastreams: list[int]) -> Iterable[list[int]]:
    """So few at a time that a transaction stays short."""
    for start in range(0, len(datastreams), _SLICE):
        yield datastreams[start : start + _SLICE]
