"""Clocks of cases: deadlines over holidays, bundles, lights, urging, a new calendar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest

from scoc.command.cases import queries
from scoc.command.cases.actions.clocks import urge_due
from scoc.command.cases.models import Case, CaseFlow, CaseNote, State, Timer
from scoc.command.cases.schemas import TimerOut
from scoc.command.cases.tests.factories import COVER, FLOOD, SLOW, Cast, bring, make_cast, report, step
from scoc.core import administration, now
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import Calendar, FactRow, Installation, Notice
from scoc.core.remembered import forget_all
from scoc.core.tasks import deliver_all, enqueue
from scoc.core.tests.factories import City, make_actor


def local(day: str, clock: str) -> datetime:
    """A time in the city, which is eight hours ahead of UTC."""
    return datetime.fromisoformat(f"{day}T{clock}+08:00").astimezone(UTC)


@contextmanager
def at(day: str, clock: str) -> Iterator[datetime]:
    """The city's clock stands at this time."""
    moment = local(day, clock)
    with now.city_time(moment):
        yield moment


@pytest.fixture
def early(city: City) -> Iterator[Cast]:
    """The cast on Friday 2025-09-26 at 16:30, the day of the test vectors of DOMAIN.md 1.7."""
    with at("2025-09-26", "16:30"):
        yield make_cast(city)


def running(case: Case, clock: str) -> Timer:
    """The one running span of a clock."""
    return Timer.objects.get(case=case, clock=clock, status="running")


def disposal(cast: Cast, case: Case) -> TimerOut:
    """The disposal clock as it is shown."""
    return next(timer for timer in queries.case(cast.leader, case.pk).timers if timer.clock == "disposal")


@pytest.mark.parametrize(
    ("condition", "deadline"),
    [
        (FLOOD, ("2025-09-26", "18:30")),  # 2 urgent hours, into the evening
        (COVER, ("2025-09-28", "10:30")),  # 4 office hours: 90 minutes, then the make-up Sunday
        (SLOW, ("2025-09-29", "16:30")),  # 2 working days, rolling
    ],
)
def test_deadlines_run_over_weekend_and_make_up_sunday(early: Cast, condition: str, deadline: tuple[str, str]) -> None:
    case = bring(early, State.HANDLING, condition=condition)
    assert running(case, "disposal").deadline_at == local(*deadline) == case.due_at
    assert running(case, "disposal").calendar_version == 1


def test_a_deadline_runs_over_the_national_holiday(city: City) -> None:
    with at("2025-09-30", "17:30"):
        cast = make_cast(city)
        case = bring(cast, State.DISPATCHED)
    assert running(case, "sign").deadline_at == local("2025-10-09", "08:30")
    assert running(case, "disposal").deadline_at == local("2025-10-09", "11:30")


def test_desks_count_day_and_night_or_office_hours_as_the_city_says(city: City) -> None:
    installation = Installation.objects.get()
    installation.settings = {
        **installation.settings,
        "cases": {"acceptance": {"minutes": 20}, "filing": {"minutes": 20, "office": True}},
    }
    installation.save()
    forget_all()
    with at("2025-09-26", "17:50"):
        cast = make_cast(city)
        case = report(cast)
        assert case.due_at == local("2025-09-26", "18:10")
        bring(cast, State.ACCEPTED, case)
        assert case.due_at == local("2025-09-28", "08:10")  # ten minutes of Friday, ten of the make-up Sunday


def test_a_year_without_a_calendar_is_provisional_and_alarms(city: City) -> None:
    with at("2034-03-01", "09:00"):
        cast = make_cast(city)
        case = bring(cast, State.HANDLING)
    assert running(case, "disposal").provisional
    assert FactRow.objects.filter(subject="core:calendar-2034").exists()


def test_each_state_has_the_deadline_of_its_own_step(cast: Cast, monday: datetime) -> None:
    case = report(cast)
    half = monday + timedelta(minutes=30)
    expected = {
        State.ACCEPTED: half, State.FILED: half, State.DISPATCHED: monday + timedelta(hours=1),
        State.HANDLING: local("2026-06-15", "15:00"), State.HANDLED: None, State.CHECKING: half,
        State.PENDING_CLOSE: half, State.CLOSED: None,
    }  # fmt: skip
    for state, due_at in expected.items():
        bring(cast, state, case)
        assert case.due_at == due_at, state
    assert case.queue_at == monday
    assert not Timer.objects.filter(case=case, status="running").exists()


def test_at_night_an_urgent_disposal_is_due_before_the_office_can_sign(cast: Cast) -> None:
    with at("2026-06-19", "20:00"):  # Friday evening: to be signed on Monday until 09:00, handled by 22:00
        case = bring(cast, State.DISPATCHED, condition=FLOOD)
        assert case.due_at == local("2026-06-19", "22:00")
    with at("2026-06-19", "22:30"):
        found = queries.worklist(cast.leader, PageQuery(cursor=None, limit=50), "overdue").items
        assert [(row.id, row.light, row.clock and row.clock.clock) for row in found] == [(case.pk, "red", "disposal")]


