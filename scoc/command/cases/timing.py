"""Starting, stopping and computing the clocks of a case; limits come from its snapshot or from the city."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from scoc.command.cases.models import Case, Clock, FilingSnapshot, Timer
from scoc.command.cases.pack import CasesSettings, DeskLimit
from scoc.core import clocks
from scoc.core.city import city_settings
from scoc.core.now import wall_now
from scoc.kit import worktime
from scoc.kit.worktime import Light, Unit

OFFICE = frozenset({Unit.WORK_HOUR, Unit.WORK_DAY})
"""Units that the working calendar has a say in."""
_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit before it starts. A desk's has its exact length; one in days gets it from the calendar."""

    amount: Decimal
    unit: Unit
    length: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One clock read at a moment."""

    used: timedelta
    """In all spans of its bundle."""
    remaining: timedelta
    ratio: float
    light: Light
    in_time: bool | None
    """Of a stopped clock: exactly on the deadline is in time."""


def _desk(limit: DeskLimit) -> Limit:
    hours = (Decimal(limit.minutes) / 60).quantize(Decimal("0.0001"))
    return Limit(hours, Unit.WORK_HOUR if limit.office else Unit.URGENT_HOUR, timedelta(minutes=limit.minutes))


def limit_of(case: Case, clock: str) -> Limit:
    """The limit of a clock: of disposal that of the newest snapshot, of a desk the city's."""
    settings = city_settings(CasesSettings)
    match clock:
        case Clock.DISPOSAL:
            snapshot = FilingSnapshot.objects.filter(case=case).latest("flow_version")
            return Limit(snapshot.limit, Unit(snapshot.unit))
        case Clock.ACCEPTANCE:
            return _desk(settings.acceptance)
        case Clock.FILING:
            return _desk(settings.filing)
        case Clock.DISPATCH:
            return _desk(settings.dispatch)
        case Clock.SIGN:
            return _desk(settings.sign)
        case Clock.CHECK:
            return _desk(settings.check)
        case Clock.CLOSE:
            return _desk(settings.close)
        case _:
            raise ValueError(f"There is no clock {clock}.")


