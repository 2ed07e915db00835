"""The rule of silence: a datastream from which nothing came for several cadences (private)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from scoc.core.fields import from_micros, to_micros
from scoc.core.models import Run
from scoc.core.now import city_now, current_run
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.judging import save_states
from scoc.sensing.models import Datastream, Device, Rule, RuleState
from scoc.sensing.raising import Subject, clear_alarm, raise_alarm

_SLICE = 200


def silence_rules() -> QuerySet[Rule]:
    """The rules of silence that hold now."""
    return Rule.objects.filter(kind=Rule.Kind.SILENCE, valid_to=None).order_by("code")


def _lines(rule: Rule) -> QuerySet[Datastream]:
    """The datastreams that a rule listens to, with the phase it stands in over each."""
    return Datastream.objects.filter(
        property=rule.property, device__type_id=rule.device_type_id, device__state=Device.State.ACTIVE, active=True,
        run_id=current_run(),
    ).select_related("device", "latest")  # fmt: skip


def _allowance(rule: Rule) -> Any:
    """SQL for the time that a datastream may be quiet, in microseconds."""
    return Cast(F("cadence_seconds"), BigIntegerField()) * Value(int(rule.settings["missed"]) * 1_000_000)


def _in_alarm(rule: Rule) -> Exists:
    return Exists(RuleState.objects.filter(datastream=OuterRef("pk"), rule_code=rule.code, phase=RuleState.Phase.ALARM))


def silent(rule: Rule, moment: datetime) -> list[int]:
    """Datastreams that fell silent and have no alarm of this rule yet."""
    oldest = Value(to_micros(moment), BigIntegerField()) - _allowance(rule)
    quiet = _lines(rule).filter(~_in_alarm(rule)).filter(Q(latest__at__lt=oldest) | Q(latest=None)).order_by("pk")
    began = _run_began()
    return [line.pk for line in quiet if to_micros(moment) - _heard(line, began) > _missed_micros(rule, line)]


def heard_again(rule: Rule, moment: datetime) -> list[int]:
    """Datastreams in alarm whose newest reading is recent, e.g. since it was imported."""
    oldest = Value(to_micros(moment), BigIntegerField()) - _allowance(rule)
    again = _lines(rule).filter(_in_alarm(rule), latest__at__gte=oldest).order_by("pk")
    return list(again.values_list("pk", flat=True))


def _run_began() -> datetime:
    """Since when the current run has listened, in the city's time."""
    run = Run.objects.get(pk=current_run())
    return run.city_origin or run.started_at


def _heard(line: Datastream, began: datetime) -> int:
    """The last sign of life: its newest reading, else that it was registered, but not before anybody listened."""
    return to_micros(line.latest.at if hasattr(line, "latest") else max(line.device.registered_at, began))


def _missed_micros(rule: Rule, line: Datastream) -> int:
    return int(rule.settings["missed"]) * line.cadence_seconds * 1_000_000


def judge_silence(rule: Rule, datastreams: Iterable[int]) -> None:
    """Raise or clear the rule's alarms over these datastreams, in the open transaction.

    They are looked at again under the lock that readings take: one may have come meanwhile.
    """
    wanted = np.array(sorted(datastreams), np.int64)
    now = to_micros(city_now())
    storing.previous(wanted)
    began = _run_began()
    changed = []
    for line in _lines(rule).filter(pk__in=wanted.tolist()).order_by("pk"):
        state = RuleState.objects.filter(datastream=line, rule_code=rule.code).first()
        standing = state is not None and state.phase == RuleState.Phase.ALARM
        heard = _heard(line, began)
        quiet = now - heard > _missed_micros(rule, line)
        if quiet == standing:
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
    )  # fmt: skip


def slices(datastreams: list[int]) -> Iterable[list[int]]:
    """So few at a time that a transaction stays short."""
    for start in range(0, len(datastreams), _SLICE):
        yield datastreams[start : start + _SLICE]
