"""Moves: what each does, and what it refuses."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scoc.command.cases import actions, facts
from scoc.command.cases.models import (
    Case,
    CaseEvidence,
    CaseFlow,
    CaseNote,
    FilingCondition,
    FilingSnapshot,
    State,
    Timer,
)
from scoc.command.cases.schemas import CaseAcceptIn, CaseDispatchIn
from scoc.command.cases.tests.factories import (
    COVER,
    EAST,
    OUTSIDE,
    SLOW,
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
from scoc.core import contacts, now
from scoc.core.access import actor_for
from scoc.core.facts import fact_from
from scoc.core.models import Asset, Contact, FactRow, Grant, Notice, Organisation, Post, Role, Run, User
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal, Stale
from scoc.core.tests.factories import SINCE, make_actor, make_organisation
from scoc.kit.coordinates import Datum, convert
from scoc.kit.text import Text


def refusal_of(error: pytest.ExceptionInfo[Refusal]) -> tuple[str, str]:
    """Code and subject."""
    return error.value.code, error.value.subject


def test_a_case_goes_the_whole_way(cast: Cast) -> None:
    case = bring(cast, State.CLOSED)
    assert (case.state, case.stage, case.is_open, case.closed_at) == ("closed", 7, False, now.city_now())
    assert case.first_unit == case.final_unit == case.current_unit == cast.city.utility
    rows = list(CaseFlow.objects.filter(case=case).order_by("version"))
    assert [(row.version, row.from_state, row.to_state, row.action) for row in rows] == [
        (1, "", "reported", "report_case"),
        (2, "reported", "accepted", "accept_case"),
        (3, "accepted", "filed", "file_case"),
        (4, "filed", "dispatched", "dispatch_case"),
        (5, "dispatched", "handling", "sign_case"),
        (6, "handling", "handled", "feed_back"),
        (7, "handled", "checking", "send_to_check"),
        (8, "checking", "pending_close", "pass_check"),
        (9, "pending_close", "closed", "close_case"),
    ]
    assert [row.left_at is None for row in rows] == [False] * 8 + [True]
    told = list(FactRow.objects.filter(subject=case.subject, name__startswith="cases.").order_by("id"))
    assert [row.name.removeprefix("cases.") for row in told] == [
        "reported", "accepted", "filed", "dispatched", "signed", "fed_back", "check_sent", "check_passed", "closed",
    ]  # fmt: skip


# ---- 1 report ---------------------------------------------------------------------------------------------------


def test_a_report_opens_a_numbered_case_and_tells_the_acceptor(cast: Cast) -> None:
    case = report(cast)
    assert (case.case_no, case.state, case.stage, case.version) == ("9901022026061500001", "reported", 2, 1)
    assert (case.kind, case.priority, case.title) == ("component", 3, "中山东路 213 号 上水井盖")
    assert (case.area, case.area_path, case.organisation) == (cast.city.east, "990100/990102/", cast.city.centre)
    assert case.grade == 3
    assert list(Notice.objects.values_list("post_id", "subject")) == [(cast.acceptor.post_id, case.subject)]
    assert list(CaseEvidence.objects.values_list("kind", "flow_version")) == [("near", 1)]


def test_numbers_run_by_district_and_day(cast: Cast, monday: datetime) -> None:
    numbers = [report(cast).case_no, report(cast).case_no, report(cast, WEST).case_no]
    with now.city_time(monday + timedelta(hours=15)):  # midnight in the city is 16:00 UTC
        numbers.append(report(cast).case_no)
    with now.city_time(monday + timedelta(hours=15, minutes=1)):
        numbers.append(report(cast).case_no)
    assert numbers == [
        "9901022026061500001", "9901022026061500002", "9901032026061500001", "9901022026061600001",
        "9901022026061600002",
    ]  # fmt: skip


def test_a_refused_report_gives_its_number_back(cast: Cast) -> None:
    report(cast)
    with pytest.raises(Invalid):
        actions.report_case(cast.collector, report_in(cast, evidence=[]))
    assert report(cast).case_no == "9901022026061500002"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lon": OUTSIDE[0]}, "outside_the_city"),
        ({"lon": None}, "position_missing"),
        ({"category": None, "description": " "}, "invalid"),
        ({"category": "component/9999"}, "invalid"),
        ({"source": "77"}, "invalid"),
        ({"evidence": []}, "photo_missing"),
        ({"asset": "0000"}, "invalid"),
        ({"happened_at": "2026-06-15T09:00:01+08:00"}, "invalid"),
        ({"reporter": {"name": "张三", "phone": "12"}}, "invalid"),
    ],
)
def test_a_report_is_refused(cast: Cast, change: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as error:
        actions.report_case(cast.collector, report_in(cast, **change))
    assert error.value.code == code
    assert not Case.objects.exists()


def test_only_collectors_must_bring_a_photo(cast: Cast) -> None:
    made = actions.report_case(cast.acceptor, report_in(cast, source="11", evidence=[]))
    assert made.state == "reported"


def test_words_are_enough_without_a_class(cast: Cast) -> None:
    case = report(cast, category=None, description="井盖 丢失，有人会掉下去")
    assert (case.kind, case.category, case.title) == ("", None, "中山东路 213 号 井盖 丢失，有人会掉下去")


def test_a_position_of_a_phone_is_converted(cast: Cast) -> None:
    lon, lat = convert(*EAST, Datum.WGS84, Datum.GCJ02)
    case = report(cast, (lon, lat), datum="GCJ-02")
    assert case.lon == pytest.approx(EAST[0], abs=1e-5)
    assert case.lat == pytest.approx(EAST[1], abs=1e-5)


def test_danger_and_leaders_matters_go_first(cast: Cast) -> None:
    assert report(cast, urgent=True).priority == 1
    leaders = report(cast, source="51")
    assert (leaders.priority, leaders.supervised) == (2, True)
    assert report(cast).priority == 3


def test_a_reporter_becomes_a_contact(cast: Cast) -> None:
    case = report(cast, source="11", reporter={"name": "张三", "phone": "13800138000"})
    assert case.contact is not None
    assert "张三" not in case.contact.name
    assert Contact.objects.count() == 1


def test_a_number_in_a_callers_words_is_in_no_title(cast: Cast) -> None:
    words = "路口井盖坏了，请回电 13812345678"
    case = report(cast, source="11", category=None, title="", description=words)
    assert "138****5678" in case.title
    assert case.description == words


def test_the_house_that_a_caller_names_is_with_the_reporter_only(cast: Cast) -> None:
    home = "中山东路 8 号 2 单元 301 室"
    case = report(cast, source="11", address=home, reporter={"name": "张三", "phone": "13812345678"})
    assert (case.address, case.title) == ("中山东路", "中山东路 上水井盖")
    assert case.contact is not None
    assert contacts.shown(case.contact, "plain").address == home
    assert contacts.shown(case.contact, "masked").address == "中山东路***"
    assert report(cast, source="11", address="中山东路").contact is None
    assert report(cast, address=home).address == home  # a collector says where the thing is, not where one lives


def test_a_collector_cannot_choose_a_source_without_photos(cast: Cast) -> None:
    with pytest.raises(NotAllowed) as error:
        actions.report_case(cast.collector, report_in(cast, source="51", evidence=[]))
    assert error.value.code == "not_your_source"


def test_the_same_outside_number_is_taken_once(cast: Cast) -> None:
    first = report(cast, source="52", external_id="A-1")
    with pytest.raises(Refusal) as error:
        report(cast, source="52", external_id="A-1")
    assert refusal_of(error) == ("already_reported", first.subject)
    assert report(cast, source="11", external_id="A-1").pk != first.pk


def test_an_officer_reports_in_the_own_area_only(cast: Cast) -> None:
    actions.report_case(cast.street, report_in(cast, source="36", evidence=[]))
    with pytest.raises(NotAllowed) as error:
        actions.report_case(cast.street, report_in(cast, WEST, source="36", evidence=[]))
    assert error.value.code == "out_of_scope"


def test_a_photo_of_others_is_no_evidence(cast: Cast) -> None:
    theirs = photo(cast.other)
    with pytest.raises(Invalid):
        actions.report_case(cast.collector, report_in(cast, evidence=[theirs]))
    mine = photo(cast.collector)
    with pytest.raises(Invalid):
        actions.report_case(cast.collector, report_in(cast, evidence=[mine, mine]))


# ---- 4 accept, 7 file -------------------------------------------------------------------------------------------


def test_acceptance_chooses_class_and_condition_and_puts_the_place_right(cast: Cast) -> None:
    case = report(cast, category=None, description="井盖坏了", address="")
    with pytest.raises(Invalid) as error:
        actions.accept_case(cast.acceptor, case.pk, CaseAcceptIn(condition=COVER))
    assert refusal_of(error) == ("address_missing", case.subject)
    wanted = CaseAcceptIn(condition=COVER, address="西区大道 1 号", lon=WEST[0], lat=WEST[1])
    actions.accept_case(cast.acceptor, case.pk, wanted)
    case.refresh_from_db()
    assert case.category is not None
    assert (case.category.code, case.kind, case.area, case.address) == (
        "component/0101", "component", cast.city.west, "西区大道 1 号",
    )  # fmt: skip
    assert case.case_no.startswith("990102")  # a number stays, wherever the case moves


def test_acceptance_needs_a_condition_that_holds(cast: Cast) -> None:
    case = report(cast)
    with pytest.raises(Invalid):
        actions.accept_case(cast.acceptor, case.pk, CaseAcceptIn(condition="component/0101-99"))
    FilingCondition.objects.filter(code=COVER).update(valid_to=now.city_now())
    with pytest.raises(Invalid):
        step(cast, case.pk, "accept_case")


def test_a_condition_sets_the_priority(cast: Cast) -> None:
    case = bring(cast, State.ACCEPTED, condition="event/0506-1")
    assert (case.priority, case.kind) == (1, "event")


def new_version(code: str, **changes: object) -> FilingCondition:
    """A further version of a condition that holds from now on."""
    row = FilingCondition.objects.filter(code=code).latest("version")
    FilingCondition.objects.filter(pk=row.pk).update(valid_to=now.city_now())
    row.pk, row.version, row.valid_from, row.valid_to = None, row.version + 1, now.city_now(), None
    for name, value in changes.items():
        setattr(row, name, value)
    row._state.adding = True
    row.save()
    return row


def test_filing_freezes_limit_and_criterion(cast: Cast, monday: datetime) -> None:
    case = bring(cast, State.FILED)
    with now.city_time(monday + timedelta(minutes=5)):
        new_version(COVER, limit=Decimal(9), criterion=Text("新", "new"))
        step(cast, case.pk, "dispatch_case")
    snapshot = FilingSnapshot.objects.get(case=case)
    assert (snapshot.limit, snapshot.unit, snapshot.criterion.zh) == (Decimal(4), "WORK_HOUR", "已修复")
    assert snapshot.responsible == cast.city.utility
    assert Timer.objects.get(case=case, clock="disposal").limit == 4


def test_filing_takes_the_version_of_its_moment(cast: Cast, monday: datetime) -> None:
    case = bring(cast, State.ACCEPTED)
    with now.city_time(monday + timedelta(minutes=5)):
        new_version(COVER, limit=Decimal(9))
        step(cast, case.pk, "file_case")
    assert FilingSnapshot.objects.get(case=case).limit == 9
    case.refresh_from_db()
    assert case.condition is not None
    assert case.condition.version == 2


def test_a_condition_that_was_withdrawn_since_acceptance_holds_as_it_was_accepted(cast: Cast) -> None:
    case = bring(cast, State.ACCEPTED)
    FilingCondition.objects.filter(code=COVER).update(valid_to=now.city_now())
    step(cast, case.pk, "file_case")
    assert FilingSnapshot.objects.get(case=case).condition_id == case.condition_id


# ---- 9 dispatch -------------------------------------------------------------------------------------------------


def dispatched(case: Case) -> tuple[str, bool, int]:
    """Basis of the last dispatch, whether by matrix, and the unit, from flow and fact."""
    flow = CaseFlow.objects.filter(case=case, action="dispatch_case").latest("version")
    row = FactRow.objects.filter(subject=case.subject, name="cases.dispatched").latest("id")
    told = fact_from(row.name, json.loads(row.body))
    assert isinstance(told, facts.CaseDispatched)
    return flow.basis, told.by_matrix, told.unit


def test_dispatch_follows_the_matrix(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED)
    assert dispatched(case) == ("matrix:water-covers@1", True, cast.city.utility.pk)
    assert case.current_unit == cast.city.utility


def test_dispatch_by_hand_needs_a_reason(cast: Cast) -> None:
    case = bring(cast, State.FILED)
    bureau = cast.city.bureau
    with pytest.raises(Invalid) as error:
        actions.dispatch_case(cast.dispatcher, case.pk, CaseDispatchIn(unit_id=bureau.pk))
    assert error.value.code == "reason_missing"
    actions.dispatch_case(cast.dispatcher, case.pk, CaseDispatchIn(unit_id=bureau.pk, opinion="产权移交"))
    assert dispatched(case) == ("manual", False, bureau.pk)


def test_choosing_the_first_of_the_matrix_by_hand_is_the_matrix(cast: Cast) -> None:
    case = bring(cast, State.FILED)
    actions.dispatch_case(cast.dispatcher, case.pk, CaseDispatchIn(unit_id=cast.city.utility.pk))
    assert dispatched(case)[:2] == ("matrix:water-covers@1", True)


def test_dispatch_refuses_units_that_cannot_handle(cast: Cast) -> None:
    case = bring(cast, State.FILED)
    gone = make_organisation("旧水务局")
    Organisation.objects.filter(pk=gone.pk).update(valid_to=SINCE)
    for unit_id, code in (
        (gone.pk, "unit_dissolved"),
        (10**9, "invalid"),
        (cast.city.centre.pk, "unit_holds_the_centre"),
    ):
        with pytest.raises(Invalid) as error:
            actions.dispatch_case(cast.dispatcher, case.pk, CaseDispatchIn(unit_id=unit_id, opinion="人工指定"))
        assert error.value.code == code


def test_dispatch_without_a_row_asks_for_a_unit(cast: Cast) -> None:
    case = bring(cast, State.FILED)
    Organisation.objects.filter(pk=cast.city.utility.pk).update(valid_to=SINCE)
    with pytest.raises(Invalid) as error:
        actions.dispatch_case(cast.dispatcher, case.pk, CaseDispatchIn())
    assert refusal_of(error) == ("no_unit", case.subject)


def test_the_owner_of_the_asset_can_decide(cast: Cast) -> None:
    bureau = cast.city.bureau
    Asset.objects.create(
        code="9901020101000417", category="component/0101", name=Text("井盖", "cover"), owner=bureau, lon=EAST[0],
        lat=EAST[1], valid_from=SINCE,
    )  # fmt: skip
    make_row("owner", bureau, category="component/0101", attributes={"owner": bureau.code}, priority=1)
    case = bring(cast, State.DISPATCHED, report(cast, asset="9901020101000417"))
    assert case.current_unit == bureau


# ---- 13, 18: the unit -------------------------------------------------------------------------------------------


def test_only_the_unit_signs_and_feeds_back(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED)
    for stranger in (
        make_actor(*may("sign_case"), organisation=cast.city.bureau),
        make_actor(*may("sign_case"), organisation=cast.city.centre),
    ):
        with pytest.raises(NotAllowed) as error:
            actions.sign_case(stranger, case.pk)
        assert refusal_of(error) == ("not_your_unit", case.subject)
    below = make_actor(*may("sign_case"), organisation=make_organisation("管网二所", "utility", cast.city.utility))
    actions.sign_case(below, case.pk)
    case.refresh_from_db()
    assert case.current_user_id == below.user_id


def test_a_stranger_unit_may_not_even_know_of_the_case(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED)
    with pytest.raises(NotFound):
        actions.sign_case(cast.other, case.pk)


def test_feedback_needs_words_and_a_photo_of_after(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    with pytest.raises(Invalid) as error:
        actions.feed_back(cast.handler, case.pk, " ", [photo(cast.handler, "after")])
    assert error.value.code == "opinion_missing"
    with pytest.raises(Invalid) as error:
        actions.feed_back(cast.handler, case.pk, "已更换井盖", [photo(cast.handler, "near")])
    assert error.value.code == "photo_missing"
    assert CaseEvidence.objects.filter(case=case).count() == 1


# ---- versions, doubles, notes -----------------------------------------------------------------------------------


def test_a_stale_version_is_refused_before_anything_else(cast: Cast) -> None:
    case = bring(cast, State.ACCEPTED)
    with pytest.raises(Stale) as error:
        actions.file_case(cast.leader, case.pk, version=1)
    assert refusal_of(error) == ("stale", case.subject)
    assert actions.file_case(cast.leader, case.pk, version=2).version == 3


def test_a_double_click_moves_once(cast: Cast) -> None:
    case = report(cast)
    step(cast, case.pk, "accept_case")
    with pytest.raises(Refusal) as error:
        step(cast, case.pk, "accept_case")
    assert refusal_of(error) == ("not_now", case.subject)
    assert "待立案" in error.value.message.zh
    assert CaseFlow.objects.filter(case=case).count() == 2


def test_a_comment_moves_nothing(cast: Cast) -> None:
    case = bring(cast, State.HANDLING)
    actions.comment_case(cast.clerk, case.pk, "等待配件")
    case.refresh_from_db()
    assert (case.version, case.state) == (5, "handling")
    note = CaseNote.objects.get(case=case)
    assert (note.text, note.organisation, note.run_id) == ("等待配件", cast.city.utility, cast.city.run.pk)
    with pytest.raises(NotFound):
        actions.comment_case(
            make_actor("cases.comment_case", organisation=cast.city.bureau, scope="unit"), case.pk, "看看"
        )


def test_a_grant_can_be_limited_to_states(cast: Cast) -> None:
    limited = make_actor(*may(), role="limited", organisation=cast.city.centre)
    Grant.objects.create(role=Role.objects.get(code="limited"), permission="cases.rework_case", scope="city",
                         states=["pending_close"])  # fmt: skip
    limited = actor_for(User.objects.get(pk=limited.user_id), Post.objects.get(role__code="limited"))
    case = bring(cast, State.CHECKING)
    with pytest.raises(NotAllowed) as error:
        actions.rework_case(limited, case.pk, "未达标")
    assert error.value.code == "not_in_state"
    bring(cast, State.PENDING_CLOSE, case)
    assert actions.rework_case(limited, case.pk, "未达标").state == "dispatched"


def test_a_case_of_another_run_is_not_there(cast: Cast) -> None:
    drill = Run.objects.create(kind="exercise", name=Text("演练", "Drill"), started_at=now.wall_now())
    now.forget_clocks()
    case = report(cast)
    player = cast.acceptor.on_run(drill.pk)
    with pytest.raises(NotFound):
        attempt(player, case.pk, "accept_case")


def test_slow_conditions_are_told_of_in_their_unit(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED, condition=SLOW)
    timer = Timer.objects.get(case=case, clock="disposal")
    assert (timer.limit, timer.unit, timer.length) == (Decimal(2), "WORK_DAY", timedelta(hours=16))
