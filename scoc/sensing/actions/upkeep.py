"""Upkeep of devices: maintenance planned, done and called off; what a calibration says holds until a day."""

from __future__ import annotations

from datetime import date, timedelta

from scoc.core.access import visible
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code
from scoc.core.now import city_now, city_today, wall_now
from scoc.core.refusals import Refusal, invalid, no_such
from scoc.kit.text import Text
from scoc.sensing.facts import MaintenanceEnded, MaintenancePlanned
from scoc.sensing.finding import OF_DEVICE, device_for, tell_of
from scoc.sensing.models import Device, Maintenance
from scoc.sensing.raising import device_subject
from scoc.sensing.schemas.upkeep import MaintenanceIn

LONGEST = timedelta(days=366)


@action("sensing.plan_maintenance", shared=True)
def plan_maintenance(actor: Actor, device_id: int, plan: MaintenanceIn) -> int:
    """Plan maintenance of a device within a window of the city's time, at most a year long; its id.

    It may lie in the past: then what was done is written down late, and `finish_maintenance` follows. Rules that heed
    maintenance look at these windows. Raises Invalid for an empty or too long window.
    """
    device = device_for(actor, device_id, "sensing.plan_maintenance")
    if plan.ends <= plan.starts:
        raise invalid("ends", "It does not lie after `starts`.", "Give a window of time.",
                      zh="结束时间应晚于开始时间。")  # fmt: skip
    if plan.ends - plan.starts > LONGEST:
        raise invalid("ends", "The window is longer than a year.", "Retire the device, or plan a shorter window.",
                      zh="维护时段不得超过一年。")  # fmt: skip
    if device.state == Device.State.RETIRED:
        raise Refusal("wrong_state", Text("设备已退役，不再安排维护。", "The device is retired: it needs no upkeep."),
                      subject=device_subject(device_id))  # fmt: skip
    made = Maintenance.objects.create(
        device=device, kind=plan.kind, starts=plan.starts, ends=plan.ends, plan=plan.plan.strip(),
        planned_by_id=actor.user_id, planned_post_id=actor.post_id, planned_at=wall_now(),
    )  # fmt: skip
    tell_of(device, MaintenancePlanned(subject=device_subject(device_id), maintenance=made.pk, kind=Code(plan.kind)))
    return made.pk


def _planned(actor: Actor, maintenance_id: int, permission: str) -> Maintenance:
    rows = visible(actor, Maintenance.objects.filter(pk=maintenance_id), permission, OF_DEVICE)
    found = rows.select_for_update(of=("self",)).select_related("device").first()
    if found is None:
        raise no_such("维护记录", "maintenance", f"sensing:maintenance-{maintenance_id}")
    if found.state != Maintenance.State.PLANNED:
        raise Refusal(
            "wrong_state",
            Text("该维护已完成或已取消。", f"This maintenance is {found.state} already."),
            subject=device_subject(found.device_id),
        )
    return found


def _end(actor: Actor, row: Maintenance, state: Maintenance.State, result: str) -> None:
    """Whatever was planned ends with the work: its window with it, where it had begun."""
    moment = city_now()
    row.state, row.result = state, result.strip()
    row.ended_by_id, row.ended_post_id, row.ended_at = actor.user_id, actor.post_id, moment
    if state == Maintenance.State.DONE and row.starts < moment:
        row.ends = min(row.ends, moment)
    row.save(update_fields=["state", "result", "ended_by", "ended_post", "ended_at", "ends", "calibrated_until"])
    tell_of(
        row.device,
        MaintenanceEnded(subject=device_subject(row.device_id), maintenance=row.pk, how=Code(state.value)),
    )


@action("sensing.finish_maintenance", shared=True)
def finish_maintenance(actor: Actor, maintenance_id: int, result: str, calibrated_until: date | None = None) -> None:
    """Say what was done; the window ends now, if it had not ended. A calibration says until which day it holds.

    Raises Refusal when it was done or called off before, Invalid where a calibration gives no day to come, or
    something else gives one.
    """
    row = _planned(actor, maintenance_id, "sensing.finish_maintenance")
    calibration = row.kind == Maintenance.Kind.CALIBRATION
    if calibration and (calibrated_until is None or calibrated_until < city_today()):
        raise invalid("calibrated_until", "A calibration holds until a day to come.", "Give the certificate's day.",
                      zh="请填写校准有效期的截止日期（不早于今天）。")  # fmt: skip
    if not calibration and calibrated_until is not None:
        raise invalid("calibrated_until", "Only a calibration has such a day.", "Leave it out.",
                      zh="只有校准记录需要填写有效期。")  # fmt: skip
    row.calibrated_until = calibrated_until
    _end(actor, row, Maintenance.State.DONE, result)
    if calibrated_until is not None:
        Device.objects.filter(pk=row.device_id).update(calibrated_until=calibrated_until, changed=wall_now())


@action("sensing.cancel_maintenance", shared=True)
def cancel_maintenance(actor: Actor, maintenance_id: int, reason: str) -> None:
    """Call planned maintenance off and say why; its window counts no more, not even what of it is past."""
    if not reason.strip():
        raise invalid("reason", "Say why it is called off.", "Write a sentence.", zh="请说明取消原因。")
    _end(actor, _planned(actor, maintenance_id, "sensing.cancel_maintenance"), Maintenance.State.CANCELLED, reason)
