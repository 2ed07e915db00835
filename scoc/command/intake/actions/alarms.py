"""Alarms of sensing as signals: received, followed while they recur and clear, and ended with their situation."""

from __future__ import annotations

from datetime import datetime

from scoc.command.intake import desk
from scoc.command.intake.actions.judging import dismiss
from scoc.command.intake.actions.receiving import new_row, place_signal
from scoc.command.intake.models import Repeat, Signal, Situation
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.schemas import Channel, DismissReason, SignalReceipt
from scoc.core.access import system_actor
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.models import Area, Grade
from scoc.kit.text import Text
from scoc.sensing import queries as sensing
from scoc.sensing.schemas import AlarmOut


@action("intake.receive_alarm")
def receive_alarm(actor: Actor, alarm_id: int) -> SignalReceipt | None:
    """Bring what intake knows of an alarm up to what sensing says now.

    It is received once, its recurrences are counted, its clearing is noted; however often and in whatever order its
    facts arrive. An alarm that comes back after its situation ended is a new signal; one that a person judged false
    is none (None), nor is one that is kept back: shelved, or explained by an alarm above it.
    """
    desk.take()
    alarm = sensing.alarm(system_actor("intake").on_run(acting().run_id), alarm_id)
    known = _newest(alarm_id)
    kept_back = not alarm.told or alarm.shelved_until is not None or alarm.suppressed_by is not None
    if kept_back and (known is None or _situation_of(known).ended_at is not None):
        return None
    if known is None:
        return None if alarm.state in {"false", "settled"} else _receive(alarm, _number(alarm_id), alarm.recurrences)
    signal = known.signal if isinstance(known, Repeat) else known
    more = alarm.recurrences - known.recurrences
    if signal.situation.ended_at is None or more <= 0:
        _follow(known, signal, alarm, more)
    elif alarm.state not in {"false", "settled"}:
        return _receive(alarm, _number(alarm_id, alarm.recurrences), more)
    return SignalReceipt(
        signal_id=signal.pk, situation_id=signal.situation_id, number=signal.situation.number, known=True,
        counted=isinstance(known, Repeat),
    )  # fmt: skip


@action("intake.note_refuted")
def note_refuted(actor: Actor, alarm_id: int) -> bool:
    """A person judged an alarm false (误报): a situation that rests on such alarms alone is dismissed; whether it was.

    Nobody has to judge the same thing twice. One that rests on a report or another alarm as well stays.
    """
    desk.take()
    known = _newest(alarm_id)
    if known is None:
        return False
    situation = _situation_of(known)
    told_otherwise = Signal.objects.filter(situation=situation, alarm_id=None).exists()
    counted_otherwise = Repeat.objects.filter(signal__situation=situation, alarm_id=None).exists()
    if situation.state != Situation.State.OPEN or told_otherwise or counted_otherwise:
        return False
    viewer = system_actor("intake").on_run(acting().run_id)
    if any(sensing.alarm(viewer, number).state != "false" for number in desk.alarms_of(situation)):
        return False
    dismiss(actor, situation.pk, DismissReason.FALSE_ALARM, "相关告警均已判为误报。")
    return True


def _newest(alarm_id: int) -> Signal | Repeat | None:
    """The newest row that stands for the alarm: a signal of its own, or a repeat counted on another one."""
    own = Signal.objects.filter(alarm_id=alarm_id).select_related("situation").order_by("-id").first()
    counted = Repeat.objects.filter(alarm_id=alarm_id).select_related("signal__situation").order_by("-id").first()
    if own is None or counted is None:
        return own or counted
    return own if own.recorded_at >= counted.recorded_at else counted


def _situation_of(known: Signal | Repeat) -> Situation:
    return (known.signal if isinstance(known, Repeat) else known).situation


def _number(*parts: int) -> str:
    """The alarm's number as a signal; `#` is in no number that a sender may give, so none can take it first."""
    return "#".join(("alarm", *map(str, parts)))


def _last_start(alarm: AlarmOut) -> datetime:
    return max((one.started_at for one in alarm.occurrences), default=alarm.happened_at)


def _follow(known: Signal | Repeat, signal: Signal, alarm: AlarmOut, more: int) -> None:
    """Count what recurred since and note whether the condition is gone; an ended situation stays as it was."""
    known.cleared_at = alarm.cleared_at
    if more > 0:
        known.recurrences = alarm.recurrences
        signal.count += more
        signal.last_at = max(signal.last_at, _last_start(alarm))
        signal.save(update_fields=["count", "last_at"])
        desk.touch(signal.situation, signal, more)
    known.save(update_fields=["recurrences", "cleared_at"])


def _said(alarm: AlarmOut) -> Text:
    """What the alarm says: the value that raised it, and what the rule compares it with."""
    if alarm.value is None:
        return Text(alarm.threshold.zh, alarm.threshold.en)
    value = f"{alarm.value:g} {alarm.unit}".strip()
    return Text(
        f"{alarm.property_name.zh} {value}（{alarm.threshold.zh}）",
        f"{alarm.property_name.en} {value} ({alarm.threshold.en})",
    )


def _receive(alarm: AlarmOut, number: str, count: int) -> SignalReceipt:
    levels = city_settings(IntakeSettings).alarm_levels
    happened_at = alarm.happened_at if count == alarm.recurrences else _last_start(alarm)
    signal = new_row(
        channel=Channel.SENSOR, external_id=number, category=alarm.category, level=getattr(levels, alarm.level),
        name=Text(alarm.rule_name.zh, alarm.rule_name.en), said=_said(alarm), lon=alarm.lon, lat=alarm.lat,
        place=alarm.place, area=Area.objects.get(pk=alarm.area_id) if alarm.area_id else None,
        organisation_id=alarm.organisation_id, asset_id=alarm.asset_id, device=alarm.device_key, rule=alarm.rule,
        alarm_id=alarm.id, recurrences=alarm.recurrences, count=count, happened_at=happened_at,
        last_at=max(happened_at, _last_start(alarm)), cleared_at=alarm.cleared_at, grade=Grade.L2_INTERNAL,
    )  # fmt: skip
    return place_signal(signal, [])
