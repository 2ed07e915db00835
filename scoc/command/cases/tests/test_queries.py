"""Lists, one case, the map, definitions: what is shown, to whom, in which order, as known when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scoc.command.cases import actions, queries
from scoc.command.cases.models import Case, FilingCondition, State
from scoc.command.cases.queries import Filters
from scoc.command.cases.schemas import CaseRow, Tab
from scoc.command.cases.tests.factories import (
    COVER,
    EAST,
    FLOOD,
    WEST,
    Cast,
    attempt,
    bring,
    make_row,
    may,
    photo,
    report,
    report_in,
    step,
)
from scoc.core import now
from scoc.core.acting import Viewer, unit_of_work
from scoc.core.files import keep_file
from scoc.core.http.paging import PageQuery
from scoc.core.models import Asset, AuditEntry
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import SINCE, make_actor, make_area, make_organisation
from scoc.kit.text import Text
from scoc.spatial.tests.factories import make_outline


def page(cursor: str | None = None, limit: int = 50, as_of: datetime | None = None) -> PageQuery:
    """A page."""
    return PageQuery(cursor=cursor, limit=limit, as_of=as_of)


def shown(viewer: Viewer, tab: Tab = "open", as_of: datetime | None = None, **filters: Any) -> list[str]:
    """Titles of a tab in their order."""
    found = queries.worklist(viewer, page(as_of=as_of), tab, Filters(**filters))
    assert found.total == len(found.items)
    return [row.title for row in found.items]


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
        lights = {point.title: point.light for point in queries.case_points(cast.leader)}
        assert lights == {"late": "red", "slow": "yellow", "fresh": "green"}
        rows = {row.title: row.light for row in queries.worklist(cast.leader, page()).items}
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
    assert queries.case(cast.clerk, theirs.pk).title == "theirs"
    for case_id in (others.pk, 10**9):
        with pytest.raises(NotFound):
            queries.case(cast.clerk, case_id)
    assert [point.title for point in queries.case_points(cast.clerk)] == ["theirs"]
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


# ---- one case ---------------------------------------------------------------------------------------------------


def test_a_case_explains_itself(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    found = queries.case(cast.leader, case.pk)
    assert [stage.status for stage in found.stages] == ["done"] * 5 + ["current", "ahead"]
    assert found.snapshot is not None
    assert (found.snapshot.condition, found.snapshot.criterion.zh) == (COVER, "已修复")
    assert found.snapshot.limit == 4
    assert [step_.action for step_ in found.flow] == [
        "pass_check", "send_to_check", "feed_back", "sign_case", "dispatch_case", "file_case", "accept_case",
        "report_case",
    ]  # fmt: skip
    assert found.flow[4].basis_name is not None
    assert {item.kind: item.flow_version for item in found.evidence} == {"near": 1, "after": 6, "check": 8}
    assert [name.zh for name in found.area_names] == ["东区"]
    assert "处置单位" in found.rule.zh


def test_rework_puts_the_later_stages_ahead_again(cast: Cast) -> None:
    case = bring(cast, State.CHECKING)
    with at("11:52"):
        step(cast, case.pk, "rework_case")
        stages = queries.case(cast.leader, case.pk).stages
    assert [stage.status for stage in stages] == ["done"] * 3 + ["current"] + ["ahead"] * 3
    assert stages[2].reached_at == datetime(2026, 6, 15, 3, 52, tzinfo=UTC)


def test_moves_say_who_may_and_why_not(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    mighty = make_actor(*may("close_case", "rework_case"), organisation=cast.city.utility, scope="city")
    codes = {
        role: {move.move: (move.allowed, move.code) for move in queries.case(viewer, case.pk).moves}
        for role, viewer in {"leader": cast.leader, "clerk": cast.clerk, "mayor": cast.mayor, "mighty": mighty}.items()
    }
    no, never = (False, "no_permission"), (False, "handling_unit_cannot_close")
    assert codes == {
        "leader": {"close_case": (True, None), "rework_case": (True, None)},
        "mayor": {"close_case": no, "rework_case": no},
        "clerk": {"close_case": never, "rework_case": never},
        "mighty": {"close_case": never, "rework_case": never},
    }
    close = next(move for move in queries.case(cast.clerk, case.pk).moves if move.move == "close_case")
    assert close.why is not None
    assert "处置单位" in close.why.zh
    assert [(need.field, need.required) for need in close.needs] == [("criterion_met", True), ("opinion", False)]


def test_what_is_allowed_can_be_done(cast: Cast) -> None:
    for state in ("reported", "accepted", "filed", "dispatched", "handling", "handled", "checking", "pending_close"):
        for role in ("acceptor", "leader", "dispatcher", "clerk", "collector"):
            case = bring(cast, state)
            actor = cast.roles[role]
            try:
                moves = queries.case(actor, case.pk).moves
            except NotFound:
                continue
            for move in moves:
                if move.allowed:
                    attempt(actor, case.pk, move.move)
                    break
                with pytest.raises(Refusal) as error:
                    attempt(actor, case.pk, move.move)
                # who lacks the permission is refused at the door, before the case is looked at
                assert error.value.code in {move.code, "no_permission"}


def test_the_reporter_is_masked_after_acceptance_for_everybody(cast: Cast) -> None:
    case = report(
        cast, source="11", reporter={"name": "张三丰", "phone": "13800138000"}, description="电话 13800138000"
    )
    plain = make_actor("cases.read_cases", persons="plain")
    hidden = make_actor("cases.read_cases", persons="hidden")
    before = queries.case(plain, case.pk)
    assert before.reporter is not None
    assert (before.reporter.name, before.reporter.phone, before.description) == (
        "张三丰", "13800138000", "电话 13800138000",
    )  # fmt: skip
    masked = queries.case(cast.acceptor, case.pk)
    assert masked.reporter is not None
    assert (masked.reporter.name, masked.reporter.phone, masked.description) == (
        "张**", "138****8000", "电话 138****8000",
    )  # fmt: skip
    bring(cast, State.HANDLING, case)
    for viewer in (plain, cast.clerk, cast.leader):
        later = queries.case(viewer, case.pk)
        assert later.reporter is not None
        assert (later.reporter.name, later.reporter.phone) == ("张**", "138****8000")
    assert queries.case(hidden, case.pk).reporter is None
    assert queries.case(hidden, case.pk).description == ""


def test_a_unit_reads_the_photos_of_its_cases_and_no_others(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    near = queries.case(cast.clerk, case.pk).evidence[0]
    assert queries.evidence_file(cast.clerk, case.pk, near.id).pk == near.attachment_id
    for case_id, evidence_id in ((case.pk, 10**6), (case.pk + 1, near.id)):
        with pytest.raises(NotFound):
            queries.evidence_file(cast.clerk, case_id, evidence_id)
    with pytest.raises(NotFound):
        queries.evidence_file(cast.other, case.pk, near.id)


def test_earlier_cases_of_the_same_asset_and_place_are_told(cast: Cast) -> None:
    asset = "9901020101000417"
    for code, lon in ((asset, EAST[0]), ("9901020101000418", EAST[0] + 0.0003)):
        Asset.objects.create(code=code, category="component/0101", name=Text("井盖", "cover"), lon=lon, lat=EAST[1],
                             valid_from=SINCE)  # fmt: skip
    with at("09:00"):
        bring(cast, State.CLOSED, report(cast, title="same asset", asset=asset))
        moved_asset = (EAST[0] + 0.01, EAST[1])
        report(cast, moved_asset, title="same asset elsewhere", asset=asset)
        report(cast, (EAST[0] + 0.0003, EAST[1]), title="29 m away")
        report(cast, (EAST[0] + 0.0007, EAST[1]), title="68 m away")
    with at("09:30"):
        case = report(cast, title="now", asset=asset)
        history = queries.case(cast.leader, case.pk).history
    assert {row.title: (row.same_asset, row.distance_m) for row in history} == {
        "same asset": (True, 0), "same asset elsewhere": (True, 963), "29 m away": (False, 29),
    }  # fmt: skip
    old = next(row for row in history if row.title == "same asset")
    assert old.disposal is not None
    assert old.disposal.in_time is True
    assert case.pk not in {row.id for row in history}


def test_comments_stand_between_the_moves(cast: Cast) -> None:
    with at("09:00"):
        case = bring(cast, State.HANDLING)
    with at("09:05"):
        actions.comment_case(cast.clerk, case.pk, "配件在途，联系 13800138000")
    with at("09:10"):
        step(cast, case.pk, "feed_back")
        flow = queries.case(cast.leader, case.pk).flow
    assert [(row.kind, row.action) for row in flow[:3]] == [
        ("move", "feed_back"), ("comment", "comment"), ("move", "sign_case"),
    ]  # fmt: skip
    assert flow[1].opinion == "配件在途，联系 138****8000"


# ---- definitions ------------------------------------------------------------------------------------------------


def test_conditions_of_a_class(cast: Cast) -> None:
    assert [row.code for row in queries.conditions(cast.acceptor, "component/0101")] == [COVER, "component/0101-3"]
    assert len(queries.conditions(cast.acceptor)) == 3
    assert queries.conditions(cast.acceptor, "event/9999") == []


def test_the_matrix_ranks_its_rows_with_reasons(cast: Cast) -> None:
    units = {name: make_organisation(name) for name in "abcdef"}
    make_row("major", units["a"], category="component/0100")
    make_row("area", units["b"], category="component/0101", area="990102")
    make_row("condition", units["c"], condition=COVER)
    make_row("first", units["d"], category="component/0100", priority=1)
    make_row("west", units["e"], category="component/0101", area="990103")
    make_row("road", units["f"], category="component/0101", attributes={"road_grade": "main"})
    street = make_area("990102001", "street", "一街", cast.city.east)
    make_outline(street, 121.7, 29.9, 121.8, 30.1)

    def order(attributes: dict[str, str] | None = None) -> list[str]:
        return [row.basis for row in queries.suggest_unit(cast.dispatcher, COVER, "990102001", attributes)]

    # priority 1 first; then the condition, the class in its area, the class, the major class
    assert order() == [
        "matrix:first@1",
        "matrix:condition@1",
        "matrix:area@1",
        "matrix:water-covers@1",
        "matrix:major@1",
    ]
    assert order({"road_grade": "main"}) == [
        "matrix:first@1", "matrix:condition@1", "matrix:area@1", "matrix:road@1", "matrix:water-covers@1",
        "matrix:major@1",
    ]  # fmt: skip
    found = queries.suggest_unit(cast.dispatcher, COVER, "990102001")
    assert [reason.zh for reason in found[2].reasons] == ["小类 component/0101", "区域 东区"]
    assert [reason.zh for reason in found[4].reasons] == ["大类 component/0100", "全市"]
    case = report(cast)
    with pytest.raises(Refusal) as error:
        queries.units_for_case(cast.dispatcher, case.pk)
    assert error.value.code == "no_condition_yet"
    step(cast, case.pk, "accept_case")
    assert [row.basis for row in queries.units_for_case(cast.dispatcher, case.pk)] == order()
    with pytest.raises(NotFound):
        queries.suggest_unit(cast.dispatcher, "nothing")


def test_the_unit_of_the_condition_comes_last(cast: Cast) -> None:
    FilingCondition.objects.filter(code=COVER).update(responsible=cast.city.bureau)
    found = queries.suggest_unit(cast.dispatcher, COVER, "990102")
    assert [(row.rank, row.unit.id, row.basis) for row in found] == [
        (1, cast.city.utility.pk, "matrix:water-covers@1"), (2, cast.city.bureau.pk, f"condition:{COVER}@1"),
    ]  # fmt: skip


def test_photos_know_how_far_away_they_were_taken(cast: Cast) -> None:
    with unit_of_work(cast.collector):
        row = keep_file(b"\xff\xd8\xffnear", "a.jpg", lon=EAST[0] + 0.0001, lat=EAST[1])
    item = photo(cast.collector).model_copy(update={"attachment_id": row.pk})
    case = report(cast, evidence=[item])
    assert queries.case(cast.leader, case.pk).evidence[0].distance_m == 10
