"""Whatever sequence of moves is tried, by whomever, the record stays whole."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoc.command.cases.models import MOVES, STAGE_OF, Case, CaseFlow, CaseNote, State, Timer
from scoc.command.cases.models.moves import HANDLING, JUDGING, OVER, STEP_CLOCK
from scoc.command.cases.tests.factories import PLAYED_BY, Cast, attempt, report
from scoc.core import now
from scoc.core.refusals import Refusal

ROLES = ("collector", "acceptor", "leader", "dispatcher", "clerk", "handler", "other")
TRIES = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLAYED_BY)),
        # mostly the one whose move it is, so that cases get far; else anybody
        st.one_of(st.none(), st.none(), st.sampled_from(ROLES)),
        st.integers(0, 600),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tries=TRIES, hurry=st.booleans())
def test_the_record_stays_whole(cast: Cast, tries: list[tuple[str, str | None, int]], hurry: bool) -> None:
    """Try the moves one after the other; with `hurry` the one that the table allows next is made between them."""
    case = report(cast)
    moment = now.city_now()
    for name, role, minutes in tries:
        moment += timedelta(minutes=minutes)
        with now.city_time(moment):
            if hurry:
                following = next((move.name for move in MOVES.values() if case.state in move.turn), None)
                if following:
                    attempt(cast.roles[PLAYED_BY[following]], case.pk, following)
                    case.refresh_from_db()
            one_try(cast, case, name, role or PLAYED_BY[name])
            case.refresh_from_db()
            check(case)


def one_try(cast: Cast, case: Case, name: str, role: str) -> None:
    """One try, and that it did what the table says or nothing."""
    before = (case.state, case.version, case.rework_count)
    try:
        moved = attempt(cast.roles[role], case.pk, name)
    except Refusal:
        case.refresh_from_db()
        assert (case.state, case.version, case.rework_count) == before
    else:
        assert before[0] in MOVES[name].origins
        assert (moved.state, moved.version) == (MOVES[name].target, before[1] + 1)


def check(case: Case) -> None:
    """Everything that must hold of a case at any time."""
    flow = list(CaseFlow.objects.filter(case=case).order_by("version"))
    assert [row.version for row in flow] == list(range(1, case.version + 1))
    assert (flow[-1].to_state, flow[-1].left_at) == (case.state, None)
    assert flow[0].from_state == ""
    for before, after in pairwise(flow):
        assert (before.to_state, before.left_at) == (after.from_state, after.happened_at)
        assert before.elapsed is not None
    state = State(case.state)
    assert (case.stage, case.is_open, case.entered_at) == (STAGE_OF[state], state not in OVER, flow[-1].happened_at)
    assert case.rework_count == sum(row.action == "rework_case" for row in flow) == flow[-1].rework_count
    running = {timer.clock: timer for timer in Timer.objects.filter(case=case, status="running")}
    assert len(running) == Timer.objects.filter(case=case, status="running").count()
    expected = {STEP_CLOCK[state]} if state in STEP_CLOCK else set()
    if state == State.DISPATCHED:
        expected |= {STEP_CLOCK[State.HANDLING]}
    assert set(running) == expected
    assert case.due_at == min((timer.deadline_at for timer in running.values()), default=None)
    check_disposal(case, flow)
    handlers = {row.actor_id for row in flow if row.action in HANDLING}
    judges = {row.actor_id for row in flow if row.action in JUDGING}
    assert not handlers & judges
    assert not CaseNote.objects.filter(case=case).exists()


def check_disposal(case: Case, flow: list[CaseFlow]) -> None:
    """The spans of disposal are the stays with the unit, each carrying what those before it used."""
    spans = list(Timer.objects.filter(case=case, clock="disposal").order_by("bundle", "span"))
    starts = [row.happened_at for row in flow if row.to_state == State.DISPATCHED]
    ends = [row.happened_at for row in flow if row.to_state == State.HANDLED]
    assert [span.started_at for span in spans] == starts
    assert [span.stopped_at for span in spans if span.stopped_at] == ends
    assert {span.bundle for span in spans} <= {1}
    carried = timedelta(0)
    for number, span in enumerate(spans, 1):
        assert (span.span, span.carried) == (number, carried)
        carried += span.used or timedelta(0)
    if spans and spans[-1].stopped_at is not None:
        assert case.handled_in_time == (spans[-1].stopped_at <= spans[-1].deadline_at)
        if all(span.carried < span.length for span in spans):
            # office time stands still at night: within the limit also means by the deadline, and the other way round
            assert case.handled_in_time == (carried <= spans[-1].length) or carried == spans[-1].length
