"""Alarms raised, found to recur and cleared, in the open transaction; one alarm an episode (private)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from scoc.core import facts
from scoc.core.acting import acting, new_correlation
from scoc.core.facts import Code, Fact, publish
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now, wall_now
from scoc.kit.identifiers import prefixed
from scoc.sensing import keeping
from scoc.sensing.facts import (
    AlarmCleared,
    AlarmHushed,
    AlarmRaised,
    AlarmRecurred,
    AlarmReleased,
    AlarmSteadied,
    AlarmSuppressed,
)
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
    hangs: bool
    """Whether its device hangs on another one, or on an asset."""
    suppresses: bool
    """Whether its alarms keep back those of the devices below."""


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
    time, or is flapping, and neither a person found it false nor what came of it is settled, it is the same alarm that
    came back. One that is shelved, or that an alarm above it explains, is kept and not told of.
    """
    happened = from_micros(at)
    alarm = lock(Alarm.objects.filter(pk=before)).first() if before else None
    again = alarm is not None and _comes_back(alarm, at, subject.recurrence_micros)
    flaps = alarm is not None and keeping.flaps(subject.datastream_id, subject.rule_code, happened)
    if alarm is not None and again:
        _recur(alarm, subject, since, value, peak, happened, flaps=flaps)
    else:
        alarm = _new(subject, alarm, since, value, peak, happened, flaps=flaps)
    if subject.suppresses:
        for below in keeping.explained_by(alarm, happened):
            suppress(below, alarm)
    return alarm.pk


def _comes_back(alarm: Alarm, at: int, recurrence: int) -> bool:
    if alarm.state not in (Alarm.State.NEW, Alarm.State.ACKNOWLEDGED):
        return False
    if alarm.flapping_since is not None:
        return True
    return alarm.cleared_at is not None and comes_back(to_micros(alarm.cleared_at), at, recurrence)


def _recur(
    alarm: Alarm, subject: Subject, since: int, value: float | None, peak: float | None, happened: datetime, *,
    flaps: bool,
) -> None:  # fmt: skip
    quiet = alarm.flapping_since is not None
    alarm.active, alarm.cleared_at = True, None
    alarm.recurrences += 1
    alarm.peak = furthest(alarm.rule.settings, alarm.peak, peak)
    if flaps and not quiet:
        alarm.flapping_since = happened
    above = alarm.suppressed_by_id
    if above is not None:
        above = keeping.above(subject.device_id) if subject.hangs else None
    freed = above is None and alarm.suppressed_by_id is not None
    alarm.suppressed_by_id = above
    alarm.save(update_fields=["active", "cleared_at", "recurrences", "peak", "flapping_since", "suppressed_by"])
    _occurs(alarm, since, value, peak)
    kept = above is not None or alarm.shelved_until is not None
    if freed and not kept:
        release(alarm, happened)
    elif not flaps and not quiet and not kept:
        tell(alarm, AlarmRecurred(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), happened)
    if flaps and not quiet:
        tell(alarm, AlarmHushed(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), happened)


def _new(
    subject: Subject, before: Alarm | None, since: int, value: float | None, peak: float | None, happened: datetime, *,
    flaps: bool,
) -> Alarm:  # fmt: skip
    work, recorded = acting(), wall_now()
    above = keeping.above(subject.device_id) if subject.hangs else None
    shelf = None if before is None else keeping.shelf_of(subject.datastream_id, subject.rule_code)
    alarm = Alarm.objects.create(
        happened_at=happened, recorded_at=recorded, run_id=work.run_id, organisation_id=subject.organisation_id,
        area_id=subject.area_id, post_id=work.actor.post_id, correlation=new_correlation(), rule_id=subject.rule_id,
        datastream_id=subject.datastream_id, device_id=subject.device_id, level=subject.level, value=value, peak=peak,
        told=above is None and shelf is None, suppressed_by_id=above, shelved_until=shelf.until if shelf else None,
        flapping_since=happened if flaps else None,
    )  # fmt: skip
    AlarmFlow.objects.create(
        alarm=alarm, version=1, to_state=Alarm.State.NEW, action="sensing.raise", actor_id=work.actor.user_id,
        post_id=work.actor.post_id, organisation_id=work.actor.organisation_id, happened_at=happened,
        recorded_at=recorded,
    )  # fmt: skip
    _occurs(alarm, since, value, peak)
    if alarm.told:
        _tell_raised(alarm, subject.rule_code, subject.category, happened)
    elif above is not None:
        tell(alarm, AlarmSuppressed(subject=subject_of(alarm.pk), by=above), happened)
    if flaps:
        tell(alarm, AlarmHushed(subject=subject_of(alarm.pk), recurrences=1), happened)
    return alarm


def _tell_raised(alarm: Alarm, rule: str, category: str, happened: datetime) -> None:
    raised = AlarmRaised(
        subject=subject_of(alarm.pk), rule=Code(rule), device=alarm.device_id, datastream=alarm.datastream_id,
        level=Code(alarm.level), category=Code(category),
    )  # fmt: skip
    tell(alarm, raised, happened)


def suppress(alarm: Alarm, by: Alarm) -> None:
    """Keep back an alarm that was told of a moment ago: the alarm above it came after it and explains it."""
    alarm.suppressed_by = by
    alarm.save(update_fields=["suppressed_by"])
    tell(alarm, AlarmSuppressed(subject=subject_of(alarm.pk), by=by.pk), by.happened_at)


def release(alarm: Alarm, happened: datetime) -> None:
    """Let an alarm that was kept back stand before people: it is told as raised if it never was. Saves nothing else
    than that it was told."""
    if alarm.told:
        tell(alarm, AlarmReleased(subject=subject_of(alarm.pk)), happened)
        return
    alarm.told = True
    alarm.save(update_fields=["told"])
    _tell_raised(alarm, alarm.rule.code, alarm.rule.category, happened)


def _occurs(alarm: Alarm, since: int, value: float | None, peak: float | None) -> None:
    AlarmOccurrence.objects.create(alarm=alarm, started_at=from_micros(since), value=value, peak=peak)


def clear_alarm(alarm_id: int, at: int) -> None:
    """The condition of an alarm is gone since `at`. One that is flapping stands on until it is stable."""
    alarm = lock(Alarm.objects.filter(pk=alarm_id, active=True)).first()
    if alarm is None:
        return
    happened = from_micros(at)
    AlarmOccurrence.objects.filter(alarm=alarm, ended_at=None).update(ended_at=happened)
    if alarm.flapping_since is not None:
        return
    _clear(alarm, happened)


def _clear(alarm: Alarm, happened: datetime) -> None:
    alarm.active, alarm.cleared_at = False, happened
    alarm.save(update_fields=["active", "cleared_at"])
    tell(alarm, AlarmCleared(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), happened)


def steady(alarm: Alarm) -> None:
    """A flapping alarm has not changed for long enough: it stands, or it cleared when it last did."""
    alarm.flapping_since = None
    alarm.save(update_fields=["flapping_since"])
    tell(alarm, AlarmSteadied(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), city_now())
    last = alarm.occurrences.order_by("-started_at", "-id").first()
    if last is not None and last.ended_at is not None:
        _clear(alarm, last.ended_at)


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
    for alarm in lock(Alarm.objects.filter(pk__in=states.values("alarm_id")).exclude(flapping_since=None)):
        steady(alarm)
    states.delete()
