"""Alarms set aside and taken back, and the minute's work that lets go of what was kept back (private)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from scoc.core.acting import Actor
from scoc.core.now import city_now, wall_now
from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text
from scoc.sensing import keeping
from scoc.sensing.facts import AlarmRecurred, AlarmShelved, AlarmUnshelved
from scoc.sensing.models import Alarm, AlarmShelf
from scoc.sensing.raising import lock, release, steady, subject_of, tell

MOST_AT_ONCE = 200
"""So many alarms a minute's work lets go of in one transaction."""


def shelve(actor: Actor, alarm: Alarm, reason: str, until: datetime) -> None:
    """Set a locked alarm aside until a time. Raises Invalid for a time that is past or too far, Refusal for one that
    is not open or shelved already."""
    moment, most = city_now(), keeping.alarm_settings().shelve_most_hours
    if len(reason.strip()) < 2:
        raise invalid("reason", "Say why it is set aside.", "At least two characters.", zh="请说明搁置理由。")
    if until <= moment:
        raise invalid("until", "It does not lie in the future.", "Give a later time.", zh="搁置期限应晚于现在。")
    if until > moment + timedelta(hours=most):
        raise invalid("until", f"Nobody shelves an alarm for longer than {most} hours.", "Give an earlier time.",
                      zh=f"搁置最长 {most} 小时，请提前期限。")  # fmt: skip
    if alarm.state not in keeping.OPEN or alarm.shelved_until is not None:
        raise Refusal(
            "wrong_state",
            Text("只有未办结且未搁置的告警可以搁置。", "Only an open alarm that is not shelved can be shelved."),
            subject=subject_of(alarm.pk),
        )  # fmt: skip
    AlarmShelf.objects.create(
        alarm=alarm, rule_code=alarm.rule.code, datastream_id=alarm.datastream_id,
        recurrences=alarm.recurrences, reason=reason.strip(), at=moment,
        until=until, actor_id=actor.user_id, post_id=actor.post_id, recorded_at=wall_now(),
    )  # fmt: skip
    alarm.shelved_until = until
    alarm.save(update_fields=["shelved_until"])
    tell(alarm, AlarmShelved(subject=subject_of(alarm.pk), until=until), moment)


def unshelve(shelf: AlarmShelf, end: AlarmShelf.End) -> None:
    """End a shelf: its alarm, if it still stands and is open, is before people again."""
    moment = city_now()
    shelf.ended_at, shelf.end = moment, end
    shelf.save(update_fields=["ended_at", "end"])
    rows = Alarm.objects.filter(datastream=shelf.datastream_id, rule__code=shelf.rule_code)
    for alarm in lock(rows.exclude(shelved_until=None)).select_related("rule"):
        alarm.shelved_until = None
        alarm.save(update_fields=["shelved_until"])
        tell(alarm, AlarmUnshelved(subject=subject_of(alarm.pk)), moment)
        if not alarm.active or alarm.state not in keeping.OPEN or alarm.suppressed_by_id is not None:
            continue
        if not alarm.told:
            release(alarm, moment)
        elif alarm.recurrences > shelf.recurrences:
            tell(alarm, AlarmRecurred(subject=subject_of(alarm.pk), recurrences=alarm.recurrences), moment)


def shelf_of(alarm: Alarm) -> AlarmShelf:
    """The open shelf of an alarm. Raises Refusal where there is none."""
    found = keeping.shelf_of(alarm.datastream_id, alarm.rule.code)
    if found is None or alarm.shelved_until is None:
        raise Refusal("wrong_state", Text("告警没有搁置。", "The alarm is not shelved."), subject=subject_of(alarm.pk))
    return found


def let_go() -> int:
    """End shelves whose time is up, release what outlived the alarm above it, steady what is stable; how many.

    At most MOST_AT_ONCE of each: the next minute goes on.
    """
    moment, number = city_now(), 0
    for shelf in keeping.due()[:MOST_AT_ONCE]:
        unshelve(shelf, AlarmShelf.End.OVER)
        number += 1
    for alarm in lock(Alarm.objects.filter(pk__in=_ids(keeping.outliving()))).select_related("rule", "device"):
        alarm.suppressed_by_id = keeping.above(alarm.device_id)
        alarm.save(update_fields=["suppressed_by"])
        if alarm.suppressed_by_id is None and alarm.shelved_until is None and alarm.state in keeping.OPEN:
            release(alarm, moment)
        number += 1
    for alarm in lock(Alarm.objects.filter(pk__in=_ids(keeping.stable()))):
        steady(alarm)
        number += 1
    return number


def _ids(rows: QuerySet[Alarm]) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE])