def test_without_a_clock_a_case_queues_by_its_disposal_deadline(cast: Cast) -> None:
    case = bring(cast, State.HANDLED)
    assert (case.due_at, case.queue_at) == (None, local("2026-06-15", "15:00"))


def test_rework_goes_on_in_the_same_bundle(cast: Cast) -> None:
    """The numbers of the mock: 2 h 20 of the first round, then 44 minutes, of 4 office hours."""
    with at("2026-07-15", "08:50"):
        case = bring(cast, State.HANDLING)
        assert case.due_at == local("2026-07-15", "14:50")
    with at("2026-07-15", "11:10"):
        step(cast, case.pk, "feed_back")
    with at("2026-07-15", "11:26"):
        step(cast, case.pk, "send_to_check")
    with at("2026-07-15", "11:52"):
        step(cast, case.pk, "rework_case")
        second = running(case, "disposal")
        assert (second.bundle, second.span, second.carried) == (1, 2, timedelta(hours=2, minutes=20))
        # 1 h 40 are left: 8 minutes until noon, then 92 from two o'clock
        assert second.deadline_at == local("2026-07-15", "15:32")
        step(cast, case.pk, "sign_case")
    with at("2026-07-15", "14:36"):
        case.refresh_from_db()
        shown = disposal(cast, case)
        assert (shown.used_minutes, shown.remaining_minutes, shown.limit_minutes) == (140 + 8 + 36, 56, 240)
        assert (str(shown.percent), shown.light, shown.running) == ("76.7", "yellow", True)
        assert [(span.span, span.used_minutes) for span in shown.spans] == [(1, 140), (2, 44)]
        assert case.yellow_at == local("2026-07-15", "14:20")  # 168 of 240 minutes
    with at("2026-07-15", "15:32"):
        step(cast, case.pk, "feed_back")
        assert disposal(cast, case).light == "blue"
    case.refresh_from_db()
    assert case.handled_in_time is True  # exactly on the deadline


def test_time_between_rounds_is_nobodys(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)  # 09:00, until 15:00
    with at("2026-06-15", "10:00"):
        bring(cast, State.CHECKING, case)
    with at("2026-06-18", "09:00"):
        step(cast, case.pk, "rework_case")
    assert running(case, "disposal").deadline_at == local("2026-06-18", "12:00")


def test_a_round_after_the_limit_keeps_the_missed_deadline(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)  # until 15:00
    with at("2026-06-15", "16:00"):
        bring(cast, State.CHECKING, case)
        assert case.handled_in_time is False
        step(cast, case.pk, "rework_case")
    second = running(case, "disposal")
    assert (second.carried, second.deadline_at) == (timedelta(hours=5), local("2026-06-15", "15:00"))
    with at("2026-06-15", "17:00"):
        bring(cast, State.HANDLED, Case.objects.get(pk=case.pk))
        shown = disposal(cast, case)
    assert (shown.light, shown.in_time, str(shown.overdue_multiple)) == ("red", False, "0.50")  # 6 h of 4 h


def test_a_city_may_begin_a_fresh_limit_at_rework(cast: Cast) -> None:
    installation = Installation.objects.get()
    installation.settings = {**installation.settings, "cases": {"rework": "fresh"}}
    installation.save()
    forget_all()
    case = bring(cast, State.CHECKING)
    with at("2026-06-15", "10:00"):
        step(cast, case.pk, "rework_case")
    fresh = running(case, "disposal")
    assert (fresh.bundle, fresh.span, fresh.deadline_at) == (2, 1, local("2026-06-15", "16:00"))


def test_lights_turn_at_their_ratios(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)  # 4 office hours from 09:00: 70 % is 168 minutes
    lights = {}
    for clock in ("11:47", "11:48", "14:59", "15:00", "16:00"):
        with at("2026-06-15", clock):
            lights[clock] = disposal(cast, case).light
    assert lights == {"11:47": "green", "11:48": "yellow", "14:59": "yellow", "15:00": "red", "16:00": "red"}