def _due_after(start: datetime, left: timedelta, unit: Unit, version: int | None = None) -> clocks.Due:
    """The deadline of counted time that is left: office time for office units, plain time for the others."""
    hours = Decimal(left // _MICROSECOND) / Decimal(_HOUR // _MICROSECOND)
    return clocks.due(start, hours, Unit.WORK_HOUR if unit in OFFICE else Unit.URGENT_HOUR, version=version)


def _set_points(timer: Timer) -> None:
    """When the clock turns yellow, and when the next rung of the ladder is reached."""
    settings = city_settings(CasesSettings)

    def reached(percent: int) -> datetime:
        if percent == 100:
            return timer.deadline_at
        needed = timer.length * percent / 100 - timer.carried
        if needed <= worktime.ZERO:
            return timer.started_at
        until = max(timer.deadline_at, timer.started_at)
        until += (until - timer.started_at) * (percent // 100)
        calendar = clocks.tolerant_calendar(timer.calendar_version, timer.started_at, until)
        return worktime.after(timer.started_at, needed, Unit(timer.unit), calendar)

    timer.yellow_at = reached(settings.yellow_percent)
    rung = next((rung for rung in settings.ladder if rung.percent > timer.urged_percent), None)
    timer.next_urge_at = reached(rung.percent) if rung else None


def next_rung(timer: Timer, percent: int) -> None:
    """Note that the ladder was climbed to `percent`, and when the next rung is reached."""
    timer.urged_percent = percent
    _set_points(timer)
    timer.save(update_fields=["urged_percent", "next_urge_at", "yellow_at"])


def start_clock(case: Case, clock: Clock, moment: datetime) -> Timer:
    """Start a clock. Disposal by a unit that had the case before goes on in the same budget, if the city says so."""
    limit = limit_of(case, clock)
    organisation = case.current_unit if clock in {Clock.DISPOSAL, Clock.SIGN} else None
    earlier = Timer.objects.filter(case=case, clock=clock)
    before = None
    if clock == Clock.DISPOSAL and city_settings(CasesSettings).rework == "bundle":
        stopped = earlier.filter(organisation=organisation, status=Timer.Status.STOPPED)
        before = stopped.order_by("-bundle", "-span").first()
    timer = Timer(
        case=case, clock=clock, organisation=organisation, unit=limit.unit, limit=limit.amount, started_at=moment,
        recorded_at=wall_now(), span=1,
    )  # fmt: skip
    if before is not None and before.used is not None:
        timer.bundle, timer.span = before.bundle, before.span + 1
        timer.unit, timer.limit, timer.length = before.unit, before.limit, before.length
        timer.carried, timer.urged_percent = before.carried + before.used, before.urged_percent
        left = timer.length - timer.carried
        due = (
            _due_after(moment, left, Unit(timer.unit))
            if left > worktime.ZERO
            else clocks.Due(before.deadline_at, before.calendar_version, before.provisional)
        )
    else:
        timer.bundle = (earlier.aggregate(last=Max("bundle"))["last"] or 0) + 1
        if limit.length is not None:
            timer.length, due = limit.length, _due_after(moment, limit.length, limit.unit)
        else:
            due = clocks.due(moment, limit.amount, limit.unit)
            timer.length = clocks.limit_length(moment, limit.amount, limit.unit, version=due.calendar_version)
    timer.deadline_at, timer.calendar_version, timer.provisional = due.at, due.calendar_version, due.provisional
    _set_points(timer)
    timer.save()
    return timer


def running(case: Case, clock: str) -> Timer | None:
    """The span of a clock that runs now, if any."""
    return Timer.objects.filter(case=case, clock=clock, status=Timer.Status.RUNNING).first()


def stop_clock(case: Case, clock: Clock, moment: datetime) -> Timer | None:
    """Stop a clock at a moment; None when it does not run."""
    timer = running(case, clock)
    if timer is None:
        return None
    timer.used = clocks.used(timer.started_at, moment, timer.unit, version=timer.calendar_version)
    timer.status, timer.stopped_at, timer.ended_recorded_at = Timer.Status.STOPPED, moment, wall_now()
    timer.next_urge_at = None
    timer.save(update_fields=["used", "status", "stopped_at", "ended_recorded_at", "next_urge_at"])
    return timer


def recompute(timer: Timer, version: int) -> Timer:
    """Compute a running span anew with a calendar version; the old row is kept as replaced."""
    moment = wall_now()
    fresh = Timer.objects.get(pk=timer.pk)
    fresh.pk = None
    fresh._state.adding = True
    fresh.recorded_at = moment
    unit = Unit(timer.unit)
    if unit is Unit.WORK_DAY and timer.span == 1:
        due = clocks.due(timer.started_at, timer.limit, unit, version=version)
        fresh.length = clocks.limit_length(timer.started_at, timer.limit, unit, version=version)
    elif timer.length > timer.carried:
        due = _due_after(timer.started_at, timer.length - timer.carried, unit, version)
    else:
        due = clocks.Due(timer.deadline_at, version, timer.provisional)
    fresh.deadline_at, fresh.calendar_version, fresh.provisional = due.at, due.calendar_version, due.provisional
    _set_points(fresh)
    Timer.objects.filter(pk=timer.pk).update(status=Timer.Status.REPLACED, ended_recorded_at=moment, next_urge_at=None)
    fresh.save()
    return fresh


def read(timer: Timer, moment: datetime, *, stopped: bool | None = None) -> Reading:
    """The clock at `moment`, or as it stood when it stopped. `stopped=False`: the stop is not known yet."""
    ended = timer.stopped_at if stopped is not False and timer.used is not None else None
    span = (
        timer.used
        if ended is not None and timer.used is not None
        else clocks.used(timer.started_at, moment, timer.unit, version=timer.calendar_version)
    )
    used = timer.carried + span
    ratio = used / timer.length
    in_time = ended <= timer.deadline_at if ended is not None else None
    if in_time is not None:
        light = Light.BLUE if in_time else Light.RED
    else:
        light = worktime.light(ratio, yellow=city_settings(CasesSettings).yellow_percent / 100)
    return Reading(used, timer.length - used, ratio, light, in_time)
