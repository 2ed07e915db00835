"""Lists and the map: what is shown, to whom, in which order, as known when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from scoc.command.cases import actions, queries
from scoc.command.cases.models import Case, State
from scoc.command.cases.queries import Filters
from scoc.command.cases.schemas import CaseRow, Tab
from scoc.command.cases.tests.factories import (
    EAST,
    FLOOD,
    WEST,
    Cast,
    bring,
    may,
    report,
    report_in,
    step,
)
from scoc.core import now
from scoc.core.acting import Viewer
from scoc.core.http.paging import PageQuery
from scoc.core.models import AuditEntry
from scoc.core.refusals import Invalid, NotAllowed, NotFound
from scoc.core.tests.factories import make_actor
from scoc.core.tests.plans import reads_text_index


def page(cursor: str | None = None, limit: int = 50, as_of: datetime | None = None) -> PageQuery:
    """A page."""
    return PageQuery(cursor=cursor, limit=limit, as_of=as_of)


def shown(viewer: Viewer, tab: Tab = "open", as_of: datetime | None = None, **filters: Any) -> list[str]:
    """Titles of a tab in their order."""
    found = queries.worklist(viewer, page(as_of=as_of), tab, Filters(**filters))
    assert found.total == len(found.items)
    return [row.title.zh for row in found.items]


@contextmanager
def at(clock: str, day: int = 15) -> Iterator[datetime]:
    """Both clocks stand at this time of June 2026 in the city."""
    moment = datetime.fromisoformat(f"2026-06-{day}T{clock}+08:00").astimezone(UTC)
    with now.city_time(moment), now.wall_time(lambda: moment):
        yield moment


def make_all(cast: Cast) -> dict[str, Case]:
    """One case in each state that can be reached, called by it."""
    states = (
        "reported",
        "accepted",
        "filed",
        "dispatched",
        "handling",
        "handled",
        "checking",
        "pending_close",
        "closed",
    )
    return {state: bring(cast, state, report(cast, title=state)) for state in states}


def test_each_post_sees_what_it_may_move_now(cast: Cast) -> None:
    make_all(cast)
    mine = {role: sorted(shown(actor, "mine")) for role, actor in cast.roles.items()}
    assert mine == {
        "acceptor": ["reported"], "leader": ["accepted", "handled", "pending_close"], "dispatcher": ["filed"],
        "clerk": ["dispatched", "handling"], "handler": ["dispatched", "handling"], "collector": ["checking"],
        "other": [], "evaluator": [], "street": [], "mayor": [],
    }  # fmt: skip


def test_what_one_handled_is_never_ones_to_judge(cast: Cast) -> None:
    make_all(cast)
    mighty = make_actor(*may("send_to_check", "close_case"), organisation=cast.city.utility, scope="city")
    assert shown(mighty, "mine") == []


def test_tabs_hold_what_their_names_say(cast: Cast) -> None:
    with at("09:00"):
        slow, late, done = report(cast, title="slow"), report(cast, title="late"), report(cast, title="done")
        bring(cast, State.HANDLING, slow)  # until 15:00, yellow from 11:48
        bring(cast, State.HANDLING, late, condition=FLOOD)  # until 11:00
        bring(cast, State.CLOSED, done)
    with at("11:59"):
        fresh = report(cast, title="fresh")
        assert shown(cast.leader) == ["late", "fresh", "slow"]
        assert shown(cast.leader, "overdue") == ["late"]
        assert shown(cast.leader, "soon") == ["slow"]
        assert shown(cast.leader, "closed") == ["done"]
        counts = queries.worklist_counts(cast.leader)
        assert (counts.mine, counts.open, counts.soon, counts.overdue, counts.closed) == (0, 3, 1, 1, 1)
        lights = {point.title.zh: point.light for point in queries.case_points(cast.leader)}
        assert lights == {"late": "red", "slow": "yellow", "fresh": "green"}
        rows = {row.title.zh: row.light for row in queries.worklist(cast.leader, page()).items}
        assert rows == lights
    assert fresh.pk


def test_closed_cases_come_newest_first(cast: Cast) -> None:
    for clock in ("09:00", "10:00", "09:30"):
        with at(clock):
            bring(cast, State.CLOSED, report(cast, title=clock))
    assert shown(cast.leader, "closed") == ["10:00", "09:30", "09:00"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"area": "990103"}, ["west"]),
        ({"area": "990100"}, ["cover", "flood", "west"]),
        ({"category": "event/0506"}, ["flood"]),
        ({"category": "component/0100"}, ["cover", "west"]),
        ({"kind": "event"}, ["flood"]),
        ({"state": "handling"}, ["flood"]),
        ({"text": "中山"}, ["cover", "flood"]),
        ({"text": "FLO"}, ["flood"]),
        ({"text": "99010320260615"}, ["west"]),
        ({"text": "100%"}, []),
        ({"text": "中山", "kind": "event"}, ["flood"]),
    ],
)
def test_lists_are_narrowed(cast: Cast, filters: dict[str, Any], expected: list[str]) -> None:
    report(cast, title="cover")
    bring(cast, State.HANDLING, report(cast, title="flood", category="event/0506"), condition=FLOOD)
    report(cast, WEST, title="west", address="西区大道 1 号")
    assert sorted(shown(cast.leader, **filters)) == expected


def test_words_are_looked_for_by_the_text_index(cast: Cast) -> None:
    case = report(cast, title="cover")
    assert shown(cast.leader, text="中山 COVER") == ["cover"]
    assert shown(cast.leader, text=case.case_no[:14]) == ["cover"]
    assert shown(cast.leader, text="西区") == []
    assert reads_text_index("cases_case", lambda: shown(cast.leader, text="中山东路"))
    assert reads_text_index("cases_case", lambda: shown(cast.leader, text=case.case_no[:14]))
    assert reads_text_index(
        "cases_case", lambda: queries.worklist_counts(cast.leader, queries.Filters(text="中山东路"))
    )


def test_lists_are_narrowed_to_a_unit(cast: Cast) -> None:
    bring(cast, State.HANDLING, report(cast, title="theirs"))
    report(cast, title="nobody's")
    assert shown(cast.leader, unit_id=cast.city.utility.pk) == ["theirs"]
    with pytest.raises(Invalid):
        shown(cast.leader, area="12345678")


def test_pages_follow_each_other_without_gap(cast: Cast) -> None:
    for _ in range(7):
        report(cast)
    seen: list[CaseRow] = []
    cursor = None
    while True:
        found = queries.worklist(cast.leader, page(cursor, 3))
        assert found.total == 7
        seen += found.items
        cursor = found.next
        if cursor is None:
            break
    assert len({row.id for row in seen}) == 7
    assert [row.id for row in seen] == sorted(row.id for row in seen)


def test_a_unit_sees_its_own_cases_only(cast: Cast) -> None:
    theirs = bring(cast, State.HANDLING, report(cast, title="theirs"))
    others = bring(cast, State.FILED, report(cast, title="others"))
    step(cast, others.pk, "dispatch_case", unit_id=cast.city.bureau.pk)
    report(cast, title="nobody's")
    assert shown(cast.clerk) == ["theirs"]
    assert shown(cast.other) == ["others"]
    assert queries.case(cast.clerk, theirs.pk).title.zh == "theirs"
    for case_id in (others.pk, 10**9):
        with pytest.raises(NotFound):
            queries.case(cast.clerk, case_id)
    assert [point.title.zh for point in queries.case_points(cast.clerk)] == ["theirs"]
    assert queries.worklist_counts(cast.clerk).open == 1


def test_a_street_officer_sees_the_own_area_only(cast: Cast) -> None:
    report(cast, title="east")
    west = report(cast, WEST, title="west")
    assert shown(cast.street) == ["east"]
    with pytest.raises(NotFound):
        queries.case(cast.street, west.pk)


def test_a_scope_of_oneself_shows_the_own_reports(cast: Cast) -> None:
    own = make_actor(*may("report_case"), organisation=cast.city.centre, scope="self")
    actions.report_case(own, report_in(cast, source="36", title="mine", evidence=[]))
    report(cast, title="others")
    assert shown(own) == ["mine"]


def test_without_permission_nothing_is_shown(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        queries.worklist(make_actor(), page())
    assert AuditEntry.objects.filter(action="cases.read_cases", outcome="refused").count() == 1


# ---- as known then ----------------------------------------------------------------------------------------------


def test_lists_show_what_was_known_then(cast: Cast) -> None:
    with at("09:00") as nine:
        case = report(cast, title="cover")
    with at("09:10"):
        bring(cast, State.FILED, case)
    with at("09:20") as dispatched:
        bring(cast, State.HANDLING, case)
    with at("10:00"):
        bring(cast, State.CLOSED, case)
    with at("09:00", 16):
        before = nine - timedelta(minutes=1)
        assert shown(cast.leader, "open", before) == []
        assert shown(cast.acceptor, "mine", nine) == ["cover"]
        assert shown(cast.clerk, "mine", dispatched) == ["cover"]
        assert shown(cast.leader, "closed", dispatched) == []
        assert shown(cast.leader, "closed") == ["cover"]
        assert shown(cast.leader, "overdue", dispatched) == []
        row = queries.worklist(cast.leader, page(as_of=dispatched)).items[0]
        assert (row.state, row.due_at, row.closed_at) == ("handling", dispatched + timedelta(hours=6), None)
        counts = queries.worklist_counts(cast.leader, as_of=nine + timedelta(minutes=5))
        assert (counts.open, counts.closed) == (1, 0)
        assert shown(cast.leader, "soon", nine + timedelta(minutes=9, seconds=59)) == []
        then = queries.case(cast.leader, case.pk, dispatched)
        assert (then.state, then.version, len(then.flow), then.moves) == ("handling", 5, 5, [])
        assert [stage.status for stage in then.stages] == ["done"] * 3 + ["current"] + ["ahead"] * 3
        assert {timer.clock: timer.running for timer in then.timers} == {
            "acceptance": False, "filing": False, "dispatch": False, "sign": False, "disposal": True,
        }  # fmt: skip
        assert then.evidence[0].kind == "near"
        assert len(then.evidence) == 1
        with pytest.raises(NotFound):
            queries.case(cast.leader, case.pk, before)


def test_what_was_recorded_later_was_not_known(cast: Cast) -> None:
    """A move that was written into the books late: known from then on only."""
    with at("09:00"):
        case = report(cast, title="cover")
    late = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
    with at("09:10") as happened, now.wall_time(lambda: late):
        step(cast, case.pk, "accept_case")
    with at("09:00", 16):
        assert queries.case(cast.leader, case.pk, happened + timedelta(hours=1)).state == "reported"
        assert queries.case(cast.leader, case.pk, late).state == "accepted"
        assert shown(cast.acceptor, "mine", happened + timedelta(hours=1)) == ["cover"]
        assert shown(cast.acceptor, "mine", late) == []


def test_what_is_open_around_a_case(cast: Cast) -> None:
    here = report(cast)
    near = report(cast, (EAST[0] + 0.003, EAST[1]))  # 290 m
    nearer = report(cast, (EAST[0], EAST[1] + 0.001))  # 111 m
    report(cast, (EAST[0] + 0.006, EAST[1]))  # 579 m
    found = queries.cases_around(cast.leader, here.pk)
    assert [point.id for point in found] == [nearer.pk, near.pk]
    assert [point.id for point in queries.cases_around(cast.leader, here.pk, 200)] == [nearer.pk]
    with pytest.raises(NotFound):
        queries.cases_around(cast.leader, 10**6)


@pytest.mark.only_on("sqlite", reason="PostgreSQL plans by how many rows there are")
@pytest.mark.parametrize(
    ("tab", "index"),
    [("open", "cases_case_queue"), ("soon", "cases_case_queue"), ("overdue", "cases_case_queue"),
     ("closed", "cases_case_state")],
)  # fmt: skip
def test_a_list_reads_its_own_cases_and_not_all_that_ever_were(cast: Cast, tab: Tab, index: str) -> None:
    bring(cast, "closed")
    bring(cast, "handling")
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        queries.worklist(cast.mayor, page(), tab)
    lists = [(sql, params) for sql, params in asked if '"cases_case"."run_id" = ' in sql]
    assert len(lists) == 2  # the count and the rows
    with connection.cursor() as cursor:
        for sql, params in lists:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            assert any(index in step[-1] for step in cursor.fetchall()), sql
