"""Alarms raised, found to recur and cleared, in the open transaction; one alarm an episode (private)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from scoc.core import facts
from scoc.core.acting import acting, new_correlation
from scoc.core.facts import Code, Fact, publish
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import wall_now
from scoc.kit.identifiers import prefixed
from scoc.sensing.facts import AlarmCleared, AlarmRaised, AlarmRecurred
from scoc.sensing.models import Alarm, AlarmFlow, AlarmOccurrence, RuleState
from scoc.sensing.rules import comes_back, furthest


@dataclass(frozen=True, slots=True)
class Subject:
    """Where and by which rule an alarm is raised."""

    rule_id: int
    rule_code: str
    level: str
    category: str
    recurrence_micros: int
    datastream_id: int
    device_id: int
    organisation_id: int
    area_id: int | None


def subject_of(alarm_id: int) -> Code:
    """The subject id of an alarm in facts and links."""
    return Code(prefixed("sensing", alarm_id))


def device_subject(device_id: int) -> Code:
    """The subject id of a device."""
    return Code(prefixed("sensing", f"device-{device_id}"))


def tell(alarm: Alarm, fact: Fact, happened_at: datetime) -> None:
    """Publish a fact of one alarm in that alarm's own course of events.

    A batch may raise alarms that have nothing to do with each other; what follows from them must not share an id.
    """
    work = acting()
    facts.flush(work)
    outer, work.correlation = work.correlation, alarm.correlation
    try:
        publish(
            fact, happened_at=happened_at, organisation_id=alarm.organisation_id, area_id=alarm.area_id,
            grade=alarm.grade,
        )  # fmt: skip
        facts.flush(work)
    finally:
        work.correlation = outer


def lock(alarms: QuerySet[Alarm]) -> QuerySet[Alarm]:
    """Alarms, theirs to change until the transaction ends."""
    return alarms.select_for_update(of=("self",)).order_by("id")


def raise_alarm(
    subject: Subject, before: int | None, at: int, since: int, value: float | None, peak: float | None
) -> int:
    """Raise an alarm at `at`, whose condition holds since `since` (microseconds); returns its id.

    `before` is the last alarm of the same rule and datastream: if it cleared no longer ago than the rule's recurrence
    time, and neither a person found it false nor what came of it is settled, it is the same alarm that came back.
    """
    happened = from_micros(at)
    alarm = lock(Alarm.objects.filter(pk=before)).first() if before else None
    if (
        alarm is not None
        and alarm.state in (Alarm.State.NEW, Alarm.State.ACKNOWLEDGED)
        and alarm.cleared_at is not None
        and comes_back(to_micros(alarm.cleared_at), at, subject.recurrence_micros)
    ):
        alarm.active, alarm.cleared_at = True, None
        alarm.recurrences += 1
        alarm.peak = furthest(alarm.rule.settings, alarm.peak, peak)
        alarm.save(update_fields=["active", "cleared_at", "recurrences", "peak"])
        _occurs(alarm, since, value, peak)
        tell(alarm, AlarmRecurred(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), happened)
        return alarm.pk
    work, recorded = acting(), wall_now()
    alarm = Alarm.objects.create(
        happened_at=happened, recorded_at=recorded, run_id=work.run_id, organisation_id=subject.organisation_id,
        area_id=subject.area_id, post_id=work.actor.post_id, correlation=new_correlation(), rule_id=subject.rule_id,
        datastream_id=subject.datastream_id, device_id=subject.device_id, level=subject.level, value=value, peak=peak,
    )  # fmt: skip
    AlarmFlow.objects.create(
        alarm=alarm, version=1, to_state=Alarm.State.NEW, action="sensing.raise", actor_id=work.actor.user_id,
        post_id=work.actor.post_id, organisation_id=work.actor.organisation_id, happened_at=happened,
        recorded_at=recorded,
    )  # fmt: skip
    _occurs(alarm, since, value, peak)
    raised = AlarmRaised(
        subject=subject_of(alarm.pk), rule=Code(subject.rule_code), device=subject.device_id,
        datastream=subject.datastream_id, level=Code(subject.level), category=Code(subject.category),
    )  # fmt: skip
    tell(alarm, raised, happened)
    return alarm.pk


def _occurs(alarm: Alarm, since: int, value: float | None, peak: float | None) -> None:
    AlarmOccurrence.objects.create(alarm=alarm, started_at=from_micros(since), value=value, peak=peak)


def clear_alarm(alarm_id: int, at: int) -> None:
    """The condition of an alarm is gone since `at`."""
    alarm = lock(Alarm.objects.filter(pk=alarm_id, active=True)).first()
    if alarm is None:
        return
    happened = from_micros(at)
    alarm.active, alarm.cleared_at = False, happened
    alarm.save(update_fields=["active", "cleared_at"])
    AlarmOccurrence.objects.filter(alarm=alarm, ended_at=None).update(ended_at=happened)
    tell(alarm, AlarmCleared(subject=subject_of(alarm_id), recurrences=alarm.recurrences), happened)


def worsen_alarm(alarm_id: int, peak: float) -> None:
    """An alarm that stands got a value further out; no fact, since its state did not change."""
    alarm = Alarm.objects.select_related("rule").get(pk=alarm_id)
    Alarm.objects.filter(pk=alarm_id).update(peak=furthest(alarm.rule.settings, alarm.peak, peak))
    AlarmOccurrence.objects.filter(alarm_id=alarm_id, ended_at=None).update(peak=peak)


def drop_states(states: QuerySet[RuleState], moment: datetime) -> None:
    """There nothing is looked at any more: what was raised clears, and where the rules stood is forgotten."""
    for alarm_id in states.filter(phase=RuleState.Phase.ALARM).values_list("alarm_id", flat=True):
        if alarm_id is not None:
            clear_alarm(alarm_id, to_micros(moment))
    states.delete()
