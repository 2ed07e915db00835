"""The side that supervises: check, rework, close; and the unit that handles never judges."""

from __future__ import annotations

import pytest

from scoc.command.cases import actions
from scoc.command.cases.models import (
    Case,
    CaseFlow,
    State,
    Timer,
)
from scoc.command.cases.tests.factories import (
    Cast,
    attempt,
    bring,
    may,
    photo,
    step,
)
from scoc.core.access import actor_for
from scoc.core.acting import Actor
from scoc.core.models import AuditEntry, Post, User
from scoc.core.refusals import Invalid, NotAllowed, Refusal
from scoc.core.tests.factories import make_actor, make_organisation


def refusal_of(error: pytest.ExceptionInfo[Refusal]) -> tuple[str, str]:
    """Code and subject."""
    return error.value.code, error.value.subject


def test_a_check_is_shown_by_a_photo(cast: Cast) -> None:
    case = bring(cast, State.CHECKING)
    with pytest.raises(Invalid) as error:
        actions.pass_check(cast.collector, case.pk, [photo(cast.collector, "after")])
    assert error.value.code == "photo_missing"


@pytest.mark.parametrize("state", [State.CHECKING, State.PENDING_CLOSE])
def test_rework_goes_back_to_the_same_unit(cast: Cast, state: State) -> None:
    case = bring(cast, state)
    step(cast, case.pk, "rework_case")
    case.refresh_from_db()
    assert (case.state, case.stage, case.rework_count, case.current_unit) == ("dispatched", 4, 1, cast.city.utility)
    assert case.current_user is None
    assert not Timer.objects.filter(case=case, clock__in=("check", "close"), status="running").exists()
    case = bring(cast, State.CLOSED, case)
    assert CaseFlow.objects.filter(case=case).count() == case.version
    assert CaseFlow.objects.filter(case=case).latest("version").rework_count == 1


def test_rework_needs_a_reason(cast: Cast) -> None:
    case = bring(cast, State.CHECKING)
    with pytest.raises(Invalid) as error:
        actions.rework_case(cast.leader, case.pk, "")
    assert refusal_of(error) == ("opinion_missing", case.subject)


def test_closing_needs_the_criterion_ticked(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    with pytest.raises(Invalid) as error:
        actions.close_case(cast.leader, case.pk, criterion_met=False)
    assert refusal_of(error) == ("criterion_not_met", case.subject)
    assert "已修复" in error.value.message.zh


EVERYTHING = may("send_to_check", "pass_check", "rework_case", "close_case")


def try_to_judge(case: Case, actor: Actor, cast: Cast) -> list[str]:
    """The codes with which an actor is refused each judging move, in the states where they are possible."""
    codes = []
    judging = (
        (State.HANDLED, "send_to_check"), (State.CHECKING, "pass_check"), (State.CHECKING, "rework_case"),
        (State.PENDING_CLOSE, "close_case"),
    )  # fmt: skip
    for state, name in judging:
        bring(cast, state, case)
        with pytest.raises(NotAllowed) as error:
            attempt(actor, case.pk, name)
        codes.append(error.value.code)
        case.refresh_from_db()
        assert case.state == state
    return codes


def test_the_unit_that_handles_never_judges_whatever_it_was_granted(cast: Cast) -> None:
    mighty = make_actor(*EVERYTHING, organisation=cast.city.utility, scope="city")
    case = bring(cast, State.HANDLED)
    assert try_to_judge(case, mighty, cast) == ["handling_unit_cannot_close"] * 4
    entries = AuditEntry.objects.filter(code="handling_unit_cannot_close", subject=case.subject)
    assert list(entries.order_by("id").values_list("action", "outcome", "user_id")) == [
        ("cases.send_to_check", "refused", mighty.user_id), ("cases.pass_check", "refused", mighty.user_id),
        ("cases.rework_case", "refused", mighty.user_id), ("cases.close_case", "refused", mighty.user_id),
    ]  # fmt: skip


def test_a_part_of_the_unit_never_judges(cast: Cast) -> None:
    part = make_organisation("管网二所", "utility", cast.city.utility)
    mighty = make_actor(*EVERYTHING, organisation=part, scope="city")
    assert try_to_judge(bring(cast, State.HANDLED), mighty, cast) == ["handling_unit_cannot_close"] * 4


def test_who_handled_never_judges_even_from_another_post(cast: Cast) -> None:
    case = bring(cast, State.HANDLED)
    leader = Post.objects.get(role__code="shift_leader")
    moved = actor_for(User.objects.get(pk=cast.handler.user_id), leader)
    with pytest.raises(NotAllowed) as error:
        actions.send_to_check(moved, case.pk)
    assert error.value.code == "handling_unit_cannot_close"


def test_the_units_own_login_is_refused_at_closing(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    with pytest.raises(NotAllowed):
        actions.close_case(cast.clerk, case.pk, criterion_met=True)
    entry = AuditEntry.objects.get(action="cases.close_case")
    assert (entry.outcome, entry.user_id) == ("refused", cast.clerk.user_id)
