"""One case with everything that explains it, masked by viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scoc.command.cases import actions, queries
from scoc.command.cases.models import State
from scoc.command.cases.tests.factories import (
    COVER,
    EAST,
    Cast,
    attempt,
    bring,
    may,
    photo,
    report,
    step,
)
from scoc.core import now
from scoc.core import queries as core_queries
from scoc.core.acting import Actor, GrantRule, unit_of_work
from scoc.core.files import keep_file
from scoc.core.http.paging import PageQuery
from scoc.core.models import Asset
from scoc.core.refusals import Invalid, NotFound, Refusal
from scoc.core.tests.factories import SINCE, make_actor
from scoc.kit.text import Text


@contextmanager
def at(clock: str, day: int = 15) -> Iterator[datetime]:
    """Both clocks stand at this time of June 2026 in the city."""
    moment = datetime.fromisoformat(f"2026-06-{day}T{clock}+08:00").astimezone(UTC)
    with now.city_time(moment), now.wall_time(lambda: moment):
        yield moment


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


def test_the_reporter_is_masked_for_everybody_now_and_then(cast: Cast) -> None:
    with at("09:00"):
        case = report(
            cast, source="11", reporter={"name": "张三丰", "phone": "13800138000"}, description="电话 13800138000"
        )
    plain = make_actor("cases.read_cases", persons="plain")
    hidden = make_actor("cases.read_cases", persons="hidden")
    with at("09:05") as before:
        masked = queries.case(cast.acceptor, case.pk)
        assert masked.description == "电话 138****8000"
        bring(cast, State.HANDLING, case)
    for viewer in (plain, cast.acceptor, cast.clerk, cast.leader):
        for as_of in (None, before):  # what was known then is shown by the rights of now
            shown = queries.case(viewer, case.pk, as_of) if as_of is None or viewer is not cast.clerk else masked
            assert shown.reporter is not None
            assert (shown.reporter.name, shown.reporter.phone) == ("张**", "138****8000")
            assert shown.description == "电话 138****8000"
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


def test_a_file_follows_its_case_for_whoever_may_read_files(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED)
    near = queries.case(cast.clerk, case.pk).evidence[0].attachment_id

    def reads(actor: Actor) -> bool:
        files = GrantRule("core.read_files", allow=True, scope="unit", persons="masked", states=frozenset())
        try:
            return core_queries.attachment(replace(actor, grants=(*actor.grants, files)), near).pk == near
        except NotFound:
            return False

    assert [reads(one) for one in (cast.clerk, cast.handler, cast.leader, cast.mayor)] == [True] * 4
    assert not reads(cast.other)  # the case went to another unit
    assert not reads(make_actor(organisation=cast.city.centre))  # of the collector's own unit, without cases


def test_nobody_takes_a_colleagues_file_for_the_own_case(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    theirs = photo(cast.clerk, "after")
    with pytest.raises(Invalid, match="your post"):
        actions.feed_back(cast.handler, case.pk, "已更换井盖", [theirs])


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
    assert {row.title.zh: (row.same_asset, row.distance_m) for row in history} == {
        "same asset": (True, 0), "same asset elsewhere": (True, 963), "29 m away": (False, 29),
    }  # fmt: skip
    old = next(row for row in history if row.title.zh == "same asset")
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


def test_photos_know_how_far_away_they_were_taken(cast: Cast) -> None:
    with unit_of_work(cast.collector):
        row = keep_file(b"\xff\xd8\xffnear", "a.jpg", lon=EAST[0] + 0.0001, lat=EAST[1])
    item = photo(cast.collector).model_copy(update={"attachment_id": row.pk})
    case = report(cast, evidence=[item])
    assert queries.case(cast.leader, case.pk).evidence[0].distance_m == 10


def test_the_flow_speaks_in_names(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    flow = queries.case(cast.leader, case.pk).flow
    dispatch = next(step for step in flow if step.action == "dispatch_case")
    assert dispatch.basis == "matrix:water-covers@1"
    assert dispatch.basis_name is not None
    assert dispatch.basis_name.zh == "权责清单，小类 0101 上水井盖"
    assert dispatch.actor.zh


def test_the_last_stage_of_a_closed_case_is_done(cast: Cast) -> None:
    case = bring(cast, State.CLOSED)
    stages = queries.case(cast.leader, case.pk).stages
    assert [stage.status for stage in stages] == ["done"] * 7


def test_readers_of_english_get_class_and_area_for_chinese_words(cast: Cast) -> None:
    told = report(cast, title="井盖破损")
    assert queries.case(cast.leader, told.pk).title.model_dump() == {
        "zh": "井盖破损", "en": f"Water manhole cover, {cast.city.east.name.en}",
    }  # fmt: skip
    written = report(cast, title="broken cover")
    assert queries.case(cast.leader, written.pk).title.en == "broken cover"
    titles = {row.case_no: row.title.en for row in queries.worklist(cast.leader, PageQuery(cursor=None, limit=9)).items}
    assert titles[told.case_no] == f"Water manhole cover, {cast.city.east.name.en}"
    assert queries.case_titles(cast.leader, [told.pk])[told.pk].en == titles[told.case_no]