def test_a_stay_remembers_its_counted_time(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    with at("2026-06-15", "14:30"):
        step(cast, case.pk, "feed_back")
    with at("2026-06-16", "09:00"):
        step(cast, case.pk, "send_to_check")
    handling, handled = CaseFlow.objects.filter(case=case, to_state__in=("handling", "handled")).order_by("version")
    assert (handling.elapsed, handling.overtime) == (timedelta(hours=3, minutes=30), False)
    assert (handled.elapsed, handled.overtime) == (timedelta(hours=4, minutes=30), None)  # office time; no clock runs


def test_late_steps_are_marked(cast: Cast) -> None:
    case = report(cast)
    with at("2026-06-15", "09:31"):
        step(cast, case.pk, "accept_case")
    assert CaseFlow.objects.get(case=case, version=1).overtime is True


# ---- urging -----------------------------------------------------------------------------------------------------


def urge() -> int:
    """What the minute's task does."""
    return urge_due(system_actor("cases"))


def test_the_unit_is_urged_at_80_and_at_100_percent_once_each(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)  # 240 minutes from 09:00: 80 % at 14:12, 100 % at 15:00
    Notice.objects.all().delete()
    told: dict[str, list[tuple[str, int | None]]] = {}
    for clock in ("14:11", "14:12", "14:13", "15:00", "15:01", "17:00"):
        with at("2026-06-15", clock):
            urge()
        told[clock] = sorted(Notice.objects.values_list("level", "post_id"))
        Notice.objects.all().delete()
    clerk, handler, leader = cast.clerk.post_id, cast.handler.post_id, cast.leader.post_id
    assert told == {
        "14:11": [], "14:12": sorted([("urge", clerk), ("urge", handler)]), "14:13": [],
        "15:00": sorted([("alarm", clerk), ("alarm", handler), ("alarm", leader)]), "15:01": [], "17:00": [],
    }  # fmt: skip
    notes = CaseNote.objects.filter(case=case, kind="urge").order_by("id")
    assert list(notes.values_list("clock", "percent")) == [("disposal", 80), ("disposal", 100)]
    assert FactRow.objects.filter(name="cases.urged", subject=case.subject).count() == 2


def test_a_desk_of_the_centre_is_urged_too(cast: Cast) -> None:
    report(cast)
    Notice.objects.all().delete()
    with at("2026-06-15", "09:24"):
        urge()
    assert list(Notice.objects.values_list("level", "post_id")) == [("urge", cast.acceptor.post_id)]


def test_who_acted_is_not_urged(cast: Cast) -> None:
    case = bring(cast, State.HANDLED)
    with at("2026-06-16", "09:00"):
        assert urge() == 0
    assert not CaseNote.objects.filter(case=case).exists()


def test_rungs_count_for_the_whole_bundle(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    with at("2026-06-15", "14:30"):
        urge()
        bring(cast, State.CHECKING, case)
        step(cast, case.pk, "rework_case")
    with at("2026-06-15", "14:31"):
        urge()
    assert list(CaseNote.objects.filter(case=case, clock="disposal").values_list("percent", flat=True)) == [80]


def test_the_minutes_task_urges(cast: Cast) -> None:
    report(cast)
    deliver_all()
    with at("2026-06-15", "09:24"):
        enqueue("cases.urge")
        assert deliver_all().failed == 0
    assert CaseNote.objects.filter(kind="urge", percent=80).count() == 1


# ---- a new calendar ---------------------------------------------------------------------------------------------


def sunday_off(editor: Actor) -> int:
    """A calendar in which the make-up Sunday 2025-09-28 is a day off after all; its version."""
    year = Calendar.objects.get().content["years"]["2025"]
    off = [date.fromisoformat(day) for day in year["off"]]
    work = [date.fromisoformat(day) for day in year["work"] if day != "2025-09-28"]
    return administration.edit_calendar(editor, 2025, off, work)


def test_a_new_calendar_moves_open_deadlines_only(early: Cast) -> None:
    """Friday 16:30, 4 office hours, due on the make-up Sunday; then that Sunday is made a day off."""
    open_case, fed_back, urgent = report(early), report(early), report(early)
    bring(early, State.HANDLING, open_case)
    bring(early, State.HANDLED, fed_back)
    bring(early, State.HANDLING, urgent, condition=FLOOD)
    sunday = local("2025-09-28", "10:30")
    assert open_case.due_at == sunday
    editor = make_actor("core.edit_calendar")
    version = sunday_off(editor)
    assert deliver_all().failed == 0
    open_case.refresh_from_db()
    moved = running(open_case, "disposal")
    assert (moved.deadline_at, moved.calendar_version) == (local("2025-09-29", "10:30"), version)
    assert (open_case.due_at, open_case.queue_at) == (moved.deadline_at, moved.deadline_at)
    replaced = Timer.objects.get(case=open_case, clock="disposal", status="replaced")
    assert (replaced.deadline_at, replaced.calendar_version, replaced.span) == (sunday, 1, moved.span)
    kept = Timer.objects.get(case=fed_back, clock="disposal")
    assert (kept.status, kept.deadline_at, kept.calendar_version) == ("stopped", sunday, 1)
    assert running(urgent, "disposal").calendar_version == 1  # day and night: no calendar has a say
    assert FactRow.objects.filter(name="cases.timers_recomputed").count() == 1
    deliver_all()
    assert Timer.objects.filter(case=open_case, clock="disposal").count() == 2


def test_a_new_calendar_counts_what_was_used_by_its_own_days(early: Cast) -> None:
    case = bring(early, State.HANDLING)
    editor = make_actor("core.edit_calendar")
    sunday_off(editor)
    deliver_all()
    with at("2025-09-28", "10:30"):
        shown = disposal(early, case)
    assert (shown.used_minutes, shown.remaining_minutes, shown.light) == (90, 150, "green")
