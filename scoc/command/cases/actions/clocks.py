"""What the clocks of SCOC itself do to cases: urge when a limit runs out, compute anew when the calendar changes."""

from __future__ import annotations

from scoc.command.cases import facts
from scoc.command.cases.models import Case, CaseNote, CaseOutcome, Clock, NoteKind, Timer
from scoc.command.cases.models.timers import CLOCK_TEXT
from scoc.command.cases.moving import (
    UNIT_CLOCKS,
    UNIT_STATES,
    columns_of,
    lock,
    posts_of,
    set_queue,
    subject_of,
)
from scoc.command.cases.outcomes import note_disposal
from scoc.command.cases.pack import CasesSettings, Rung
from scoc.command.cases.timing import OFFICE, next_rung, recompute
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.facts import Code, publish
from scoc.core.notify import notify
from scoc.core.now import city_now, wall_now
from scoc.kit.text import Text

BATCH = 200
"""Timers done in one transaction."""


def _lock(case_id: int) -> Case:
    case = lock(case_id)
    assert case is not None  # cases are never removed
    return case


@action("cases.urge_due")
def urge_due(actor: Actor) -> int:
    """Climb the city's ladder (催办) for up to 200 clocks that reached a rung. Returns how many clocks it looked at."""
    moment = city_now()
    due = Timer.objects.filter(next_urge_at__lte=moment, case__run_id=acting().run_id)
    rows = list(due.order_by("next_urge_at").values_list("id", "case_id")[:BATCH])
    ladder = city_settings(CasesSettings).ladder
    for timer_id, case_id in rows:
        case = _lock(case_id)
        timer = Timer.objects.get(pk=timer_id)
        for rung in ladder:
            if timer.next_urge_at is None or timer.next_urge_at > moment:
                break
            if rung.percent > timer.urged_percent:
                _urge(actor, case, timer, rung)
                next_rung(timer, rung.percent)
        if timer.next_urge_at is not None and timer.next_urge_at <= moment:
            next_rung(timer, max(rung.percent for rung in ladder) if ladder else 0)
    return len(rows)


def _urge(actor: Actor, case: Case, timer: Timer, rung: Rung) -> None:
    """Tell the desk whose turn it is, of a unit's clock its people, and those of the centre whom the rung names."""
    of_unit = timer.clock in UNIT_CLOCKS
    desk = city_settings(CasesSettings).desks.get(case.state, ())
    posts = set(posts_of(case, desk, of_unit=case.state in UNIT_STATES))
    if of_unit:
        posts |= set(posts_of(case, rung.roles, of_unit=True))
    posts |= set(posts_of(case, rung.supervision, of_unit=False))
    name = CLOCK_TEXT[Clock(timer.clock)]
    notify(
        case.subject,
        Text(f"案卷 {case.case_no} {name.zh}时限已用 {rung.percent}%，请尽快办理。",
             f"Case {case.case_no}: {rung.percent} % of the time for {name.en} is used."),
        posts=sorted(posts), level=rung.level,
    )  # fmt: skip
    moment = city_now()
    CaseNote.objects.create(
        **columns_of(case), case=case, kind=NoteKind.URGE, actor_id=actor.user_id, clock=timer.clock,
        percent=rung.percent, happened_at=moment, recorded_at=wall_now(), correlation=acting().correlation,
    )  # fmt: skip
    publish(facts.CaseUrged(subject=subject_of(case), clock=Code(timer.clock), percent=rung.percent),
            organisation_id=case.current_unit_id or case.organisation_id, area_id=case.area_id)  # fmt: skip


@action("cases.recompute_timers")
def recompute_timers(actor: Actor, version: int) -> int:
    """Compute up to 200 open clocks in office time anew with a calendar version, never stopped ones; how many."""
    rows = list(
        Timer.objects.filter(
            ended_recorded_at=None, status=Timer.Status.RUNNING, calendar_version__lt=version, unit__in=OFFICE
        )
        .order_by("calendar_version", "id")
        .values_list("id", "case_id")[:BATCH]
    )
    for timer_id, case_id in rows:
        case = _lock(case_id)
        timer = Timer.objects.get(pk=timer_id)
        if timer.status != Timer.Status.RUNNING:
            continue
        recompute(timer, version)
        set_queue(case)
        case.save(update_fields=["due_at", "yellow_at", "queue_at"])
        outcome = CaseOutcome.objects.get(pk=case.pk)
        note_disposal(outcome, wall_now())
        outcome.save()
        if case.run_id == acting().run_id:
            publish(facts.TimersRecomputed(subject=subject_of(case), calendar_version=version, due_at=case.due_at),
                    organisation_id=case.current_unit_id or case.organisation_id, area_id=case.area_id)  # fmt: skip
    return len(rows)
